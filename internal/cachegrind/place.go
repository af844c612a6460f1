package cachegrind

import (
	"io"
	"path/filepath"
	"strings"
	"time"

	"gogrind/internal/cgfile"
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/profile"
	"gogrind/internal/profile/code"
)

// places are the source lines that instructions belong to, told apart by the functions that are inlined there. They outlive
// the code that they were found for.
type places struct {
	events  int
	symbols namer
	all     []place // number 0 is the caller of functions that are not inlined
	names   map[placeNames]uint32
	lasts   [lastNames]lastName // looked up last, by depth
	index   map[placeKey]int32
	at      map[guest.Addr]extent // of code that is mapped, by the addresses that were looked up
	last    extent                // the one looked up last, from
	from    guest.Addr            // on
	frames  []debuginfo.Frame
}

// extent is a piece of code of one place, up to end.
type extent struct {
	end   guest.Addr
	place int32
}

// place is a line of a function, at the end of a chain of functions that it is inlined into.
type place struct {
	frame  debuginfo.Frame
	caller int32      // place of the call that is inlined, 0 for none
	pc     guest.Addr // lowest address that was counted, 0 when its code is not mapped any more
	counts []int64    // by event; nil: the place is no more than a caller
}

// placeNames are the names of a place, which many have in common.
type placeNames struct{ obj, fn, dir, file string }

// placeKey tells places apart; names is the number of their names.
type placeKey struct {
	caller int32
	names  uint32
	line   int
}

// lastName saves looking for names that were those of the place before: it takes longer than all the rest.
type lastName struct {
	placeNames
	number uint32
}

// lastNames is more than most functions are inlined deep. A power of two.
const lastNames = 8

func newPlaces(symbols namer, events int) *places {
	return &places{events: events, symbols: symbols, all: make([]place, 1), names: map[placeNames]uint32{}, index: map[placeKey]int32{}, at: map[guest.Addr]extent{}}
}

// counts are those of the place that the instruction at pc belongs to, for adding to.
func (p *places) counts(pc guest.Addr) []int64 {
	if pc < p.from || pc >= p.last.end {
		x, ok := p.at[pc]
		if !ok {
			x = p.find(pc)
			p.at[pc] = x
		}
		p.last, p.from = x, pc
	}
	l := &p.all[p.last.place]
	if l.counts == nil {
		l.counts = make([]int64, p.events)
	}
	if l.pc == 0 || pc < l.pc {
		l.pc = pc
	}
	return l.counts
}

// find looks up the place of the instruction at pc.
func (p *places) find(pc guest.Addr) extent {
	var end guest.Addr
	p.frames, end = p.symbols.FramesRange(pc, p.frames[:0])
	n := int32(0)
	for i := len(p.frames) - 1; i >= 0; i-- {
		f := &p.frames[i]
		k := placeKey{n, p.number(placeNames{f.Obj, f.RawFn, f.Dir, f.File}, len(p.frames)-1-i), f.Line}
		at, ok := p.index[k]
		if !ok {
			at = int32(len(p.all))
			p.all = append(grown(p.all, 1), place{frame: *f, caller: n})
			p.index[k] = at
		}
		n = at
	}
	return extent{end, n}
}

// number is the number of the names of a function that is depth times inlined.
func (p *places) number(n placeNames, depth int) uint32 {
	last := &p.lasts[depth%lastNames]
	if last.placeNames == n && last.number != 0 {
		return last.number
	}
	k, ok := p.names[n]
	if !ok {
		k = uint32(len(p.names)) + 1
		p.names[n] = k
	}
	*last = lastName{n, k}
	return k
}

// unmapped forgets addresses in r: other code may come there.
func (p *places) unmapped(r guest.Range) {
	for pc, x := range p.at {
		if pc < r.End && x.end > r.Start {
			delete(p.at, pc)
			p.all[x.place].pc = 0
		}
	}
	p.last, p.from = extent{}, 0
}

// outermost is the function with a frame of its own that place n belongs to.
func (p *places) outermost(n int) *debuginfo.Frame {
	for p.all[n].caller != 0 {
		n = int(p.all[n].caller)
	}
	return &p.all[n].frame
}

// profile is what the result file has: source lines by the function that they are executed in, inlined or not.
func (p *places) profile(events []string, below bool) *cgfile.Profile {
	out := cgfile.New(events)
	for i := range p.all {
		l := &p.all[i]
		if l.counts == nil {
			continue
		}
		file, fn, line := cgfile.Unknown, cgfile.Unknown, 0
		if f := p.outermost(i); f.Fn != "" {
			fn = f.Fn
		}
		if !below && debuginfo.BelowMain(fn) {
			fn = "(below main)"
		}
		if l.frame.File != "" {
			file, line = sourceName(&l.frame), l.frame.Line
		}
		cgfile.Add(out.Func(file, fn).At(line, len(events)), l.counts)
	}
	out.Sort()
	out.Summary = out.Total()
	return out
}

// sourceName is the name of a source file as results have it: directory and name as the compiler recorded them.
func sourceName(f *debuginfo.Frame) string {
	if f.Dir == "" || filepath.IsAbs(f.File) {
		return f.File
	}
	return f.Dir + "/" + f.File
}

// pprof writes the places for go tool pprof: a sample for each, at its lowest address, with a value for each event. mu is held.
func (c *Cachegrind) pprof(w io.Writer) error {
	events := c.profile.Events
	values := make([]profile.Value, len(events))
	for i, e := range events {
		values[i] = profile.Value{Type: e, Unit: "count"}
	}
	b := profile.New(values, events[0])
	b.Times(c.started, time.Since(c.started))
	for _, d := range c.desc {
		b.Comment(d)
	}
	b.Comment("Command: " + strings.Join(c.command, " "))
	if s, ok := c.symbols.(*debuginfo.Space); ok {
		code.Map(b, c.host, s)
	}
	var frames []debuginfo.Frame
	for i := range c.places.all {
		l := &c.places.all[i]
		if l.counts == nil {
			continue
		}
		frames = frames[:0]
		for n := int32(i); n != 0; n = c.places.all[n].caller {
			frames = append(frames, c.places.all[n].frame)
		}
		b.Add([]profile.Call{code.Call(l.pc, frames)}, nil, l.counts...)
	}
	return b.Write(w)
}
