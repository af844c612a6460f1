package vbits

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/isa/amd64/synth"
)

// leftOut names the instructions that the oracle does not run, by reason.
var leftOut = map[string]string{
	"results differ from run to run":                        "RDTSC RDTSCP RDPMC RDPRU RDPID RDRAND RDSEED CPUID XGETBV",
	"enters the kernel or the hypervisor":                   "SYSCALL SYSENTER INT INT3 INT1 VMCALL VMMCALL VMFUNC",
	"far transfers":                                         "CALL_FAR JMP_FAR RET_FAR IRET IRETD IRETQ UIRET",
	"changes segment registers or bases":                    "LFS LGS LSS WRFSBASE WRGSBASE",
	"changes what memory is accessible":                     "WRPKRU ENQCMD",
	"transactions: always aborted":                          "XBEGIN XEND XABORT XTEST",
	"waits":                                                 "UMWAIT TPAUSE UMONITOR MWAITX MONITORX MWAIT MONITOR HLT",
	"kernel emulates it and logs":                           "SGDT SIDT SLDT SMSW STR LSL LAR VERR VERW",
	"larger than the memory, or loads modes: see TestState": "XRSTORS XRSTORS64 XRSTOR XRSTOR64 XSAVE XSAVE64 XSAVEC XSAVEC64 XSAVEOPT XSAVEOPT64 XSAVES XSAVES64 FXRSTOR FXRSTOR64 FLDENV FRSTOR",
	"sets trap and alignment flags":                         "POPF POPFQ",
	"loads modes that make later instructions trap":         "LDMXCSR VLDMXCSR FLDCW",
}

var skipped = func() map[string]bool {
	m := make(map[string]bool)
	for _, names := range leftOut {
		for _, n := range strings.Fields(names) {
			m[n] = true
		}
	}
	return m
}()

// oracle compares V bits after single instructions with what the processor does when undefined bits take other values.
type oracle struct {
	locks bool // half of the instructions that may be locked are
	n     *native
	m     Machine
	seed  uint64
	forms []*synth.Form
	few   bool // at most 6 undefined bits, all choices of which are run

	in      amd64.Inst
	code    []byte
	pc      uint64
	pcs     uint64
	target  uint64
	acc     []amd64.Access
	mems    []guest.Range // what the instruction may access
	start   record        // values before
	v       record        // V bits before
	after   record        // V bits after, by the rules
	base    record        // values after
	other   record
	changed record // bits of base that other choices change
	decided uint16 // conditions, by number, that other choices change
	ctl     control
	regs    guest.Regs
	flipped int // runs
	counts  [isa.NumClasses]classCount
}

// classCount is what precision looks like for a class.
type classCount struct {
	cases, undefined, never int
	uses, noUse             int // conditions reported, and those that no choice decided otherwise
	row                     map[string]int
}

func newOracle(t testing.TB, seed uint64) *oracle {
	o := &oracle{n: newNative(t), seed: seed}
	for _, f := range synth.Forms() {
		if !skipped[f.Row.Name()] && f.Row.Attr&amd64.ARing0 == 0 && f.Row.Sem != isa.Priv {
			o.forms = append(o.forms, f)
		}
	}
	return o
}

// Values of Machine.Step.

func (o *oracle) Regs() *guest.Regs         { return &o.regs }
func (o *oracle) Vec(n uint8, v *[8]uint64) { copy(v[:], o.start[recVec+8*int(n):]) }
func (o *oracle) Mask(n uint8) uint64       { return o.start[recMask+int(n)] }
func (o *oracle) ST(n uint8, v *[2]uint64)  { copy(v[:], o.start[recST+2*int(n):]) }
func (o *oracle) FPSW() uint16              { return uint16(o.start[recFPSW]) }
func (o *oracle) FPCW() uint16              { return o.ctl.fcw }
func (o *oracle) FPTW() uint8               { return o.ctl.ftw }
func (o *oracle) Component(i int) int       { return vcpu.ComponentOffset(i) }

// Memory of Machine.Step. V bits are changed in after.

func (o *oracle) Load(p []byte, a guest.Addr) {
	for i := range p {
		p[i] = o.start.byte(a + guest.Addr(i))
	}
}

func (o *oracle) LoadV(p []byte, a guest.Addr) {
	for i := range p {
		p[i] = o.after.byte(a + guest.Addr(i))
	}
}

func (o *oracle) StoreV(p []byte, a guest.Addr, _ uint32) {
	for i := range p {
		o.after.setByte(a+guest.Addr(i), p[i])
	}
}

func (o *oracle) Origin(guest.Addr, int) uint32 { return 7 }

// generate makes case n; not every number has one.
func (o *oracle) generate(n uint64, forms []*synth.Form) bool {
	rng := rand.New(rand.NewPCG(o.seed, n))
	fm := forms[rng.IntN(len(forms))]
	code := fm.Random(rng, &o.in)
	if code == nil || !o.usable() {
		return false
	}
	o.code = append(o.code[:0], code...)
	if o.locks && n%2 == 0 && o.in.Space == amd64.SpLegacy && o.in.HasMem && o.in.Row.Attr&amd64.ALock != 0 {
		o.code = slices.Insert(o.code, 0, 0xf0)
		if amd64.Decode(o.code, &o.in) != nil || o.in.Row != fm.Row {
			return false
		}
	}
	o.start.randomize(rng, &o.ctl)
	o.pcs = (o.pcs + 0x80) % (codeSize - 0x100) // code that changes costs the processor less when it does so elsewhere
	o.pc = codeBase + o.pcs
	if !o.address(rng) || !o.control(rng) {
		return false
	}
	// Operands have been changed: decode again.
	if amd64.Decode(o.code, &o.in) != nil || int(o.in.Len) != len(o.code) || o.in.Row != fm.Row {
		return false
	}
	o.taint(rng)
	return true
}

func (o *oracle) usable() bool {
	in := &o.in
	if in.Seg == amd64.SegFS {
		return false // the context is there
	}
	if in.Space != amd64.SpLegacy {
		return true
	}
	if in.Row.Cf != amd64.CfNone && in.Pfx&amd64.Pfx66 != 0 {
		return false // near branches with 66: vendors differ
	}
	switch {
	case in.Map == 0 && in.Op == 0x8e, in.Map == 1 && (in.Op == 0xa1 || in.Op == 0xa9): // loads of segment registers
		return false
	}
	return true
}

// pick chooses an address for an operand of size bytes.
func (o *oracle) pick(rng *rand.Rand, size int) uint64 {
	a := uint64(dataBase + 0x700 + rng.IntN(4)*64)
	if o.in.Row.Attr&amd64.AAlign == 0 && rng.IntN(3) == 0 {
		a += uint64(rng.IntN(64))
	}
	o.mems = append(o.mems, guest.Range{Start: guest.Addr(a), End: guest.Addr(a) + guest.Addr(max(size, 1))})
	return a
}

// address chooses where memory operands are and sets registers and displacements accordingly.
func (o *oracle) address(rng *rand.Rand) bool {
	in, g := &o.in, o.start[recGPR:]
	o.acc = in.MemAccesses(o.acc)
	o.mems = o.mems[:0]
	size := 1
	seg := uint64(0)
	if in.Seg == amd64.SegGS {
		seg = gsBase
	}
	rounds := 1
	if in.Class() == isa.StrMovs || in.Class() == isa.StrCmps {
		n := rng.IntN(20)
		g[guest.RCX] = uint64(n)
		rounds = 20
	}
	for i := range o.acc {
		a := &o.acc[i]
		n := int(a.Size) * rounds
		size = max(size, n)
		switch a.Addr {
		case amd64.AddrRSI:
			g[guest.RSI] = o.pick(rng, n) - seg
		case amd64.AddrRDI:
			g[guest.RDI] = o.pick(rng, n)
			if in.Row.Sem == isa.VMaskmov {
				g[guest.RDI] -= seg
			}
		case amd64.AddrRAX:
			g[guest.RAX] = o.pick(rng, 64) - seg
		case amd64.AddrXlat:
			g[guest.RBX] = o.pick(rng, 256) - g[guest.RAX]&255 - seg
		case amd64.AddrRBP:
			g[guest.RBP] = stackBase + stackSize/2 + uint64(rng.IntN(8)*8)
			o.mems = append(o.mems, guest.Range{Start: guest.Addr(g[guest.RBP]), End: guest.Addr(g[guest.RBP] + 8)})
		case amd64.AddrPop:
			o.mems = append(o.mems, guest.Range{Start: guest.Addr(g[guest.RSP]), End: guest.Addr(g[guest.RSP] + 8)})
		case amd64.AddrReg:
			g[a.Reg] = o.pick(rng, 64) &^ 63
		}
	}
	if in.Row.Imm == amd64.IwIb { // enter
		g[guest.RBP] = stackBase + stackSize/2 + uint64(rng.IntN(8)*8)
	}
	if !in.HasMem {
		return true
	}
	if in.Class() == isa.Bt && in.ImmLen == 0 {
		r := in.ModRM>>3&7 | in.Rex<<1&8
		if r == in.Base || r == in.Index {
			return false // an address as bit number reaches anything
		}
		g[r] = uint64(rng.IntN(1024)) - 512
	}
	return o.setEA(rng, o.pick(rng, size)-seg)
}

// setEA makes off the offset of the operand, as far as its form can express it.
func (o *oracle) setEA(rng *rand.Rand, off uint64) bool {
	in, g := &o.in, o.start[recGPR:]
	disp := uint64(in.Disp)
	put := func(x uint64) bool { // a new displacement
		if in.DispLen != 4 {
			return false
		}
		binary.LittleEndian.PutUint32(o.code[in.DispOff:], uint32(x))
		return in.ASize == 4 && x <= 0xffffffff || int64(int32(x)) == int64(x)
	}
	switch {
	case in.Row.Imm == amd64.IO:
		for i := 0; i < int(in.DispLen); i++ {
			o.code[int(in.DispOff)+i] = byte(off >> (8 * i))
		}
		return true
	case in.Base == amd64.RIP:
		return put(off - (o.pc + uint64(len(o.code))))
	}
	if in.DispLen == 4 && in.Base < 16 && rng.IntN(4) > 0 {
		disp = uint64(int64(rng.IntN(0x800) - 0x400))
		binary.LittleEndian.PutUint32(o.code[in.DispOff:], uint32(disp))
	}
	vsib := in.Row.Attr&(amd64.AVsibX|amd64.AVsibY|amd64.AVsibZ) != 0
	if vsib {
		o.vsib(rng)
	}
	hasIndex := in.Index != amd64.NoReg && !vsib
	switch {
	case in.Base < 16 && hasIndex && in.Base == in.Index:
		g[in.Base] = (off - disp) / (uint64(in.Scale) + 1)
	case in.Base < 16 && hasIndex:
		x := uint64(rng.IntN(64)) - 16
		g[in.Index] = x
		g[in.Base] = off - disp - x*uint64(in.Scale)
	case in.Base < 16:
		g[in.Base] = off - disp
	case hasIndex:
		g[in.Index] = (off - disp) / uint64(in.Scale)
	default:
		return put(off)
	}
	return true
}

// vsib puts small indices into the vector register that has them.
func (o *oracle) vsib(rng *rand.Rand) {
	v := o.start[recVec+8*int(o.in.Index):][:8]
	for i := range v {
		x := uint64(int64(rng.IntN(0x60) - 0x20))
		if o.in.Op&1 == 0 {
			x = x&0xffffffff | uint64(int64(rng.IntN(0x60)-0x20))<<32
		}
		v[i] = x
	}
	base := guest.Addr(dataBase)
	o.mems = append(o.mems[:0], guest.Range{Start: base + 0x400, End: base + 0xc00})
}

// control sets the target of a control transfer: the second end.
func (o *oracle) control(rng *rand.Rand) bool {
	in, g := &o.in, o.start[recGPR:]
	o.target = 0
	target := o.pc + 64
	switch {
	case in.Row.Imm == amd64.IJb || in.Row.Imm == amd64.IJz:
		o.target = target
		rel := target - (o.pc + uint64(in.Len))
		for i := 0; i < int(in.ImmLen); i++ {
			o.code[int(in.ImmOff)+i] = byte(rel >> (8 * i))
		}
	case in.Row.Cf == amd64.CfRet:
		o.target = target
		o.start.put(guest.Addr(g[guest.RSP]), target, 8)
	case in.Row.Cf == amd64.CfCall || in.Row.Cf == amd64.CfJmp:
		o.target = target
		if in.HasMem {
			o.start.put(o.ea(), target, 8)
		} else {
			g[in.ModRM&7|in.Rex<<3&8] = target
		}
	}
	if in.Op&^3 == 0xe0 && in.Row.Imm == amd64.IJb {
		g[guest.RCX] = uint64(rng.IntN(3))
	}
	return true
}

// ea is the address of the ModRM operand.
func (o *oracle) ea() guest.Addr {
	var in amd64.Inst
	if amd64.Decode(o.code, &in) != nil {
		return 0
	}
	return guest.Addr(in.Address((*[16]uint64)(o.start[recGPR:]), o.pc, 0, gsBase))
}

// taint makes bits undefined.
func (o *oracle) taint(rng *rand.Rand) {
	in := &o.in
	clear(o.v[:])
	e := in.Effects()
	addr := o.addressRegs()
	budget := 6
	if !o.few {
		budget = 1 << 30
	}
	// pattern makes up to budget bits of the words from i on undefined, in the lowest n bytes.
	pattern := func(i, n int) {
		for n > 0 && budget > 0 {
			v := rng.Uint64()
			switch u := v >> 58; {
			case o.few:
				v = 1 << (v & 63)
				for range rng.IntN(3) {
					v |= 1 << rng.IntN(64)
				}
				if rng.IntN(3) > 0 {
					v = v&0xff | v>>8&0xff // few bits: where they matter most
				}
			case u < 6:
				v = ^uint64(0)
			case u < 14:
				v = 1 << (v & 63)
			case u < 20:
				v = 0xff << (v & 56)
			case u < 24:
				v = 0xf
			case u < 28:
				v = 0xffffffff << (v & 32)
			case u < 34:
				v = 0
			case u < 40:
				v &= rng.Uint64() & rng.Uint64()
			case u < 44:
				v = 0x8080808080808080
			case u < 48:
				v = ^uint64(0) << (v & 63)
			case u < 52:
				v = 1<<(v&63) - 1
			}
			if n < 8 {
				v &= ones(n)
			}
			for b := v; o.few && b != 0; b &= b - 1 {
				if budget--; budget < 0 {
					v &^= b & -b
				}
			}
			o.v[i] |= v
			i, n = i+1, n-8
			if o.few && rng.IntN(3) > 0 {
				i, n = i+n/16, n-n/16*8
			}
		}
	}
	for _, k := range rng.Perm(8) {
		switch k {
		case 0:
			for n := range 16 {
				r := amd64.GPR(uint8(n))
				chance := 24
				if (e.Reads | e.Writes).Has(r) {
					chance = 2
				}
				if addr.Has(r) {
					chance = 40
				}
				if rng.IntN(chance) == 0 && (r != amd64.GPR(guest.RSP) || !addr.Has(r)) {
					pattern(recGPR+n, 8)
				}
			}
		case 1:
			for n := range 32 {
				r := amd64.Vec(uint8(n))
				chance := 60
				if (e.Reads | e.Writes).Has(r) {
					chance = 2
				}
				if addr.Has(r) {
					chance = 8
				}
				if rng.IntN(chance) == 0 {
					pattern(recVec+8*n, 64)
				}
			}
		case 2:
			for n := range 8 {
				chance := 24
				if (e.Reads | e.Writes).Has(amd64.KReg(uint8(n))) {
					chance = 2
				}
				if rng.IntN(chance) == 0 {
					pattern(recMask+n, 8)
				}
			}
		case 3:
			if rng.IntN(2) == 0 {
				for f := uint64(1); f <= flagO; f <<= 1 {
					if f&flagsArith != 0 && rng.IntN(3) == 0 && budget > 0 {
						budget--
						o.v[recFlags] |= f
					}
				}
			}
		case 4:
			if e.Reads.Has(amd64.SetX87) || rng.IntN(16) == 0 {
				for n := range 8 {
					if rng.IntN(3) == 0 {
						pattern(recST+2*n, 8)
						if rng.IntN(2) == 0 && !o.few {
							pattern(recST+2*n+1, 2)
						}
					}
				}
				if rng.IntN(4) == 0 && budget > 4 {
					v := rng.Uint64() & x87Conditions
					o.v[recFPSW] = v
					budget -= 4
				}
			}
		case 5, 6:
			for _, r := range o.mems {
				if rng.IntN(2) == 0 {
					if i, ok := word(r.Start); ok {
						pattern(i, int((r.End-1)&^7-r.Start&^7+8))
					}
				}
			}
		case 7:
			if rng.IntN(8) == 0 {
				pattern(recMem+rng.IntN(dataSize/8), 8)
				pattern(recStack+rng.IntN(stackSize/8), 8)
			}
		}
	}
}

// addressRegs are the registers that form addresses.
func (o *oracle) addressRegs() (s isa.RegSet) {
	in := &o.in
	if in.HasMem && in.Class() != isa.Lea {
		if in.Base < 16 {
			s |= amd64.GPR(in.Base)
		}
		if in.Index != amd64.NoReg {
			if in.Row.Attr&(amd64.AVsibX|amd64.AVsibY|amd64.AVsibZ) != 0 {
				s |= amd64.Vec(in.Index)
			} else {
				s |= amd64.GPR(in.Index)
			}
		}
	}
	for i := range o.acc {
		switch a := &o.acc[i]; a.Addr {
		case amd64.AddrRSI:
			s |= amd64.GPR(guest.RSI)
		case amd64.AddrRDI:
			s |= amd64.GPR(guest.RDI)
		case amd64.AddrRAX:
			s |= amd64.GPR(guest.RAX)
		case amd64.AddrXlat:
			s |= amd64.GPR(guest.RBX) | amd64.GPR(guest.RAX)
		case amd64.AddrRBP:
			s |= amd64.GPR(guest.RBP)
		case amd64.AddrReg:
			s |= amd64.GPR(a.Reg)
		case amd64.AddrPush, amd64.AddrPop:
			s |= amd64.GPR(guest.RSP)
		}
		if o.acc[i].Outside {
			s |= amd64.GPR(in.ModRM>>3&7 | in.Rex<<1&8)
		}
	}
	if in.Row.Cf == amd64.CfJmp || in.Row.Cf == amd64.CfCall {
		s |= amd64.GPR(in.ModRM&7 | in.Rex<<3&8)
	}
	if c := in.Class(); c == isa.StrMovs || c == isa.StrCmps {
		s |= amd64.GPR(guest.RCX)
	}
	return s
}

func (o *oracle) describe(n uint64) string {
	return fmt.Sprintf("case %d of seed %d: %s %s %x", n, o.seed, o.in.Class(), o.in.Mnem(), o.code)
}

// install puts the instruction and the ends of runs into memory.
func (o *oracle) install() {
	copy(bytesAt(o.pc, len(o.code)), o.code)
	o.n.end(o.pc+uint64(len(o.code)), 0)
	if o.target != 0 {
		o.n.end(o.target, 1)
	}
	o.regs = guest.Regs{RIP: o.pc, RFlags: o.start[recFlags] | 0x202, FSBase: uint64(o.n.c.Addr()), GSBase: gsBase}
	copy(o.regs.GPR[:], o.start[recGPR:])
}
