package dwarf

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// lineTable is a decoded line number program.
type lineTable struct {
	version uint16
	compDir string
	dirs    []string
	files   []fileEntry
	seqs    []sequence // sorted by low
}

type fileEntry struct {
	name string
	dir  uint64
	// shown is what file makes of it, once somebody has asked.
	shown               bool
	shownDir, shownName string
}

// sequence is a run of rows for [low, high).
type sequence struct {
	low, high uint64
	rows      []row // sorted by address
}

type row struct {
	addr uint64
	file uint32
	line uint32
}

// lineTable is the unit's line table, nil when it has none or it is damaged.
func (u *unit) lineTable() *lineTable {
	r := u.loadRoot()
	if r == nil || !r.hasLine {
		return nil
	}
	t, ok := u.data.lines[r.lineOff]
	if !ok {
		var err error
		if t, err = u.parseLine(r.lineOff, u.compDir(), true); err != nil {
			u.data.warnf("line table at %#x: %w", r.lineOff, err)
		}
		u.data.lines[r.lineOff] = t
	}
	return t
}

// fileTable is the table that file numbers in the unit's entries refer to: a split unit's file has its own.
func (u *unit) fileTable() *lineTable {
	if u.skeleton == nil {
		return u.lineTable()
	}
	r := u.loadRoot()
	if r == nil || !r.hasLine || u.data.find(".debug_line").Size() == 0 {
		return u.skeleton.lineTable()
	}
	return u.lineTable()
}

// standard and extended opcodes of the line number program
const (
	lnsExtended        = 0
	lnsCopy            = 1
	lnsAdvancePC       = 2
	lnsAdvanceLine     = 3
	lnsSetFile         = 4
	lnsSetColumn       = 5
	lnsNegateStmt      = 6
	lnsSetBasicBlock   = 7
	lnsConstAddPC      = 8
	lnsFixedAdvancePC  = 9
	lnsSetPrologueEnd  = 10
	lnsSetEpilogue     = 11
	lnsSetISA          = 12
	lneEndSequence     = 1
	lneSetAddress      = 2
	lneDefineFile      = 3
	lnctPath           = 1
	lnctDirectoryIndex = 2
)

// parseLine decodes the program at off. With an error it returns what was decoded before the damage, if anything.
func (u *unit) parseLine(off uint64, compDir string, rows bool) (*lineTable, error) {
	const maxLength = 12 // of the length itself
	c := NewCursor(u.data.prefix(".debug_line", off+maxLength), off)
	n, _ := c.InitialLength()
	if c.Bad() {
		return nil, errCut
	}
	c = NewCursor(u.data.prefix(".debug_line", c.Pos()+n), off)
	n, d64 := c.InitialLength()
	p := c.Sub(n)
	if c.Bad() {
		return nil, errCut
	}
	t := &lineTable{version: p.U16(), compDir: compDir}
	if t.version < 2 || t.version > 5 {
		return nil, fmt.Errorf("version %d is unknown", t.version)
	}
	addrSize := int(u.addrSize)
	if t.version == 5 {
		addrSize = int(p.U8())
		p.U8() // segment selector size
	}
	hdr := p.Offset(d64)
	if hdr > uint64(p.Len()) {
		return nil, errCut
	}
	start := p.Pos() + hdr
	minInst := uint64(p.U8())
	if t.version >= 4 {
		p.U8() // operations per VLIW instruction
	}
	defaultStmt := p.U8() != 0
	lineBase, lineRange := int64(int8(p.U8())), uint64(p.U8())
	opBase := int(p.U8())
	if lineRange == 0 || opBase == 0 {
		return nil, fmt.Errorf("damaged header")
	}
	lengths := p.Bytes(uint64(opBase - 1))
	// Forms of DWARF 5 need a unit: the format's own offset size counts, not the unit's.
	w := *u
	w.dwarf64 = d64
	var err error
	if t.version == 5 {
		err = t.files5(&p, &w)
	} else {
		t.files4(&p)
	}
	if err != nil {
		return nil, err
	}
	if p.Bad() || p.Pos() > start {
		return nil, fmt.Errorf("file table is cut off")
	}
	p.Skip(start - p.Pos())
	if rows {
		err = t.run(&p, u.data, program{minInst, lineBase, lineRange, opBase, lengths, addrSize, defaultStmt})
	}
	slices.SortStableFunc(t.seqs, func(a, b sequence) int { return cmp.Compare(a.low, b.low) })
	return t, err
}

// files4 reads the directory and file lists before DWARF 5. Index 0 of both stands for the unit itself.
func (t *lineTable) files4(p *Cursor) {
	t.dirs = append(t.dirs, t.compDir)
	for !p.Bad() {
		d := p.CStr()
		if len(d) == 0 {
			break
		}
		t.dirs = append(t.dirs, string(d))
	}
	t.files = append(t.files, fileEntry{})
	for !p.Bad() {
		name := p.CStr()
		if len(name) == 0 {
			break
		}
		e := fileEntry{name: string(name), dir: p.Uleb()}
		p.Uleb() // time
		p.Uleb() // size
		t.files = append(t.files, e)
	}
}

// files5 reads the lists of DWARF 5.
func (t *lineTable) files5(p *Cursor, u *unit) error {
	list := func(add func(name string, dir uint64)) error {
		var fields []field
		for n := int(p.U8()); n > 0; n-- {
			fields = append(fields, field{attr: uint16(p.Uleb()), form: uint16(p.Uleb())})
		}
		n := p.Uleb()
		if n > uint64(p.Len()) {
			return fmt.Errorf("list of %d names is too long", n)
		}
		for ; n > 0 && !p.Bad(); n-- {
			var name string
			var dir uint64
			for _, f := range fields {
				v, err := u.value(p, f)
				if err != nil {
					return err
				}
				switch f.attr {
				case lnctPath:
					name = u.str(v)
				case lnctDirectoryIndex:
					dir = v.u
				}
			}
			add(name, dir)
		}
		return nil
	}
	if err := list(func(name string, _ uint64) { t.dirs = append(t.dirs, name) }); err != nil {
		return err
	}
	return list(func(name string, dir uint64) { t.files = append(t.files, fileEntry{name: name, dir: dir}) })
}

// program is the fixed part of a line number program's header.
type program struct {
	minInst     uint64
	lineBase    int64
	lineRange   uint64
	opBase      int
	lengths     []byte
	addrSize    int
	defaultStmt bool
}

// run executes the program.
func (t *lineTable) run(p *Cursor, d *Data, h program) error {
	rows := d.rows[:0]
	defer func() { d.rows = rows }()
	addr, file, line := uint64(0), uint64(1), int64(1)
	emit := func() { rows = append(rows, row{addr, uint32(file), uint32(line)}) }
	for p.Len() > 0 {
		op := int(p.U8())
		if op >= h.opBase {
			k := uint64(op - h.opBase)
			addr += k / h.lineRange * h.minInst
			line += h.lineBase + int64(k%h.lineRange)
			emit()
			continue
		}
		switch op {
		case lnsExtended:
			n := p.Uleb()
			e := p.Sub(n)
			if p.Bad() {
				return errCut
			}
			if n == 0 {
				continue
			}
			switch e.U8() {
			case lneEndSequence:
				t.addSequence(rows, addr)
				rows = rows[:0]
				addr, file, line = 0, 1, 1
			case lneSetAddress:
				if a := e.Uint(int(n - 1)); !e.Bad() {
					addr = a
				}
			case lneDefineFile:
				t.files = append(t.files, fileEntry{name: string(e.CStr()), dir: e.Uleb()})
			}
		case lnsCopy:
			emit()
		case lnsAdvancePC:
			addr += p.Uleb() * h.minInst
		case lnsAdvanceLine:
			line += p.Sleb()
		case lnsSetFile:
			file = p.Uleb()
		case lnsSetColumn, lnsSetISA:
			p.Uleb()
		case lnsNegateStmt, lnsSetBasicBlock, lnsSetPrologueEnd, lnsSetEpilogue:
		case lnsConstAddPC:
			addr += uint64(255-h.opBase) / h.lineRange * h.minInst
		case lnsFixedAdvancePC:
			addr += uint64(p.U16())
		default:
			for k := int(h.lengths[op-1]); k > 0; k-- {
				p.Uleb()
			}
		}
		if p.Bad() {
			return errCut
		}
	}
	return nil
}

// addSequence keeps a copy of rows, which end at end. Code that the linker dropped starts at 0 (or 1) and is left out.
func (t *lineTable) addSequence(rows []row, end uint64) {
	if len(rows) == 0 {
		return
	}
	byAddr := func(a, b row) int { return cmp.Compare(a.addr, b.addr) }
	if !slices.IsSortedFunc(rows, byAddr) {
		slices.SortStableFunc(rows, byAddr)
	}
	if low := rows[0].addr; low > 1 && end > low {
		t.seqs = append(t.seqs, sequence{low, end, slices.Clone(rows)})
	}
}

// position is the source position of pc.
func (t *lineTable) position(pc uint64) (p Position, end uint64) {
	i := sort.Search(len(t.seqs), func(i int) bool { return t.seqs[i].low > pc })
	end = math.MaxUint64
	if i < len(t.seqs) {
		end = t.seqs[i].low
	}
	for i--; i >= 0; i-- {
		s := &t.seqs[i]
		if pc >= s.high {
			continue
		}
		k := sort.Search(len(s.rows), func(k int) bool { return s.rows[k].addr > pc })
		end = min(end, s.high)
		if k == 0 {
			end = min(end, s.rows[0].addr)
			continue
		}
		r := s.rows[k-1]
		// Lines come in several rows, which differ in what nobody asks for here. The last of some for an address counts.
		for k < len(s.rows) && (s.rows[k].file == r.file && s.rows[k].line == r.line || k+1 < len(s.rows) && s.rows[k+1].addr == s.rows[k].addr) {
			k++
		}
		if k < len(s.rows) {
			end = min(end, s.rows[k].addr)
		}
		p.Line = int(r.line)
		p.Dir, p.File = t.file(uint64(r.file))
		return p, end
	}
	return p, end
}

// file is the directory and name of a file by number; "" when there is none. Names are put together as they stand: "./a"
// and "a/../b" are how compilers spell paths, and what suppressions and path options match. A name with directories in it, as rustc
// has them, stays one, as in Valgrind's messages.
func (t *lineTable) file(i uint64) (dir, name string) {
	if i >= uint64(len(t.files)) {
		return "", ""
	}
	f := &t.files[i]
	if f.name == "" {
		return "", ""
	}
	if f.shown {
		return f.shownDir, f.shownName
	}
	name, dir = f.name, t.compDir
	if f.dir < uint64(len(t.dirs)) && (f.dir > 0 || t.version >= 5) {
		dir = join(t.compDir, t.dirs[f.dir])
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 && name[0] == '/' {
		dir, name = name[:max(i, 1)], name[i+1:]
	}
	f.shown, f.shownDir, f.shownName = true, dir, name
	return dir, name
}

// join puts dir before p unless p is absolute.
func join(dir, p string) string {
	if dir == "" || strings.HasPrefix(p, "/") {
		return p
	}
	return dir + "/" + p
}
