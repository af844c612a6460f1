package cachegrind

import "fmt"

// cpuid executes the instruction of that name.
func cpuid(leaf, sub uint32) (a, b, c, d uint32)

// defaults are used when the processor tells nothing: an Athlon of 2001, as in Valgrind.
var defaults = geometry{
	i1: cacheConfig{65536, 2, 64}, d1: cacheConfig{65536, 2, 64}, ll: cacheConfig{262144, 8, 64},
}

// geometry is what is to be simulated: what the options say, for the rest the caches of this processor. notes are messages.
func (o *settings) geometry() (g *geometry, notes []string) {
	g = &geometry{}
	if o.i1.size == 0 || o.d1.size == 0 || o.ll.size == 0 {
		var l3, ok bool
		if *g, l3, ok = detect(); !ok {
			*g = defaults
			notes = append(notes, "warning: couldn't auto-detect the caches, using one or more defaults")
		} else if l3 && o.ll.size == 0 {
			notes = append(notes, "warning: L3 cache found, using its data for the LL simulation.")
		}
	}
	for _, c := range []struct{ to, from *cacheConfig }{{&g.i1, &o.i1}, {&g.d1, &o.d1}, {&g.ll, &o.ll}} {
		if c.from.size != 0 {
			*c.to = *c.from
		}
	}
	if ll, changed := g.ll.adjusted(); changed {
		notes = append(notes,
			fmt.Sprintf("warning: specified LL cache: line_size %d  assoc %d  total_size %s", g.ll.line, g.ll.assoc, commas(int64(g.ll.size))),
			fmt.Sprintf("warning: simulated LL cache: line_size %d  assoc %d  total_size %s", ll.line, ll.assoc, commas(int64(ll.size))))
		g.ll = ll
	}
	for _, c := range []*cacheConfig{&g.i1, &g.d1} {
		if a, changed := c.adjusted(); changed {
			*c = a
		}
	}
	if g.i1.wrong() != "" || g.d1.wrong() != "" || g.ll.wrong() != "" {
		notes = append(notes, "warning: the caches of this processor can't be simulated, using defaults")
		*g = defaults
	}
	return g, notes
}

// detect asks the processor. l3 is set when the last level is the third.
func detect() (g geometry, l3, ok bool) {
	_, b, c, d := cpuid(0, 0)
	switch [3]uint32{b, d, c} {
	case [3]uint32{0x756e6547, 0x49656e69, 0x6c65746e}: // GenuineIntel
		return detectLeaf4()
	case [3]uint32{0x68747541, 0x69746e65, 0x444d4163}, // AuthenticAMD
		[3]uint32{0x6f677948, 0x6e65476e, 0x656e6975}: // HygonGenuine
		return detectAMD()
	}
	return g, false, false
}

// detectLeaf4 reads the deterministic cache parameters (Intel SDM vol. 2, CPUID leaf 4).
func detectLeaf4() (g geometry, l3, ok bool) {
	if top, _, _, _ := cpuid(0, 0); top < 4 {
		return g, false, false
	}
	best := 0
	for i := range uint32(16) {
		a, b, c, _ := cpuid(4, i)
		kind, level := a&31, int(a>>5&7)
		if kind == 0 {
			break
		}
		cfg := cacheConfig{assoc: int(b>>22) + 1, line: int(b&0xfff) + 1}
		cfg.size = cfg.assoc * (int(b>>12&0x3ff) + 1) * cfg.line * (int(c) + 1)
		switch {
		case level == 1 && kind == 1:
			g.d1 = cfg
		case level == 1 && kind == 2:
			g.i1 = cfg
		case level > max(best, 1) && kind != 2:
			g.ll, best = cfg, level
		}
	}
	return g, best >= 3, g.i1.size > 0 && g.d1.size > 0 && g.ll.size > 0
}

// amdAssoc decodes the associativity of L2 and L3 (AMD APM vol. 3, CPUID 8000_0006). Codes that have no number of ways of their
// own, such as 9 for "see leaf 8000_001D", count as direct-mapped, as in Valgrind.
var amdAssoc = [16]int{1: 1, 2: 2, 4: 4, 6: 8, 8: 16, 10: 32, 11: 48, 12: 64, 13: 96, 14: 128, 15: 256}

func detectAMD() (g geometry, l3, ok bool) {
	if top, _, _, _ := cpuid(0x80000000, 0); top < 0x80000006 {
		return g, false, false
	}
	l1 := func(x uint32) cacheConfig {
		return cacheConfig{size: int(x>>24) << 10, assoc: max(int(x>>16&0xff), 1), line: int(x & 0xff)}
	}
	_, _, c, d := cpuid(0x80000005, 0)
	g.d1, g.i1 = l1(c), l1(d)
	_, _, c, d = cpuid(0x80000006, 0)
	assoc := func(x uint32) int { return max(amdAssoc[x>>12&15], 1) }
	g.ll = cacheConfig{size: int(c>>16) << 10, assoc: assoc(c), line: int(c & 0xff)}
	if d>>18 != 0 {
		g.ll = cacheConfig{size: int(d>>18) << 19, assoc: assoc(d), line: int(d & 0xff)}
		l3 = true
	}
	return g, l3, g.i1.size > 0 && g.d1.size > 0 && g.ll.size > 0
}
