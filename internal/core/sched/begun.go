package sched

import (
	"gogrind/internal/core/jit"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
)

// begun is what a thread knows of a repeated instruction that it was stopped in and that has been counted: when it goes on there, the
// instruction is not counted again, and its rounds are counted from what the context has.
type begun struct {
	pc guest.Addr // of the instruction; 0: it is not in one
	// interrupted has pc, and what the context has, for handlers that run meanwhile, by the stack pointer of their return.
	interrupted map[guest.Addr]interruptedRounds
}

type interruptedRounds struct {
	pc     guest.Addr
	rounds uint64
}

// push and pop are called when a signal handler is entered and when it returns; key is where it returns.
func (b *begun) push(key guest.Addr, c *vcpu.Context) {
	delete(b.interrupted, key) // of a handler that never returned
	if b.pc == 0 {
		return
	}
	if b.interrupted == nil {
		b.interrupted = make(map[guest.Addr]interruptedRounds)
	}
	b.interrupted[key] = interruptedRounds{b.pc, c.Spill[jit.SlotRounds]}
	b.pc = 0
}

func (b *begun) pop(key guest.Addr, c *vcpu.Context) {
	if was, ok := b.interrupted[key]; ok {
		b.pc, c.Spill[jit.SlotRounds] = was.pc, was.rounds
		delete(b.interrupted, key)
	}
}
