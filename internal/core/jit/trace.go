package jit

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// EFLAGS bits that instructions compute: CF PF AF ZF SF OF.
const arithFlags = 0x8d5

// flow says how an instruction continues.
type flow uint8

const (
	flowNext    flow = iota // to the next instruction
	flowJcc                 // conditional jump
	flowLoop                // loop, loope, loopne, jrcxz: conditional, short form only
	flowJmp                 // direct jump
	flowCall                // direct call
	flowJmpInd              // indirect jump
	flowCallInd             // indirect call
	flowRet                 // near return
	flowSyscall             // syscall
	flowRequest             // client request sequence
	flowTrap                // int3 and the like: traps, then goes on, or faults
	flowStop                // raises a signal or cannot be decoded: nothing follows
	flowBase                // rdfsbase and kin
)

// inst is one instruction of the trace being translated.
type inst struct {
	amd64.Inst
	pc     uint64
	code   []byte // of copied: the guest may change or unmap its own at any time
	copied [requestLen]byte
	eff    isa.Effects // see effects
	known  bool        // eff is valid
	gprs   uint16      // general registers that it may change, for tools
	flow   flow
	target uint64 // of direct transfers
	live   uint32 // flags that are live before it
	host   int    // host offset of its copy, for jumps inside the trace
	point  int    // index of its first point in trace.points
	relies int    // the first instruction that its code relies on, its own index for none in front: see middle.go
	relied bool   // a check of an instruction behind it has been left out for one of its own
	ver    uint32 // version before it, in dirty code
	joined bool   // a jump inside the trace arrives here: see frame
	alone  bool   // its lines are looked up by themselves: see groupMisses
	clock  ticking
	move   move // in dirty code: how it carries undefined bytes
	resume bool // a return that gives the flags back: see resumes
}

// effects are what the instruction does to registers and flags, found out when first asked for: most instructions are
// copied without anyone asking.
func (in *inst) effects() *isa.Effects {
	if !in.known {
		in.eff, in.known = in.Inst.Effects(), true
	}
	return &in.eff
}

// flagEffects is the part of effects that is about flags, which is cheaper.
func (in *inst) flagEffects() isa.FlagEffects {
	if in.Row == nil { // a client request, or what cannot be decoded
		return isa.FlagEffects{Read: arithFlags}
	}
	return in.FlagEffects()
}

// writesGPR reports whether the instruction may change general register n.
func (in *inst) writesGPR(n uint8) bool { return in.Row != nil && in.WritesGPR(n) }

// trace is the working state of one translation; its arrays are reused.
type trace struct {
	insts    [maxInsts]inst
	n        int
	start    uint64
	next     uint64 // guest address after the last instruction
	ends     bool   // the last instruction does not fall through
	calls    bool   // there is a call in it
	liveOut  uint32 // flags live behind the last instruction
	lastTick int    // what is added to the clock behind the last instruction
	last     uint32 // version behind the last instruction, in dirty code
	frag     uint32
	// self is the call to the trace's own start whose second half is in front of it, nil if there is none; selfLanding is the host
	// offset of that half's field for the landing.
	self        *inst
	selfLanding int
	warm        []callStub
	colds       []coldStub
	taken       []tool.Ann // counts of conditional jumps that jump
	takens      []takenStub
	fails       []moveFail
	inner       []innerJump
	nLines      []int
	points      []byte // see points.go
	lastPoint   point
}

// callStub is the rest of a call, executed on each call but placed behind the straight code.
type callStub struct {
	site, landing int
	next          uint64
	target        uint64 // direct target; 0 with indirect set
	indirect      bool
	ver           uint32 // version that the callee is wanted in
}

// coldStub is out-of-line code to be emitted at the end.
type coldStub struct {
	kind    uint8
	site    int // rel32 field that jumps to it
	resume  int
	inst    int
	access  int
	spilled bool // rcx is in the flag-saving slot
	again   int  // of a check: one more than the instruction to make flags of once more, 0 for none
	recover int  // of a check: index of the recovery of its load, -1 for none
	exit    uint32
	event   uint32 // site of an event
	size    uint8  // coldDefine: bytes of the piece
	m       mem    // coldDefine: its shadow
	next    int    // coldDefine: where the next piece is checked
	miss    missStub
	move    moveScratch
}

const (
	coldExit  = iota
	coldApart // the exit of a check of several operands
	coldCheck
	coldDefine
	coldRedZone
	coldEvent
	coldSlot
	coldMove
	coldPartly
	coldRep
	coldElems // of OpDataMiss: Go looks for the elements that are touched
	coldMiss  // of lower_miss_amd64.go, as the next one
	coldFetch
)

// innerJump is a jump to an instruction of the same trace further on.
type innerJump struct {
	site  int
	index int
}

// magic is the start of a client request: four rotations of rdi (valgrind.h, __SPECIAL_INSTRUCTION_PREAMBLE).
var magic = []byte{0x48, 0xc1, 0xc7, 0x03, 0x48, 0xc1, 0xc7, 0x0d, 0x48, 0xc1, 0xc7, 0x3d, 0x48, 0xc1, 0xc7, 0x33}

// requestLen is the length of the sequence with the xchg that follows.
const requestLen = 16 + 3

func isRequest(code []byte) bool {
	if len(code) < requestLen || code[3] != magic[3] || string(code[:16]) != string(magic) {
		return false
	}
	return code[16] == 0x48 && code[17] == 0x87 && (code[18] == 0xdb || code[18] == 0xc9 || code[18] == 0xd2 || code[18] == 0xff)
}

// findTrace decodes the trace at pc into t.tr. It fails only when the first byte cannot be fetched.
func (t *Translator) findTrace(pc uint64) error {
	tr := &t.tr
	tr.n, tr.start, tr.ends, tr.calls = 0, pc, false, false
	tr.warm, tr.colds, tr.inner = tr.warm[:0], tr.colds[:0], tr.inner[:0]
	tr.taken, tr.takens, tr.fails = tr.taken[:0], tr.takens[:0], tr.fails[:0]
	window := t.cfg.Fetch(guest.Addr(pc))
	if len(window) == 0 {
		return ErrFetch
	}
	branches := 0
	for tr.n < t.limit {
		code := window
		if len(code) < 32 {
			code = t.fetchAcross(pc, code)
			if len(code) == 0 {
				break // the trace ends where code ends; running on faults there
			}
		}
		in := &tr.insts[tr.n]
		in.move.kind = moveNone
		code = in.copied[:copy(in.copied[:], code)]
		if code[0] == magic[0] && isRequest(code) {
			in.Inst = amd64.Inst{Len: requestLen}
			in.pc, in.code, in.flow, in.eff, in.known = pc, code[:requestLen], flowRequest, isa.Effects{Reads: amd64.SetAll, FlagsRead: arithFlags}, true
			tr.n++
			pc += requestLen
			tr.ends = true
			break
		}
		if err := amd64.Decode(code, &in.Inst); err != nil {
			in.Inst = amd64.Inst{Len: 1}
			in.pc, in.code, in.flow, in.eff, in.known = pc, code[:1], flowStop, isa.Effects{FlagsRead: arithFlags}, true
			tr.n++
			pc++
			tr.ends = true
			break
		}
		n := int(in.Len)
		in.pc, in.code = pc, code[:n]
		in.known = false
		in.classify()
		tr.n++
		pc += uint64(n)
		if n <= len(window) {
			window = window[n:]
		} else {
			window = nil
		}
		in.resume = in.flow == flowRet && t.resumes()
		switch in.flow {
		case flowNext, flowTrap, flowBase:
			continue
		case flowJcc, flowLoop, flowCall, flowCallInd:
			branches++
			tr.calls = tr.calls || in.flow == flowCall || in.flow == flowCallInd
			if branches < maxBranches {
				if _, ok := t.known(pc, verFast); !ok && !t.hooked(pc) {
					continue
				}
			}
		default:
			tr.ends = true
		}
		break
	}
	tr.next = pc
	return t.liveness()
}

// resumes reports whether the return at the end of the trace gives back flags that popf or sahf has set: it goes on with code that
// was interrupted anywhere, between a comparison and its jump perhaps (Go's preemption, safepoints of Java). Its flags are live, and it
// is not paired, since a landing may overwrite them. Such returns are remembered, for traces that begin between the two.
func (t *Translator) resumes() bool {
	tr := &t.tr
	pc := tr.insts[tr.n-1].pc
	open := uint32(arithFlags)
	for i := tr.n - 2; i >= 0 && open != 0; i-- {
		in := &tr.insts[i]
		const popf, sahf = 0x9d, 0x9e
		if in.Space == amd64.SpLegacy && in.Map == 0 && (in.Op == popf || in.Op == sahf) {
			if t.resuming == nil {
				t.resuming = make(map[uint64]bool)
			}
			t.resuming[pc] = true
			break
		}
		if in.flow != flowNext {
			break
		}
		open &^= in.flagEffects().Killed
	}
	return t.resuming[pc]
}

func (t *Translator) hooked(pc uint64) bool {
	if t.cfg.Redirect != nil {
		if _, ok := t.cfg.Redirect(guest.Addr(pc)); ok {
			return true
		}
	}
	if t.cfg.Hook == nil {
		return false
	}
	_, ok := t.cfg.Hook(guest.Addr(pc))
	return ok
}

// trusted reports whether the memory access of in is one that tools do not look at.
func (t *Translator) trusted(in *inst) bool {
	return (in.Seg == amd64.SegDS || in.Seg == amd64.SegGS) && t.cfg.Trusted.Contains(guest.Addr(in.pc))
}

// fetchAcross returns code at pc when fewer than 32 bytes are left in its mapping: the next mapping may go on with it.
func (t *Translator) fetchAcross(pc uint64, window []byte) []byte {
	next := t.cfg.Fetch(guest.Addr(pc + uint64(len(window))))
	if len(next) == 0 {
		return window
	}
	if len(next) > 32 {
		next = next[:32]
	}
	return append(append(make([]byte, 0, 64), window...), next...)
}

// classify sets flow and target from the opcode. The jit is the only package that looks at opcodes of transfers.
func (in *inst) classify() {
	in.flow = flowNext
	if in.Space != amd64.SpLegacy {
		return
	}
	next := in.pc + uint64(in.Len)
	rel := next + uint64(in.Imm)
	switch in.Map {
	case 0:
		switch op := in.Op; {
		case op >= 0x70 && op <= 0x7f:
			in.flow, in.target = flowJcc, rel
		case op >= 0xe0 && op <= 0xe3:
			in.flow, in.target = flowLoop, rel
		case op == 0xe8:
			in.flow, in.target = flowCall, rel
		case op == 0xe9 || op == 0xeb:
			in.flow, in.target = flowJmp, rel
		case op == 0xc2 || op == 0xc3:
			in.flow = flowRet
		case op == 0xcc || op == 0xf1 || op == 0xcd && uint8(in.Imm) != 0x80:
			in.flow = flowTrap
		case op == 0xff:
			switch in.ModRM >> 3 & 7 {
			case 2:
				in.flow = flowCallInd
			case 4:
				in.flow = flowJmpInd
			case 3, 5:
				in.flow = flowStop // far transfers: no other code segment exists for a 64-bit guest
			}
		case op == 0xca || op == 0xcb || op == 0xcf || op == 0xcd:
			in.flow = flowStop
		case op == 0xc7 && in.ModRM == 0xf8: // xbegin: a transaction that always aborts is a legal outcome
			in.flow, in.target = flowStop, rel
		case op == 0x8e && (in.ModRM>>3&7 == 4 || in.ModRM>>3&7 == 5): // mov to fs or gs
			in.flow = flowStop
		}
	case 1:
		switch op := in.Op; {
		case op >= 0x80 && op <= 0x8f:
			in.flow, in.target = flowJcc, rel
		case op == 0x05:
			in.flow = flowSyscall
		case op == 0x0b || op == 0xb9 || op == 0xff:
			in.flow = flowStop
		case op == 0x34 || op == 0x35 || op == 0x07:
			in.flow = flowStop
		case op == 0xae && in.PP&4 != 0 && in.ModRM >= 0xc0 && in.ModRM>>3&7 < 4:
			in.flow = flowBase
		case op == 0xa1 || op == 0xa9: // pop fs, pop gs
			in.flow = flowStop
		}
	}
}

// liveness computes, from the end backwards, which flags are live before each instruction. Nothing asks for it when there are
// neither annotations nor calls; without annotations only what is behind calls is looked at, from there on.
//
// Flags are dead at a return, by the ABI (System V ABI for AMD64, 3.2.1), unless code behind a call is seen to read them: a trace ends
// in front of such a call, and when it is reached, the cache is emptied and returns keep the flags from then on.
func (t *Translator) liveness() error {
	tr := &t.tr
	if t.cfg.Tool == nil {
		return t.livenessOfCalls()
	}
	f := flagUse{live: arithFlags}
	reader := -1 // the first call that flags are read behind
	e := tr.insts[tr.n-1].flagEffects()
	for i := tr.n - 1; i >= 0; i-- {
		in := &tr.insts[i]
		before := isa.FlagEffects{}
		if i > 0 {
			before = tr.insts[i-1].flagEffects()
		}
		// Nobody asks what is live between a comparison and its jump, where no access is.
		compared := t.cfg.Steps && !t.clocked() && in.flow == flowJcc && before.Killed&arithFlags == arithFlags
		if i == tr.n-1 {
			if !tr.ends && !compared {
				f = t.flagsAt(tr.next)
			}
			tr.liveOut = f.live
		}
		if f.read != 0 && in.isCall() {
			reader = i
		}
		switch in.flow {
		case flowNext, flowBase:
		case flowJcc, flowLoop:
			if compared {
				f.live = arithFlags
				break
			}
			to := t.flagsAt(in.target)
			f.live |= to.live
			f.read |= to.read
		default:
			f = t.flagsFrom(in)
		}
		f.live = f.live&^e.Killed | e.Read&arithFlags
		f.read = f.read &^ e.Killed
		if in.flow != flowSyscall { // r11 gets them, but nobody looks at it
			f.read |= e.Read & arithFlags
		}
		in.live = f.live
		e = before
	}
	return t.endBefore(reader)
}

// livenessOfCalls is liveness for the instructions behind calls.
func (t *Translator) livenessOfCalls() error {
	tr := &t.tr
	if !tr.calls {
		return nil
	}
	for i := range tr.insts[:tr.n] {
		if !tr.insts[i].isCall() {
			continue
		}
		f := t.flagsBehind(i)
		if i+1 < tr.n {
			tr.insts[i+1].live = f.live
		} else {
			tr.liveOut = f.live
		}
		if f.read != 0 && !t.keepFlags {
			return t.endBefore(i)
		}
	}
	return nil
}

// flagsBehind is what becomes of flags behind instruction i of the trace, which falls through.
func (t *Translator) flagsBehind(i int) (f flagUse) {
	tr := &t.tr
	open := uint32(arithFlags)
	for i++; i < tr.n; i++ {
		in := &tr.insts[i]
		e := in.flagEffects()
		f.live |= e.Read & open
		if in.flow != flowSyscall { // r11 gets them, but nobody looks at it
			f.read |= e.Read & open
		}
		if open &^= e.Killed; open == 0 {
			return f
		}
		switch in.flow {
		case flowNext, flowBase:
			continue
		case flowJcc, flowLoop:
			f.add(t.flagsAt(in.target), open)
			continue
		}
		f.add(t.flagsFrom(in), open)
		return f
	}
	f.add(t.flagsAt(tr.next), open)
	return f
}

// isCall reports whether in is a call that returns into the trace.
func (in *inst) isCall() bool { return in.flow == flowCall || in.flow == flowCallInd }

// flagsFrom is what becomes of flags where in, which does not fall through, leads.
func (t *Translator) flagsFrom(in *inst) flagUse {
	switch in.flow {
	case flowJmp, flowCall: // behind a call the flags are the callee's
		return t.flagsAt(in.target)
	case flowRet:
		f := t.flagsReturned()
		if in.resume {
			f.live = arithFlags
		}
		return f
	}
	return flagUse{live: arithFlags}
}

// boundTo is where in leads if it is the jump of an entry of a procedure linkage table, n instructions behind its start. Flags cannot be
// handed over that way: while the word is unbound, the dynamic linker's resolver overwrites them.
func (t *Translator) boundTo(in *inst, n int) (pc uint64, ok bool) {
	if n > 1 || !in.HasMem || in.Base != amd64.RIP || in.Seg >= amd64.SegFS {
		return 0, false
	}
	addr := t.absolute(in)
	if addr&7 != 0 {
		return 0, false
	}
	return t.word(addr)
}

// endBefore ends the trace in front of call i, behind which flags are read; -1 is no call.
func (t *Translator) endBefore(i int) error {
	tr := &t.tr
	switch {
	case i < 0 || t.keepFlags:
	case i == 0:
		t.keepFlags = true
		return ErrFull
	default:
		in := &tr.insts[i]
		tr.n, tr.next, tr.liveOut, tr.ends = i, in.pc, in.live, false
	}
	return nil
}

// flagUse says what becomes of flags: those that may be read before they are overwritten, and those that surely are on some way.
type flagUse struct{ live, read uint32 }

// add joins what becomes of the flags of open on another way.
func (f *flagUse) add(g flagUse, open uint32) {
	f.live |= g.live & open
	f.read |= g.read & open
}

// flagsReturned is what becomes of flags at a return.
func (t *Translator) flagsReturned() flagUse {
	if t.keepFlags {
		return flagUse{live: arithFlags}
	}
	return flagUse{}
}

// lookAhead is how many instructions of a branch target flagsAt looks at: nearly all code overwrites the flags within them.
const lookAhead = 16

// foreseenFlags is what flagsAt has found out, in an epoch.
type foreseenFlags struct {
	pc         uint64
	epoch      uint32
	live, read uint16 // of arithFlags
}

// flagsAt is what becomes of flags in code at pc. It is remembered for a while. Only stable code is looked at for the flags that are
// live (Config.Stable), as fragments that relied on it are not found when it changes.
func (t *Translator) flagsAt(pc uint64) flagUse {
	c := &t.ahead[(pc^pc>>12)%uint64(len(t.ahead))]
	epoch := uint32(t.epoch.Load()) + 1 // never 0
	if c.pc == pc && c.epoch == epoch {
		return flagUse{uint32(c.live), uint32(c.read)}
	}
	f := flagUse{live: arithFlags}
	if err := t.catch(func() error { f = t.scanFlags(pc); return nil }); err != nil {
		f = flagUse{live: arithFlags} // code that cannot be read
	}
	if t.cfg.Stable != nil && !t.cfg.Stable(guest.Addr(pc)) {
		f.live = arithFlags
	}
	*c = foreseenFlags{pc, epoch, uint16(f.live), uint16(f.read)}
	return f
}

func (t *Translator) scanFlags(pc uint64) flagUse {
	const all = arithFlags
	if t.hooked(pc) {
		return flagUse{} // a hook stands for a function with a C interface
	}
	var live, read, killed uint32
	window := t.cfg.Fetch(guest.Addr(pc))
	in := &t.scan
	for n := 0; n < lookAhead && len(window) >= 32; n++ {
		if amd64.Decode(window, &in.Inst) != nil {
			break
		}
		in.pc = pc
		in.classify()
		e := in.Inst.FlagEffects()
		live |= e.Read & all &^ killed
		if in.flow != flowSyscall { // r11 gets them, but nobody looks at it
			read |= e.Read & all &^ killed
		}
		killed |= e.Killed
		if killed&all == all {
			return flagUse{live, read}
		}
		pc += uint64(in.Len)
		window = window[in.Len:]
		switch in.flow {
		case flowNext, flowBase:
			continue
		case flowJmp, flowCall:
			pc = in.target
			window = t.cfg.Fetch(guest.Addr(pc))
			continue
		case flowRet:
			return flagUse{live | t.flagsReturned().live&^killed, read}
		case flowJmpInd:
			if to, ok := t.boundTo(in, n); ok {
				pc, window = to, t.cfg.Fetch(guest.Addr(to))
				if len(window) > 0 && window[0] == pushImm {
					return flagUse{live, read} // to the resolver
				}
				continue
			}
		}
		break
	}
	return flagUse{live | all&^killed, read}
}

// repeats reports whether the instruction is a string instruction with a repeat prefix.
func (in *inst) repeats() bool {
	return in.Space == amd64.SpLegacy && in.Map == 0 && in.Pfx&(amd64.PfxF2|amd64.PfxF3) != 0 &&
		(in.Op >= 0x6c && in.Op <= 0x6f || in.Op >= 0xa4 && in.Op <= 0xa7 || in.Op >= 0xaa && in.Op <= 0xaf)
}

// liveAfter is the set of flags live after instruction i when control falls through.
func (tr *trace) liveAfter(i int) uint32 {
	if i+1 < tr.n {
		return tr.insts[i+1].live
	}
	return tr.liveOut
}

// index returns the instruction of the trace at guest address pc, -1 when there is none.
func (tr *trace) indexOf(pc uint64) int {
	if pc < tr.start || pc >= tr.next {
		return -1
	}
	lo, hi := 0, tr.n
	for lo < hi {
		m := (lo + hi) / 2
		if tr.insts[m].pc < pc {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo < tr.n && tr.insts[lo].pc == pc {
		return lo
	}
	return -1
}
