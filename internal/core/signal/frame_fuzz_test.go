package signal

import (
	"testing"

	"gogrind/internal/guest"
)

// Any bytes on the stack of rt_sigreturn are either taken or refused with SIGSEGV, and what is taken is a state that
// a program may have.
func FuzzSigreturn(f *testing.F) {
	size := XSaveSize(defaultFeatures())
	w := newWorld()
	w.mem.add(0x200000, make([]byte, 1<<16))
	w.main.regs.GPR[guest.RSP] = 0x210000 - 512
	x := make([]byte, size)
	act := Action{Handle, Disposition{Handler: 0x4000, Flags: SA_RESTORER, Restorer: 0x7000}}
	if err := w.main.sig.Deliver(&w.main.regs, x, NewInfo(SIGUSR1, 0), act); err != nil {
		f.Fatal(err)
	}
	sp := w.main.regs.GPR[guest.RSP]
	good := append([]byte(nil), w.mem.from(guest.Addr(sp))...)
	f.Add(good, uint64(0))
	f.Add(good[:frSize], uint64(8))
	f.Fuzz(func(t *testing.T, frame []byte, shift uint64) {
		w := newWorld()
		w.mem.add(guest.Addr(sp), frame)
		w.main.regs.GPR[guest.RSP] = sp + 8 + shift
		w.main.regs.RFlags = 0x202
		err := w.main.sig.Sigreturn(&w.main.regs, x)
		if w.main.regs.RFlags&^restoredFlags != 0x202 {
			t.Errorf("flags %#x", w.main.regs.RFlags)
		}
		if m := w.main.sig.Mask(); m&unblockable != 0 {
			t.Errorf("mask %#x", m)
		}
		if live := get64(x[offHeader:]); live&^xcr0() != 0 {
			t.Errorf("components %#x", live)
		}
		if sig, _ := next(w.main); (sig == SIGSEGV) != (err != nil) {
			t.Errorf("signal %d after %v", sig, err)
		}
	})
}
