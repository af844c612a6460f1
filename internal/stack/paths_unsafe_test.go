package stack

import (
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"

	"gogrind/internal/guest"
)

// frames is a stack of which tests know the address.
type frames struct {
	words  [64]uint64
	regs   guest.Regs
	recent Recent
}

// newFrames is not inlined, so that what it returns is not on a goroutine's stack, which may move.
//
//go:noinline
func newFrames() *frames {
	f := new(frames)
	f.regs.GPR[guest.RSP] = uint64(uintptr(unsafe.Pointer(&f.words[8])))
	f.regs.GPR[guest.RBP] = f.regs.GPR[guest.RSP] + 32
	return f
}

// find looks for the stack twice, as the second answer comes from what was found lately, and gives another number if the two differ.
func (f *frames) find(p *Paths) (uint32, bool) {
	version := p.Version()
	id, ok := p.Find(f.regs.RIP, &f.regs, &f.recent)
	again, ok2 := p.Find(f.regs.RIP, &f.regs, &f.recent)
	if (id != again || ok != ok2) && p.Version() == version && version&1 == 0 && ok {
		return ^uint32(0), true
	}
	return id, ok
}

func TestPaths(t *testing.T) {
	f := newFrames()
	f.regs.RIP = 0x1000
	sp := f.regs.GPR[guest.RSP]
	f.words[8], f.words[12], f.words[13] = 0x2000, sp+64, 0x3000
	steps := []Step{
		{Word, 0, 0x2000},
		{RelativeRBP, 0, 32},
		{Word, 40, 0x3000},
		{RelativeWord, 32, 64},
	}
	p := NewPaths()
	if _, ok := f.find(p); ok {
		t.Error("found in an empty table")
	}
	p.Add(p.Version(), f.regs.RIP, steps, 7)
	p.Add(p.Version(), 0x1001, steps[:1], 8) // another one
	rows := []struct {
		what   string
		change func()
		ok     bool
	}{
		{"nothing", func() {}, true},
		{"the code", func() { f.regs.RIP = 0x1008 }, false},
		{"the first return address", func() { f.words[8]++ }, false},
		{"the second", func() { f.words[13] = 0x2000 }, false},
		{"rbp", func() { f.regs.GPR[guest.RBP]++ }, false},
		{"a saved rbp", func() { f.words[12] += 8 }, false},
		{"another word", func() { f.words[9] = 5; f.words[14] = 5 }, true},
		{"another register", func() { f.regs.GPR[guest.RBX] = 5 }, true},
		{"the stack pointer, to where words are the same", func() {
			copy(f.words[6:], f.words[8:])
			f.words[10] -= 16
			f.regs.GPR[guest.RSP] -= 16
			f.regs.GPR[guest.RBP] -= 16
		}, true},
		{"its alignment", func() { f.regs.GPR[guest.RSP]++ }, false},
	}
	for _, r := range rows {
		was := *f
		f.find(p) // the stack is one of the recent ones
		r.change()
		if id, ok := f.find(p); ok != r.ok || ok && id != 7 {
			t.Errorf("%s changed: %d, %v", r.what, id, ok)
		}
		*f = was
	}
	version := p.Version()
	p.Clear()
	if _, ok := f.find(p); ok {
		t.Error("found after Clear")
	}
	if p.Add(version, f.regs.RIP, steps, 7); p.used != 0 {
		t.Error("what was found before Clear has been added")
	}
	p.Add(p.Version(), f.regs.RIP, make([]Step, maxPath), 7)
	if p.used != 0 {
		t.Error("a path that Find would give up has been added")
	}
}

// TestPathsDeep looks for stacks of all depths, of which the deepest are not among the recent ones.
func TestPathsDeep(t *testing.T) {
	for n := range maxPath - 1 {
		p, f := NewPaths(), newFrames()
		f.regs.RIP = 0x1000
		steps := make([]Step, n)
		for i := range steps {
			steps[i] = Step{Word, int32(i%50) * 8, f.words[8+i%50]}
		}
		p.Add(p.Version(), f.regs.RIP, steps, 9)
		if id, ok := f.find(p); !ok || id != 9 {
			t.Errorf("%d steps: %d, %v", n, id, ok)
		}
		if kept := f.recent.has(f.regs.RIP); kept != (n <= recentSteps) {
			t.Errorf("%d steps are among the recent: %v", n, kept)
		}
		if n > 0 {
			f.words[8+(n-1)%50]++
			if id, ok := f.find(p); ok {
				t.Errorf("%d steps, the last of which has changed: %d", n, id)
			}
		}
	}
}

func (r *Recent) has(pc uint64) bool {
	for i := range r.stacks {
		if r.stacks[i].pc == pc && r.stacks[i].n > 0 {
			return true
		}
	}
	return false
}

// TestRecentCallers finds stacks that differ only in their third and fourth return addresses, as those of a program that allocates by
// a function of its own do: they are all kept.
func TestRecentCallers(t *testing.T) {
	p, f := NewPaths(), newFrames()
	const n = 16
	at := func(i int) {
		f.words[8], f.words[10], f.words[13], f.words[15] = 0x2000, 0x3000, uint64(0x4000+i%4), uint64(0x5000+i)
	}
	for i := range n {
		at(i)
		p.Add(p.Version(), 0x1000, []Step{{Word, 0, 0x2000}, {Word, 16, 0x3000}, {Word, 40, f.words[13]}, {Word, 56, f.words[15]}}, uint32(i+1))
	}
	for range 3 {
		for i := range n {
			at(i)
			if id, ok := p.Find(0x1000, &f.regs, &f.recent); !ok || id != uint32(i+1) {
				t.Fatalf("stack %d is %d, %t", i+1, id, ok)
			}
		}
	}
	kept := 0
	for i := range f.recent.stacks {
		if f.recent.stacks[i].n > 0 {
			kept++
		}
	}
	if kept < n*3/4 { // some share a place
		t.Errorf("%d of %d stacks are kept", kept, n)
	}
}

// TestRecentTurns uses stacks in turn that share callers at different depths, as those of a program's functions for memory do: after a
// while most are found among the recent ones, wherever hashes put them. That is seen by a tree that has none.
func TestRecentTurns(t *testing.T) {
	const n, rounds, layouts = 24, 8, 60
	r := rand.New(rand.NewPCG(7, 8))
	missed := 0
	for range layouts {
		p, f := NewPaths(), newFrames()
		var pools [4][8]Step // of return addresses, each with the place that its caller's lies at
		for i := range pools {
			for j := range pools[i] {
				pools[i][j] = Step{Word, int32(8 * r.IntN(8)), 0x4800000 + uint64(r.IntN(1<<18))}
			}
		}
		type turn struct {
			pc    uint64
			steps []Step
		}
		turns := make([]turn, n)
		at := func(k int) {
			for _, s := range turns[k].steps {
				f.words[8+s.Offset/8] = s.Value
			}
		}
		for k := range turns {
			var steps []Step
			offset := int32(0)
			for i := range pools {
				s := pools[i][r.IntN(1+2*i)]
				s.Offset, offset = offset, offset+8+s.Offset
				steps = append(steps, s)
			}
			turns[k] = turn{0x48a2930 + 0x5c0*uint64(k%2), steps}
			p.Add(p.Version(), turns[k].pc, steps, uint32(k+1))
		}
		for range rounds {
			for k := range turns {
				at(k)
				if _, ok := p.Find(turns[k].pc, &f.regs, &f.recent); !ok {
					t.Fatalf("stack %d is not found", k)
				}
			}
		}
		empty := NewPaths()
		for k := range turns {
			at(k)
			if _, ok := empty.Find(turns[k].pc, &f.regs, &f.recent); !ok {
				missed++
			}
			p.Find(turns[k].pc, &f.regs, &f.recent)
		}
	}
	if missed > n*layouts/10 {
		t.Errorf("%d of %d stacks are not among the recent ones", missed, n*layouts)
	}
}

// TestPathsFull adds more stacks than there is room for: what is found is right, and most are.
func TestPathsFull(t *testing.T) {
	p := NewPaths()
	f := newFrames()
	rng := rand.New(rand.NewPCG(3, 4))
	found := 0
	const n = 2 * pathSlots
	for id := uint32(1); id <= n; id++ {
		f.regs.RIP = uint64(rng.IntN(50)) << 4
		f.words[8], f.words[9] = uint64(rng.IntN(1000))<<3, rng.Uint64()
		steps := []Step{{Word, 0, f.words[8]}, {Word, 8, f.words[9]}}
		p.Add(p.Version(), f.regs.RIP, steps, id)
		got, ok := f.find(p)
		if ok && got != id {
			t.Fatalf("stack %d is called %d", id, got)
		}
		if ok {
			found++
		}
	}
	if found < n*9/10 {
		t.Errorf("%d of %d found", found, n)
	}
}

// TestPathsCrowded: paths that lie in one piece each leave room for all others, also where many divide.
func TestPathsCrowded(t *testing.T) {
	f := newFrames()
	r := rand.New(rand.NewPCG(1, 2))
	p := NewPaths()
	const length, start = 8, 0x1000
	f.regs.RIP = start
	var known [][length]uint64
	for p.used < minSlots*3/8 {
		var values [length]uint64
		if len(known) > 0 { // most callers are shared
			copy(values[:], known[r.IntN(len(known))][:r.IntN(length)])
		}
		var steps []Step
		for i := range values {
			if values[i] == 0 {
				values[i] = 0x400000 + uint64(r.IntN(1<<20))
			}
			steps = append(steps, Step{Word, int32(8 * i), values[i]})
		}
		p.Add(p.Version(), start, steps, uint32(len(known)))
		known = append(known, values)
	}
	missing := 0
	for id, values := range known {
		copy(f.words[8:], values[:])
		if got, ok := f.find(p); !ok || int(got) != id {
			missing++
		}
	}
	if missing > len(known)/1000 {
		t.Errorf("%d of %d stacks are not found", missing, len(known))
	}
}

// TestPathsParallel looks for stacks while others are added and all are cleared.
func TestPathsParallel(t *testing.T) {
	p := NewPaths()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			f := newFrames()
			rng := rand.New(rand.NewPCG(5, 6))
			for {
				select {
				case <-stop:
					return
				default:
				}
				f.words[8] = uint64(rng.IntN(5000))
				f.words[9] = f.words[8] * 3
				if id, ok := f.find(p); ok && uint64(id) != f.words[8] {
					t.Errorf("stack %d is called %d", f.words[8], id)
					return
				}
			}
		})
	}
	for i := range uint64(200_000) {
		v := i % 5000
		p.Add(p.Version(), 0, []Step{{Word, 0, v}, {Word, 8, v * 3}}, uint32(v))
		if i%20_000 == 19_999 {
			p.Clear()
		}
	}
	close(stop)
	wg.Wait()
}
