package memcheck

import (
	"flag"
	"strconv"
	"strings"

	"gogrind/internal/guest"
	"gogrind/internal/options"
)

// settings are the values of Memcheck's own options.
type settings struct {
	leakCheck      string
	leakResolution string
	showKinds      options.Set // bits as in leakKinds
	errorKinds     options.Set
	heuristics     options.Set
	xtreeLeak      bool
	xtreeLeakFile  string
	undefErrors    bool
	origins        bool
	partialLoadsOK bool
	expensive      string
	freelistVol    int64
	freelistBig    int64
	gcc296         bool
	ignoreRanges   []guest.Range
	ignoreBelowSP  guest.Range // offsets below the stack pointer, nearest first; empty when not given
	mallocFill     int
	freeFill       int
	keepStacks     string
	showMismatched bool
	heapArgs       bool
	showRealloc0   bool
	showReachable  bool
	showPossibly   bool
}

// Names of the bits of sets, as options spell them.
var (
	leakKindNames  = []string{"reachable", "possible", "indirect", "definite"}
	heuristicNames = []string{"stdstring", "length64", "newarray", "multipleinheritance"}
)

// Bits of leak kinds; also the order of leak.Kind.
const (
	kindReachable = iota
	kindPossible
	kindIndirect
	kindDefinite
)

// defaultKinds are definite and possible losses.
const defaultKinds = 1<<kindDefinite | 1<<kindPossible

// maxFreelist bounds --freelist-vol and --freelist-big-blocks.
const maxFreelist = 10_000_000_000

// maxIgnored is how much memory --ignore-ranges may name.
const maxIgnored = 0x1000_0000_0000

// Flags implements tool.Tool.
func (m *Memcheck) Flags(fs *flag.FlagSet) {
	o := &m.opts
	options.Enum(fs, &o.leakCheck, "leak-check", "summary", []string{"no", "summary", "yes", "full"}, "search for leaks at exit")
	options.Enum(fs, &o.leakResolution, "leak-resolution", "high", []string{"low", "med", "high"},
		"how many frames of their stacks leaks must share to be shown as one")
	options.SetOf(fs, &o.showKinds, "show-leak-kinds", defaultKinds, leakKindNames, "kinds of leaks to show")
	options.SetOf(fs, &o.errorKinds, "errors-for-leak-kinds", defaultKinds, leakKindNames, "kinds of leaks that count as errors")
	options.SetOf(fs, &o.heuristics, "leak-check-heuristics", 1<<len(heuristicNames)-1, heuristicNames,
		"ways to tell interior pointers of compilers and libraries from chance")
	options.Func(fs, "show-reachable", "no|yes", m.setShowReachable, "yes: same as --show-leak-kinds=all; no: definite,possible")
	options.Func(fs, "show-possibly-lost", "no|yes", m.setShowPossibly, "no: same as --show-leak-kinds=definite")
	options.YesNo(fs, &o.xtreeLeak, "xtree-leak", false, "write leaks as a tree for KCachegrind")
	options.String(fs, &o.xtreeLeakFile, "xtree-leak-file", "xtleak.kcg.%p", "<file>", "name of that tree")
	options.Func(fs, "undef-value-errors", "no|yes", m.setUndef, "look for uses of undefined values [yes]")
	options.Func(fs, "track-origins", "no|yes", m.setOrigins, "show where undefined values come from [no]")
	o.undefErrors = true
	options.YesNo(fs, &o.partialLoadsOK, "partial-loads-ok", true,
		"aligned loads of words and vectors may reach over the end of a block")
	options.Enum(fs, &o.expensive, "expensive-definedness-checks", "auto", []string{"no", "auto", "yes"},
		"most precise tracking of undefined values")
	options.Int(fs, &o.freelistVol, "freelist-vol", 20_000_000, 0, maxFreelist, "bytes of freed blocks that are held back from reuse")
	options.Int(fs, &o.freelistBig, "freelist-big-blocks", 1_000_000, 0, maxFreelist, "blocks of this size leave that list first")
	options.YesNo(fs, &o.gcc296, "workaround-gcc296-bugs", false, "deprecated, use --ignore-range-below-sp")
	options.Func(fs, "ignore-ranges", "0xPP-0xQQ[,0xRR-0xSS]", m.setIgnoreRanges, "addresses whose accesses are never reported")
	options.Func(fs, "ignore-range-below-sp", "<number>-<number>", m.setIgnoreBelowSP,
		"offsets below the stack pointer at which accesses are not reported")
	options.Hex(fs, &o.mallocFill, "malloc-fill", -1, 0, 255, "fill new blocks with this byte")
	options.Hex(fs, &o.freeFill, "free-fill", -1, 0, 255, "fill freed blocks with this byte")
	options.Enum(fs, &o.keepStacks, "keep-stacktraces", "alloc-and-free",
		[]string{"alloc", "free", "alloc-and-free", "alloc-then-free", "none"}, "stacks that are kept for a block")
	// Valgrind has it since 3.21, and then says yes: what compares with 3.19 is not to see more than that has.
	options.YesNo(fs, &o.showRealloc0, "show-realloc-size-zero", false, "show calls of realloc with size 0")
	options.YesNo(fs, &o.heapArgs, "check-heap-args", false,
		"report sizes and alignments that a function does not take, or that differ from those of the block")
	options.YesNo(fs, &o.showMismatched, "show-mismatched-frees", true, "show frees by a function that doesn't fit the allocation")
	o.showPossibly = true
}

// parseYesNo reads the value of a yes-or-no option that does more than set a variable.
func parseYesNo(s string, p *bool) error {
	switch s {
	case "yes":
		*p = true
	case "no":
		*p = false
	default:
		return options.Badf("Invalid boolean value '%s' (should be 'yes' or 'no')", s)
	}
	return nil
}

// setShowReachable and setShowPossibly keep the old options alive: each sets the kinds from both.
func (m *Memcheck) setShowReachable(s string) error {
	err := parseYesNo(s, &m.opts.showReachable)
	m.oldShow()
	return err
}

func (m *Memcheck) setShowPossibly(s string) error {
	err := parseYesNo(s, &m.opts.showPossibly)
	m.oldShow()
	return err
}

func (m *Memcheck) oldShow() {
	switch {
	case m.opts.showReachable:
		m.opts.showKinds = 1<<len(leakKindNames) - 1
	case m.opts.showPossibly:
		m.opts.showKinds = defaultKinds
	default:
		m.opts.showKinds = 1 << kindDefinite
	}
}

func (m *Memcheck) setUndef(s string) error {
	if err := parseYesNo(s, &m.opts.undefErrors); err != nil {
		return err
	}
	return m.undefContradiction()
}

func (m *Memcheck) setOrigins(s string) error {
	if err := parseYesNo(s, &m.opts.origins); err != nil {
		return err
	}
	return m.undefContradiction()
}

func (m *Memcheck) undefContradiction() error {
	if m.opts.origins && !m.opts.undefErrors {
		return options.Badf("--track-origins=yes has no effect when --undef-value-errors=no.")
	}
	return nil
}

func (m *Memcheck) setIgnoreRanges(s string) error {
	o := &m.opts
	for _, w := range strings.Split(s, ",") {
		lo, hi, ok := strings.Cut(w, "-")
		a, okA := parseAddr(lo)
		b, okB := parseAddr(hi)
		switch {
		case !ok || !okA || !okB || b <= a:
			return options.Badf("ERROR: --ignore-ranges: invalid syntax, or end <= start in range")
		case b-a > maxIgnored:
			return options.Badf("ERROR: --ignore-ranges: suspiciously large range")
		}
		o.ignoreRanges = append(o.ignoreRanges, guest.Range{Start: a, End: b})
	}
	return nil
}

// parseAddr reads a hexadecimal address, which must have its 0x.
func parseAddr(s string) (guest.Addr, bool) {
	s, ok := strings.CutPrefix(s, "0x")
	n, err := strconv.ParseUint(s, 16, 64)
	return guest.Addr(n), ok && err == nil
}

// setIgnoreBelowSP reads two offsets, the farther one first: 8192-8189 are four bytes.
func (m *Memcheck) setIgnoreBelowSP(s string) error {
	lo, hi, ok := strings.Cut(s, "-")
	far, err1 := strconv.ParseUint(lo, 10, 32)
	near, err2 := strconv.ParseUint(hi, 10, 32)
	switch {
	case !ok || err1 != nil || err2 != nil:
		return options.Badf("ERROR: --ignore-range-below-sp: invalid syntax.  Expected \"...=decimalnumber-decimalnumber\".")
	case far > maxBelowSP || near > maxBelowSP:
		return options.Badf("ERROR: --ignore-range-below-sp: suspiciously large offset(s): %d and %d", far, near)
	case far <= near:
		return options.Badf("ERROR: --ignore-range-below-sp: invalid offsets (the first must be larger): %d and %d", far, near)
	}
	m.opts.ignoreBelowSP = guest.Range{Start: guest.Addr(near), End: guest.Addr(far) + 1}
	return nil
}

// maxBelowSP is the largest offset of --ignore-range-below-sp.
const maxBelowSP = 1000 * 1000

// settle applies what options mean for each other, and says which have no effect.
func (m *Memcheck) settle() {
	o := &m.opts
	if m.core.XML {
		o.leakCheck = "full" // readers of XML do not understand a summary
		return
	}
	if m.core.Verbosity != 1 {
		return
	}
	if o.freelistBig >= o.freelistVol {
		m.log().Userf("Warning: --freelist-big-blocks value %d has no effect\nas it is >= to --freelist-vol value %d", o.freelistBig, o.freelistVol)
	}
	if o.gcc296 {
		m.log().Userf("Warning: --workaround-gcc296-bugs=yes is deprecated.\nWarning: Instead use: --ignore-range-below-sp=1024-1\n\n")
	}
}
