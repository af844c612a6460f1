package memcheck

import (
	"sync/atomic"
	"time"

	"gogrind/internal/shadow"
)

// sweeper gives back shadow memory that says nothing any more, see shadow.Sweep. Its goroutine begins with the first large block.
type sweeper struct {
	begun atomic.Bool
	more  chan struct{} // there is a new large block
}

const (
	// sweepFirst is the time between two looks while there is something to be found, sweepLast when nothing is.
	sweepFirst = 20 * time.Millisecond
	sweepLast  = time.Second
	// sweepLeast is how much must be found for the guest to be stopped: stopping one thread takes as long as clearing a few pages.
	sweepLeast = 256 << 10
	// sweepPart: one part of so many of the time may go into it.
	sweepPart = 100
)

// large is told of a new large block with undefined contents.
func (m *Memcheck) large() {
	if m.sweeper.begun.CompareAndSwap(false, true) {
		go m.sweep()
	}
	select {
	case m.sweeper.more <- struct{}{}:
	default:
	}
}

func (m *Memcheck) sweep() {
	var w shadow.Sweep
	for wait := sweepFirst; ; {
		select {
		case <-time.After(wait):
		case <-m.sweeper.more:
			wait = sweepFirst
			time.Sleep(wait)
		}
		begun := time.Now()
		wait = min(2*wait, sweepLast)
		if m.shadow.Look(&w) >= sweepLeast {
			m.host.StopOthers(nil, func() { m.shadow.Renew(&w) })
			wait = sweepFirst
		}
		wait = max(wait, sweepPart*time.Since(begun))
	}
}
