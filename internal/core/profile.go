package core

import (
	"cmp"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"gogrind/internal/guest"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// profile counts how often each block of guest code is entered (--profile-flags). It stands in front of the tool, whose
// annotations it lets through.
type profile struct {
	p     *Process
	inner tool.Tool // nil: none, as for nulgrind
	code  bool      // show the code of the first blocks

	mu     sync.Mutex // guards all below
	blocks map[guest.Addr]*profiled
	shown  int // profiles shown so far
}

// profiled is one block; a block that is translated again goes on with its counter.
type profiled struct {
	start guest.Addr
	insts int // of its longest translation
	count tool.Counters
	seen  uint64 // of count, in profiles shown before
	code  string // guest code of the longest translation, if it is to be shown
}

func newProfile(p *Process, inner tool.Tool) *profile {
	return &profile{p: p, inner: inner, code: p.opt.ProfileFlags != [8]bool{}, blocks: map[guest.Addr]*profiled{}}
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
	if n := len(b.Insts); n > e.insts {
		e.insts = n
		if f.code {
			e.code = guestCode(b)
		}
	}
	return e
}

// guestCode lists the instructions of b.
func guestCode(b *tool.Block) string {
	var text strings.Builder
	pc := b.Start
	for i := range b.Insts {
		fmt.Fprintf(&text, "  %s\n", guestText(pc, b.Insts[i].Code))
		pc += guest.Addr(len(b.Insts[i].Code))
	}
	return text.String()
}

// entries is how often the block was entered since the profile before.
func (e *profiled) entries() uint64 { return e.count.Values[0] - e.seen }

// score is what a block has cost: its instructions as often as it was entered, although some leave it early.
func (e *profiled) score() uint64 { return e.entries() * uint64(e.insts) }

// watch shows a profile each time that blocks have been entered interval times more (--profile-interval). It never returns.
func (f *profile) watch(interval uint64) {
	const look = 20 * time.Millisecond // how exact the intervals are
	for {
		time.Sleep(look)
		f.mu.Lock()
		sum := uint64(0)
		for _, e := range f.blocks {
			sum += e.entries()
		}
		if sum >= interval {
			f.show(fmt.Sprintf("(%s blocks entered)", report.Commas(sum)))
		}
		f.mu.Unlock()
	}
}

// finish shows the profile at the end.
func (f *profile) finish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.show("(for the entire run)")
}

// show writes the blocks with the highest scores since the profile before. f.mu is held.
func (f *profile) show(what string) {
	const shown = 200 // as many as Valgrind
	list := make([]*profiled, 0, len(f.blocks))
	scores := make(map[*profiled]uint64, len(f.blocks)) // the guest goes on counting
	total := uint64(0)
	for _, e := range f.blocks {
		list = append(list, e)
		scores[e] = e.score()
		total += scores[e]
	}
	slices.SortFunc(list, func(a, b *profiled) int {
		if c := cmp.Compare(scores[b], scores[a]); c != 0 {
			return c
		}
		return cmp.Compare(a.start, b.start)
	})
	f.shown++
	var b, code strings.Builder
	fmt.Fprintf(&b, "\n<<< BEGIN SB Profile #%d %s\n<<<\n\nTotal score = %s\n\nrank  ---cumulative---      -----self-----\n", f.shown, what, report.Commas(total))
	percent := func(n uint64) float64 { return 100 * float64(n) / float64(max(total, 1)) }
	sum := uint64(0)
	for i, e := range list[:min(shown, len(list))] {
		score := scores[e]
		if score == 0 {
			break
		}
		sum += score
		line := fmt.Sprintf("%3d: (%9d %5.2f%%)   %9d %5.2f%%      %#x %s\n", i, sum, percent(sum), score, percent(score), uint64(e.start), f.place(e.start))
		b.WriteString(line)
		if e.code != "" {
			const rule = "=-=-=-=-=-=-=-=-=-=-=-=-=-="
			fmt.Fprintf(&code, "\n%s begin SB rank %d %s\n\n%s\n%s\n%s  end SB rank %d  %s\n", rule, i, rule, line, e.code, rule, i, rule)
		}
	}
	for _, e := range f.blocks {
		e.seen += e.entries()
	}
	fmt.Fprintf(&b, "%s\n<<<\n<<< END SB Profile #%d %s\n\n", code.String(), f.shown, what)
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
