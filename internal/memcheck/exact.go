package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
	"gogrind/internal/vbits"
)

// registers are the V bits of a thread's registers. Fast code runs on the assumption that there are none: a load of undefined bytes
// leaves it (Leave), and the core steps instructions, each of which comes by here, until all is defined again.
type registers struct {
	m *Memcheck
	t tool.Thread
	v vbits.Machine

	judged judged
	// told are registers whose use as an address was reported since the last jump: once is enough for one value.
	told   isa.RegSet
	behind guest.Addr // the instruction stepped last
	pushed []pushedRegisters
	own    bool // the access of the instruction that is stepped is no business of ours
	undo   undo
}

// pushedRegisters are V bits put aside for a signal handler, or a function that the core calls.
type pushedRegisters struct {
	key     guest.Addr
	file    vbits.File
	origins vbits.Origins
	merges  vbits.Merges
	again   guest.Addr
}

// maxPushed bounds what handlers leave behind that never return.
const maxPushed = 64

// Exact implements tool.Exact.
func (m *Memcheck) Exact(t tool.Thread) tool.ExactThread {
	x := &registers{m: m, t: t}
	x.v.NoOrigins = !m.opts.origins
	return x
}

// registersOf are t's V bits, nil if it has none.
func registersOf(t tool.Thread) *registers {
	if e, ok := t.(interface{ Exact() tool.ExactThread }); ok {
		if x, ok := e.Exact().(*registers); ok {
			return x
		}
	}
	return nil
}

// Follow implements tool.ExactThread.
func (x *registers) Follow(pc guest.Addr) { x.judged.follow(pc) }

// Step implements tool.ExactThread.
func (x *registers) Step(r tool.Registers, in *amd64.Inst) {
	pc := guest.Addr(r.Regs().RIP)
	x.own = x.m.ownAccess(pc, in)
	if x.told != 0 && pc != x.behind {
		x.told &^= x.m.straight(x.behind, pc)
	}
	x.behind = pc + guest.Addr(in.Len)
	x.undo.begin(r.Regs(), in)
	x.judged.step(pc)
	x.v.Step(in, r, x)
	if x.undo.again != pc {
		for i := range x.v.Uses {
			x.report(in, &x.v.Uses[i])
		}
	}
	x.undo.again = 0
	if in.Row.Cf == amd64.CfRet && !x.m.ofGo(pc) { // the return address and the red zone are released
		sp := guest.Addr(r.Regs().GPR[guest.RSP])
		x.m.shadow.MakeUndefined(guest.Range{Start: sp + 8 - stackRedZone, End: sp + 8})
	}
	e := in.Effects()
	x.told &^= e.Writes
	if in.Row.Cf != amd64.CfNone {
		x.told = 0
	}
}

// maxStraight is more instructions than dirty code makes between two steps, mostly.
const maxStraight = 64

// straight returns the registers that the instructions between from and to write, where dirty code has run: all, unless the way
// from one to the other is known to be straight.
func (m *Memcheck) straight(from, to guest.Addr) (written isa.RegSet) {
	const all = ^isa.RegSet(0)
	var code [15]byte // the longest instruction
	var in amd64.Inst
	for range maxStraight {
		if from >= to {
			break
		}
		n := m.host.Memory().ReadMem(code[:], from)
		if amd64.Decode(code[:n], &in) != nil || in.Row == nil || in.Row.Cf != amd64.CfNone {
			return all
		}
		e := in.Effects()
		written |= e.Writes
		from += guest.Addr(in.Len)
	}
	if from != to {
		return all
	}
	return written
}

func (x *registers) report(in *amd64.Inst, u *vbits.Use) {
	switch u.Kind {
	case vbits.UseCondition:
		x.m.reportUndefined(x.t, undefinedCond, 0, "", 0, x.m.originOf(u.Origin))
	case vbits.UseAddress:
		if regs := x.addressRegs(in); regs != 0 {
			if x.told.Has(regs) {
				return
			}
			x.told |= regs
		}
		x.m.reportUndefined(x.t, undefinedUse, u.Size, "", 0, x.m.originOf(u.Origin))
	case vbits.UseTarget:
		x.m.reportUndefined(x.t, undefinedUse, u.Size, "", 0, x.m.originOf(u.Origin))
	}
}

// addressRegs are the undefined registers of in's memory operand.
func (x *registers) addressRegs(in *amd64.Inst) (s isa.RegSet) {
	if !in.HasMem {
		return 0
	}
	for _, n := range [2]uint8{in.Base, in.Index} {
		if n < 16 && x.v.File.GPR[n] != 0 {
			s |= amd64.GPR(n)
		}
	}
	return s
}

// Waits implements tool.ExactThread: a bit field is being stored.
func (x *registers) Waits(pc guest.Addr) bool { return x.v.MergingAt(uint64(pc)) }

// Done implements tool.ExactThread.
func (x *registers) Done() tool.Dirty {
	x.v.Commit()
	return x.dirty()
}

func (x *registers) dirty() tool.Dirty {
	return tool.Dirty{Regs: x.v.Dirty(), Flags: uint32(x.v.File.Flags & vbits.StatusFlags)}
}

// Keep implements tool.ExactThread.
func (x *registers) Keep(d tool.Dirty) {
	x.define(x.v.Dirty() &^ d.Regs)
	if f := &x.v.File; f.Flags&^uint64(d.Flags)&vbits.StatusFlags != 0 {
		f.Flags &= uint64(d.Flags)
	}
}

// Tags implements tool.Exact.
func (m *Memcheck) Tags() bool { return m.opts.origins }

// Spread implements tool.ExactThread.
func (x *registers) Spread(d tool.Dirty, v *guest.VBits) {
	f := &x.v.File
	for r := d.Regs & amd64.SetGPR; r != 0; r &= r - 1 {
		n := (r & -r).First()
		v.GPR[n] = f.GPR[n]
		v.Tags[n] = x.v.Origins.GPR[n]
	}
	for r := d.Regs & amd64.SetVec; r != 0; r &= r - 1 {
		n := (r & -r).First() - amd64.Vec(0).First()
		v.Vec[n] = f.Vec[n]
		v.Tags[16+n] = x.v.Origins.Vec[n]
	}
}

// Gather implements tool.ExactThread.
func (x *registers) Gather(d tool.Dirty, v *guest.VBits) {
	x.Keep(d)
	f := &x.v.File
	for r := d.Regs & amd64.SetGPR; r != 0; r &= r - 1 {
		n := (r & -r).First()
		f.GPR[n] = v.GPR[n]
		x.v.Origins.GPR[n] = v.Tags[n]
	}
	for r := d.Regs & amd64.SetVec; r != 0; r &= r - 1 {
		n := (r & -r).First() - amd64.Vec(0).First()
		f.Vec[n] = v.Vec[n]
		x.v.Origins.Vec[n] = v.Tags[16+n]
	}
	x.v.Moved(d.Regs)
}

// PlaceTag implements tool.ExactThread.
func (x *registers) PlaceTag(in *amd64.Inst) uint32 {
	var buf [4]amd64.Access
	r := x.t.Regs()
	for _, a := range in.MemAccesses(buf[:0]) {
		switch {
		case a.Addr == amd64.AddrPop:
			return x.m.ownFrame(x.t, guest.Addr(r.GPR[guest.RSP]))
		case a.Addr == amd64.AddrModRM && a.Kind == isa.Load && in.Base == guest.RSP && in.Index == noReg && in.Seg < segFS:
			return x.m.ownFrame(x.t, guest.Addr(in.Address(&r.GPR, r.RIP, r.FSBase, r.GSBase)))
		}
	}
	return 0
}

// Define implements tool.ExactThread.
func (x *registers) Define(r isa.RegSet) tool.Dirty {
	x.define(r)
	return x.dirty()
}

func (x *registers) define(r isa.RegSet) {
	f := &x.v.File
	for ; r != 0; r &= r - 1 {
		switch one := r & -r; {
		case one&amd64.SetGPR != 0:
			f.GPR[one.First()] = 0
		case one&amd64.SetVec != 0:
			f.Vec[one.First()-amd64.Vec(0).First()] = [8]uint64{}
		case one&amd64.SetMask != 0:
			f.Mask[one.First()-amd64.KReg(0).First()] = 0
		case one == amd64.SetX87:
			f.ST, f.FPSW = [8][2]uint64{}, 0
		}
	}
}

// Push implements tool.ExactThread.
func (x *registers) Push(key guest.Addr) {
	if x.v.Clean() && !x.v.Merging() && x.undo.again == 0 {
		return
	}
	if len(x.pushed) == maxPushed {
		x.pushed = append(x.pushed[:0], x.pushed[1:]...)
	}
	x.pushed = append(x.pushed, pushedRegisters{key, x.v.File, x.v.Origins, x.v.Merges(), x.undo.again})
	x.undo.again = 0
	x.v.File, x.v.Origins = vbits.File{}, vbits.Origins{}
	x.v.Changed()
}

// Pop implements tool.ExactThread.
func (x *registers) Pop(key guest.Addr) (d tool.Dirty, again bool) {
	x.undo.again = 0
	x.v.File, x.v.Origins = vbits.File{}, vbits.Origins{}
	x.v.Changed()
	for i := len(x.pushed) - 1; i >= 0; i-- {
		if p := &x.pushed[i]; p.key == key {
			x.v.File, x.v.Origins, x.undo.again = p.file, p.origins, p.again
			x.v.SetMerges(p.merges)
			x.pushed = x.pushed[:i]
			break
		}
	}
	return x.dirty(), x.undo.again != 0
}

// Load, LoadV, StoreV and Origin make registers a vbits.Memory.

func (x *registers) Load(p []byte, a guest.Addr) {
	n := x.m.host.Memory().ReadMem(p, a)
	clear(p[n:])
}

func (x *registers) LoadV(v []byte, a guest.Addr) {
	if x.own {
		clear(v)
		return
	}
	r := guest.Range{Start: a, End: a + guest.Addr(len(v))}
	if x.m.shadow.LoadV(v, a) {
		if v[0] == shadow.Undefined && x.m.belowSP(x.t, r) {
			x.invalid(isa.Load, r)
			clear(v)
		}
		return
	}
	ahead := r.Len() >= minVector && x.m.reachAt(guest.Addr(x.t.Regs().RIP)) != reachNone
	if !x.m.goodLoad(x.t, r) {
		x.invalid(isa.Load, r) // one error is enough
	} else if !ahead {
		return // what is not there is undefined
	}
	for i := range v { // what string functions read too much of plays no part in their results
		if shadow.IsNoAccess(x.m.shadow.At(a + guest.Addr(i))) {
			v[i] = 0
		}
	}
}

func (x *registers) StoreV(v []byte, a guest.Addr, origin uint32) {
	if x.own {
		return
	}
	r := guest.Range{Start: a, End: a + guest.Addr(len(v))}
	if x.m.belowSP(x.t, r) {
		x.invalid(isa.Store, r)
		return
	}
	x.undo.note(x.m.shadow, a, len(v))
	if !x.m.shadow.StoreV(a, v, origin) {
		x.invalid(isa.Store, r)
	}
}

// invalid reports an access to memory that may not be accessed, unless Leave has just done so, or an earlier Step of the
// instruction, which was interrupted.
func (x *registers) invalid(kind isa.AccessKind, r guest.Range) {
	pc := guest.Addr(x.t.Regs().RIP)
	if x.undo.again == pc || !x.judged.add(pc, kind, r) || x.m.ignored(x.t, r) {
		return
	}
	x.m.invalid(x.t, kind, r)
}

func (x *registers) Origin(a guest.Addr, n int) uint32 { return x.m.origins.load(x, a, n) }
