package cachegrind

import (
	"fmt"
	"math/bits"
)

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
