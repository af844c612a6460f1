package tool

import "gogrind/internal/guest"

// Event is one record of a thread's event buffer. Its layout is known to generated code.
//
// An access that is masked element by element, a gather or a scatter makes one record for each run of neighbouring elements
// that it really touches, with Size set; any other makes one with Size 0, which stands for the size of Inst.Mem. A string
// instruction with a repeat prefix makes one record for its first round, also when it makes none.
type Event struct {
	Site  uint32 // what the annotation had in Arg, below 1<<31
	Size  uint32 // bytes of an access whose size the site alone does not tell; of OpEventRounds: 1 if the zero flag is set; else 0
	Value uint64 // address or number of rounds
}

// Counters are 64-bit counters that translated code adds to (OpCount). Values are exact while no guest thread runs.
type Counters struct {
	Start  guest.Addr // address of Values[0]
	Values []uint64
}

// Addr is the address of counter i, for Ann.Ptr.
func (c *Counters) Addr(i int) guest.Addr { return c.Start + guest.Addr(8*i) }

// EventWatcher consumes event buffers.
type EventWatcher interface {
	// Events hands over the records that t has appended since the last call, in order. It is called on t's own OS thread
	// when the buffer is full and when t comes to the core for a reason of the guest's (system call, client request, hook,
	// signal, end), before that is acted on; for other threads' remains, before Finish. ev is valid during the call.
	Events(t Thread, ev []Event)
}
