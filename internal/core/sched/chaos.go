package sched

import (
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// chaos makes what is rare happen all the time, for tests: threads are interrupted wherever they are, leave guest code at places
// where they need not, lose the processor between two instructions, and find the code cache empty. What a guest can see stays the
// same, or there is a mistake. The random numbers come from a seed, what the kernel makes of it does not.
type chaos struct{ rng *rand.Rand }

// newChaos is the chaos of thread id, nil if there is to be none.
func newChaos(seed uint64, id int) *chaos {
	if seed == 0 {
		return nil
	}
	return &chaos{rand.New(rand.NewPCG(seed, uint64(id)))}
}

// Of so many events of their kind, one is disturbed.
const (
	chaosAbort = 8    // entries that are given up before anything has run
	chaosYield = 64   // entries before which others may run
	chaosSleep = 1024 // entries before which others run for certain
	chaosFlush = 4096 // entries before which the code cache is emptied
	chaosLink  = 3    // exits that stay unlinked, so that they are exits the next time, too
)

func (c *chaos) one(of uint32) bool { return c != nil && c.rng.Uint32N(of) == 0 }

// disturb is called between two entries of guest code, at an instruction boundary.
func (t *Thread) disturb() {
	c := t.chaos
	switch {
	case c.one(chaosFlush):
		t.flush()
	case c.one(chaosSleep):
		time.Sleep(time.Duration(c.rng.Uint32N(200)) * time.Microsecond)
	case c.one(chaosYield):
		unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
}

// giveUp is called before an entry: with Pending set it ends before it begins.
func (t *Thread) giveUp() {
	if t.chaos.one(chaosAbort) {
		atomic.StoreUint64(&t.ctx.Pending, 1)
	}
}

// interruptAll interrupts one thread after the other at random times, as long as the process lives.
func (s *Scheduler) interruptAll(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for !s.ending.Load() {
		time.Sleep(time.Duration(20+rng.Uint32N(3000)) * time.Microsecond)
		s.mu.Lock()
		n := rng.IntN(s.nextID)
		for id, t := range s.threads {
			if id == n || len(s.threads) == 1 {
				t.kick()
			}
		}
		s.mu.Unlock()
	}
}
