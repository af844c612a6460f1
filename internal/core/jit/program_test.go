package jit

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/isa/amd64/synth"
)

// Layout of a random program: main at the start of its slot, functions behind it, each with its own room.
const (
	mainRoom = 0x600
	funcRoom = 0x200
	nFuncs   = 3
	progSize = mainRoom + nFuncs*funcRoom + 0x80
)

// Registers that random instructions of programs may not change: the stack pointer, the address of the window, the loop
// counter, and where an indirect branch goes.
const (
	regWindow  = 15
	regCount   = 14
	regTarget  = 13
	progSaved  = 1<<guest.RSP | 1<<regWindow | 1<<regCount | 1<<regTarget
	tableSlots = 16 // words at the start of the window's middle that hold code addresses for branches through memory
)

// program makes random programs: straight code, forward and backward branches, calls of all kinds, returns that are paired and
// returns that are not.
type program struct {
	d     *differ
	rng   *rand.Rand
	safe  []*synth.Form // forms that natively ran without a fault
	base  uint64        // guest address of the slot
	code  [progSize]byte
	pos   int
	limit int // of the part being written
	fn    int // function being written, -1 for main
	loops bool
	keep  bool // run leaves the translations
	near  bool // operands lie close to each other
}

// killFlags is test %esp, %esp. It stands where returns go that belong to no call: such a return may find the landing of another
// call in the return plane, which compares addresses with cmp if the flags are dead behind that call.
var killFlags = []byte{0x85, 0xe4}

// collect finds forms that can run in the middle of a program, by running them.
func (p *program) collect(n int) {
	d := p.d
	runs := make(map[*synth.Form]bool)
	for i := uint64(0); i < uint64(n); i++ {
		rng := rand.New(rand.NewPCG(d.seed^5, i))
		fm := d.forms[rng.IntN(len(d.forms))]
		if runs[fm] || fm.Row.Cf != amd64.CfNone || fm.Row.Attr&(amd64.AState|amd64.ARing0|amd64.AGather|amd64.AScatter) != 0 {
			continue
		}
		code := fm.Random(rng, &d.in)
		if code == nil || !d.usable() {
			continue
		}
		d.code = append(d.code[:0], code...)
		d.loc, d.off, d.pc = 0, 0x100, codeLow+0x100
		d.s.random(rng, d.pool, dataLow)
		d.target = 0
		if d.address(rng) && amd64.Decode(d.code, &d.in) == nil && int(d.in.Len) == len(d.code) && d.special(rng) {
			modes := d.modes
			d.modes = nil
			if d.run() == "" && d.want.sig == 0 {
				runs[fm] = true
				p.safe = append(p.safe, fm)
			}
			d.modes = modes
		}
	}
}

// withFrames adds a translator whose tool counts nothing, so that fragments are entered in the middle too.
func (p *program) withFrames(t testing.TB) {
	md := p.d.m.newMode(t, 3, "frames", true, definer{})
	md.cfg.Steps = true
	p.d.modes = append(p.d.modes, md)
}

func (p *program) pc() uint64 { return p.base + uint64(p.pos) }

func (p *program) room() int { return p.limit - p.pos }

func (p *program) b(x ...byte) { p.pos += copy(p.code[p.pos:], x) }

func (p *program) u32(x uint32) {
	binary.LittleEndian.PutUint32(p.code[p.pos:], x)
	p.pos += 4
}

// rel writes a rel32 to guest address a.
func (p *program) rel(a uint64) { p.u32(uint32(a - (p.pc() + 4))) }

// plain writes one random instruction that neither transfers control nor touches what must be kept.
func (p *program) plain() {
	rng := p.rng
	var in amd64.Inst
	for try := 0; try < 50; try++ {
		fm := p.safe[rng.IntN(len(p.safe))]
		code := fm.Random(rng, &in)
		if code == nil {
			continue
		}
		e := in.Effects()
		if uint64(e.Writes)&progSaved != 0 || in.Class() == isa.Div || in.Class() == isa.Stack || in.Class() == isa.Pushf ||
			fm.Row.Name() == "FNSTENV" || fm.Row.Name() == "FNSAVE" || Emulated(&in) { // moves to fs and gs leave to Go
			continue
		}
		if in.Space != amd64.SpLegacy && !in.HasMem && e.Reads.Has(amd64.GPR(guest.RSP)) {
			continue // AMD Zen 5 may read the stack pointer as it was before the last pop: vpinsrb $i, %esp, %xmm, %xmm (EVEX)
		}
		p.d.acc = in.MemAccesses(p.d.acc)
		bad := false
		for i := range p.d.acc {
			bad = bad || p.d.acc[i].Addr != amd64.AddrModRM || p.d.acc[i].Outside || p.d.acc[i].Size == 0
		}
		if bad {
			continue
		}
		if in.HasMem {
			if code = p.operand(code, &in); code == nil {
				continue
			}
		}
		p.b(code...)
		return
	}
}

// operand gives an instruction a memory operand in the window or on the stack.
func (p *program) operand(code []byte, in *amd64.Inst) []byte {
	rng := p.rng
	off := int32(rng.IntN(0x30) * 16) // in the upper half of the window
	if p.near {
		off = int32(rng.IntN(12) * 4)
	}
	if rng.IntN(4) == 0 {
		off += int32(rng.IntN(16))
	}
	win := uint64(p.d.s.win) + winSize/2
	m := amd64.Mem{Base: regWindow, Index: amd64.NoReg, Scale: 1, Disp: off}
	kind := rng.IntN(8)
	switch kind {
	case 0, 1:
		m.Base, m.Disp = amd64.RIP, 0
	case 2:
		m.Seg, m.Base, m.Disp = amd64.SegFS, amd64.NoReg, fsArea+0x200+off
	case 3:
		m.Seg, m.Base, m.Disp = amd64.SegGS, amd64.NoReg, 0x4321+winSize/2+off
	case 4:
		if p.d.readsOnly() { // return addresses stay
			m.Base, m.Disp = guest.RSP, off&0xff
		}
	}
	if in.Row.Attr&(amd64.AVsibX|amd64.AVsibY|amd64.AVsibZ) != 0 {
		return nil
	}
	out, err := amd64.ReplaceMemOperand(make([]byte, 0, 16), code, in, m)
	if err != nil {
		return nil
	}
	if kind < 2 {
		if amd64.Decode(append(out, make([]byte, 16)...), in) != nil || int(in.Len) != len(out) {
			return nil
		}
		binary.LittleEndian.PutUint32(out[in.DispOff:], uint32(win+uint64(off)-(p.pc()+uint64(len(out)))))
	}
	return out
}

// target writes movabs $a, %r13.
func (p *program) target(a uint64) {
	p.b(0x49, 0xbd)
	binary.LittleEndian.PutUint64(p.code[p.pos:], a)
	p.pos += 8
}

func (p *program) function(i int) uint64 { return p.base + mainRoom + uint64(i)*funcRoom }

// items writes up to n pieces.
func (p *program) items(n int) {
	for ; n > 0 && p.room() > 120; n-- {
		p.item()
	}
}

func (p *program) item() {
	rng := p.rng
	switch k := rng.IntN(24); {
	case k < 12:
		for i := rng.IntN(4); i >= 0 && p.room() > 100; i-- {
			p.plain()
		}
	case k < 16:
		p.forward()
	case k == 16:
		p.loop()
	case k == 17: // push, pop
		r := byte(rng.IntN(8))
		if r == guest.RSP {
			r = guest.RAX
		}
		p.b(0x50 | r)
		p.items(1)
		p.b(0x58 | r)
	case k == 18: // sub, add
		n := byte(rng.IntN(4)+1) * 16
		p.b(0x48, 0x83, 0xec, n)
		// What a return leaves below the stack pointer differs: it is not to be read.
		for k := byte(0); k < n; k += 8 {
			p.b(0x48, 0xc7, 0x44, 0x24, k) // movq $imm, k(%rsp)
			p.u32(rng.Uint32())
		}
		p.items(1)
		if rng.IntN(2) == 0 {
			p.b(0x48, 0x83, 0xc4, n)
		} else {
			p.b(0x48, 0x8d, 0x64, 0x24, n) // lea
		}
	case k == 19: // call of the next instruction, whose return never comes
		p.b(0xe8, 0, 0, 0, 0, 0x5a) // pop rdx
	case k == 20: // a return used as a jump
		p.target(0)
		at := p.pos
		p.b(0x41, 0x55, 0xc3) // push r13; ret
		binary.LittleEndian.PutUint64(p.code[at-8:], p.pc())
		p.b(killFlags...)
	case k == 21: // an indirect jump
		p.target(0)
		at := p.pos
		if rng.IntN(2) == 0 {
			p.b(0x41, 0xff, 0xe5) // jmp r13
		} else {
			p.b(0x41, 0x55, 0x48, 0x8d, 0x64, 0x24, 8) // push r13; lea 8(%rsp), %rsp
			p.b(0xff, 0x64, 0x24, 0xf8)                // jmp -8(%rsp)
		}
		for i := rng.IntN(3); i > 0; i-- {
			p.plain()
		}
		binary.LittleEndian.PutUint64(p.code[at-8:], p.pc())
	default:
		p.call()
	}
}

// forward writes a conditional branch over a few pieces.
func (p *program) forward() {
	rng := p.rng
	if rng.IntN(12) == 0 { // out of the program
		p.b(0x0f, 0x80|byte(rng.IntN(16)))
		p.rel(p.d.terms[1])
		return
	}
	start := p.pos
	short := true
	switch rng.IntN(5) {
	case 0: // jrcxz, jecxz
		if rng.IntN(3) == 0 {
			p.b(0x67)
		}
		p.b(0xe3, 0)
	case 1: // loop and kin
		p.b(0xe0+byte(rng.IntN(3)), 0)
	case 2:
		p.b(0x70|byte(rng.IntN(16)), 0)
	default:
		short = false
		p.b(0x0f, 0x80|byte(rng.IntN(16)), 0, 0, 0, 0)
	}
	at := p.pos
	for i := rng.IntN(5); i >= 0 && p.room() > 100; i-- {
		p.plain()
	}
	switch {
	case !short:
		binary.LittleEndian.PutUint32(p.code[at-4:], uint32(p.pos-at))
	case p.pos-at > 127:
		p.pos = start
	default:
		p.code[at-1] = byte(p.pos - at)
	}
}

// loop writes a loop that runs a few times.
func (p *program) loop() {
	if p.loops {
		return
	}
	p.loops = true
	p.b(0x41, 0xbe)
	p.u32(uint32(p.rng.IntN(4) + 1))
	top := p.pc()
	p.items(2)
	p.b(0x49, 0xff, 0xce, 0x0f, 0x85) // dec r14; jnz
	p.rel(top)
	p.loops = false
}

// call writes a call of a later function.
func (p *program) call() {
	rng := p.rng
	if p.fn+1 >= nFuncs || p.loops {
		return
	}
	f := p.function(p.fn + 1 + rng.IntN(nFuncs-p.fn-1))
	switch rng.IntN(4) {
	case 0:
		p.b(0xe8)
		p.rel(f)
	case 1:
		p.target(f)
		p.b(0x41, 0xff, 0xd5) // call r13
	case 2:
		p.target(f)
		p.b(0x41, 0x55, 0xff, 0x14, 0x24, 0x48, 0x83, 0xc4, 8) // push r13; call (%rsp); add $8, %rsp
	default:
		// mov r13 to the window's first words, call through rip or r15
		p.target(f)
		k := int32(rng.IntN(tableSlots)) * 8
		at := p.d.s.win + uint64(k)
		disp := int32(at - (p.d.s.win + winSize/2))
		p.b(0x4d, 0x89, 0xaf) // mov r13, disp(%r15)
		p.u32(uint32(disp))
		if rng.IntN(2) == 0 {
			p.b(0xff, 0x15)
			p.rel(at)
		} else {
			p.b(0x41, 0xff, 0x97)
			p.u32(uint32(disp))
		}
	}
}

// generate makes program number n in a slot of the given place.
func (p *program) generate(n uint64) {
	p.rng = rand.New(rand.NewPCG(p.d.seed^9, n))
	rng := p.rng
	p.place(rng.IntN(3), rng.IntN(codeSize-progSize))
	p.write()
}

// place chooses the slot.
func (p *program) place(loc, off int) {
	d := p.d
	d.loc, d.off = loc, off
	p.base = codeAt[d.loc] + uint64(d.off)
	d.s.win = dataAt[d.loc]
	d.terms[0], d.terms[1] = p.base+mainRoom-64, p.base+mainRoom-32
}

// write makes the program.
func (p *program) write() {
	d, rng := p.d, p.rng
	fill(p.code[:], 0xcc)
	for f := nFuncs - 1; f >= 0; f-- {
		p.fn, p.loops = f, true // functions do not use the loop counter: their callers may
		p.pos = mainRoom + f*funcRoom
		p.limit = p.pos + funcRoom
		p.items(1 + rng.IntN(4))
		switch rng.IntN(6) {
		case 0: // return elsewhere: behind a call of another place, here the end
			p.target(p.base + mainRoom - 72)
			p.b(0x4c, 0x89, 0x2c, 0x24) // mov r13, (%rsp)
			if rng.IntN(3) > 0 {
				p.b(0xc3)
			} else {
				p.b(0xc2, byte(rng.IntN(3)*8), 0)
			}
		case 1: // with an operand that drops what the call pushed: pop it back
			p.b(0x41, 0x5b, 0x41, 0x53, 0x41, 0x53, 0xc2, 8, 0) // pop r11; push r11; push r11; ret 8
		default:
			if rng.IntN(8) == 0 {
				p.b(0xf3)
			}
			p.b(0xc3)
		}
	}
	p.pos = mainRoom - 72
	p.b(killFlags...)
	p.b(0xe9)
	p.rel(d.terms[1])
	p.fn, p.loops, p.pos, p.limit = -1, false, 0, mainRoom-72-8
	p.items(3 + rng.IntN(30))
	p.b(0xe9)
	p.rel(d.terms[0])
}

// state makes the state that a program starts from.
func (p *program) state(rng *rand.Rand) {
	s := &p.d.s
	s.random(rng, p.d.pool, s.win)
	s.gpr[regWindow] = s.win + winSize/2
}

// load puts the program, and what ends it, where it runs.
func (p *program) load() {
	d := p.d
	d.m.code(d.loc, d.off, p.code[:])
	for i := range d.terms {
		d.m.terminator(d.loc, int(d.terms[i]-codeAt[d.loc]), i)
	}
}

// native runs the program untranslated, from the state in d.s. d.want is the result.
func (p *program) native() (stop, error) {
	d, m, s := p.d, p.d.m, &p.d.s
	fsBase := uint64(m.a.Addr())
	s.restore(fsBase)
	s.load(m.a, fsBase)
	end, err := m.native(p.base, s.gsBase, d.terms)
	if err != nil {
		return end, err
	}
	d.want.stop = end
	d.want.take(m.a, s, fsBase)
	d.want.hide(s, stackBase, int(d.want.gpr[guest.RSP]-stackBase))
	return end, nil
}

// run runs the program several times in all modes.
func (p *program) run(n uint64) string {
	d := p.d
	p.load()
	slot := guest.Range{Start: guest.Addr(p.base), End: guest.Addr(p.base + progSize)}
	if !p.keep {
		defer func() {
			for _, md := range d.modes {
				md.Discard(slot)
			}
		}()
	}
	rng := rand.New(rand.NewPCG(d.seed^11, n))
	for round := 0; round < 3; round++ {
		p.state(rng)
		end, err := p.native()
		if err != nil {
			return err.Error()
		}
		d.cases++
		if end.sig != 0 {
			d.faults++
		}
		for _, md := range d.modes {
			if msg := p.compare(md); msg != "" {
				return fmt.Sprintf("%s, round %d: %s", md.name, round, msg)
			}
		}
	}
	return ""
}

func (p *program) compare(md *mode) string {
	d, m, s := p.d, p.d.m, &p.d.s
	fsBase := uint64(m.a.Addr())
	s.restore(fsBase)
	s.load(m.b, fsBase)
	gs := fsBase
	if md.shadow {
		gs = guest.ShadowDistance
		d.poison = poison{}
		d.defineShadow()
	}
	refused := md.refused
	d.ev.checks = d.ev.checks[:0]
	end, err := m.translated(md, p.base, gs, &d.ev)
	if err == ErrFull {
		m.clearPlanes()
		md.Flush()
		return p.compare(md)
	}
	if err != nil {
		return err.Error()
	}
	if md.refused != refused {
		return ""
	}
	return p.differs(end)
}

// differs describes how the result of a translated run, which has ended with end, differs from d.want.
func (p *program) differs(end stop) string {
	d, s := p.d, &p.d.s
	d.got.stop = end
	d.got.take(d.m.b, s, uint64(d.m.a.Addr()))
	d.got.hide(s, stackBase, int(d.want.gpr[guest.RSP]-stackBase))
	if end.sig != 0 {
		// Flags that nothing reads any more are not kept: annotations and landings of calls use them.
		d.got.flags = d.got.flags&^arithFlags | d.want.flags&arithFlags
	}
	return d.want.diff(&d.got, s)
}

// minimise replaces instructions with no-ops as long as the program still differs, and returns what is left.
func (p *program) minimise(n uint64) string {
	var in amd64.Inst
	parts := []struct{ at, end int }{{0, mainRoom - 72}}
	for f := 0; f < nFuncs; f++ {
		parts = append(parts, struct{ at, end int }{mainRoom + f*funcRoom, mainRoom + (f+1)*funcRoom})
	}
	for _, part := range parts {
		for at := part.at; at < part.end && p.code[at] != 0xcc && amd64.Decode(p.code[at:], &in) == nil; at += int(in.Len) {
			e := in.Effects()
			if uint64(e.Writes)&progSaved != 0 || in.Row.Cf > amd64.CfJcc || p.code[at] == killFlags[0] || p.code[at] == 0x4d {
				continue // without it the program might never end, or go anywhere
			}
			saved := p.code
			fill(p.code[at:at+int(in.Len)], 0x90)
			if p.run(n) == "" {
				p.code = saved
			}
			amd64.Decode(saved[at:], &in)
		}
	}
	var b strings.Builder
	for _, part := range parts {
		for at := part.at; at < part.end && p.code[at] != 0xcc && amd64.Decode(p.code[at:], &in) == nil; at += int(in.Len) {
			if p.code[at] != 0x90 {
				fmt.Fprintf(&b, "  %#x %s %x\n", p.base+uint64(at), in.Mnem(), p.code[at:at+int(in.Len)])
			}
		}
	}
	return p.run(n) + b.String()
}

// TestPrograms is the differential test of random programs of up to some hundred instructions, each run several times: once
// untranslated and then along the links and look-ups that the first run made.
func TestPrograms(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	p := &program{d: d}
	p.collect(6000)
	p.withFrames(t)
	want := casesWanted(t, 15_000)
	start, differences := time.Now(), 0
	d.cases, d.faults = 0, 0
	for n := firstCase(t); d.cases < want; n++ {
		p.generate(n)
		if msg := p.run(n); msg != "" {
			if differences++; differences < 10 {
				t.Errorf("program %d of seed %d at %#x: %s\nminimised:\n%s", n, d.seed, p.base, msg, p.minimise(n))
			}
		}
	}
	var st []Stats
	for _, md := range d.modes {
		st = append(st, md.Stats())
	}
	t.Logf("%d runs in %v, %d safe forms, %d ended in a fault, %d differences, %+v", d.cases, time.Since(start).Round(time.Second),
		len(p.safe), d.faults, differences, st)
}
