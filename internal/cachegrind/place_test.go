package cachegrind

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/google/pprof/profile"

	"gogrind/internal/cgfile"
	"gogrind/internal/guest"
)

// TestInlined: the result file has the line that is executed and the function that has a frame, the profile all functions.
func TestInlined(t *testing.T) {
	c := newTest(false)
	c.symbols.(*fakeHost).inlined = map[int]string{2: "g", 3: "g", 4: "h"}
	c.Instrument(block(t, codeStart, "90 90 90 90 c3"))
	*c.runs.value(1) = 5
	c.settle(all())
	c.profile = c.places.profile(c.events, false)
	if got, want := c.profile.Func("/src/b.h", "f").Lines, (map[int][]int64{7: {15}}); !reflect.DeepEqual(got, want) {
		t.Errorf("result: %v, want %v", got, want)
	}
	if got, want := lines(c, 0), (map[int]int64{1: 5, 5: 5}); !reflect.DeepEqual(got, want) {
		t.Errorf("result: %v, want %v", got, want)
	}
	samples := func() map[string]int64 {
		var b bytes.Buffer
		if err := c.pprof(&b); err != nil {
			t.Fatal(err)
		}
		p, err := profile.Parse(&b)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		for _, s := range p.Sample {
			at := s.Location[0]
			key := fmt.Sprintf("%#x", at.Address)
			for _, l := range at.Line {
				key += fmt.Sprintf(" %s=%s@%s:%d", l.Function.Name, l.Function.SystemName, l.Function.Filename, l.Line)
			}
			got[key] = s.Value[0]
		}
		return got
	}
	want := map[string]int64{
		"0x401000 f=_f@/src/a.c:1":                  5,
		"0x401001 g=g@/src/b.h:7 f=_f@/src/a.c:100": 10,
		"0x401003 h=h@/src/b.h:7 f=_f@/src/a.c:100": 5,
		"0x401004 f=_f@/src/a.c:5":                  5,
	}
	if got := samples(); !reflect.DeepEqual(got, want) {
		t.Errorf("profile: %v, want %v", got, want)
	}
	c.Unmapped(guest.Range{Start: codeStart, End: codeStart + guest.PageSize})
	if got := samples(); got["0x0 g=g@/src/b.h:7 f=_f@/src/a.c:100"] != 10 || len(got) != 4 {
		t.Errorf("profile after the code has gone: %v", got)
	}
}

// TestForking: what a process has executed before it forks gets its names once, not again in each child.
func TestForking(t *testing.T) {
	c := newTest(false)
	h := c.symbols.(*fakeHost)
	c.Instrument(block(t, codeStart, "90 90 c3"))
	*c.runs.value(1) = 4
	c.Forking(fakeThread{id: 1})
	if h.asked != 3 {
		t.Errorf("asked for %d names before the fork, want 3", h.asked)
	}
	*c.runs.value(1) = 2
	c.settle(all())
	if got, want := lines(c, 0), (map[int]int64{1: 6, 2: 6, 3: 6}); !reflect.DeepEqual(got, want) || h.asked != 3 {
		t.Errorf("%v, want %v, after %d look-ups", got, want, h.asked)
	}
}

// TestManyPlaces: places are the same when they are found again, and profiles add up.
func TestManyPlaces(t *testing.T) {
	h := &fakeHost{inlined: map[int]string{}}
	for i := range 50 {
		h.inlined[3*i] = fmt.Sprint("fn", i%7)
	}
	p := newPlaces(h, 2)
	for range 3 {
		for i := range 150 {
			cgfile.Add(p.counts(codeStart+guest.Addr(i)), []int64{1, 2})
		}
		p.unmapped(guest.Range{Start: codeStart, End: codeStart + 75})
	}
	out := p.profile([]string{"A", "B"}, false)
	if err := out.Check(); err != nil || !reflect.DeepEqual(out.Summary, []int64{450, 900}) {
		t.Errorf("%v %v", out.Summary, err)
	}
	if h.asked != 150+2*75 {
		t.Errorf("%d look-ups", h.asked)
	}
}
