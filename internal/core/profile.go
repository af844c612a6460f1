package core

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"

	"gogrind/internal/guest"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// profile counts how often each block of guest code is entered (--profile-flags). It stands in front of the tool, whose
// annotations it lets through.
type profile struct {
	p     *Process
	inner tool.Tool // nil: none, as for nulgrind

	mu     sync.Mutex
	blocks map[guest.Addr]*profiled // guarded by mu
}

// profiled is one block; a block that is translated again goes on with its counter.
type profiled struct {
	start guest.Addr
	insts int // of its longest translation
	count tool.Counters
}

func newProfile(p *Process, inner tool.Tool) *profile {
	return &profile{p: p, inner: inner, blocks: map[guest.Addr]*profiled{}}
}

func (f *profile) Info() tool.Info              { return f.p.tool.Info() }
func (f *profile) Flags(*flag.FlagSet)          {}
func (f *profile) Start(tool.Host) error        { return nil }
func (f *profile) Finish(tool.Exit) (int, bool) { return 0, false }

// Instrument counts the block in front of everything else.
func (f *profile) Instrument(b *tool.Block) {
	if len(b.Insts) > 0 {
		b.Anns = append(b.Anns, tool.Ann{Op: tool.OpCount, Arg: 1, Ptr: f.block(b).count.Addr(0)})
	}
	if f.inner != nil {
		f.inner.Instrument(b)
	}
}

func (f *profile) block(b *tool.Block) *profiled {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := f.blocks[b.Start]
	if e == nil {
		e = &profiled{start: b.Start, count: f.p.Counters(1)}
		f.blocks[b.Start] = e
	}
	e.insts = max(e.insts, len(b.Insts))
	return e
}

// score is what a block has cost: its instructions as often as it was entered, although some leave it early.
func (e *profiled) score() uint64 { return e.count.Values[0] * uint64(e.insts) }

// show writes the blocks with the highest scores.
func (f *profile) show() {
	const shown = 200 // as many as Valgrind
	f.mu.Lock()
	list := make([]*profiled, 0, len(f.blocks))
	total := uint64(0)
	for _, e := range f.blocks {
		list = append(list, e)
		total += e.score()
	}
	f.mu.Unlock()
	slices.SortFunc(list, func(a, b *profiled) int {
		if c := cmp.Compare(b.score(), a.score()); c != 0 {
			return c
		}
		return cmp.Compare(a.start, b.start)
	})
	var b strings.Builder
	fmt.Fprintf(&b, "\n<<< BEGIN SB Profile #1 (for the entire run)\n<<<\n\nTotal score = %s\n\nrank  ---cumulative---      -----self-----\n", report.Commas(total))
	percent := func(n uint64) float64 { return 100 * float64(n) / float64(max(total, 1)) }
	sum := uint64(0)
	for i, e := range list[:min(shown, len(list))] {
		if e.score() == 0 {
			break
		}
		sum += e.score()
		fmt.Fprintf(&b, "%3d: (%9d %5.2f%%)   %9d %5.2f%%      %#x %s\n", i, sum, percent(sum), e.score(), percent(e.score()),
			uint64(e.start), f.place(e.start))
	}
	b.WriteString("\n<<<\n<<< END SB Profile #1 (for the entire run)\n\n")
	f.p.log.Raw(b.String())
}

// place is the function that a is in, and how far.
func (f *profile) place(a guest.Addr) string {
	frames := f.p.symbols.Frames(a, nil)
	fr := frames[len(frames)-1]
	switch {
	case fr.Fn == "":
		return "???"
	case fr.Offset == 0:
		return fr.Fn
	}
	return fmt.Sprintf("%s+%d", fr.Fn, fr.Offset)
}
