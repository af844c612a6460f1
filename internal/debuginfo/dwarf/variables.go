package dwarf

import (
	"fmt"
	"sort"
)

// Variable is what is known about an address inside a variable.
type Variable struct {
	Name string
	// Path is the part of the variable that the address lies in, as far as it can be told, "" for the variable itself: "[3].x".
	Path string
	// Offset is the number of bytes from the beginning of that part.
	Offset uint64
	// Position is where the variable is declared; Dir is not set.
	Position
}

// Registers are a frame of the guest that variables are looked for in.
type Registers interface {
	Reg(n uint64) (v uint64, ok bool)
	Read64(a uint64) (v uint64, ok bool)
	CFA() (v uint64, ok bool)
}

// scopeEnv evaluates locations in a unit and, if there is one, a function's frame.
type scopeEnv struct {
	Registers
	u    *unit
	bias uint64
	base []byte // expression of the function's frame base, nil when it has none
}

func (s *scopeEnv) Address(a uint64, indexed bool) (uint64, bool) {
	if indexed {
		var ok bool
		if a, ok = s.u.indexedAddr(a); !ok {
			return 0, false
		}
	}
	return a + s.bias, true
}

func (s *scopeEnv) FrameBase() (uint64, bool) {
	if len(s.base) == 0 {
		return 0, false
	}
	if op := s.base[0]; len(s.base) == 1 && op >= OpReg0 && op < OpReg0+32 {
		return s.Reg(uint64(op - OpReg0))
	}
	outer := *s
	outer.base = nil // a frame base that refers to itself is none
	return Eval(s.base, &outer, 0, false)
}

// Local finds the variable of the functions active at the link-time address pc whose memory holds the runtime address a.
// bias is runtime minus link-time address.
func (d *Data) Local(pc, bias, a uint64, regs Registers) (v Variable, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	u, _ := d.unitFor(pc)
	if u == nil {
		return v, false
	}
	if s := u.split(); s != nil {
		u = s
	}
	t := u.loadTree()
	if t == nil {
		return v, false
	}
	fn := -1
	for i := range t.nodes {
		if n := &t.nodes[i]; !n.inlined {
			if in, _ := t.contains(n, pc); in {
				fn = i // the innermost, where functions nest
			}
		}
	}
	if fn < 0 {
		return v, false
	}
	e, err := u.readEntry(t.nodes[fn].die)
	if err != nil {
		u.warn(err)
		return v, false
	}
	env := &scopeEnv{Registers: regs, u: u, bias: bias}
	env.base, _ = u.locationAt(e.frameBase, pc)
	return u.localIn(&e, pc, a, env, 0)
}

// localIn looks in the scope e and those inside it that hold pc; the innermost variable counts.
func (u *unit) localIn(e *entry, pc, a uint64, env *scopeEnv, depth int) (v Variable, ok bool) {
	if depth > maxNesting {
		return v, false
	}
	var here Variable
	found := false
	u.children(e, func(x *entry) bool {
		switch x.tag {
		case tagLexicalBlock, tagInlined:
			if u.holds(x, pc) {
				v, ok = u.localIn(x, pc, a, env, depth+1)
			}
		case tagVariable, tagParameter:
			if expr, is := u.locationAt(x.location, pc); is && !found && !constantAddress(expr) {
				if at, is := Eval(expr, env, 0, false); is {
					here, found = u.variable(x, a, at)
				}
			}
		}
		return !ok
	})
	if !ok && found {
		return here, true
	}
	return v, ok
}

// holds reports whether the code of a scope holds pc.
func (u *unit) holds(e *entry, pc uint64) (in bool) {
	err := u.eachRange(e.low, e.high, e.high.form != 0, e.ranges, func(lo, hi uint64) { in = in || pc >= lo && pc < hi })
	if err != nil {
		u.warn(err)
	}
	return in
}

// constantAddress reports whether an expression gives an address of the object: the variable is none of a frame.
func constantAddress(expr []byte) bool {
	return len(expr) > 0 && (expr[0] == opAddr || expr[0] == opAddrx || expr[0] == opGNUAddrx)
}

// variable describes a as part of the variable x at address at; ok is false when it lies outside.
func (u *unit) variable(x *entry, a, at uint64) (v Variable, ok bool) {
	w, decl, ok := u.declaration(x)
	if !ok || a < at || a-at >= w.size(decl.typ) {
		return v, false
	}
	v.Path, v.Offset = w.member(decl.typ, a-at)
	v.Name = w.str(decl.name)
	v.Line = int(decl.declLine.u)
	if lt := w.fileTable(); lt != nil && decl.declFile.form != 0 {
		_, v.File = lt.file(decl.declFile.u)
	}
	return v, v.Name != ""
}

// declaration completes x by what it refers to: inlined functions' variables have their names elsewhere.
func (u *unit) declaration(x *entry) (w *unit, e entry, ok bool) {
	w, e = u, *x
	for range maxOrigins {
		if e.name.form != 0 && e.typ.form != 0 || e.origin.form == 0 {
			return w, e, e.name.form != 0 && e.typ.form != 0
		}
		next, off := w.ref(e.origin)
		if next == nil || next.loadRoot() == nil {
			return w, e, false
		}
		w = next
		var err error
		if e, err = w.readEntry(off); err != nil {
			w.warn(err)
			return w, e, false
		}
	}
	return w, e, false
}

// global is a variable at a fixed address.
type global struct {
	addr, size uint64 // link-time
	u          *unit
	off        uint64
}

// Global finds the variable of the file itself, not of one of its functions or namespaces, whose memory holds the link-time
// address a. The first call reads the variables of all units.
func (d *Data) Global(a uint64) (v Variable, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.globalsDone {
		d.globalsDone = true
		d.readGlobals()
	}
	i := sort.Search(len(d.globals), func(i int) bool { return d.globals[i].addr > a })
	for i--; i >= 0 && d.globals[i].addr <= a; i-- {
		g := &d.globals[i]
		if a-g.addr < g.size {
			if e, err := g.u.readEntry(g.off); err == nil {
				return g.u.variable(&e, a, g.addr)
			}
		}
		if i > 0 && d.globals[i-1].addr != g.addr {
			break // variables don't overlap, but several entries may be for one
		}
	}
	return v, false
}

func (d *Data) readGlobals() {
	for _, u := range d.units() {
		if u.typ == utType || u.typ == utSplitTyp {
			continue
		}
		if s := u.split(); s != nil {
			u = s
		}
		if u.loadRoot() == nil {
			continue
		}
		root, err := u.readEntry(u.die)
		if err != nil {
			u.warn(err)
			continue
		}
		env := &scopeEnv{Registers: noFrame{}, u: u}
		u.children(&root, func(x *entry) bool {
			if x.tag != tagVariable || x.name.form == 0 || x.location.form == 0 || !constantAddress(x.location.b) {
				return true
			}
			if at, ok := Eval(x.location.b, env, 0, false); ok {
				if n := u.size(x.typ); n > 0 {
					d.globals = append(d.globals, global{at, n, u, x.off})
				}
			}
			return true
		})
	}
	sort.SliceStable(d.globals, func(i, j int) bool { return d.globals[i].addr < d.globals[j].addr })
}

// noFrame is for variables that need none.
type noFrame struct{}

func (noFrame) Reg(uint64) (uint64, bool)    { return 0, false }
func (noFrame) Read64(uint64) (uint64, bool) { return 0, false }
func (noFrame) CFA() (uint64, bool)          { return 0, false }

// locationAt is the expression of a location that holds at pc.
func (u *unit) locationAt(v value, pc uint64) (expr []byte, ok bool) {
	switch v.form {
	case formExprloc, formBlock, formBlock1, formBlock2, formBlock4:
		return v.b, true
	case formSecOffset, formLoclistx, formData4, formData8:
		expr, err := u.locationList(v, pc)
		if err != nil {
			u.warn(err)
		}
		return expr, expr != nil
	}
	return nil, false
}

// locationList walks .debug_loc or .debug_loclists.
func (u *unit) locationList(v value, pc uint64) (expr []byte, err error) {
	if u.version < 5 {
		return u.oldLocations(v.u, pc)
	}
	b := u.data.section(".debug_loclists")
	off, base := v.u, uint64(0)
	if u.root != nil {
		base = u.root.lowPC
	}
	if v.form == formLoclistx {
		size := uint64(4)
		if u.dwarf64 {
			size = 8
		}
		if u.root == nil || v.u > uint64(len(b)) {
			return nil, fmt.Errorf("location list %d is missing", v.u)
		}
		c := NewCursor(b, u.root.locBase+v.u*size)
		off = u.root.locBase + c.Offset(u.dwarf64)
		if c.Bad() {
			return nil, fmt.Errorf("location list %d is missing", v.u)
		}
	}
	// entry kinds of DWARF 5, 7.7.3; viewPair is GNU's
	const (
		lleEnd = iota
		lleBasex
		lleStartxEndx
		lleStartxLength
		lleOffsetPair
		lleDefault
		lleBase
		lleStartEnd
		lleStartLength
		lleViewPair
	)
	c := NewCursor(b, off)
	for {
		kind := c.U8()
		if c.Bad() {
			return nil, fmt.Errorf("location list at %#x is cut off", off)
		}
		var lo, hi uint64
		ok := true
		switch kind {
		case lleEnd:
			return nil, nil
		case lleBasex:
			base, _ = u.indexedAddr(c.Uleb())
			continue
		case lleBase:
			base = c.Uint(int(u.addrSize))
			continue
		case lleViewPair:
			c.Uleb()
			c.Uleb()
			continue
		case lleStartxEndx:
			lo, ok = u.indexedAddr(c.Uleb())
			hi, _ = u.indexedAddr(c.Uleb())
		case lleStartxLength:
			lo, ok = u.indexedAddr(c.Uleb())
			hi = lo + c.Uleb()
		case lleOffsetPair:
			lo = base + c.Uleb()
			hi = base + c.Uleb()
		case lleDefault:
			lo, hi = 0, ^uint64(0)
		case lleStartEnd:
			lo = c.Uint(int(u.addrSize))
			hi = c.Uint(int(u.addrSize))
		case lleStartLength:
			lo = c.Uint(int(u.addrSize))
			hi = lo + c.Uleb()
		default:
			return nil, fmt.Errorf("location list at %#x: unknown entry kind %d", off, kind)
		}
		if x := c.Bytes(c.Uleb()); ok && pc >= lo && pc < hi && !c.Bad() {
			return x, nil
		}
	}
}

// oldLocations walks a list of .debug_loc (before DWARF 5).
func (u *unit) oldLocations(off, pc uint64) (expr []byte, err error) {
	base := uint64(0)
	if u.root != nil {
		base = u.root.lowPC
	}
	if u.skeleton != nil {
		return nil, nil // the GNU extension for split units has a form of its own
	}
	size := int(u.addrSize)
	escape := ^uint64(0) >> (64 - 8*size)
	c := NewCursor(u.data.section(".debug_loc"), off)
	for {
		lo, hi := c.Uint(size), c.Uint(size)
		switch {
		case c.Bad():
			return nil, fmt.Errorf("location list at %#x is cut off", off)
		case lo == 0 && hi == 0:
			return nil, nil
		case lo == escape:
			base = hi
			continue
		}
		if x := c.Bytes(uint64(c.U16())); pc >= base+lo && pc < base+hi && !c.Bad() {
			return x, nil
		}
	}
}
