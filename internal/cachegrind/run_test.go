package cachegrind

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/options"
	"gogrind/internal/tool"
)

// fakeHost gives out counters and names: each byte of code is a line of its own.
type fakeHost struct {
	tool.Host
	given   int
	asked   int            // calls of FramesRange
	inlined map[int]string // by line: a function that is inlined into line 100
}

func (h *fakeHost) Counters(n int) tool.Counters {
	c := tool.Counters{Start: guest.Addr(0x50000000 + 8*h.given), Values: make([]uint64, n)}
	h.given += n
	return c
}

func (h *fakeHost) FirstProcess() bool { return true }

const codeStart guest.Addr = 0x401000

func (h *fakeHost) FramesRange(pc guest.Addr, buf []debuginfo.Frame) ([]debuginfo.Frame, guest.Addr) {
	h.asked++
	f := debuginfo.Frame{PC: pc, Fn: "f", RawFn: "_f", Dir: "/src", File: "a.c", Line: int(pc - codeStart + 1)}
	if fn := h.inlined[f.Line]; fn != "" {
		buf = append(buf, debuginfo.Frame{PC: pc, Fn: fn, RawFn: fn, Dir: "/src", File: "b.h", Line: 7, Inlined: true})
		f.Line = 100
	}
	return append(buf, f), pc + 1
}

type fakeThread struct {
	tool.Thread
	id int
}

func (t fakeThread) ID() int { return t.id }

func newTest(sim bool) *Cachegrind {
	c := New()
	h := &fakeHost{}
	c.opts.repRounds = true
	c.core, c.host, c.symbols = &options.Core{}, h, h
	c.runs.init(h)
	c.on = true
	events := []string{"Ir"}
	if sim {
		g := cacheConfig{4096, 4, 64}
		geo := &geometry{g, g, cacheConfig{65536, 8, 64}}
		c.models = geo.models()
		for _, x := range []*tool.Cache{c.models.Data, c.models.Code, c.models.Last} {
			x.Tags = make([]uint64, x.Words())
		}
		c.sim = newMachine(c.models)
		c.sim.branches = &predictor{}
		events = strings.Fields("Ir I1mr ILmr Dr D1mr DLmr Dw D1mw DLmw Bc Bcm Bi Bim")
	}
	c.events, c.places = events, newPlaces(h, len(events))
	return c
}

// block decodes code as a block at pc.
func block(t *testing.T, pc guest.Addr, code string) *tool.Block {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(code, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	b := &tool.Block{Start: pc}
	for len(raw) > 0 {
		in := new(amd64.Inst)
		if err := amd64.Decode(raw, in); err != nil {
			t.Fatal(err)
		}
		b.Insts = append(b.Insts, tool.Inst{PC: pc, Code: raw[:in.Len], Inst: in, Mem: in.MemAccesses(nil)})
		pc += guest.Addr(in.Len)
		raw = raw[in.Len:]
	}
	return b
}

// lines are the counts of event col by line, without those that are 0.
func lines(c *Cachegrind, col int) map[int]int64 {
	m := map[int]int64{}
	for n, counts := range c.places.profile(c.events, false).Func("/src/a.c", "f").Lines {
		if counts[col] != 0 {
			m[n] = counts[col]
		}
	}
	return m
}

func all() guest.Range { return guest.Range{End: ^guest.Addr(0)} }

func TestRuns(t *testing.T) {
	for _, c := range []struct {
		name, code string
		want       []uint8 // instructions of each run
	}{
		{"straight", "90 90 90 c3", []uint8{4}},
		{"side exit", "90 7510 90 90 c3", []uint8{2, 5}},
		{"loop inside the block", "90 90 ffc8 75fb 90 c3", []uint8{1, 3, 5}},
		{"jump forward inside", "7501 90 90 c3", []uint8{1, 2, 2}},
		{"call", "90 e800000000 90 c3", []uint8{2, 2}},
		{"indirect call", "ffd0 90 c3", []uint8{1, 2}},
		{"repeated", "90 f3aa 90 c3", []uint8{1, 1, 2}},
		{"system call", "90 0f05 90", []uint8{2, 1}},
	} {
		g := newTest(false)
		b := block(t, codeStart, c.code)
		g.Instrument(b)
		var got []uint8
		for _, u := range g.runs.all[1:] {
			got = append(got, u.n)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: runs of %v instructions, want %v", c.name, got, c.want)
		}
		again := &tool.Block{Start: b.Start, Insts: b.Insts}
		g.Instrument(again)
		if !reflect.DeepEqual(b.Anns, again.Anns) {
			t.Errorf("%s: annotations differ the second time", c.name)
		}
		last := 0
		for _, a := range b.Anns {
			if a.Inst < last {
				t.Errorf("%s: annotations out of order", c.name)
			}
			last = a.Inst
		}
	}
}

func TestCheapest(t *testing.T) {
	b := block(t, codeStart, "4889c8 4883c001 4839c8 7510") // mov, add, cmp, jne
	if i := b.Cheapest(0, 3); i != 1 {
		t.Errorf("put in front of instruction %d", i)
	}
	if i := block(t, codeStart, "4889c8 7510").Cheapest(0, 1); i != 0 {
		t.Errorf("no instruction kills flags, but %d was chosen", i)
	}
}

func TestSettle(t *testing.T) {
	c := newTest(false)
	c.Instrument(block(t, codeStart, "90 90 7510 90 c3")) // lines 1, 2, 3, and with 5, 6
	c.Instrument(block(t, codeStart+1, "90 7510"))        // the same code, entered further on
	*c.runs.value(1), *c.runs.value(2), *c.runs.value(3) = 3, 7, 100
	c.settle(guest.Range{Start: 0x500000, End: 0x600000})
	if n := len(c.places.at); n != 0 {
		t.Fatalf("%d functions from elsewhere", n)
	}
	c.settle(all())
	if got, want := lines(c, 0), (map[int]int64{1: 10, 2: 110, 3: 110, 5: 7, 6: 7}); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	c.settle(all())
	if got := lines(c, 0)[1]; got != 10 {
		t.Errorf("counted twice: %d", got)
	}
}

func TestStartStop(t *testing.T) {
	c := newTest(false)
	c.on = false
	c.Instrument(block(t, codeStart, "90 c3"))
	step := func(code uint32, n uint64) {
		*c.runs.value(1) += n
		if _, ok := c.Request(fakeThread{id: 1}, code, [5]uint64{}); !ok {
			t.Fatalf("request %#x not handled", code)
		}
	}
	step(reqStart, 5)
	step(reqStop, 3)
	step(reqStop, 100)
	step(reqStart, 100)
	*c.runs.value(1) += 2
	c.settle(all())
	if got := lines(c, 0)[1]; got != 5 {
		t.Errorf("counted %d, want 3+2", got)
	}
	if _, ok := c.Request(fakeThread{id: 1}, 0x4d430000, [5]uint64{}); ok {
		t.Error("takes another tool's request")
	}
}

func TestRounds(t *testing.T) {
	for _, c := range []struct {
		name, code string
		rounds     bool
		made       uint64
		zf         uint32
		want       int64
	}{
		{"rep stos", "f3aa", true, 100, 1, 101},
		{"rep stos, none", "f3aa", true, 0, 0, 1},
		{"as the processor counts", "f3aa", false, 100, 0, 1},
		{"repne scas that finds", "f2ae", true, 21, 1, 21},
		{"repne scas that does not find", "f2ae", true, 21, 0, 22},
		{"repne scas, none", "f2ae", true, 0, 1, 1},
		{"repe cmps, equal", "f3a6", true, 50, 1, 51},
		{"repe cmps, different", "f3a6", true, 50, 0, 50},
	} {
		g := newTest(false)
		g.opts.repRounds = c.rounds
		b := block(t, codeStart, c.code)
		g.Instrument(b)
		*g.runs.value(1) = 1
		for _, a := range b.Anns {
			if a.Op == tool.OpEventRounds {
				g.Events(fakeThread{id: 1}, []tool.Event{{Site: uint32(a.Arg), Size: c.zf, Value: c.made}})
			}
		}
		g.settle(all())
		if got := lines(g, 0)[1]; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// play runs the annotations of b once as translated code would: value gives the address of each access, taken says whether a
// branch at the end is taken.
func play(c *Cachegrind, b *tool.Block, taken bool, value func(inst, mem int) uint64) {
	var ev []tool.Event
	counter := func(a guest.Addr) *uint64 {
		for _, p := range append(append([]tool.Counters(nil), c.runs.counters...), c.runs.misses.pieces...) {
			if a >= p.Start && a < p.Addr(len(p.Values)) {
				return &p.Values[(a-p.Start)/8]
			}
		}
		panic("no such counter")
	}
	use := func(first *tool.Cache, a uint64, size int, counts guest.Addr) {
		if first.Touch(a, size) {
			*counter(counts)++
			if c.models.Last.Touch(a, size) {
				*counter(counts + 8)++
			}
		}
	}
	for _, a := range b.Anns {
		switch a.Op {
		case tool.OpCount:
			*counter(a.Ptr) += uint64(a.Arg)
		case tool.OpDataMiss:
			use(c.models.Data, value(a.Inst, a.Mem), int(b.Insts[a.Inst].Mem[a.Mem].Size), a.Ptr)
		case tool.OpCodeMiss:
			in := &b.Insts[a.Inst]
			use(c.models.Code, uint64(in.PC), int(in.Len), a.Ptr)
		case tool.OpEventAddr:
			ev = append(ev, tool.Event{Site: uint32(a.Arg), Value: value(a.Inst, a.Mem)})
		case tool.OpEvent:
			if !a.Behind || !taken {
				ev = append(ev, tool.Event{Site: uint32(a.Arg)})
			}
		case tool.OpEventRounds:
			ev = append(ev, tool.Event{Site: uint32(a.Arg), Value: value(a.Inst, -1)})
		}
	}
	c.repeat(ev)
	c.consume(batch{1, ev})
}

func TestSimulation(t *testing.T) {
	c := newTest(true)
	// mov (%rax),%rcx; mov %rcx,(%rbx); add %ecx,(%rax); lock add %ecx,(%rax); jne: lines 1, 4, 7, 9, 12
	b := block(t, codeStart, "488b08 48890b 0108 f00108 7510")
	c.Instrument(b)
	addr := func(inst, _ int) uint64 {
		if inst == 1 {
			return 0x7000_0000
		}
		return 0x6000_0000
	}
	for i := range 10 {
		play(c, b, i%2 == 0, addr)
	}
	c.sim.flushThreads(&c.runs)
	c.settle(all())
	for col, want := range []map[int]int64{
		{1: 10, 4: 10, 7: 10, 9: 10, 12: 10}, // Ir
		{1: 1}, {1: 1},                       // I1mr ILmr: all in one line
		{1: 10, 7: 10, 9: 20}, // Dr: a locked instruction reads twice
		{1: 1}, {1: 1},        // D1mr DLmr
		{4: 10}, {4: 1}, {4: 1}, // Dw D1mw DLmw
		{12: 10}, // Bc
	} {
		if got := lines(c, col); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, want %v", c.events[col], got, want)
		}
	}
}

func TestSimulatedRounds(t *testing.T) {
	c := newTest(true)
	b := block(t, codeStart, "f348a5") // rep movsq
	c.Instrument(b)
	play(c, b, false, func(_, mem int) uint64 {
		if mem < 0 {
			return 16
		}
		return 0x6000_0000 + uint64(mem)*0x10000
	})
	c.settle(all())
	for col, want := range map[int]int64{0: 17, colDr: 16, colDw: 16, colD1mr: 2, colD1mw: 2, colDLmw + 1: 17} {
		if got := lines(c, col)[1]; got != want {
			t.Errorf("%s: %d, want %d", c.events[col], got, want)
		}
	}
}

func TestIndirect(t *testing.T) {
	c := newTest(true)
	jump := block(t, codeStart, "ffe0")
	there := block(t, codeStart+0x100, "90 c3")
	elsewhere := block(t, codeStart+0x200, "90 c3")
	none := func(int, int) uint64 { return 0x6000_0000 }
	for _, b := range []*tool.Block{jump, there, elsewhere} {
		c.Instrument(b)
	}
	for _, to := range []*tool.Block{there, there, elsewhere, elsewhere, there} {
		play(c, jump, false, none)
		play(c, to, false, none)
	}
	c.settle(all())
	if bi, bim := lines(c, colDLmw+3)[1], lines(c, colDLmw+4)[1]; bi != 5 || bim != 3 {
		t.Errorf("%d jumps, %d mispredicted; want 5, 3", bi, bim)
	}
}

func TestUnmapped(t *testing.T) {
	c := newTest(false)
	c.Instrument(block(t, codeStart, "90 c3"))
	*c.runs.value(1) = 4
	c.Unmapped(guest.Range{Start: 0x10000000, End: 0x20000000})
	if len(c.places.at) != 0 {
		t.Error("settled for memory without code")
	}
	c.Unmapped(guest.Range{Start: codeStart, End: codeStart + guest.PageSize})
	if got := lines(c, 0)[1]; got != 4 {
		t.Errorf("%d, want 4", got)
	}
	*c.runs.value(1) = 1 // other code at the same place
	c.settle(all())
	if got := lines(c, 0)[1]; got != 5 {
		t.Errorf("%d, want 5", got)
	}
}
