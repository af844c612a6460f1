package dwarf

import (
	"errors"
	"fmt"
)

// rootInfo is what the root entry of a unit says.
type rootInfo struct {
	tag       uint16
	low, high value // as in the file; form 0 when absent
	hasHigh   bool
	ranges    value
	lowPC     uint64 // resolved; base of range lists
	hasLine   bool
	lineOff   uint64
	compDir   value

	strBase, addrBase, rngBase, locBase uint64
	gnuRanges                           uint64 // base of .debug_ranges for the split unit (GNU extension before DWARF 5)

	dwoName   string
	dwoID     uint64
	split     *unit
	splitDone bool
}

var errCut = errors.New("entry is cut off")

// loadRoot parses the root entry, nil when it is damaged.
func (u *unit) loadRoot() *rootInfo {
	if u.root != nil || u.noRoot {
		return u.root
	}
	if err := u.parseRoot(); err != nil {
		u.noRoot, u.root = true, nil
		u.warn(err)
	}
	return u.root
}

func (u *unit) parseRoot() error {
	info := u.data.prefix(".debug_info", u.end)
	c := NewCursor(info[:min(u.end, uint64(len(info)))], u.die)
	code := c.Uleb()
	a := u.data.oneAbbrev(u.abbrevOff, code)
	if a == nil {
		return fmt.Errorf("abbreviation %d is missing", code)
	}
	r := &rootInfo{tag: a.tag}
	u.root = r
	// Defaults: a split unit uses its file's tables from just after their headers, or from the start before DWARF 5.
	if u.version >= 5 {
		r.strBase, r.addrBase, r.rngBase, r.locBase = 8, 8, 12, 12
		if u.dwarf64 {
			r.strBase, r.addrBase, r.rngBase, r.locBase = 16, 16, 20, 20
		}
	}
	var dwo value
	for _, f := range a.fields {
		v, err := u.value(&c, f)
		if err != nil {
			return fmt.Errorf("root entry: %w %#x", err, f.form)
		}
		switch f.attr {
		case atCompDir:
			r.compDir = v
		case atDwoName, atGNUDwoName:
			dwo = v
		case atGNUDwoID:
			r.dwoID = v.u
		case atLowPC:
			r.low = v
		case atHighPC:
			r.high, r.hasHigh = v, true
		case atRanges:
			r.ranges = v
		case atStmtList:
			r.hasLine, r.lineOff = true, v.u
		case atStrOffsetsBase:
			r.strBase = v.u
		case atAddrBase, atGNUAddrBase:
			r.addrBase = v.u
		case atRnglistsBase:
			r.rngBase = v.u
		case atLoclistsBase:
			r.locBase = v.u
		case atGNURangesBase:
			r.gnuRanges = v.u
		}
	}
	if c.Bad() {
		return errCut
	}
	// Strings and addresses may be indexes, which need the bases read above.
	r.dwoName = u.str(dwo)
	r.lowPC, _ = u.addr(r.low)
	if s := u.skeleton; s != nil && s.root != nil && r.low.form == 0 {
		r.lowPC = s.root.lowPC
	}
	return nil
}

// compDir is the directory that the unit was compiled in.
func (u *unit) compDir() string {
	r := u.loadRoot()
	if r == nil {
		return ""
	}
	dir := u.str(r.compDir)
	if s := u.skeleton; s != nil && s.root != nil && dir == "" {
		return s.compDir()
	}
	return dir
}

// eachRange calls f for each piece of code that low, high and ranges of an entry give.
func (u *unit) eachRange(low, high value, hasHigh bool, ranges value, f func(lo, hi uint64)) error {
	if ranges.form != 0 {
		return u.rangeList(ranges, f)
	}
	if !hasHigh {
		return nil
	}
	lo, ok := u.addr(low)
	if !ok {
		return nil
	}
	hi, isAddr := u.addr(high)
	if !isAddr {
		hi = lo + high.u // a constant is the length (DWARF 4)
	}
	if hi > lo {
		f(lo, hi)
	}
	return nil
}

// rangeList walks .debug_ranges or .debug_rnglists.
func (u *unit) rangeList(v value, f func(lo, hi uint64)) error {
	if u.version < 5 {
		return u.oldRanges(v.u, f)
	}
	off := v.u
	b := u.data.section(".debug_rnglists")
	base := uint64(0)
	if u.root != nil {
		base = u.root.rngBase
	}
	if v.form == formRnglistx {
		size := uint64(4)
		if u.dwarf64 {
			size = 8
		}
		if v.u > uint64(len(b)) {
			return fmt.Errorf("range list %d is missing", v.u)
		}
		c := NewCursor(b, base+v.u*size)
		off = base + c.Offset(u.dwarf64)
		if c.Bad() {
			return fmt.Errorf("range list %d is missing", v.u)
		}
	}
	// entry kinds of DWARF 5, 7.25
	const (
		rleEnd = iota
		rleBasex
		rleStartxEndx
		rleStartxLength
		rleOffsetPair
		rleBase
		rleStartEnd
		rleStartLength
	)
	cur := uint64(0)
	if u.root != nil {
		cur = u.root.lowPC
	}
	c := NewCursor(b, off)
	for {
		kind := c.U8()
		if c.Bad() {
			return fmt.Errorf("range list at %#x is cut off", off)
		}
		var lo, hi uint64
		ok := true
		switch kind {
		case rleEnd:
			return nil
		case rleBasex:
			cur, _ = u.indexedAddr(c.Uleb())
			continue
		case rleBase:
			cur = c.Uint(int(u.addrSize))
			continue
		case rleStartxEndx:
			lo, ok = u.indexedAddr(c.Uleb())
			hi, _ = u.indexedAddr(c.Uleb())
		case rleStartxLength:
			lo, ok = u.indexedAddr(c.Uleb())
			hi = lo + c.Uleb()
		case rleOffsetPair:
			lo = cur + c.Uleb()
			hi = cur + c.Uleb()
		case rleStartEnd:
			lo = c.Uint(int(u.addrSize))
			hi = c.Uint(int(u.addrSize))
		case rleStartLength:
			lo = c.Uint(int(u.addrSize))
			hi = lo + c.Uleb()
		default:
			return fmt.Errorf("range list at %#x: unknown entry kind %d", off, kind)
		}
		if ok && hi > lo {
			f(lo, hi)
		}
	}
}

// oldRanges walks a list of .debug_ranges (before DWARF 5), which stays in the main file for split units.
func (u *unit) oldRanges(off uint64, f func(lo, hi uint64)) error {
	w := u
	if s := u.skeleton; s != nil && s.root != nil {
		w = s
		off += s.root.gnuRanges
	}
	base := uint64(0)
	if u.root != nil {
		base = u.root.lowPC
	}
	size := int(u.addrSize)
	escape := ^uint64(0) >> (64 - 8*size)
	c := NewCursor(w.data.section(".debug_ranges"), off)
	for {
		lo, hi := c.Uint(size), c.Uint(size)
		switch {
		case c.Bad():
			return fmt.Errorf("range list at %#x is cut off", off)
		case lo == 0 && hi == 0:
			return nil
		case lo == escape:
			base = hi
		case hi > lo:
			f(base+lo, base+hi)
		}
	}
}
