package massif

import (
	"flag"
	"math"
	"strconv"

	"gogrind/internal/options"
)

// settings are the values of Massif's own options.
type settings struct {
	heap           bool
	heapAdmin      uint64
	stacks         bool
	pagesAsHeap    bool
	depth          int
	allocFns       []string
	ignoreFns      []string
	threshold      float64
	peakInaccuracy float64
	timeUnit       string
	detailedFreq   int
	maxSnapshots   int
	outFile        string
	pprof          string
}

// Values of --time-unit.
const (
	unitInstructions = "i"
	unitMillis       = "ms"
	unitBytes        = "B"
)

// Limits of options, as Valgrind has them.
const (
	maxDepth     = 200
	maxAdmin     = 1024
	minSnapshots = 10
	maxSnapshots = 1000
	maxFreq      = 1000000
)

// Flags implements tool.Tool.
func (m *Massif) Flags(fs *flag.FlagSet) {
	o := &m.opts
	options.YesNo(fs, &o.heap, "heap", true, "measure heap blocks")
	options.Int(fs, &o.heapAdmin, "heap-admin", 8, 0, maxAdmin, "bytes that the allocator is taken to need for itself for each block")
	options.YesNo(fs, &o.stacks, "stacks", false, "measure stacks")
	options.YesNo(fs, &o.pagesAsHeap, "pages-as-heap", false, "measure mapped pages instead of heap blocks")
	options.Int(fs, &o.depth, "depth", 30, 1, maxDepth, "calls by which allocations are told apart")
	options.StringList(fs, &o.allocFns, "alloc-fn", "<name>", "treat this function as an allocation function; may be repeated")
	options.StringList(fs, &o.ignoreFns, "ignore-fn", "<name>", "ignore allocations by this function; may be repeated")
	percent(fs, &o.threshold, "threshold", 1, "leave out places with less than this percentage of the memory in use [1.0]")
	percent(fs, &o.peakInaccuracy, "peak-inaccuracy", 1, "percentage by which the recorded peak may be too small [1.0]")
	options.Enum(fs, &o.timeUnit, "time-unit", unitInstructions, []string{unitInstructions, unitMillis, unitBytes},
		"what is time: instructions, milliseconds, or bytes allocated and freed")
	options.Int(fs, &o.detailedFreq, "detailed-freq", 10, 1, maxFreq, "every so many snapshots one has places")
	options.Int(fs, &o.maxSnapshots, "max-snapshots", 100, minSnapshots, maxSnapshots, "most snapshots that are kept")
	options.String(fs, &o.outFile, "massif-out-file", defaultOut, "<file>", "where to write the result")
	options.String(fs, &o.pprof, "pprof", "", "<file>|no",
		"where to write a profile for go tool pprof [massif.pprof.%p.pb.gz beside the result]")
}

// percent declares an option with a percentage.
func percent(fs *flag.FlagSet, p *float64, name string, def float64, usage string) {
	*p = def
	options.Func(fs, name, "<m.n>", func(s string) error {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(v) || v < 0 || v > 100 {
			return options.Badf("--%s must be between 0.0 and 100.0", name)
		}
		*p = v
		return nil
	}, usage)
}

// defaultOut is the default of --massif-out-file.
const defaultOut = "massif.out.%p"
