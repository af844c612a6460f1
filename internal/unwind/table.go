package unwind

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"gogrind/internal/debuginfo/dwarf"
)

// Section is call frame information as it stands in an object.
type Section struct {
	Data []byte
	// Addr is the section's link-time address: pointers in .eh_frame are relative to their own place.
	Addr uint64
	// Debug says that it is .debug_frame, which differs from .eh_frame in how entries refer to each other.
	Debug bool
}

// Table finds the rule for a link-time pc. Compile makes an index of the functions; a function's rows are made when a pc
// in it is first asked for. All methods may be called concurrently.
type Table struct {
	base   uint64   // starts are relative to it
	starts []uint32 // sorted
	fdes   []fde    // in order of starts

	mu    sync.Mutex
	rules map[string]*Rule // guarded by mu; equal rules are shared
}

// fde is the entry for one function.
type fde struct {
	size uint32
	cie  *cie
	code []byte // instructions
	rows atomic.Pointer[[]row]
}

// row says that rule holds from offset off of the function on.
type row struct {
	off  uint32
	rule *Rule
}

// cie is what entries share.
type cie struct {
	codeAlign  uint64
	dataAlign  int64
	raReg      uint64
	ptrEnc     byte
	hasAugData bool
	signal     bool
	addrSize   int
	code       []byte
}

// Encodings of pointers in .eh_frame (Linux Standard Base, DWARF extensions).
const (
	peULEB     = 0x01
	peU2       = 0x02
	peU4       = 0x03
	peU8       = 0x04
	peSLEB     = 0x09
	peS2       = 0x0a
	peS4       = 0x0b
	peS8       = 0x0c
	pePCRel    = 0x10
	peIndirect = 0x80
	peOmit     = 0xff
)

var errCut = errors.New("entry is cut off")

// Compile indexes sections; where two cover a function the earlier section wins. On damage it returns what could be read
// and an error about the first damaged entry. A nil Table means that there is nothing.
func Compile(secs ...Section) (*Table, error) {
	type function struct {
		start uint64
		size  uint32
		cie   *cie
		code  []byte
	}
	total := 0
	for _, s := range secs {
		total += len(s.Data)
	}
	all := make([]function, 0, total/40) // an entry is seldom smaller
	var first error
	for _, s := range secs {
		err := s.scan(func(start, size uint64, c *cie, code []byte) {
			if size > 0 && size <= math.MaxUint32 && start > 1 { // 0 and 1: dropped by the linker
				all = append(all, function{start, uint32(size), c, code})
			}
		})
		if err != nil && first == nil {
			first = err
		}
	}
	if len(all) == 0 {
		return nil, first
	}
	slices.SortStableFunc(all, func(a, b function) int { return cmp.Compare(a.start, b.start) })
	t := &Table{base: all[0].start, rules: make(map[string]*Rule)}
	t.starts = make([]uint32, 0, len(all))
	t.fdes = make([]fde, 0, len(all))
	for _, f := range all {
		if f.start-t.base > math.MaxUint32 {
			if first == nil {
				first = fmt.Errorf("unwind: function at %#x is too far from %#x", f.start, t.base)
			}
			break
		}
		off := uint32(f.start - t.base)
		if n := len(t.starts); n > 0 && t.starts[n-1] == off {
			continue
		}
		t.starts = append(t.starts, off)
		t.fdes = append(t.fdes, fde{size: f.size, cie: f.cie, code: f.code})
	}
	return t, first
}

// scan calls f for each function described by s.
func (s Section) scan(f func(start, size uint64, c *cie, code []byte)) error {
	cies := make(map[uint64]*cie)
	var first error
	c := dwarf.NewCursor(s.Data, 0)
	for c.Len() >= 4 {
		off := c.Pos()
		n, d64 := c.InitialLength()
		if n == 0 && !c.Bad() {
			continue // terminator of one input file's part
		}
		e := c.Sub(n)
		if c.Bad() {
			if first == nil {
				first = fmt.Errorf("unwind: entry at %#x: %w", off, errCut)
			}
			break
		}
		if err := s.entry(e, off, d64, cies, f); err != nil && first == nil {
			first = fmt.Errorf("unwind: entry at %#x: %w", off, err)
		}
	}
	return first
}

// entry reads the entry in e, which started at off; common entries are read when a function refers to them.
func (s Section) entry(e dwarf.Cursor, off uint64, d64 bool, cies map[uint64]*cie, f func(start, size uint64, c *cie, code []byte)) error {
	at := e.Pos()
	id := e.Offset(d64 && s.Debug)
	ref := id
	if s.Debug {
		if id == math.MaxUint32 && !d64 || id == math.MaxUint64 {
			return nil
		}
	} else {
		if id == 0 {
			return nil
		}
		ref = at - id
	}
	c, ok := cies[ref]
	if !ok {
		var err error
		if c, err = s.parseCIE(ref); err != nil {
			c = nil
			cies[ref] = nil
			return fmt.Errorf("common entry at %#x: %w", ref, err)
		}
		cies[ref] = c
	}
	if c == nil {
		return nil // reported with its first user
	}
	start, ok := s.pointer(&e, c.ptrEnc, c.addrSize)
	size, ok2 := s.pointer(&e, c.ptrEnc&0x0f, c.addrSize)
	if !ok || !ok2 {
		return fmt.Errorf("pointer encoding %#x", c.ptrEnc)
	}
	if c.hasAugData {
		e.Skip(e.Uleb())
	}
	if e.Bad() {
		return errCut
	}
	f(start, size, c, e.Bytes(uint64(e.Len())))
	return nil
}

// pointer reads an encoded pointer.
func (s Section) pointer(c *dwarf.Cursor, enc byte, addrSize int) (v uint64, ok bool) {
	if enc == peOmit || enc&peIndirect != 0 {
		return 0, false
	}
	at := s.Addr + c.Pos()
	switch enc & 0x0f {
	case 0:
		v = c.Uint(addrSize)
	case peULEB:
		v = c.Uleb()
	case peU2:
		v = uint64(c.U16())
	case peU4:
		v = uint64(c.U32())
	case peU8, peS8:
		v = c.U64()
	case peSLEB:
		v = uint64(c.Sleb())
	case peS2:
		v = uint64(int16(c.U16()))
	case peS4:
		v = uint64(int32(c.U32()))
	default:
		return 0, false
	}
	switch enc & 0x70 {
	case 0:
	case pePCRel:
		v += at
	default: // text-, data- and function-relative pointers: no compiler for amd64 writes them
		return 0, false
	}
	return v, true
}

// parseCIE reads the common entry at off.
func (s Section) parseCIE(off uint64) (*cie, error) {
	c := dwarf.NewCursor(s.Data, off)
	n, d64 := c.InitialLength()
	e := c.Sub(n)
	id := e.Offset(d64 && s.Debug)
	if c.Bad() || e.Bad() {
		return nil, errCut
	}
	if s.Debug && id != math.MaxUint32 && id != math.MaxUint64 || !s.Debug && id != 0 {
		return nil, errors.New("is none")
	}
	version := e.U8()
	if version != 1 && version != 3 && version != 4 {
		return nil, fmt.Errorf("version %d is unknown", version)
	}
	x := &cie{addrSize: 8}
	aug := string(e.CStr())
	if version == 4 {
		x.addrSize = int(e.U8())
		e.U8() // segment selector size
	}
	if len(aug) >= 2 && aug[:2] == "eh" { // of gcc 2
		e.Skip(8)
		aug = aug[2:]
	}
	x.codeAlign, x.dataAlign = e.Uleb(), e.Sleb()
	if version == 1 {
		x.raReg = uint64(e.U8())
	} else {
		x.raReg = e.Uleb()
	}
	if aug != "" {
		if aug[0] != 'z' {
			return nil, fmt.Errorf("augmentation %q is unknown", aug)
		}
		x.hasAugData = true
		n := e.Uleb()
		d := e.Sub(n)
	letters:
		for _, l := range aug[1:] {
			switch l {
			case 'R':
				x.ptrEnc = d.U8()
			case 'P':
				s.pointer(&d, d.U8()&^peIndirect, x.addrSize)
			case 'L':
				d.U8()
			case 'S':
				x.signal = true
			case 'B': // arm64 only
			default:
				break letters // its data is passed over by length
			}
		}
	}
	if e.Bad() {
		return nil, errCut
	}
	x.code = e.Bytes(uint64(e.Len()))
	return x, nil
}

// Find is the rule for the link-time pc, nil when there is none. last says that pc is in the last byte of its function.
func (t *Table) Find(pc uint64) (r *Rule, last bool) {
	if t == nil || pc < t.base || pc-t.base > math.MaxUint32 {
		return nil, false
	}
	off := uint32(pc - t.base)
	lo, hi := 0, len(t.starts) // first start > off
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if t.starts[m] <= off {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == 0 {
		return nil, false
	}
	f := &t.fdes[lo-1]
	in := off - t.starts[lo-1]
	if in >= f.size {
		return nil, false
	}
	rows := f.rows.Load()
	if rows == nil {
		rows = t.compile(f, t.base+uint64(t.starts[lo-1]))
	}
	rs := *rows
	i, j := 0, len(rs)
	for i < j {
		m := int(uint(i+j) >> 1)
		if rs[m].off <= in {
			i = m + 1
		} else {
			j = m
		}
	}
	if i == 0 {
		return nil, false
	}
	return rs[i-1].rule, in == f.size-1
}

// Functions is the number of functions in the table.
func (t *Table) Functions() int {
	if t == nil {
		return 0
	}
	return len(t.fdes)
}

// compile executes the instructions of f. Damage leaves the rows before it.
func (t *Table) compile(f *fde, start uint64) *[]row {
	t.mu.Lock()
	defer t.mu.Unlock()
	if rows := f.rows.Load(); rows != nil {
		return rows
	}
	var rows []row
	m := machine{cie: f.cie}
	emit := func(loc uint64, s *state) {
		off := loc - start
		if off >= uint64(f.size) {
			return
		}
		r := t.intern(s, f.cie)
		if n := len(rows); n > 0 && rows[n-1].off == uint32(off) {
			rows[n-1].rule = r
		} else if n == 0 || rows[n-1].rule != r && rows[n-1].off < uint32(off) {
			rows = append(rows, row{uint32(off), r})
		}
	}
	m.run(start, f.code, emit)
	rows = append([]row(nil), rows...)
	f.rows.Store(&rows)
	return &rows
}
