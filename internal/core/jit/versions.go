package jit

import (
	"errors"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Versions of code. Fast code is made on the assumption that all registers are defined. A step is the copy of one instruction
// without checks that comes back at once. From firstSet on a version stands for a set of registers that hold undefined bits:
// dirty code is fast code that touches none of them but to overwrite it, and that keeps Context.Dirty up to date. A trace of it
// ends in front of the first instruction that reads what is undefined.
const (
	verFast = iota
	verStep
	verOriginal // fast code of a function in whose place something else stands
	verApart    // fast code whose checks are each of one operand: see widen
	firstSet
)

// verMove is added to the version in front of a load that has found undefined bytes, which the code moves.
const verMove = 1 << 31

// version is a fragment's name beside fast code.
type version struct {
	pc  uint64
	ver uint32
}

// errStep says that dirty code cannot begin with an instruction.
var errStep = errors.New("instruction needs a step")

// DirtyVersion is the number of the code for d, 0 when d is empty. Numbers are good for the life of the translator.
func (t *Translator) DirtyVersion(d tool.Dirty) uint32 {
	if d.Empty() {
		return verFast
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dirtyVersion(d)
}

func (t *Translator) dirtyVersion(d tool.Dirty) uint32 {
	if d.Empty() {
		return verFast
	}
	if n, ok := t.setIDs[d]; ok {
		return n
	}
	if t.setIDs == nil {
		t.setIDs = make(map[tool.Dirty]uint32)
		t.sets = make([]tool.Dirty, firstSet)
	}
	n := uint32(len(t.sets))
	t.sets = append(t.sets, d)
	t.setIDs[d] = n
	return n
}

// DirtySet is the set that number ver stands for.
func (t *Translator) DirtySet(ver uint32) tool.Dirty {
	if ver < firstSet {
		return tool.Dirty{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sets[ver]
}

// Step returns the host address of the step for the instruction at pc, which must be one that goes on to the next.
func (t *Translator) Step(pc guest.Addr) (uintptr, error) { return t.entryOf(pc, verStep) }

// Original is Entry for the code that is really at pc, although a hook or other guest code stands in for it.
func (t *Translator) Original(pc guest.Addr) (uintptr, error) { return t.entryOf(pc, verOriginal) }

func (t *Translator) entryOf(pc guest.Addr, ver uint32) (uintptr, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := t.lookupVersion(uint64(pc), ver)
	if err != nil {
		return 0, err
	}
	return t.entered(f), nil
}

// bodyOf is the host address of fragment f for direct jumps.
func (t *Translator) bodyOf(f uint32) uintptr { return uintptr(t.base + uint64(t.frags.at(f).body)) }

// StepOnce is Once for a step.
func (t *Translator) StepOnce(pc guest.Addr) (uintptr, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.full() {
		return 0, ErrFull
	}
	t.once = true
	f, err := t.make(uint64(pc), verStep)
	t.once = false
	if err != nil {
		return 0, err
	}
	t.forget(uint64(pc), verStep, f)
	t.frags.at(f).dead = true
	return t.bodyOf(f), nil
}

// Dirty returns the host address of code at pc for version ver; ok is false when the instruction at pc is to be stepped. With
// indirect, indirect jumps will find it by themselves.
func (t *Translator) Dirty(pc guest.Addr, ver uint32, indirect bool) (host uintptr, ok bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := t.lookupDirty(uint64(pc), ver)
	if f == 0 {
		return 0, false, err
	}
	if indirect && ver < maxVersion {
		t.frags.at(f).entry = 1
		t.setDirtyEntry(dirtyKey(uint64(pc), ver), uint64(t.bodyOf(f)))
	}
	return t.entered(f), true, nil
}

// LinkDirty is Link for an exit of dirty code; ok is false when its target is to be stepped.
func (t *Translator) LinkDirty(n int) (host uintptr, ok bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.exits.at(uint32(n))
	gen := t.generation
	f, err := t.lookupDirty(e.target, e.ver)
	if f == 0 {
		return 0, false, err
	}
	if t.generation == gen && e.site != 0 && e.to == 0 && !t.frags.at(e.frag).dead {
		t.link(uint32(n), f)
	}
	return t.bodyOf(f), true, nil
}

// Moving returns the host address of dirty code that goes on at the load that check n stands in front of, where version ver is:
// the load has found undefined bytes. From now on the check goes there by itself. ok is false when the load is to be stepped. tag is what
// bytes without one have that the load finds, 0 if that isn't always the same.
func (t *Translator) Moving(n int, ver, tag uint32) (host uintptr, ok bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.checks.at(uint32(n))
	if c.site == 0 || t.frags.at(c.frag).dead || t.hooked(c.pc) {
		return 0, false, nil
	}
	v := version{c.pc, ver | verMove}
	f, known := t.versions[v]
	if !known {
		t.placeTag = tag
		if f, err = t.lookupVersion(v.pc, v.ver); err != nil {
			if errors.Is(err, errStep) {
				c.site, err = 0, nil
			}
			return 0, false, err
		}
	}
	if c.exit == 0 {
		// It is not among the owner's own exits: when the owner is discarded, the jump stays, in code that nobody enters.
		c.exit = uint32(t.exits.n)
		t.exits.add(exit{target: c.pc, frag: c.frag, ver: v.ver, site: c.site, stub: c.stub})
	}
	if e := t.exits.at(c.exit); e.to == 0 && e.ver == v.ver {
		t.link(c.exit, f)
	}
	return t.entered(f), true, nil
}

// lookupDirty returns 0 without an error when the instruction at pc is to be stepped.
func (t *Translator) lookupDirty(pc uint64, ver uint32) (uint32, error) {
	v := version{pc, ver}
	if f, ok := t.versions[v]; ok {
		return f, nil
	}
	f, err := t.lookupVersion(pc, ver)
	if errors.Is(err, errStep) {
		t.versions[v] = 0
		return 0, nil
	}
	return f, err
}

func (t *Translator) lookupVersion(pc uint64, ver uint32) (uint32, error) {
	if f, ok := t.versions[version{pc, ver}]; ok {
		return f, nil
	}
	if t.full() {
		return 0, ErrFull
	}
	return t.make(pc, ver)
}

// make translates version ver of the code at pc.
func (t *Translator) make(pc uint64, ver uint32) (uint32, error) {
	limit := t.limit
	if ver == verStep {
		t.limit = 1
	}
	t.ver, t.now = ver, ver
	if ver == verOriginal || ver == verApart {
		t.now = verFast // only the first trace is special
	}
	if ver&verMove != 0 {
		t.now = ver &^ verMove
	} else if ver >= firstSet {
		d := t.sets[ver]
		if o := t.outlook(pc, d); o.Keep(d) != d {
			f := t.makeDrop(pc, t.dirtyVersion(o.Keep(d)))
			t.ver, t.now = verFast, verFast
			return f, nil
		}
	}
	f, err := t.translate(pc, false)
	t.ver, t.now, t.limit = verFast, verFast, limit
	return f, err
}

// makeDrop makes the fragment that stands at pc for a version in which registers are undefined that nobody will read: it goes on in
// version ver, without them.
func (t *Translator) makeDrop(pc uint64, ver uint32) uint32 {
	t.tr.warm, t.tr.colds, t.tr.inner, t.tr.n = t.tr.warm[:0], t.tr.colds[:0], t.tr.inner[:0], 0
	t.begin(pc, pc+1, false)
	t.point(pc, true, [3]uint8{})
	t.now = ver
	t.hot.storeImm(slot(vcpu.OffDirty), int32(ver))
	t.directExit(-1, pc)
	t.emitCold()
	t.end()
	return t.tr.frag
}

// known, remember and forget look after the fragment of a version at pc.

func (t *Translator) known(pc uint64, ver uint32) (uint32, bool) {
	if ver == verFast {
		if !t.sieve.may(pc) {
			return 0, false
		}
		f := t.byPC.get(pc)
		return f, f != 0
	}
	f := t.versions[version{pc, ver}]
	return f, f != 0
}

func (t *Translator) remember(pc uint64, ver, f uint32) {
	if ver == verFast {
		t.byPC.set(pc, f)
		t.sieve.add(pc)
		return
	}
	t.versions[version{pc, ver}] = f
}

func (t *Translator) forget(pc uint64, ver, f uint32) {
	if ver == verFast {
		if t.byPC.get(pc) == f {
			t.byPC.set(pc, 0)
		}
		return
	}
	if t.versions[version{pc, ver}] == f {
		delete(t.versions, version{pc, ver})
	}
}

// cutDirty ends the trace where dirty code must end, and notes the version before each instruction. It reports whether anything
// is left of the trace.
func (t *Translator) cutDirty() bool {
	tr := &t.tr
	var d tool.Dirty
	if v := t.ver &^ verMove; v >= firstSet {
		d = t.sets[v]
	}
	cut := func(i int) {
		tr.last = t.dirtyVersion(d)
		if i < tr.n {
			tr.next, tr.ends, tr.liveOut = tr.insts[i].pc, false, tr.insts[i].live
			tr.n = i
		}
	}
	for i := 0; i < tr.n; i++ {
		in := &tr.insts[i]
		in.ver = t.dirtyVersion(d)
		switch in.flow {
		case flowNext, flowJcc, flowLoop, flowJmp, flowCall, flowJmpInd, flowCallInd, flowRet:
		default:
			cut(i)
			return i > 0
		}
		e := in.LowEffects()
		first := i == 0 && t.ver&verMove != 0
		flags := (e.FlagsRead|e.FlagsWritten&^e.FlagsKilled)&d.Flags != 0
		if first || e.Reads&d.Regs != 0 || flags {
			if !t.moveDirty(i, d.Regs, first) && (flags || !t.fieldDirty(i, d.Regs, first) && (first || !t.needDirty(i, d.Regs, e.Reads))) {
				cut(i)
				return i > 0
			}
			d.Regs &^= in.move.field.need
			in.move.field.ver = t.dirtyVersion(d)
		}
		d.Regs &^= e.Writes
		d.Flags &^= e.FlagsKilled
		switch {
		case in.move.kind == moveNone:
		case in.move.clean:
			d.Regs &^= in.move.dst
		default:
			d.Regs |= in.move.dst
		}
		if d.Empty() {
			cut(i + 1)
			return true
		}
	}
	cut(tr.n)
	return true
}

// emitDirty notes behind instruction i that it has overwritten undefined registers.
func (t *Translator) emitDirty(i int) {
	tr := &t.tr
	next := tr.last
	if i+1 < tr.n {
		next = tr.insts[i+1].ver
	}
	if next == t.now {
		return
	}
	t.now = next
	t.hot.storeImm(slot(vcpu.OffDirty), int32(next))
}

// Flow says how an instruction continues, for one that runs in Go what translated code cannot.
type Flow = flow

// The flows that matter there; all others go on to the next instruction, or raise a signal.
const (
	FlowNext    = flowNext
	FlowJcc     = flowJcc
	FlowLoop    = flowLoop
	FlowJmp     = flowJmp
	FlowCall    = flowCall
	FlowJmpInd  = flowJmpInd
	FlowCallInd = flowCallInd
	FlowRet     = flowRet
	FlowSyscall = flowSyscall
	FlowStop    = flowStop
)

// FlowOf says how the instruction at pc continues; target is where direct transfers go.
func FlowOf(x *amd64.Inst, pc guest.Addr) (f Flow, target guest.Addr) {
	in := inst{Inst: *x, pc: uint64(pc)}
	in.classify()
	return in.flow, guest.Addr(in.target)
}

// Emulated reports whether an instruction with FlowStop is one that the core performs (vcpu.ExitEmulate).
func Emulated(x *amd64.Inst) bool {
	in := inst{Inst: *x}
	return in.emulated()
}

// RequestLen is the length of a client request if code starts with one, else 0.
func RequestLen(code []byte) int {
	if isRequest(code) {
		return requestLen
	}
	return 0
}

// Epoch counts how often translations were dropped: host addresses of steps and dirty code are good for one epoch.
func (t *Translator) Epoch() uint64 { return t.epoch.Load() }

// HookAt returns the number of the hook at pc, and whether there is one.
func (t *Translator) HookAt(pc guest.Addr) (int, bool) {
	if t.cfg.Hook == nil {
		return 0, false
	}
	return t.cfg.Hook(pc)
}

// Replaced reports whether a hook or other guest code stands in for what is at pc.
func (t *Translator) Replaced(pc guest.Addr) bool { return t.hooked(uint64(pc)) }

// Redirected returns the guest code that stands in for what is at pc, and whether there is some.
func (t *Translator) Redirected(pc guest.Addr) (guest.Addr, bool) {
	if t.cfg.Redirect == nil {
		return 0, false
	}
	return t.cfg.Redirect(pc)
}

// Code copies guest code at pc to buf and returns how much of it there is: less where code ends.
func (t *Translator) Code(pc guest.Addr, buf []byte) (n int) {
	t.catch(func() error {
		code := t.cfg.Fetch(pc)
		if len(code) > 0 && len(code) < len(buf) {
			code = t.fetchAcross(uint64(pc), code)
		}
		n = copy(buf, code)
		return nil
	})
	return n
}
