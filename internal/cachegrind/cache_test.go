package cachegrind

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/tool"
)

// slowCache is a cache as one would describe it: each set is a list of lines, the last used first.
type slowCache struct {
	cacheConfig
	sets map[uint64][]uint64
}

func (c *slowCache) missing(a uint64, size int) bool {
	miss := false
	for line := a / uint64(c.line); line <= (a+uint64(size)-1)/uint64(c.line); line++ {
		n := line % uint64(c.size/c.line/c.assoc)
		set := c.sets[n]
		if i := slices.Index(set, line); i >= 0 {
			set = slices.Delete(set, i, i+1)
		} else {
			miss = true
		}
		set = slices.Insert(set, 0, line)
		c.sets[n] = set[:min(len(set), c.assoc)]
	}
	return miss
}

func TestCache(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, g := range []cacheConfig{{1024, 1, 16}, {4096, 4, 64}, {512, 8, 32}, {2048, 2, 64}, {640, 5, 32}} {
		if msg := g.wrong(); msg != "" {
			t.Fatalf("%v: %s", g, msg)
		}
		c, slow := (&geometry{g, g, g}).models().Last, &slowCache{g, map[uint64][]uint64{}}
		c.Tags = make([]uint64, c.Words())
		base := uint64(0x7fff_0000_1000)
		misses := 0
		for i := range 20000 {
			a, n := base+r.Uint64N(uint64(3*g.size)), 1+r.IntN(minLine)
			want := slow.missing(a, n)
			got := c.Touch(a, n)
			if got != want {
				t.Fatalf("%v: access %d to %#x+%d: missing %v, want %v", g, i, a, n, got, want)
			}
			if got {
				misses++
			}
		}
		if misses == 0 || misses == 20000 {
			t.Errorf("%v: %d misses", g, misses)
		}
	}
}

// TestUseRounds compares repeated instructions with accesses one by one.
func TestUseRounds(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, g := range []cacheConfig{{1024, 1, 16}, {512, 1, 32}, {256, 2, 32}, {4096, 4, 64}} {
		last := cacheConfig{8192, 4, g.line}
		var ms [2]*machine
		for i := range ms {
			models := (&geometry{g, g, last}).models()
			for _, c := range []*tool.Cache{models.Data, models.Last} {
				c.Tags = make([]uint64, c.Words())
			}
			ms[i] = newMachine(models)
			ms[i].grow(1)
		}
		for i := range 3000 {
			size := uint16(1) << r.IntN(4)
			sites := []site{{kind: siteRepRead, size: size}, {kind: siteRepWrite, size: size}}
			var ev []tool.Event
			for k := range 1 + r.IntN(2) {
				ev = append(ev, tool.Event{Site: uint32(k), Value: 0x7fff_0000_1000 + r.Uint64N(uint64(3*g.size))})
			}
			if r.IntN(3) == 0 && len(ev) == 2 { // lines of one set
				ev[1].Value = ev[0].Value + uint64(g.size/g.assoc)*(1+r.Uint64N(3))
			}
			n := r.Uint64N(60)
			ms[0].useRounds(sites, ev, 0, n)
			for round := range n {
				for _, e := range ev {
					a, s := e.Value+round*uint64(size), &sites[e.Site]
					if ms[1].models.Data.Touch(a, int(size)) {
						ms[1].dataMiss(0, a, int(size), s.kind == siteRepWrite)
					}
				}
			}
			if ms[0].costs[0] != ms[1].costs[0] || !slices.Equal(ms[0].models.Data.Tags, ms[1].models.Data.Tags) || !slices.Equal(ms[0].models.Last.Tags, ms[1].models.Last.Tags) {
				t.Fatalf("%v: instruction %d, %d rounds of %d bytes, %v: %+v, want %+v", g, i, n, size, ev, ms[0].costs[0], ms[1].costs[0])
			}
		}
		if c := ms[0].costs[0]; c.d1r == 0 || c.dlw == 0 {
			t.Errorf("%v: %+v", g, c)
		}
	}
}

func TestAdjusted(t *testing.T) {
	for _, c := range []struct{ in, want cacheConfig }{
		{cacheConfig{335544320, 1, 64}, cacheConfig{268435456, 1, 64}}, // both seen from Valgrind 3.19
		{cacheConfig{34603008, 11, 64}, cacheConfig{35651584, 17, 64}},
		{cacheConfig{1 << 20, 16, 64}, cacheConfig{1 << 20, 16, 64}},
		{cacheConfig{12 << 20, 12, 64}, cacheConfig{12 << 20, 12, 64}},
		{cacheConfig{12 << 20, 16, 64}, cacheConfig{12 << 20, 24, 64}},
	} {
		got, changed := c.in.adjusted()
		if got != c.want || changed != (c.in != c.want) {
			t.Errorf("%v: %v %v, want %v", c.in, got, changed, c.want)
		}
		if msg := got.wrong(); msg != "" {
			t.Errorf("%v: %s", got, msg)
		}
	}
}

func TestParseCache(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"32768,8,64", ""},
		{"32768,8", "Bad argument '32768,8', should be <size>,<assoc>,<line_size>"},
		{"a,8,64", "Bad argument 'a,8,64'"},
		{"32768,8,64,1", "Bad argument"},
		{"-1,8,64", "Bad argument"},
		{"32768,0,64", "associativity must not be zero"},
		{"30000,8,64", "set count is not a power of two"},
		{"32768,8,8", "line size is too small"},
		{"64,1,64", "Cache size <= line size."},
	} {
		var p cacheConfig
		err := parseCache(&p, "D1", c.in)
		switch {
		case c.want == "" && (err != nil || p != cacheConfig{32768, 8, 64}):
			t.Errorf("%s: %v %v", c.in, p, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %s", c.in, err, c.want)
		}
	}
}

func TestDetected(t *testing.T) {
	o := &settings{d1: cacheConfig{8192, 2, 32}}
	g, _ := o.geometry()
	if g.d1 != o.d1 {
		t.Errorf("D1 is %v, asked for %v", g.d1, o.d1)
	}
	for _, c := range []cacheConfig{g.i1, g.d1, g.ll} {
		if msg := c.wrong(); msg != "" {
			t.Errorf("%v: %s", c, msg)
		}
	}
	want := "D1 cache:         8192 B, 32 B, 2-way associative"
	if d := g.describe(); len(d) != 3 || d[1] != want {
		t.Errorf("description %q", d)
	}
	if s := (cacheConfig{256, 1, 64}).text(); s != "256 B, 64 B, direct-mapped" {
		t.Error(s)
	}
}

func TestPredictor(t *testing.T) {
	p := &predictor{}
	wrong := 0
	for i := range 1000 {
		if p.cond(0x401234, i%4 != 3) {
			wrong++
		}
	}
	// Each of the histories met has a counter of its own, which needs a few rounds to learn; then the pattern is known.
	if wrong == 0 || wrong > 30 {
		t.Errorf("%d of a regular pattern predicted wrongly", wrong)
	}
	if !p.jump(5, 100) || p.jump(5, 100) || !p.jump(5+indTargets, 200) || !p.jump(5, 100) {
		t.Error("indirect jumps: not one target per place in the table")
	}
}

func TestSummaryText(t *testing.T) {
	events := []string{"Ir", "I1mr", "ILmr", "Dr", "D1mr", "DLmr", "Dw", "D1mw", "DLmw", "Bc", "Bcm", "Bi", "Bim"}
	// The numbers and the text are those of a run of Valgrind 3.19.
	got := summaryText(events, []int64{529345, 1253, 1235, 67095, 1317, 995, 71690, 915, 849, 107227, 5497, 1303, 164})
	const want = `I   refs:      529,345
I1  misses:      1,253
LLi misses:      1,235
I1  miss rate:    0.24%
LLi miss rate:    0.23%

D   refs:      138,785  ( 67,095 rd   + 71,690 wr)
D1  misses:      2,232  (  1,317 rd   +    915 wr)
LLd misses:      1,844  (    995 rd   +    849 wr)
D1  miss rate:     1.6% (    2.0%     +    1.3%  )
LLd miss rate:     1.3% (    1.5%     +    1.2%  )

LL refs:         3,485  (  2,570 rd   +    915 wr)
LL misses:       3,079  (  2,230 rd   +    849 wr)
LL miss rate:      0.5% (    0.4%     +    1.2%  )

Branches:      108,530  (107,227 cond +  1,303 ind)
Mispredicts:     5,661  (  5,497 cond +    164 ind)
Mispred rate:      5.2% (    5.1%     +   12.6%   )`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := summaryText([]string{"Ir"}, []int64{1234567}); got != "I refs:        1,234,567" {
		t.Errorf("counting only: %q", got)
	}
}
