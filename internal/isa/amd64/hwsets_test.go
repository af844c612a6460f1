package amd64

import (
	"strings"

	"gogrind/internal/isa"
)

// hwSets says which bits of a state an instruction may read and write, from Operands, narrowed by Effects.
type hwSets struct {
	readG, writeG   [16]uint64 // bits
	readZ, writeZ   [32]uint64 // a bit for each byte
	readK, writeK   [8]bool
	readMM, writeMM [8]bool
	x87             bool
	load, store     bool
	eff             isa.Effects
}

func maskBytes(w uint16) uint64 {
	if w >= 64 {
		return ^uint64(0)
	}
	return 1<<w - 1
}

func maskBits(w uint16) uint64 {
	if w >= 8 {
		return ^uint64(0)
	}
	return 1<<(8*w) - 1
}

func setsOf(in *Inst) (s hwSets) {
	clears := in.Space != SpLegacy && in.Space != Sp3DNow // vector writes clear the rest of the register
	for _, o := range in.Operands(nil) {
		wr := o.Acc&AccW != 0
		rd := o.Acc&AccR != 0 || wr && o.Acc&(AccCond|AccCW) != 0
		switch o.Class {
		case CGPR, CGPRH:
			if o.Kind != OpReg {
				break
			}
			n, m := o.Num, maskBits(o.Width)
			if o.Class == CGPRH {
				n, m = n-4, 0xff00
			}
			if rd {
				s.readG[n] |= m
			}
			if wr {
				if o.Width == 4 {
					m = ^uint64(0)
				}
				s.writeG[n] |= m
			}
		case CVec:
			m := maskBytes(o.Width)
			if o.Hi {
				m = 0xff00
			}
			if rd {
				s.readZ[o.Num] |= m
			}
			if wr {
				if clears {
					m = ^uint64(0)
				}
				s.writeZ[o.Num] |= m
			}
		case CK:
			s.readK[o.Num] = s.readK[o.Num] || rd
			s.writeK[o.Num] = s.writeK[o.Num] || wr
			if o.Loc == LKP && wr {
				s.writeK[o.Num|1] = true
			}
		case CMMX:
			s.readMM[o.Num] = s.readMM[o.Num] || rd
			s.writeMM[o.Num] = s.writeMM[o.Num] || wr
		case CST:
			s.x87 = true
		case CMisc:
			s.x87 = s.x87 || o.Num >= MiscX87Status && o.Num <= MiscX87Pop2
		}
	}
	for _, a := range in.MemAccesses(nil) {
		s.load = s.load || a.Kind&isa.Load != 0
		s.store = s.store || a.Kind&isa.Store != 0
	}
	if in.Row.Attr&AVZero != 0 {
		for i := range 16 {
			s.writeZ[i] = ^uint64(0xffff)
			if in.L == 1 {
				s.writeZ[i] = ^uint64(0)
			}
		}
	}
	// What Effects adds: address and implicit registers are read in full.
	s.eff = in.Effects()
	for i := range 16 {
		r := GPR(uint8(i))
		switch {
		case !s.eff.Reads.Has(r):
			s.readG[i] = 0
		case s.readG[i] == 0 && s.writeG[i] == 0:
			s.readG[i] = ^uint64(0)
		}
		if in.HasMem && (in.Base == uint8(i) || in.Index == uint8(i) && in.Row.Attr&AVsibX == 0) || in.implicit(r) {
			s.readG[i] = ^uint64(0)
		}
		if s.eff.Writes.Has(r) && s.writeG[i] == 0 {
			s.writeG[i] = ^uint64(0) // stack pointer
		}
	}
	for i := range 32 {
		if !s.eff.Reads.Has(Vec(uint8(i))) {
			s.readZ[i] = 0
		}
	}
	if in.HasMem && in.Row.Attr&AVsibX != 0 {
		s.readZ[in.Index] = ^uint64(0)
	}
	return s
}

// implicit reports whether r addresses an implicit memory operand.
func (in *Inst) implicit(r isa.RegSet) bool {
	for _, d := range in.Row.operands() {
		switch d.Loc {
		case LImem:
			if in.implicitRegs(d.Arg).Has(r) {
				return true
			}
		case LPush, LPop:
			if r == GPR(rsp) {
				return true
			}
		}
	}
	return false
}

// hwSkip are instructions that hw cannot run: they leave the state it controls, enter the kernel, change what the
// process needs, or give a different result each time.
var hwSkip = func() map[string]bool {
	m := map[string]bool{}
	for _, s := range strings.Fields(`SYSCALL SYSENTER INT INT3 INT1 IRET IRETD IRETQ WRFSBASE WRGSBASE WRPKRU XRSTOR
		XRSTOR64 XRSTORS XRSTORS64 LFS LGS LSS MOV_CR MOV_DR HLT UMWAIT TPAUSE UMONITOR MWAIT MWAITX MONITORX POPF
		POPFQ XBEGIN XEND XABORT RDTSC RDTSCP RDPMC RDRAND RDSEED RDPRU RDPID CPUID CLUI STUI UIRET SENDUIPI VMMCALL
		RET_FAR CALL_FAR JMP_FAR FXRSTOR FXRSTOR64 ENQCMD XGETBV SLDT STR SMSW SGDT SIDT LSL LAR VERR VERW RDFSBASE
		RDGSBASE INCSSPD INCSSPQ SAVEPREVSSP RSTORSSP SETSSBSY CLRSSBSY XSAVE XSAVE64 XSAVEC XSAVEC64 XSAVEOPT
		XSAVEOPT64 XSAVES XSAVES64 FXSAVE FXSAVE64 CLFLUSH CLFLUSHOPT CLWB GETSEC SWAPGS SYSRET SYSRET64 SYSEXIT
		INSB INSW INSD OUTSB OUTSW OUTSD REP_INSB REP_INSW REP_INSD REP_OUTSB REP_OUTSW REP_OUTSD IN OUT`) {
		m[s] = true
	}
	return m
}()

// skipped reports whether hw must not run in.
func skipped(in *Inst) bool {
	if hwSkip[in.Mnem()] || in.Row.Attr&ARing0 != 0 {
		return true
	}
	for _, o := range in.Operands(nil) {
		if o.Class == CSeg && o.Acc&AccW != 0 || o.Class == CMisc && (o.Num == MiscFS || o.Num == MiscGS) {
			return true
		}
	}
	return false
}
