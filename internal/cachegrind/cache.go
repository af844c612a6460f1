package cachegrind

import (
	"fmt"
	"math/bits"
)

// cache is a set-associative cache that replaces the line used longest ago. It knows which lines it holds, not what is in them.
// Reads and writes are alike: a write that misses brings the line in.
type cache struct {
	cacheConfig
	shift uint     // bits of an address within a line
	sets  uint64   // number of sets minus one
	tags  []uint64 // by set, the line used last first; line number plus one, 0 for none
}

func newCache(g cacheConfig) *cache {
	lines := g.size / g.line
	return &cache{cacheConfig: g, shift: uint(bits.TrailingZeros(uint(g.line))), sets: uint64(lines/g.assoc) - 1, tags: make([]uint64, lines)}
}

// lineMissing uses line number n and reports whether it was missing.
func (c *cache) lineMissing(n uint64) bool {
	at := int(n&c.sets) * c.assoc
	set := c.tags[at : at+c.assoc : at+c.assoc]
	tag := n + 1
	if set[0] == tag {
		return false
	}
	for i := 1; i < len(set); i++ {
		if set[i] == tag {
			toFront(set, i, tag)
			return false
		}
	}
	toFront(set, len(set)-1, tag)
	return true
}

// toFront makes tag the first of set; those up to i move by one. A loop is faster than copy for so few.
func toFront(set []uint64, i int, tag uint64) {
	for ; i > 0; i-- {
		set[i] = set[i-1]
	}
	set[0] = tag
}

// missing uses the bytes [a, a+size), which lie in two lines at most, and reports whether one of them was missing.
func (c *cache) missing(a uint64, size int) bool {
	first, last := a>>c.shift, (a+uint64(size)-1)>>c.shift
	miss := c.lineMissing(first)
	if last != first && c.lineMissing(last) {
		return true
	}
	return miss
}

// geometry is what is simulated.
type geometry struct{ i1, d1, ll cacheConfig }

// describe is the text of the "desc:" lines.
func (g *geometry) describe() []string {
	var lines []string
	for _, c := range []struct {
		name string
		cacheConfig
	}{{"I1", g.i1}, {"D1", g.d1}, {"LL", g.ll}} {
		lines = append(lines, fmt.Sprintf("%s cache:         %s", c.name, c.text()))
	}
	return lines
}

func (g cacheConfig) text() string {
	if g.assoc == 1 {
		return fmt.Sprintf("%d B, %d B, direct-mapped", g.size, g.line)
	}
	return fmt.Sprintf("%d B, %d B, %d-way associative", g.size, g.line, g.assoc)
}

// adjusted makes the number of sets of a last-level cache a power of two, as that of many processors is not: sets are left out
// and the associativity grows, rounded, to make up for it.
func (g cacheConfig) adjusted() (cacheConfig, bool) {
	if g.line == 0 || g.assoc == 0 {
		return g, false
	}
	sets := g.size / g.line / g.assoc
	if sets == 0 || bits.OnesCount(uint(sets)) == 1 {
		return g, false
	}
	fewer := 1 << (bits.Len(uint(sets)) - 1)
	assoc := (2*sets*g.assoc + fewer) / (2 * fewer)
	return cacheConfig{size: fewer * assoc * g.line, assoc: assoc, line: g.line}, true
}
