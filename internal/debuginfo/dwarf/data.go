// Package dwarf reads what stack traces need of DWARF 2 to 5: units by address, line tables, functions and inlined calls,
// with split units, packages of them, and supplementary (dwz) files. Variables and their types are read when an address is
// to be described by them; macros are not.
//
// Sections are loaded on first use, and those with a part for each unit only as far as the last unit that was looked at, as they may be
// large and compressed. Only the units that addresses fall into are parsed; finding them costs a pass over .debug_aranges, or over unit
// headers and root entries where that section has gaps. Nothing panics on damaged input:
// a damaged unit costs a warning and the information in it.
//
// A Data is safe for concurrent use: its public methods lock it. Data reached from it (split, supplementary) are used
// under that same lock only.
package dwarf

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"
)

// Source is where a Data gets its sections and related files from. The functions are called with the Data locked.
type Source struct {
	// Section finds a section by the name it has in an unsplit file (".debug_info"); nil when there is none.
	Section func(name string) (Contents, error)
	// Warn receives damage.
	Warn func(error)
	// Alt opens the supplementary file; nil when there is none. The function itself may be nil.
	Alt func() *Data
	// Split opens the file that holds a split unit. The function itself may be nil.
	Split func(name, compDir string, id uint64) *Data
}

// Contents are those of a section.
type Contents interface {
	// Size is the number of bytes of all of it.
	Size() uint64
	// Prefix is the first n bytes, or more of it, or all of it if n is more. An error says that there is no more than what it returns.
	Prefix(n uint64) ([]byte, error)
}

// Bytes are Contents that are in memory.
type Bytes []byte

// Size implements Contents.
func (b Bytes) Size() uint64 { return uint64(len(b)) }

// Prefix implements Contents.
func (b Bytes) Prefix(uint64) ([]byte, error) { return b, nil }

// Data is the DWARF of one file.
type Data struct {
	src  Source
	mu   sync.Mutex
	secs map[string]*loaded

	headers     []*unit // units in order of offset, as far as they are known
	headersTo   uint64  // where the next one begins
	headersDone bool
	index       []unitRange // sorted by low
	indexed     int         // how far index goes: 0 nothing, 1 .debug_aranges, 2 all units
	abbrevs     map[uint64]*abbrevTable
	lines       map[uint64]*lineTable
	rows        []row    // of the sequence that is being decoded
	globals     []global // sorted by address
	globalsDone bool
	alt         *Data
	altDone     bool
}

// unitRange says that [low, high) belongs to unit.
type unitRange struct {
	low, high uint64
	// reach is the highest high of this and all earlier entries: it ends the search backwards.
	reach uint64
	unit  uint64 // its offset
}

// New returns a Data over src.
func New(src Source) *Data {
	return &Data{src: src, secs: make(map[string]*loaded), abbrevs: make(map[uint64]*abbrevTable), lines: make(map[uint64]*lineTable)}
}

// loaded is a section as it was found.
type loaded struct {
	Contents
	failed bool // and somebody was told
}

// find finds a section, which is empty if it is not there.
func (d *Data) find(name string) *loaded {
	s, ok := d.secs[name]
	if ok {
		return s
	}
	c, err := d.src.Section(name)
	if err != nil {
		d.src.Warn(err)
	}
	if err != nil || c == nil {
		c = Bytes(nil)
	}
	s = &loaded{Contents: c}
	d.secs[name] = s
	return s
}

// section is all of a section.
func (d *Data) section(name string) []byte { return d.prefix(name, math.MaxUint64) }

// prefix is the first n bytes of a section at least, less if it ends or is damaged before.
func (d *Data) prefix(name string, n uint64) []byte {
	s := d.find(name)
	b, err := s.Prefix(n)
	if err != nil && !s.failed {
		s.failed = true
		d.src.Warn(err)
	}
	return b
}

// reading calls f, which reads what stands at off of a section and says whether that went well, with more of the section each time.
func (d *Data) reading(name string, off uint64, f func(c Cursor) bool) {
	// Most names and tables of abbreviations are shorter.
	for n := uint64(1 << 10); ; n *= 4 {
		b := d.prefix(name, off+n)
		if f(NewCursor(b, off)) || uint64(len(b)) < off+n || off+n < off {
			return
		}
	}
}

func (d *Data) warnf(format string, args ...any) { d.src.Warn(fmt.Errorf(format, args...)) }

func (d *Data) supplement() *Data {
	if !d.altDone {
		d.altDone = true
		if d.src.Alt != nil {
			d.alt = d.src.Alt()
		}
	}
	return d.alt
}

// unit types of DWARF 5 headers
const (
	utCompile  = 1
	utType     = 2
	utPartial  = 3
	utSkeleton = 4
	utSplit    = 5
	utSplitTyp = 6
)

// unit is a unit of .debug_info.
type unit struct {
	data      *Data
	off, end  uint64 // in .debug_info
	die       uint64 // offset of the root entry
	version   uint16
	typ       uint8
	addrSize  uint8
	dwarf64   bool
	abbrevOff uint64
	id        uint64 // of skeleton and split units

	root     *rootInfo // nil before loadRoot
	noRoot   bool      // loadRoot failed
	tree     *tree     // nil before loadTree
	noTree   bool
	skeleton *unit // of a split unit: the unit that has its addresses
}

// units reads all unit headers.
func (d *Data) units() []*unit {
	for d.nextUnit() {
	}
	return d.headers
}

// nextUnit reads the next header, and reports whether there may be more.
func (d *Data) nextUnit() bool {
	if d.headersDone || d.headersTo >= d.find(".debug_info").Size() {
		d.headersDone = true
		return false
	}
	off := d.headersTo
	u, err := d.parseHeader(off)
	if err != nil {
		d.warnf("unit at %#x of .debug_info: %w", off, err)
		if u == nil {
			d.headersDone = true
			return false
		}
	} else {
		d.headers = append(d.headers, u)
	}
	d.headersTo = u.end
	return true
}

// maxHeader is more than the size of a unit header.
const maxHeader = 64

// parseHeader reads the header at off. With an error it still returns the unit when its end is known.
func (d *Data) parseHeader(off uint64) (*unit, error) {
	c := NewCursor(d.prefix(".debug_info", off+maxHeader), off)
	n, d64 := c.InitialLength()
	if c.Bad() || n > d.find(".debug_info").Size()-c.Pos() {
		return nil, fmt.Errorf("length %#x is beyond the section", n)
	}
	u := &unit{data: d, off: off, end: c.Pos() + n, dwarf64: d64, typ: utCompile}
	u.version = c.U16()
	switch {
	case u.version >= 2 && u.version <= 4:
		u.abbrevOff = c.Offset(d64)
		u.addrSize = c.U8()
	case u.version == 5:
		u.typ = c.U8()
		u.addrSize = c.U8()
		u.abbrevOff = c.Offset(d64)
		switch u.typ {
		case utSkeleton, utSplit:
			u.id = c.U64()
		case utType, utSplitTyp:
			c.U64()       // signature
			c.Offset(d64) // type offset
		}
	default:
		return u, fmt.Errorf("DWARF version %d is unknown", u.version)
	}
	if u.addrSize != 8 && u.addrSize != 4 {
		return u, fmt.Errorf("address size %d", u.addrSize)
	}
	u.die = c.Pos()
	if c.Bad() || u.die > u.end {
		return u, fmt.Errorf("header is cut off")
	}
	return u, nil
}

// unitAt is the unit that holds the entry at off.
func (d *Data) unitAt(off uint64) *unit {
	if u := d.unitAround(off); u != nil && u.die <= off {
		return u
	}
	return nil
}

// unitAround is the unit that off is in, be it in the header.
func (d *Data) unitAround(off uint64) *unit {
	for d.headersTo <= off && d.nextUnit() {
	}
	us := d.headers
	i := sort.Search(len(us), func(i int) bool { return us[i].end > off })
	if i < len(us) && us[i].off <= off {
		return us[i]
	}
	return nil
}

// unitFor is the unit whose code holds pc.
func (d *Data) unitFor(pc uint64) (u *unit, end uint64) {
	if d.indexed == 0 {
		d.indexed = 1
		d.readAranges()
		d.sortIndex()
	}
	u, end = d.searchIndex(pc)
	if u == nil && d.indexed == 1 {
		d.indexed = 2
		d.indexAll()
		d.sortIndex()
		u, end = d.searchIndex(pc)
	}
	return u, end
}

func (d *Data) sortIndex() {
	slices.SortStableFunc(d.index, func(a, b unitRange) int { return cmp.Compare(a.low, b.low) })
	reach := uint64(0)
	for i := range d.index {
		reach = max(reach, d.index[i].high)
		d.index[i].reach = reach
	}
}

// searchIndex finds the unit of pc, which is also that of all addresses up to end.
func (d *Data) searchIndex(pc uint64) (u *unit, end uint64) {
	i := sort.Search(len(d.index), func(i int) bool { return d.index[i].low > pc })
	end = math.MaxUint64
	if i < len(d.index) {
		end = d.index[i].low
	}
	for i--; i >= 0 && d.index[i].reach > pc; i-- {
		if high := d.index[i].high; high > pc {
			if u := d.unitAround(d.index[i].unit); u != nil && u.off == d.index[i].unit {
				return u, min(end, high)
			}
		}
	}
	return nil, end
}

// readAranges fills index from .debug_aranges.
func (d *Data) readAranges() {
	b := d.section(".debug_aranges")
	if len(b) == 0 {
		return
	}
	c := NewCursor(b, 0)
	for c.Len() > 0 {
		start := c.Pos()
		n, d64 := c.InitialLength()
		s := c.Sub(n)
		if c.Bad() {
			d.warnf("set at %#x of .debug_aranges is cut off", start)
			return
		}
		version := s.U16()
		u := s.Offset(d64)
		addrSize, segSize := int(s.U8()), s.U8()
		if version != 2 || addrSize != 4 && addrSize != 8 || segSize != 0 {
			continue
		}
		// Pairs are aligned to their own size from the start of the set.
		if k := (s.Pos() - start) % uint64(2*addrSize); k != 0 {
			s.Skip(uint64(2*addrSize) - k)
		}
		for s.Len() >= 2*addrSize {
			lo, n := s.Uint(addrSize), s.Uint(addrSize)
			if lo == 0 && n == 0 {
				break
			}
			d.addRange(lo, lo+n, u)
		}
	}
}

// addRange adds to the index. Linkers leave dropped functions at address 0 (or 1 in range lists).
func (d *Data) addRange(lo, hi, u uint64) {
	if lo > 1 && hi > lo {
		d.index = append(d.index, unitRange{low: lo, high: hi, unit: u})
	}
}

// indexAll adds the ranges of all units that .debug_aranges did not mention.
func (d *Data) indexAll() {
	known := make(map[uint64]bool)
	for _, r := range d.index {
		known[r.unit] = true
	}
	for _, u := range d.units() {
		if known[u.off] || u.typ == utType || u.typ == utSplitTyp || u.typ == utPartial {
			continue
		}
		r := u.loadRoot()
		if r == nil || r.tag == tagPartialUnit {
			continue
		}
		n := len(d.index)
		if err := u.eachRange(r.low, r.high, r.hasHigh, r.ranges, func(lo, hi uint64) { d.addRange(lo, hi, u.off) }); err != nil {
			u.warn(err)
		}
		if len(d.index) == n && r.hasLine {
			// Assemblers may give a unit a line table and no range: the table says where its code is.
			if t := u.lineTable(); t != nil {
				for i := range t.seqs {
					d.addRange(t.seqs[i].low, t.seqs[i].high, u.off)
				}
			}
		}
	}
}

func (u *unit) warn(err error) {
	u.data.warnf("unit at %#x of .debug_info: %w", u.off, err)
}

// Position is a place in the source.
type Position struct {
	Dir, File string
	Line      int
}

// Call is one function active at an address.
type Call struct {
	// Name is the source name, Linkage the mangled one; "" when not given. Without inlining there is one Call, which
	// names the function itself.
	Name, Linkage string
	Inlined       bool
	Position
}

// Lookup appends the functions active at the link-time address pc, innermost first: inlined calls, then the function that
// they were inlined into. The first has the position of pc, the others that of the call. It appends nothing when no unit
// covers pc. All of it holds for the addresses up to end, too.
func (d *Data) Lookup(pc uint64, inline bool, calls []Call) (_ []Call, end uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, end := d.unitFor(pc)
	if u == nil {
		return calls, end
	}
	var at Position
	if t := u.lineTable(); t != nil {
		var e uint64
		at, e = t.position(pc)
		end = min(end, e)
	}
	if !inline {
		return append(calls, Call{Position: at}), end
	}
	w := u
	if s := u.split(); s != nil {
		w = s
	}
	n := len(calls)
	if t := w.loadTree(); t != nil {
		var e uint64
		calls, e = t.calls(w, pc, at, calls)
		end = min(end, e)
	}
	if len(calls) == n {
		calls = append(calls, Call{Position: at})
	}
	return calls, end
}

// split is the split unit of a skeleton, nil when u is whole.
func (u *unit) split() *unit {
	r := u.loadRoot()
	if r == nil || r.dwoName == "" || u.data.src.Split == nil {
		return nil
	}
	if !r.splitDone {
		r.splitDone = true
		id := u.id
		if id == 0 {
			id = r.dwoID
		}
		s := u.data.src.Split(r.dwoName, u.compDir(), id)
		if s == nil {
			return nil
		}
		for _, c := range s.units() {
			if c.typ == utSplitTyp {
				continue
			}
			c.skeleton = u
			if cr := c.loadRoot(); cr != nil && (c.id == id || cr.dwoID == id) {
				r.split = c
				break
			}
		}
		if r.split == nil {
			u.warn(fmt.Errorf("%s does not hold the split unit %#x", r.dwoName, id))
		}
	}
	return r.split
}
