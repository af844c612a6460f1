package cachegrind

import (
	"flag"
	"math/bits"
	"strconv"
	"strings"

	"gogrind/internal/options"
)

// settings are the values of the tool's own options.
type settings struct {
	i1, d1, ll cacheConfig // zero when not given
	cacheSim   bool
	branchSim  bool
	atStart    bool
	repRounds  bool
	hint       bool
	outFile    string
	pprofFile  string
}

// cacheConfig is the geometry of one cache.
type cacheConfig struct{ size, assoc, line int }

// Flags implements tool.Tool.
func (c *Cachegrind) Flags(fs *flag.FlagSet) {
	o := &c.opts
	cache := func(p *cacheConfig, name string) {
		options.Func(fs, name, "<size>,<assoc>,<line_size>", func(s string) error { return parseCache(p, name, s) },
			"size of the "+name+" cache; not given: this machine's")
	}
	cache(&o.i1, "I1")
	cache(&o.d1, "D1")
	cache(&o.ll, "LL")
	options.YesNo(fs, &o.cacheSim, "cache-sim", false, "simulate caches, as Valgrind up to 3.20 did unless told otherwise")
	options.YesNo(fs, &o.branchSim, "branch-sim", false, "simulate branch prediction")
	options.YesNo(fs, &o.atStart, "instr-at-start", true, "count from the start, not from the client request on")
	options.YesNo(fs, &o.repRounds, "rep-rounds", true,
		"count repeated string instructions once per round, as Valgrind does; no: once, as the processor does")
	options.YesNo(fs, &o.hint, "show-hint", true, "name the command that shows the result at the end")
	options.String(fs, &o.outFile, "cachegrind-out-file", "cachegrind.out.%p", "<file>", "result file; %p pid, %q{VAR} variable")
	options.String(fs, &o.pprofFile, "pprof", "", "<file>|no",
		"where to write a profile for go tool pprof [cachegrind.pprof.%p.pb.gz beside the result]")
}

// parseCache reads SIZE,ASSOC,LINE_SIZE. The limits and messages are those of Valgrind.
func parseCache(p *cacheConfig, name, s string) error {
	f := strings.Split(s, ",")
	var n [3]int
	ok := len(f) == 3
	for i := 0; ok && i < 3; i++ {
		v, err := strconv.ParseInt(f[i], 10, 32)
		n[i], ok = int(v), err == nil && v >= 0
	}
	if !ok {
		return options.Badf("Bad argument '%s', should be <size>,<assoc>,<line_size>", s)
	}
	cfg := cacheConfig{n[0], n[1], n[2]}
	if msg := cfg.wrong(); msg != "" {
		return options.Badf("%s", msg)
	}
	if name != "LL" && cfg.size/cfg.line > maxLines {
		return options.Badf("%s: a first-level cache of more than %d lines can't be simulated", s, maxLines)
	}
	*p = cfg
	return nil
}

// maxLines is how many lines a first-level cache may have: those that translated code works on have to be near it.
const maxLines = 1 << 19

// minLine is the smallest line that may be simulated: an access is cut to the line size and must reach two lines at most.
const minLine = 16

// wrong says why a geometry can't be simulated, "" when it can.
func (g cacheConfig) wrong() string {
	switch {
	case g.assoc == 0:
		return "Cache associativity must not be zero."
	case g.line == 0 || g.size < g.assoc*g.line || bits.OnesCount(uint(g.size/g.line/g.assoc)) != 1 || g.size%(g.line*g.assoc) != 0:
		return "Cache set count is not a power of two."
	case bits.OnesCount(uint(g.line)) != 1:
		return "Cache line size is not a power of two."
	case g.line < minLine:
		return "Cache line size is too small."
	case g.size <= g.line:
		return "Cache size <= line size."
	case g.assoc > g.size/g.line:
		return "Cache associativity > (size / line size)."
	}
	return ""
}
