package sched

import (
	"gogrind/internal/core/jit"
	"gogrind/internal/guest"
)

// original is what a thread knows of a call of a function that something else stands in for, by request.CallNoRedir. The call is
// over when the function's first instruction has run; until then whatever throws the thread back must not lose it, or the
// replacement would run.
type original struct {
	pc   guest.Addr // the function, when the thread is in front of its first instruction; 0: it is not
	used bool       // there has been such a call
	// interrupted has pc for handlers that have interrupted the thread there, by the stack pointer of their return.
	interrupted map[guest.Addr]guest.Addr
}

// at is called when t has been found at loc, in front of an instruction.
func (o *original) at(loc *jit.Location) {
	if loc.Original {
		o.pc = loc.PC
	}
}

// push and pop are called when a signal handler is entered and when it returns; key is where it returns.
func (o *original) push(key guest.Addr) {
	if !o.used {
		return
	}
	delete(o.interrupted, key) // of a handler that never returned
	if o.pc != 0 {
		if o.interrupted == nil {
			o.interrupted = make(map[guest.Addr]guest.Addr)
		}
		o.interrupted[key] = o.pc
	}
}

func (o *original) pop(key guest.Addr) {
	o.pc = o.interrupted[key]
	delete(o.interrupted, key)
}
