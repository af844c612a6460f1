package signal

import (
	"errors"
	"math/rand"
	"testing"
	"time"

	"gogrind/internal/guest"
)

func (w *world) thread(id int) *fakeThread {
	t := &fakeThread{id: id}
	t.sig = w.main.sig.Clone(t)
	if _, set := w.host.masks[t.sig]; set {
		panic("a thread that is not ready for signals has let them through")
	}
	w.host.SetMask(t.sig, t.sig.Mask()) // as a thread does when it is ready
	return t
}

// next is Next's signal, 0 when there is none.
func next(t *fakeThread) (int, Kind) {
	info, act, ok := t.sig.Next()
	if !ok {
		return 0, 0
	}
	return info.Signo(), act.Kind
}

func TestNextOrder(t *testing.T) {
	w := newWorld()
	for sig := 1; sig <= NSIG; sig++ {
		if !unblockable.Has(sig) {
			w.handle(sig, 0x4000, 0, 0)
		}
	}
	th := w.main.sig
	th.Queue(NewInfo(40, SI_TKILL))
	w.Queue(NewInfo(SIGHUP, SI_USER))
	th.Queue(NewInfo(SIGTERM, SI_TKILL))
	th.Queue(NewInfo(SIGSEGV, SI_USER)) // sent, not caused
	th.Queue(NewInfo(SIGTERM, SI_TKILL))
	th.Queue(NewInfo(40, SI_TKILL))
	th.Queue(NewInfo(SIGBUS, SI_USER))
	th.Force(FaultInfo(SIGILL, 1, 0x1234), Fault{Trap: 6})
	w.Queue(NewInfo(SIGTERM, SI_USER)) // the process's queue is another one
	for i, want := range []int{SIGILL, SIGBUS, SIGSEGV, SIGTERM, 40, 40, SIGHUP, SIGTERM, 0} {
		if got, _ := next(w.main); got != want {
			t.Fatalf("signal %d is %d, want %d", i, got, want)
		}
	}
}

func TestKillComesFirst(t *testing.T) {
	w := newWorld()
	w.handle(SIGILL, 0x4000, 0, 0)
	w.main.sig.Force(FaultInfo(SIGILL, 1, 0x1234), Fault{})
	w.Queue(NewInfo(SIGKILL, SI_USER))
	if sig, kind := next(w.main); sig != SIGKILL || kind != Terminate {
		t.Errorf("got %d, kind %d", sig, kind)
	}
}

func TestDefaultActions(t *testing.T) {
	// signal(7); the process would be stopped by four, killed by the others, harmless ones are not seen at all.
	want := map[int]Kind{}
	for _, sig := range []int{SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU} {
		want[sig] = Stop
	}
	for _, sig := range []int{SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGXCPU, SIGXFSZ, SIGSYS} {
		want[sig] = DumpCore
	}
	for _, sig := range []int{SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGVTALRM,
		SIGPROF, SIGIO, SIGPWR, 32, 33, 64} {
		want[sig] = Terminate
	}
	for sig := 1; sig <= NSIG; sig++ {
		w := newWorld()
		w.Queue(NewInfo(sig, SI_USER))
		got, kind := next(w.main)
		wantKind, known := want[sig]
		switch {
		case !known && sig < SIGRTMIN && got != 0:
			t.Errorf("%s: not ignored by default", Name(sig))
		case known && (got != sig || kind != wantKind):
			t.Errorf("%s: signal %d, kind %d, want kind %d", Name(sig), got, kind, wantKind)
		}
	}
}

func TestForce(t *testing.T) {
	for _, c := range []struct {
		name    string
		handler uint64
		blocked bool
		want    Kind
	}{
		{"handled", 0x4000, false, Handle},
		{"default", SIG_DFL, false, DumpCore},
		{"ignored", SIG_IGN, false, DumpCore},
		{"blocked", 0x4000, true, DumpCore},
	} {
		w := newWorld()
		w.handle(SIGSEGV, c.handler, 0, 0)
		if c.blocked {
			w.main.sig.SetTempMask(SetOf(SIGSEGV, SIGUSR1))
		}
		w.main.sig.Force(FaultInfo(SIGSEGV, 1, 0), Fault{})
		if sig, kind := next(w.main); sig != SIGSEGV || kind != c.want {
			t.Errorf("%s: signal %d, kind %d, want kind %d", c.name, sig, kind, c.want)
		}
		if m := w.main.sig.Mask(); c.blocked && m != SetOf(SIGUSR1) {
			t.Errorf("%s: mask %#x", c.name, m)
		}
	}
}

func TestSecondFaultInHandlerIsFatal(t *testing.T) {
	w := newWorld()
	w.handle(SIGSEGV, 0x4000, 0, 0)
	w.main.regs.GPR[guest.RSP] = 0x6000 // no memory there
	x := make([]byte, XSaveSize(defaultFeatures()))
	before := w.main.regs
	w.main.sig.Force(FaultInfo(SIGSEGV, 1, 0), Fault{})
	info, act, _ := w.main.sig.Next()
	if err := w.main.sig.Deliver(&w.main.regs, x, info, act); !errors.Is(err, ErrFrame) || w.main.regs != before {
		t.Errorf("Deliver without stack: %v", err)
	}
	if sig, kind := next(w.main); sig != SIGSEGV || kind != DumpCore {
		t.Errorf("then signal %d, kind %d", sig, kind)
	}

	// Another signal that finds no stack leaves the handler for SIGSEGV its chance, on the alternate stack perhaps.
	w = newWorld()
	w.handle(SIGSEGV, 0x4000, SA_ONSTACK, 0)
	w.handle(SIGUSR1, 0x4000, 0, 0)
	w.main.sig.alt = altStack{sp: uint64(dataAddr), size: guest.PageSize}
	w.main.regs.GPR[guest.RSP] = 0x6000
	w.Queue(NewInfo(SIGUSR1, SI_USER))
	info, act, _ = w.main.sig.Next()
	if err := w.main.sig.Deliver(&w.main.regs, x, info, act); !errors.Is(err, ErrFrame) {
		t.Errorf("Deliver without stack: %v", err)
	}
	info, act, ok := w.main.sig.Next()
	if !ok || info.Signo() != SIGSEGV || info.Code() != SI_KERNEL || act.Kind != Handle {
		t.Fatalf("then %v, kind %d", info.Signo(), act.Kind)
	}
	if err := w.main.sig.Deliver(&w.main.regs, x, info, act); err != nil {
		t.Errorf("Deliver on the alternate stack: %v", err)
	}
}

func TestFramesThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags uint64
		size  uint64
		rsp   uint64
	}{
		{"no restorer", 0, 0, uint64(dataAddr) + guest.PageSize},
		{"alternate stack too small", SA_RESTORER | SA_ONSTACK, 2048, uint64(dataAddr) + guest.PageSize},
		{"stack in the tool's memory", SA_RESTORER, 0, uint64(guest.MaxAddr) + guest.PageSize},
		{"stack wraps around", SA_RESTORER, 0, 64},
	} {
		w := newWorld()
		w.mem.add(guest.MaxAddr, make([]byte, guest.PageSize))
		w.main.sig.alt = altStack{sp: uint64(dataAddr), size: c.size}
		w.main.regs.GPR[guest.RSP] = c.rsp
		x := make([]byte, XSaveSize(defaultFeatures()))
		act := Action{Handle, Disposition{Handler: 0x4000, Flags: c.flags, Restorer: 0x7000}}
		if err := w.main.sig.Deliver(&w.main.regs, x, NewInfo(SIGUSR1, SI_USER), act); !errors.Is(err, ErrFrame) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestResetHand(t *testing.T) {
	w := newWorld()
	w.handle(SIGUSR1, 0x4000, SA_RESETHAND, 0)
	for _, want := range []Kind{Handle, Terminate} {
		w.Queue(NewInfo(SIGUSR1, SI_USER))
		if sig, kind := next(w.main); sig != SIGUSR1 || kind != want {
			t.Errorf("signal %d, kind %d, want %d", sig, kind, want)
		}
	}
}

// A signal for the process goes to a thread that lets it through, now or when it stops blocking it.
func TestProcessSignalFindsThread(t *testing.T) {
	w := newWorld()
	w.handle(SIGUSR1, 0x4000, 0, 0)
	second := w.thread(2)
	w.main.sig.SetTempMask(SetOf(SIGUSR1))
	w.Queue(NewInfo(SIGUSR1, SI_USER))
	if len(w.host.woken) != 1 || w.host.woken[0] != second.sig {
		t.Fatalf("woken %v", w.host.woken)
	}
	// The second thread can't block it by a call before it has taken it. It can by a handler of another signal, and a third comes and goes.
	third := &fakeThread{id: 3}
	third.sig = second.sig.Clone(third)
	put64(w.data, uint64(SetOf(SIGUSR1)))
	if second.sig.SetTempMask(SetOf(SIGUSR1)) || w.Sigprocmask(second, SIG_BLOCK, dataAddr, 0, 8) != -ERESTARTNOINTR ||
		w.Sigsuspend(second, dataAddr, 8) != -ERESTARTNOINTR || second.sig.Mask() != 0 || second.sig.restore {
		t.Errorf("blocked: mask %#x", second.sig.Mask())
	}
	w.host.woken = nil
	second.sig.setMask(SetOf(SIGUSR1))
	if len(w.host.woken) != 1 || w.host.woken[0] != third.sig {
		t.Fatalf("woken %v", w.host.woken)
	}
	third.sig.End()
	w.host.woken = nil
	if sig, _ := next(w.main); sig != 0 || w.host.woken[len(w.host.woken)-1] != w.main.sig {
		// Next restored the temporary mask when it found nothing, so only the second look finds it.
		t.Errorf("first look found %d, woken %v", sig, w.host.woken)
	}
	if sig, _ := next(w.main); sig != SIGUSR1 {
		t.Errorf("second look found %d", sig)
	}
	if sig, _ := next(second); sig != 0 {
		t.Errorf("the other thread found %d as well", sig)
	}
}

// A signal that has reached the thread before a call changes its mask comes before the call.
func TestArrivedBeforeMask(t *testing.T) {
	w := newWorld()
	put64(w.data, uint64(SetOf(SIGUSR1)))
	for _, arrived := range []bool{true, false} {
		w.host.arrived = arrived
		r := w.Sigprocmask(w.main, SIG_BLOCK, dataAddr, 0, 8)
		if m := w.main.sig.Mask(); arrived && (r != -ERESTARTNOINTR || m != 0) || !arrived && (r != 0 || m != SetOf(SIGUSR1)) || w.host.masks[w.main.sig] != m {
			t.Errorf("arrived %v: result %d, mask %#x, kernel's %#x", arrived, r, m, w.host.masks[w.main.sig])
		}
	}
	w.host.arrived = true // nothing new is blocked
	if r := w.Sigprocmask(w.main, SIG_UNBLOCK, dataAddr, 0, 8); r != 0 || w.main.sig.Mask() != 0 {
		t.Errorf("unblocking: result %d, mask %#x", r, w.main.sig.Mask())
	}
}

func TestThreadStateAtBirth(t *testing.T) {
	w := newWorld()
	w.main.sig.SetTempMask(SetOf(SIGUSR1))
	w.main.sig.alt = altStack{sp: uint64(dataAddr), size: 4096}
	w.main.sig.Queue(NewInfo(SIGUSR1, SI_TKILL))
	child := w.thread(2)
	if child.sig.Mask() != SetOf(SIGUSR1) || w.host.masks[child.sig] != SetOf(SIGUSR1) || child.sig.pending.set != 0 {
		t.Errorf("child has mask %#x, pending %#x", child.sig.Mask(), child.sig.pending.set)
	}
	if _, on := child.sig.OnAltStack(uint64(dataAddr) + 8); on {
		t.Error("child has its parent's alternate stack")
	}
	if _, on := w.main.sig.OnAltStack(uint64(dataAddr) + 8); !on {
		t.Error("parent has lost its alternate stack")
	}
	w.Queue(NewInfo(40, SI_USER))
	w.Forked(child.sig)
	if len(w.threads) != 1 || child.sig.Ready() || w.pending.set != 0 {
		t.Error("a forked child has signals pending")
	}
}

func TestKernelAction(t *testing.T) {
	for _, c := range []struct {
		name    string
		sig     int
		handler uint64
		flags   uint64
		want    KernelAction
	}{
		{"handled", SIGUSR1, 0x4000, SA_RESTART, KernelAction{Catch, 0}},
		{"fatal by default", SIGTERM, SIG_DFL, 0, KernelAction{Catch, 0}},
		{"ignored", SIGPIPE, SIG_IGN, 0, KernelAction{Ignore, 0}},
		{"child ignored: no zombies", SIGCHLD, SIG_IGN, 0, KernelAction{Ignore, 0}},
		{"child default", SIGCHLD, SIG_DFL, 0, KernelAction{Default, 0}},
		{"child default, no zombies", SIGCHLD, SIG_DFL, SA_NOCLDWAIT, KernelAction{Default, SA_NOCLDWAIT}},
		{"child handled", SIGCHLD, 0x4000, SA_NOCLDSTOP, KernelAction{Catch, SA_NOCLDSTOP}},
		{"terminal stop", SIGTSTP, SIG_DFL, 0, KernelAction{Default, 0}},
		{"stop", SIGSTOP, SIG_DFL, 0, KernelAction{Default, 0}},
		{"fault ignored", SIGSEGV, SIG_IGN, 0, KernelAction{Catch, 0}},
		{"preemption signal ignored", SIGURG, SIG_IGN, 0, KernelAction{Catch, 0}},
		{"preemption signal default", SIGURG, SIG_DFL, 0, KernelAction{Catch, 0}},
	} {
		w := newWorld()
		w.exchange(c.sig, Disposition{Handler: c.handler, Flags: c.flags}, true)
		if got := w.KernelAction(c.sig); got != c.want || w.host.actions[c.sig] != c.want {
			t.Errorf("%s: %+v, host has %+v, want %+v", c.name, got, w.host.actions[c.sig], c.want)
		}
	}
	w := newWorld()
	p := NewProcess(w.mem, w.host, SetOf(SIGHUP, SIGSEGV, SIGKILL), 0)
	if got := p.Ignored(); got != SetOf(SIGHUP, SIGSEGV) || w.host.actions[SIGHUP].How != Ignore {
		t.Errorf("inherited: %#x", got)
	}
}

func TestWaiting(t *testing.T) {
	w := newWorld()
	w.handle(SIGUSR2, 0x4000, 0, 0)
	w.exchange(SIGHUP, Disposition{Handler: SIG_IGN}, true)
	w.main.sig.mask = SetOf(SIGHUP, SIGUSR1)
	put64(w.data[0:], uint64(SetOf(SIGHUP)))
	put64(w.data[16:], 10) // seconds
	wait := func() int64 { return w.Sigtimedwait(w.main, dataAddr, dataAddr+128, dataAddr+16, 8) }

	// An awaited signal counts although it is ignored, for it was blocked before.
	blocks := 0
	w.host.block = func(th *Thread, left time.Duration) {
		if blocks++; th != w.main.sig || left <= 0 || left > 10*time.Second || th.Mask() != SetOf(SIGHUP, SIGUSR1) {
			t.Errorf("blocked for %v with mask %#x", left, th.Mask())
		}
		if blocks == 2 { // the first time was for nothing
			w.Queue(UserInfo(SIGHUP, SI_USER, 77, 0))
		}
	}
	if r := wait(); r != SIGHUP || blocks != 2 || int32(get32(w.data[128+16:])) != 77 {
		t.Errorf("result %d after %d waits, pid %d", r, blocks, get32(w.data[128+16:]))
	}
	if m := w.main.sig.Mask(); m != SetOf(SIGHUP, SIGUSR1) {
		t.Errorf("mask afterwards %#x", m)
	}
	// Another signal ends the wait and is delivered.
	w.host.block = func(*Thread, time.Duration) { w.Queue(NewInfo(SIGUSR2, SI_USER)) }
	if r := wait(); r != eintr {
		t.Errorf("interrupted: %d", r)
	}
	if sig, _ := next(w.main); sig != SIGUSR2 {
		t.Errorf("interrupted by %d", sig)
	}
	// What the kernel holds back is there without waiting.
	put64(w.data[16:], 0)
	w.host.held = SetOf(SIGHUP)
	w.host.block = func(_ *Thread, left time.Duration) {
		if left != 0 {
			t.Errorf("polled for %v", left)
		}
		w.Queue(NewInfo(SIGHUP, SI_USER))
	}
	if r := wait(); r != SIGHUP {
		t.Errorf("polled: %d", r)
	}
	if r := w.Sigpending(w.main, dataAddr+8, 8); r != 0 || Set(get64(w.data[8:])) != SetOf(SIGHUP) {
		t.Errorf("pending: %d, %#x", r, get64(w.data[8:]))
	}
}

func TestSuspendRestoresMask(t *testing.T) {
	w := newWorld()
	w.handle(SIGUSR1, 0x4000, 0, 0)
	w.main.sig.mask = SetOf(SIGUSR1)
	put64(w.data, uint64(SetOf(SIGKILL, SIGHUP)))
	w.host.block = func(*Thread, time.Duration) {
		w.main.sig.Queue(NewInfo(SIGCHLD, SI_USER))
		w.Queue(NewInfo(SIGUSR1, SI_USER))
	}
	if r := w.Sigsuspend(w.main, dataAddr, 8); r != -ERESTARTNOHAND {
		t.Fatal(r)
	}
	if m := w.main.sig.Mask(); m != SetOf(SIGHUP) {
		t.Errorf("mask meanwhile %#x", m)
	}
	w.exchange(SIGUSR1, Disposition{Handler: SIG_IGN}, true) // by another thread: nothing left to handle
	if sig, _ := next(w.main); sig != 0 || w.main.sig.Mask() != SetOf(SIGUSR1) {
		t.Errorf("signal %d, mask %#x", sig, w.main.sig.Mask())
	}
}

// Whatever happens, unblockable signals are in no mask, and the host's idea of mask and actions is the process's.
func TestInvariantsUnderRandomUse(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	w := newWorld()
	w.host.block = func(*Thread, time.Duration) {}
	threads := []*fakeThread{w.main}
	for i := 0; i < 50000; i++ {
		th := threads[rnd.Intn(len(threads))]
		sig := 1 + rnd.Intn(NSIG)
		m := Set(rnd.Uint64() & rnd.Uint64())
		switch rnd.Intn(10) {
		case 0:
			w.Queue(NewInfo(sig, SI_USER))
		case 1:
			th.sig.Queue(NewInfo(sig, SI_TKILL))
		case 2:
			th.sig.Force(FaultInfo(synchronous.First(), 1, 0), Fault{})
		case 3:
			th.sig.SetTempMask(m)
		case 4:
			th.sig.RestoreMask()
		case 5:
			put64(w.data, uint64(m))
			w.Sigprocmask(th, rnd.Intn(3), dataAddr, 0, 8)
		case 6:
			d := Disposition{Handler: uint64(rnd.Intn(3)), Mask: m}
			if !unblockable.Has(sig) {
				w.exchange(sig, d, true)
			}
		case 7:
			next(th)
		case 8:
			if len(threads) < 8 {
				threads = append(threads, w.thread(i))
			} else {
				last := threads[len(threads)-1]
				last.sig.End()
				threads = threads[:len(threads)-1]
			}
		case 9:
			put64(w.data, uint64(m))
			put64(w.data[16:], 0)
			put64(w.data[24:], 0)
			w.Sigtimedwait(th, dataAddr, 0, dataAddr+16, 8)
		}
		for _, th := range threads {
			s := th.sig
			if s.mask&unblockable != 0 || w.host.masks[s] != s.mask || s.waiting != 0 {
				t.Fatalf("step %d: mask %#x, host's %#x, waiting %#x", i, s.mask, w.host.masks[s], s.waiting)
			}
			checkQueue(t, &s.pending)
		}
		checkQueue(t, &w.pending)
		for sig := 1; sig <= NSIG; sig++ {
			if w.host.actions[sig] != w.kernelAction(sig) {
				t.Fatalf("step %d: host's action for %d is stale", i, sig)
			}
		}
	}
}

func checkQueue(t *testing.T, q *queue) {
	t.Helper()
	var s Set
	for i := range q.infos {
		sig := q.infos[i].Signo()
		if s.Has(sig) && sig < SIGRTMIN {
			t.Fatalf("%s is pending twice", Name(sig))
		}
		s |= SetOf(sig)
	}
	if s != q.set {
		t.Fatalf("set %#x of a queue that holds %#x", q.set, s)
	}
}
