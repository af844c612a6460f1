package jit

import (
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// What an instruction releases of the stack is undefined at once, the red zone below the new stack pointer as well, for hardly any code
// looks at it again. Hand-written code does: libffi moves the stack pointer above what it has saved there, and then loads it. Such code
// is found by a look at what follows. It keeps its red zone until the function returns, as functions do that store to it.

// belowAhead is how many instructions are looked at: whoever saves registers loads them at once.
const belowAhead = 8

// readsBelow reports whether the code behind instruction i, which has released stack memory, accesses the red zone below the stack
// pointer that i leaves, or takes an address in it.
func (t *Translator) readsBelow(i int) bool {
	base, disp := stackSource(&t.tr.insts[i])
	below := func(off int64) bool { return off < 0 && off >= -redZone }
	sp := int64(0) // how far the stack pointer has moved since
	next := &t.tr.insts[i]
	var window []byte
	for n := 1; n <= belowAhead; n++ {
		if next.flow != flowNext && next.flow != flowJcc {
			return false
		}
		pc := next.pc + uint64(next.Len)
		switch {
		case i+n < t.tr.n:
			next = &t.tr.insts[i+n]
		case t.decodeAhead(pc, &window):
			next = &t.scan
		default:
			return false
		}
		moves := next.writesGPR(guest.RSP)
		if next.HasMem && next.Index == amd64.NoReg && next.Seg < amd64.SegFS && !(next.Row.Sem == isa.Lea && moves) {
			if next.Base == guest.RSP && below(sp+next.Disp) || base != guest.RSP && next.Base == base && below(next.Disp-disp) {
				return true
			}
		}
		if moves {
			delta, known := stackDelta(next)
			if !known {
				return false
			}
			sp += int64(delta)
		}
		if next.writesGPR(base) {
			base = guest.RSP
		}
	}
	return false
}

// decodeAhead decodes the instruction at pc into t.scan. window is code there, if any has been fetched.
func (t *Translator) decodeAhead(pc uint64, window *[]byte) bool {
	ok := false
	err := t.catch(func() error {
		code := *window
		if len(code) < 32 {
			code = t.cfg.Fetch(guest.Addr(pc))
		}
		if len(code) < 32 || amd64.Decode(code, &t.scan.Inst) != nil {
			return nil
		}
		t.scan.pc, t.scan.known, ok = pc, false, true
		t.scan.classify()
		*window = code[t.scan.Len:]
		return nil
	})
	return ok && err == nil
}

// stackSource is the register that the stack pointer comes from, if in copies or computes it with a constant.
func stackSource(in *inst) (base uint8, disp int64) {
	if in.Space != amd64.SpLegacy || in.Map != 0 || in.W != 1 {
		return guest.RSP, 0
	}
	reg := in.ModRM >> 3 & 7
	switch {
	case in.Op == 0x8d && reg == rsp && in.Rex&4 == 0 && in.Index == amd64.NoReg && in.Base != amd64.NoReg && in.ASize == 8:
		return in.Base, in.Disp
	case in.Op == 0x8b && in.ModRM >= 0xc0 && reg == rsp && in.Rex&4 == 0:
		return in.ModRM&7 | in.Rex&1<<3, 0
	case in.Op == 0x89 && in.ModRM >= 0xc0 && in.ModRM&7 == rsp && in.Rex&1 == 0:
		return reg | in.Rex&4<<1, 0
	}
	return guest.RSP, 0
}

// keepBelow emits what release does when the red zone below the stack pointer is kept: mark marks what lies below the stack pointer,
// which is that of the red zone's end while it does.
func (t *Translator) keepBelow(mark func()) {
	a := &t.hot
	a.lea(rsp, at(rsp, -redZone))
	a.store(slot(vcpu.OffRedZone), rsp)
	mark()
	a.lea(rsp, at(rsp, redZone))
}
