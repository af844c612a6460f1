package sched

import (
	"encoding/binary"
	"fmt"
	"strings"

	"gogrind/internal/core/jit"
	"gogrind/internal/core/signal"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// exact is the part of a thread that runs code exactly: instruction by instruction as long as they touch registers with
// undefined bits, by dirty code (package jit) in between. Fast code knows nothing of it: there Context.Dirty is 0.
type exact struct {
	state    tool.ExactThread // nil for tools without
	ver      uint32           // version of jit for the registers that hold undefined bits, 0: none
	now      bool             // the next instruction is to be stepped, whatever ver says
	indirect bool             // an indirect jump of dirty code has not found the code at RIP
	stepping bool             // a step is in translated code
	moves    bool             // the tool is a tool.Exact
	tags     bool             // tool.Exact.Tags
	after    uint64           // RIP when it has run
	cached   tool.Dirty       // set that cachedID is the version of
	cachedID uint32
	stats    ExactStats
	decoded  *[decodedSlots]decodedInst // made when first needed
}

// decodedSlots is the size of a thread's cache of decoded instructions, a power of two.
const decodedSlots = 1 << 11

// maxInst is the length of the longest thing that is stepped at once: a client request.
const maxInst = 19

// decodedInst is an instruction as it was decoded; code is compared at each use.
type decodedInst struct {
	pc         guest.Addr
	code       [maxInst]byte
	n          uint8 // bytes of code that are valid, 0 for an empty slot
	request    bool
	bad        bool // cannot be decoded
	moves      bool // dirty code may carry undefined bytes through it
	stores     bool // to its memory operand
	placed     bool // tag is valid
	tag        uint32
	flow       jit.Flow
	target     guest.Addr
	host       uintptr // of the step, in epoch
	epoch      uint64
	ver        uint32  // version that dirty is for
	dirty      uintptr // host address of dirty code in dirtyEpoch
	dirtyEpoch uint64
	inst       amd64.Inst
	effects    isa.Effects
}

// Vec, Mask, ST, FPSW, FPCW and FPTW make Thread a tool.Registers.

func (t *Thread) Vec(n uint8, v *[8]uint64) { t.ctx.Vec(n, v) }
func (t *Thread) Mask(n uint8) uint64       { return t.ctx.Mask(n) }
func (t *Thread) ST(n uint8, v *[2]uint64)  { t.ctx.ST(n, v) }
func (t *Thread) FPSW() uint16              { return t.ctx.FPSW() }
func (t *Thread) FPCW() uint16              { return t.ctx.FPCW() }
func (t *Thread) FPTW() uint8               { return t.ctx.FPTW() }
func (t *Thread) Component(i int) int       { return vcpu.ComponentOffset(i) }

// Exact is the tool's state of t's registers, nil when it keeps none.
func (t *Thread) Exact() tool.ExactThread { return t.exact.state }

// ExactStats counts what threads did beside fast code.
type ExactStats struct {
	Left  uint64 // times that fast code was left for undefined bytes
	Steps uint64 // instructions that were stepped
	Dirty uint64 // entries of dirty code
	Exits Exits
}

// Exits counts why threads came out of translated code, by kind of exit (package vcpu).
type Exits [vcpu.ExitHookDone + 1]uint64

// exitNames is what String calls them.
var exitNames = [...]string{
	vcpu.ExitLink: "links", vcpu.ExitIndirect: "indirect branches", vcpu.ExitSyscall: "system calls", vcpu.ExitFault: "faults",
	vcpu.ExitInterrupt: "interrupts", vcpu.ExitRequest: "client requests", vcpu.ExitHook: "replaced functions",
	vcpu.ExitCheck: "checks", vcpu.ExitEmulate: "emulated instructions", vcpu.ExitVerify: "verified code", vcpu.ExitEvent: "events",
	vcpu.ExitStep: "steps", vcpu.ExitAborted: "given up", vcpu.ExitHookDone: "allocations without Go",
}

// String lists the kinds that there were.
func (x *Exits) String() string {
	var parts []string
	for kind, n := range x {
		if n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, exitNames[kind]))
		}
	}
	return strings.Join(parts, ", ")
}

// ExactStats sums up all threads; it is called with no other thread running.
func (s *Scheduler) ExactStats() ExactStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.exactStats
	for _, t := range s.threads {
		sum.add(&t.exact.stats)
	}
	return sum
}

func (s *ExactStats) add(o *ExactStats) {
	s.Left += o.Left
	s.Steps += o.Steps
	s.Dirty += o.Dirty
	for i, n := range o.Exits {
		s.Exits[i] += n
	}
}

// GoExact makes t step the instruction that it is in front of, now that it is in the core.
func (t *Thread) GoExact() {
	t.exact.now = true
	t.exact.stats.Left++
}

// isExact reports whether the next instruction is not for fast code.
func (t *Thread) isExact() bool {
	return t.exact.ver != 0 || t.exact.now || t.s.cfg.ExactOnly && t.exact.state != nil
}

// setDirty takes note of what holds undefined bits.
func (t *Thread) setDirty(d tool.Dirty) {
	x := &t.exact
	switch {
	case d.Empty():
		x.ver = 0
	case d == x.cached:
		x.ver = x.cachedID
	default:
		x.ver = t.s.tr.DirtyVersion(d)
		x.cached, x.cachedID = d, x.ver
	}
}

// leftDirty is called when t comes out of translated code: what dirty code has overwritten is defined now.
func (t *Thread) leftDirty() {
	x := &t.exact
	if x.stepping {
		return
	}
	ver := uint32(t.ctx.Dirty)
	if ver == 0 && x.ver == 0 {
		return
	}
	changed := ver != x.ver
	if changed {
		x.cached, x.cachedID, x.ver = t.s.tr.DirtySet(ver), ver, ver
	}
	switch {
	case x.moves:
		x.state.Gather(x.cached, &t.ctx.V)
		t.setDirty(x.state.Define(0)) // less than the code has reckoned with, perhaps
	case changed:
		x.state.Keep(x.cached)
	}
}

// defined tells that the core has given registers values of its own.
func (t *Thread) defined(r isa.RegSet) {
	if t.exact.ver != 0 {
		t.setDirty(t.exact.state.Define(r))
	}
}

// pushExact and popExact put the state of the registers aside, while other code runs on the thread.

func (t *Thread) pushExact(key guest.Addr) {
	if x := &t.exact; x.state != nil {
		x.state.Push(key)
		x.ver, x.now = 0, false
		t.ctx.Dirty = 0
	}
}

func (t *Thread) popExact(key guest.Addr) {
	if x := &t.exact; x.state != nil {
		d, again := x.state.Pop(key)
		x.now = again
		t.setDirty(d)
	}
}

// nextExact is next for a thread that runs exactly.
func (t *Thread) nextExact() (uintptr, bool) {
	x := &t.exact
	pc := guest.Addr(t.ctx.Regs.RIP)
	if pc != t.original.pc {
		t.original.pc = 0
	}
	if t.original.pc != 0 {
		x.now = true // its first instruction is stepped
	} else if t.s.tr.Replaced(pc) {
		return t.replacedExact(pc)
	}
	d := t.decode(pc)
	if d == nil {
		_, err := t.s.tr.Step(pc)
		t.noCode(err)
		return 0, false
	}
	if !x.now && !t.s.cfg.ExactOnly && !x.state.Waits(pc) && (!d.reads(x.cached) || d.moves && x.moves) {
		host, err := t.dirtyCode(d)
		if err != nil {
			t.noCode(err)
			return 0, false
		}
		if host != 0 {
			t.enterDirty()
			x.stats.Dirty++
			return host, true
		}
	}
	x.now = false
	return t.step(d)
}

// enterDirty gets the context ready for dirty code.
func (t *Thread) enterDirty() {
	x := &t.exact
	t.ctx.Dirty = uint64(x.ver)
	if x.moves {
		x.state.Spread(x.cached, &t.ctx.V)
	}
}

// moving tries to go on in dirty code at pc, where check n has found a load of undefined bytes.
func (t *Thread) moving(n int, pc guest.Addr) bool {
	x := &t.exact
	if !x.moves || t.s.cfg.ExactOnly {
		return false
	}
	// The check will go there by itself, so it is the version that counts which the code around it is for, and not what x knows better.
	host, ok, err := t.s.tr.Moving(n, uint32(t.ctx.Dirty), t.placeTag(pc))
	if err != nil || !ok { // a full cache shows again soon enough
		return false
	}
	t.ctx.Regs.RIP = uint64(pc)
	t.resume = host
	return true
}

// placeTag is the tag of what the load at pc finds undefined in its own stack frame (tool.ExactThread).
func (t *Thread) placeTag(pc guest.Addr) uint32 {
	x := &t.exact
	if !x.tags {
		return 0
	}
	d := t.decode(pc)
	if d == nil || d.bad || d.request {
		return 0
	}
	if !d.placed {
		t.ctx.Regs.RIP = uint64(pc)
		d.tag, d.placed = x.state.PlaceTag(&d.inst), true
	}
	return d.tag
}

// resultRegs are the registers that a function's result is in.
const resultRegs isa.RegSet = 1<<guest.RAX | 1<<guest.RDX

// syscallRegs are the registers that a system call writes.
const syscallRegs isa.RegSet = 1<<guest.RAX | 1<<guest.RCX | 1<<guest.R11

// reads reports whether dirty code cannot begin with d when registers dirty are undefined.
func (d *decodedInst) reads(dirty tool.Dirty) bool {
	if d.flow == jit.FlowNext || d.transfers() {
		return d.bad || d.request || d.effects.Reads&dirty.Regs != 0 || d.effects.FlagsRead&dirty.Flags != 0
	}
	return true
}

// replacedExact is nextExact at a function that something else stands in for.
func (t *Thread) replacedExact(pc guest.Addr) (uintptr, bool) {
	x := &t.exact
	if !x.now && x.ver != 0 && !t.s.cfg.ExactOnly {
		host, ok, err := t.s.tr.Dirty(pc, x.ver, x.indirect)
		if ok && err == nil { // a full cache shows again soon enough
			x.indirect = false
			t.enterDirty()
			x.stats.Dirty++
			return host, true
		}
	}
	if n, ok := t.s.tr.HookAt(pc); ok {
		x.now = false
		t.flushEvents()
		if t.hook(n) {
			t.defined(resultRegs)
		}
	} else if to, ok := t.s.tr.Redirected(pc); ok {
		t.ctx.Regs.RIP = uint64(to)
	}
	return 0, false
}

// dirtyCode is the host address of dirty code that begins with d, 0 if there is none (yet).
func (t *Thread) dirtyCode(d *decodedInst) (uintptr, error) {
	x := &t.exact
	epoch := t.s.tr.Epoch()
	if d.dirty != 0 && d.ver == x.ver && d.dirtyEpoch == epoch && !x.indirect {
		return d.dirty, nil
	}
	host, ok, err := t.s.tr.Dirty(d.pc, x.ver, x.indirect)
	x.indirect = false
	if ok {
		d.dirty, d.ver, d.dirtyEpoch = host, x.ver, epoch
	}
	return host, err
}

// step performs instruction d, or gives the host address of its copy.
func (t *Thread) step(d *decodedInst) (uintptr, bool) {
	x := &t.exact
	x.stats.Steps++
	pc := d.pc
	r := &t.ctx.Regs
	next := uint64(pc) + uint64(d.inst.Len)
	switch {
	case d.request:
		r.RIP = uint64(pc) + uint64(jit.RequestLen(d.code[:]))
		t.flushEvents()
		t.request()
		t.defined(resultRegs)
		return 0, false
	case d.flow == jit.FlowSyscall:
		r.RIP = next
		r.GPR[guest.RCX], r.GPR[guest.R11] = next, r.RFlags
		t.flushEvents()
		t.systemCall()
		t.defined(syscallRegs)
		return 0, false
	case d.flow == jit.FlowStop && jit.Emulated(&d.inst):
		t.emulate(pc)
		return 0, false
	case d.transfers():
		x.state.Step(t, &d.inst)
		if t.transfer(d, next) {
			t.setDirty(x.state.Done())
			if d.flow != jit.FlowJcc && d.flow != jit.FlowLoop {
				t.dropDead()
			}
		}
		return 0, false
	}
	if !d.bad {
		x.state.Step(t, &d.inst)
	}
	if epoch := t.s.tr.Epoch(); d.host == 0 || d.epoch != epoch {
		host, err := t.s.tr.Step(pc)
		if err != nil {
			t.noCode(err)
			x.now = true
			return 0, false
		}
		d.host, d.epoch = host, epoch
	}
	if d.stores {
		t.usesRedZone(d)
	}
	x.stepping, x.after = true, next
	t.ctx.Dirty = 0
	return d.host, true
}

// transfers reports whether d is a jump, call or return.
func (d *decodedInst) transfers() bool {
	switch d.flow {
	case jit.FlowJcc, jit.FlowLoop, jit.FlowJmp, jit.FlowJmpInd, jit.FlowRet, jit.FlowCall, jit.FlowCallInd:
		return true
	}
	return false
}

// transfer performs a jump, call or return. It reports whether it could.
func (t *Thread) transfer(d *decodedInst, next uint64) bool {
	r := &t.ctx.Regs
	in := &d.inst
	target := uint64(d.target)
	switch d.flow {
	case jit.FlowJcc:
		if !condition(in.Op&15, r.RFlags) {
			target = next
		}
	case jit.FlowLoop:
		if !t.loopTaken(in) {
			target = next
		}
	case jit.FlowJmpInd, jit.FlowCallInd:
		if in.HasMem {
			a := guest.Addr(in.Address(&r.GPR, r.RIP, r.FSBase, r.GSBase))
			var ok bool
			if target, ok = t.readWord(a); !ok {
				return false
			}
		} else {
			target = r.GPR[in.ModRM&7|in.Rex<<3&8]
		}
	case jit.FlowRet:
		var ok bool
		if target, ok = t.readWord(guest.Addr(r.GPR[guest.RSP])); !ok {
			return false
		}
		old := r.GPR[guest.RSP]
		r.GPR[guest.RSP] += 8
		if in.Op == 0xc2 {
			r.GPR[guest.RSP] += uint64(uint16(in.Imm))
		}
		t.moved(old)
		t.releaseRedZone(guest.Addr(old))
	}
	if d.flow == jit.FlowCall || d.flow == jit.FlowCallInd { // what the return plane has for this slot is checked by its landing
		sp := guest.Addr(r.GPR[guest.RSP] - 8)
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], next)
		if t.s.cfg.Space.WriteMem(b[:], sp) < 8 {
			t.badStack(sp, pfWrite|4)
			return false
		}
		r.GPR[guest.RSP] = uint64(sp)
		t.stackTaken(sp)
	}
	r.RIP = target
	return true
}

// redZone is how far below the stack pointer the ABI lets leaf functions work.
const redZone = 128

// usesRedZone does what the check of d's store does in fast code: it notes that the function has stored to its red zone.
func (t *Thread) usesRedZone(d *decodedInst) {
	r := &t.ctx.Regs
	sp := r.GPR[guest.RSP]
	if a := d.inst.Address(&r.GPR, r.RIP, r.FSBase, r.GSBase); sp-a-1 < redZone {
		t.ctx.RedZone = sp - redZone
	}
}

// releaseRedZone does what returns do in fast code: what the function has stored to its red zone is undefined then. sp is where the
// return address was; when a red zone lies above it, another function has been jumped to since.
func (t *Thread) releaseRedZone(sp guest.Addr) {
	z := guest.Addr(t.ctx.RedZone)
	t.ctx.RedZone = 0
	if w := t.s.cfg.Stacks; w != nil && z != 0 && z+redZone <= sp {
		w.StackMoved(t, z+redZone, z+2*redZone) // marks what lies a red zone further down
	}
}

// readWord reads 8 bytes for the instruction at RIP, or gives the thread the fault that it has.
func (t *Thread) readWord(a guest.Addr) (uint64, bool) {
	var b [8]byte
	if t.s.cfg.Space.ReadMem(b[:], a) < 8 {
		t.badStack(a, 4)
		return 0, false
	}
	return le64(b[:]), true
}

// badStack is the fault of a memory access at a that could not be made; err is the page-fault error code.
func (t *Thread) badStack(a guest.Addr, err uint64) {
	code := int32(segvMapErr)
	if _, ok := t.s.cfg.Space.Find(a); ok {
		code = segvAccErr
	}
	t.fault(signal.FaultInfo(signal.SIGSEGV, code, uint64(a)), signal.Fault{Err: err, Trap: 14, CR2: uint64(a)})
}

// stackTaken tells the tool that a call has moved the stack pointer down to sp.
func (t *Thread) stackTaken(sp guest.Addr) {
	if w := t.s.cfg.Stacks; w != nil {
		w.StackMoved(t, sp+8, sp)
	}
}

// loopTaken decides loop, loope, loopne and jrcxz, and counts.
func (t *Thread) loopTaken(in *amd64.Inst) bool {
	r := &t.ctx.Regs
	rcx := &r.GPR[guest.RCX]
	mask := ^uint64(0)
	if in.ASize == 4 {
		mask = 0xffffffff
	}
	if in.Op == 0xe3 {
		return *rcx&mask == 0
	}
	n := (*rcx - 1) & mask
	*rcx = n
	zf := r.RFlags&0x40 != 0
	switch in.Op {
	case 0xe0:
		return n != 0 && !zf
	case 0xe1:
		return n != 0 && zf
	}
	return n != 0
}

// condition decides condition code cc (0-15) from flags f (Intel SDM vol. 1, appendix B).
func condition(cc uint8, f uint64) bool {
	cf, pf, zf, sf, of := f&1 != 0, f&4 != 0, f&0x40 != 0, f&0x80 != 0, f&0x800 != 0
	var is bool
	switch cc >> 1 {
	case 0:
		is = of
	case 1:
		is = cf
	case 2:
		is = zf
	case 3:
		is = cf || zf
	case 4:
		is = sf
	case 5:
		is = pf
	case 6:
		is = sf != of
	case 7:
		is = zf || sf != of
	}
	return is != (cc&1 != 0)
}

// stepped finishes a step: the instruction has run, RIP is the next one's.
func (t *Thread) stepped() {
	t.exact.stepping = false
	t.ctx.Regs.RIP = t.exact.after
	t.setDirty(t.exact.state.Done())
}

// unstep takes back a step that was not finished. It begins anew.
func (t *Thread) unstep() {
	if x := &t.exact; x.stepping {
		x.stepping, x.now = false, true
		x.state.Undo(t)
	}
}

// decode returns the instruction at pc; nil when there is no code.
func (t *Thread) decode(pc guest.Addr) *decodedInst {
	if t.exact.decoded == nil {
		t.exact.decoded = new([decodedSlots]decodedInst)
	}
	d := &t.exact.decoded[(uint64(pc)*0x9e3779b97f4a7c15)>>(64-11)] // 2^64 divided by the golden ratio; 11 bits for decodedSlots
	var bytes [maxInst]byte
	code := bytes[:t.s.tr.Code(pc, bytes[:])]
	if len(code) == 0 {
		return nil
	}
	if d.n != 0 && d.pc == pc && len(code) >= int(d.n) && string(code[:d.n]) == string(d.code[:d.n]) {
		return d
	}
	*d = decodedInst{pc: pc}
	copy(d.code[:], code)
	if jit.RequestLen(code) != 0 {
		d.request, d.n = true, maxInst
		return d
	}
	if amd64.Decode(code, &d.inst) != nil {
		d.bad, d.n = true, uint8(len(code))
		return d
	}
	d.n = d.inst.Len
	d.flow, d.target = jit.FlowOf(&d.inst, pc)
	d.moves = jit.Moves(&d.inst)
	var buf [4]amd64.Access
	for _, a := range d.inst.MemAccesses(buf[:0]) {
		d.stores = d.stores || a.Addr == amd64.AddrModRM && a.Kind&isa.Store != 0
	}
	d.effects = d.inst.LowEffects() // what lies above is hardly ever undefined, and then taken for defined
	return d
}

// linkDirty goes on behind an exit of dirty code.
func (t *Thread) linkDirty(n int) {
	t.ctx.Regs.RIP = uint64(t.s.tr.Target(n))
	host, ok, err := t.s.tr.LinkDirty(n)
	if err != nil {
		t.noCode(err)
	} else if ok {
		t.resume = host
	}
}

// handling tells that a signal handler is about to run: the core has moved the stack pointer away from the address from and
// written a frame.
func (t *Thread) handling(from guest.Addr) {
	t.ctx.RedZone = 0 // what the interrupted function has there stays
	sp := guest.Addr(t.ctx.Regs.GPR[guest.RSP])
	if t.framed(sp, from) {
		t.moved(uint64(from))
	}
	t.pushExact(sp + 8) // where the handler's return leaves the stack pointer for sigreturn
	t.original.push(sp + 8)
	t.begun.push(sp+8, t.ctx)
	if w := t.s.cfg.Kernel; w != nil {
		w.AfterWrite(t, guest.Range{Start: sp, End: signal.FrameEnd(sp, len(t.XSave()))})
	}
}

// framed reports whether a handler's frame at sp lies on the stack whose pointer is or was top, and not on an alternate one: there
// is no more between them than the red zone, alignment, and what a handler may push for the function that it interrupted.
func (t *Thread) framed(sp, top guest.Addr) bool {
	const between = 512
	end := signal.FrameEnd(sp, len(t.XSave()))
	return end <= top && top-end <= between
}
