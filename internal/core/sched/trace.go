package sched

import (
	"fmt"

	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// traceSignal writes a line of --trace-signals=yes.
func (s *Scheduler) traceSignal(format string, args ...any) {
	if s.cfg.TraceSignals != nil {
		s.cfg.TraceSignals(fmt.Sprintf(format, args...))
	}
}

// trace writes a line of --trace-sched=yes.
func (t *Thread) trace(format string, args ...any) {
	if t.s.cfg.TraceSched != nil {
		t.s.cfg.TraceSched(fmt.Sprintf("  SCHED[%d]: ", t.id) + fmt.Sprintf(format, args...))
	}
}

// Sigaction and Sigprocmask show what they are asked for, too.

func (g signals) Sigaction(t tool.Thread, sig int, act, old guest.Addr, size uint64) int64 {
	if s := t.(*Thread).s; s.cfg.TraceSignals != nil {
		var flags [8]byte
		const saFlags = 8 // offset in the kernel's struct sigaction
		if act != 0 {
			s.cfg.Space.ReadMem(flags[:], act+saFlags)
		}
		s.traceSignal("sys_sigaction: sigNo %d, new %#x, old %#x, new flags %#x", sig, uint64(act), uint64(old), le64(flags[:]))
	}
	return g.Process.Sigaction(t, sig, act, old, size)
}

func (g signals) Sigprocmask(t tool.Thread, how int, set, old guest.Addr, size uint64) int64 {
	if s := t.(*Thread).s; s.cfg.TraceSignals != nil && set != 0 {
		var mask [8]byte
		s.cfg.Space.ReadMem(mask[:], set)
		names := map[int]string{0: "SIG_BLOCK", 1: "SIG_UNBLOCK", 2: "SIG_SETMASK"} // asm-generic/signal-defs.h
		s.traceSignal("do_setmask: tid = %d how = %d (%s), newset = %#x (%16x)", t.ID(), how, names[how], uint64(set), le64(mask[:]))
	}
	return g.Process.Sigprocmask(t, how, set, old, size)
}

// traceDelivery shows what is about to be done about a signal.
func (t *Thread) traceDelivery(info signal.Info, act signal.Action) {
	s := t.s
	if s.cfg.TraceSignals == nil {
		return
	}
	s.traceSignal("delivering signal %d (%s):%d to thread %d", info.Signo(), signal.Name(info.Signo()), info.Code(), t.id)
	switch act.Kind {
	case signal.Handle:
		s.traceSignal("push_signal_frame (thread %d): signal %d, handler %#x", t.id, info.Signo(), uint64(act.Handler))
	default:
		what := map[signal.Kind]string{signal.Stop: "stop", signal.DumpCore: "terminate+core"}[act.Kind]
		if what == "" {
			what = "terminate"
		}
		s.traceSignal("delivering %d (code %d) to default handler; action: %s", info.Signo(), info.Code(), what)
	}
}

// SetTrace changes where lines about signals and scheduling go; nil: nowhere. The other threads are stopped.
func (s *Scheduler) SetTrace(signals, sched func(line string)) {
	s.cfg.TraceSignals, s.cfg.TraceSched = signals, sched
}
