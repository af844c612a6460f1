package tool

import (
	"math/bits"

	"gogrind/internal/guest"
)

// Cache is a model of a set-associative cache that replaces the line used longest ago. Translated code works on it, too (OpDataMiss,
// OpCodeMiss). Threads that run in parallel use it without a lock: of two accesses to one set at the same moment, one may be lost.
type Cache struct {
	Line int // bytes of a line, a power of two from 8 to 4096
	Sets int // a power of two
	Ways int // lines of a set; Sets * Ways of the first-level ones is at most 512K
	// Limit is what longer accesses are taken for, in bytes, at their start; Line at most.
	Limit int

	// Start is the address of Tags[0]. Tags has Stride words for each set, the line used last first. A data line has its negated
	// address as tag, a code line a number from 1 on. 0 is no line.
	Start guest.Addr
	Tags  []uint64
}

// Stride is the number of words from one set to the next, a power of two.
func (c *Cache) Stride() int { return 1 << bits.Len(uint(c.Ways-1)) }

// Words is the number of words of Tags.
func (c *Cache) Words() int { return c.Sets * c.Stride() }

// Touch uses the bytes [a, a+size) of data, or as much as the limit allows, and reports whether a line was missing.
func (c *Cache) Touch(a uint64, size int) (missing bool) {
	first, last := a&-uint64(c.Line), (a+uint64(min(size, c.Limit))-1)&-uint64(c.Line)
	missing = c.use(first)
	if last != first && c.use(last) {
		return true
	}
	return missing
}

func (c *Cache) use(line uint64) (missing bool) {
	at := int(line/uint64(c.Line)&uint64(c.Sets-1)) * c.Stride()
	set := c.Tags[at : at+c.Ways]
	prev := -line
	for i, tag := range set {
		set[i] = prev
		if tag == -line {
			return false
		}
		prev = tag
	}
	return true
}

// Caches are the models of a machine's caches. Nil ones say that there are none, and that the operations are not used.
type Caches struct{ Data, Code, Last *Cache }

// Clocked is a tool with a clock of executed instructions. A repeated string instruction counts as one.
type Clocked interface {
	// Clock is asked once, between the reading of the options and Start. It takes the words that it wants from counters, and returns
	// them: each instruction is added to one of them, a little before or behind it, so that at system calls, client requests and hooks
	// their sum is right. Some instructions may be lost when threads run in parallel, or where one is interrupted. No words are no
	// clock. alone says that nothing else is asked for: Instrument is not called.
	Clock(counters func(n int) Counters) (words Counters, alone bool)
}

// CacheSimulator is a tool that uses OpDataMiss and OpCodeMiss.
type CacheSimulator interface {
	// Caches is asked once, between the reading of the options and Start. The core provides Start and Tags of the models, those of the
	// last level anywhere, the others below 2 GB.
	Caches() Caches
}
