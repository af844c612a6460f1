package heap

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"gogrind/internal/guest"
	"gogrind/internal/stack"
	"gogrind/internal/tool"
)

// quickTest is an allocator with hooks that are called as the core does: first the quick way, if it is on.
type quickTest struct {
	t     testing.TB
	a     *Allocator
	ar    *testArena
	hooks map[string]int
	list  []Hook
	quick int // calls that were
	acts  int // of Config.ActAs
	stack *[8]uint64
}

// sites is a tool for which each function is one stack.
type sites struct {
	*recorder
	conf tool.QuickHeap
}

func (s sites) NewStack(t tool.Thread) uint32 {
	id := uint32(t.Regs().RIP >> 4)
	frees := strings.HasPrefix(families[id-pcBase].symbol, "_Zd") || families[id-pcBase].symbol == "free"
	if frees && !s.conf.FreeStacks || !frees && !s.conf.AllocStacks {
		return 0
	}
	return id
}

func newQuick(t testing.TB, l tool.HeapConfig, conf tool.QuickHeap, on bool) *quickTest {
	q := &quickTest{t: t, ar: &testArena{left: 1 << 32}, hooks: map[string]int{}, stack: new([8]uint64)}
	q.ar.release(t)
	paths := stack.NewPaths()
	a, err := New(Config{
		Layout: l, Arena: q.ar, Memory: plainMemory{}, Tool: sites{&recorder{cfg: l, quiet: true}, conf}, Paths: paths,
		Watch: func(tool.Thread) uint32 { return paths.Version() },
		Learn: func(th tool.Thread, version, id uint32) { paths.Add(version, th.Regs().RIP+uint64(q.acts), nil, id) },
		ActAs: func(_ tool.Thread, what int, f func()) {
			q.acts = what
			f()
			q.acts = 0
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	q.a, q.list = a, a.Hooks("")
	for i := range q.list {
		q.hooks[q.list[i].Symbol] = i
	}
	if on {
		a.Enable(conf)
		for i := range q.list {
			a.SetQuick(i, &q.list[i], pcOf(i))
		}
	}
	return q
}

// pcOf is where hook i stands.
func pcOf(i int) uint64 { return uint64(pcBase+i) << 4 }

const pcBase = 0x100

func (q *quickTest) call(th *thread, symbol string, args ...uint64) uint64 {
	n, ok := q.hooks[symbol]
	if !ok {
		q.t.Fatalf("no hook %s", symbol)
	}
	r := &th.regs
	r.RIP = pcOf(n)
	r.GPR[guest.RSP] = uint64(uintptr(unsafe.Pointer(q.stack)))
	for i, v := range args {
		r.GPR[[]int{guest.RDI, guest.RSI, guest.RDX}[i]] = v
	}
	var phase uint64
	if Quick(unsafe.Pointer(q.a), r, uint64(n), uint64(th.id), &phase) {
		q.quick++
		return r.GPR[guest.RAX]
	}
	if phase != 0 {
		q.t.Fatalf("%s: phase %d is left", symbol, phase)
	}
	return q.list[n].Do(th, &Args{})
}

// where is the place of p in the arenas, which lie elsewhere in each test.
func (q *quickTest) where(p guest.Addr) [2]uint64 {
	for i, m := range q.ar.maps {
		if m.Contains(p) {
			return [2]uint64{uint64(i), uint64(p - m.Start)}
		}
	}
	return [2]uint64{}
}

// TestQuickSame makes the same calls the quick way and the ordinary one: blocks, index and totals must be the same after each.
func TestQuickSame(t *testing.T) {
	rows := []struct {
		name string
		l    tool.HeapConfig
		conf tool.QuickHeap
		most bool // of the calls are quick
	}{
		{"memcheck", tool.HeapConfig{RedZone: 16, Alignment: 16, Quarantine: 20_000, BigBlock: 1000, MallocFill: -1, FreeFill: -1, KeepFreedInfo: true},
			tool.QuickHeap{AllocStacks: true, FreeStacks: true}, true},
		{"large quarantine", tool.HeapConfig{RedZone: 16, Alignment: 16, Quarantine: largeQuarantine, BigBlock: 20_000, MallocFill: -1, FreeFill: -1, KeepFreedInfo: true},
			tool.QuickHeap{AllocStacks: true, FreeStacks: true}, true},
		{"least quarantine", tool.HeapConfig{RedZone: 16, Alignment: 16, Quarantine: 1, BigBlock: 1000, MallocFill: -1, FreeFill: -1, KeepFreedInfo: true},
			tool.QuickHeap{AllocStacks: true, FreeStacks: true}, true},
		{"no stacks", tool.HeapConfig{RedZone: 64, Alignment: 64, Quarantine: 100_000, BigBlock: 1 << 20, MallocFill: -1, FreeFill: -1, KeepFreedInfo: true}, tool.QuickHeap{}, true},
		{"massif", tool.HeapConfig{RedZone: 16, Alignment: 16, MallocFill: -1, FreeFill: -1, Dirty: true}, tool.QuickHeap{AllocStacks: true, Events: true}, true},
		{"filled", tool.HeapConfig{RedZone: 16, Alignment: 16, Quarantine: 20_000, MallocFill: 0xaa, FreeFill: 0xbb}, tool.QuickHeap{}, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			slow, fast := newQuick(t, row.l, row.conf, false), newQuick(t, row.l, row.conf, true)
			both := [2]*quickTest{slow, fast}
			events, moved := 0, 0
			count := func(list []tool.HeapEvent) {
				for _, e := range list {
					if e.Kind == tool.HeapMoved { // it is followed by one that counts
						moved++
					} else {
						events++
					}
				}
			}
			rng := rand.New(rand.NewPCG(7, 8))
			th := &thread{id: 3}
			var live [][2]guest.Addr
			alloc := []string{"malloc", "_Znwm", "_Znam"}
			const calls = 60_000
			for i := range calls {
				var res [2]uint64
				size := uint64(rng.IntN(300))
				if rng.IntN(50) == 0 {
					size = uint64(rng.IntN(100_000))
				}
				k := rng.IntN(max(1, len(live)))
				which, odd := rng.IntN(100), rng.IntN(200) == 0
				for v, q := range both {
					switch {
					case which < 45 || len(live) == 0:
						res[v] = q.call(th, alloc[which%3], size)
					case which < 50:
						res[v] = q.call(th, "calloc", size, 3)
						for _, b := range view(guest.Addr(res[v]), int(size)*3) {
							if b != 0 {
								t.Fatalf("call %d: calloc gives used memory", i)
							}
						}
					case which < 53:
						res[v] = q.call(th, "realloc", uint64(live[k][v]), size)
					case odd:
						q.call(th, "free", uint64(live[k][v])+1)
					default:
						q.call(th, []string{"free", "_ZdlPv", "_ZdaPv"}[which%3], uint64(live[k][v]))
					}
				}
				p := [2]guest.Addr{guest.Addr(res[0]), guest.Addr(res[1])}
				if slow.where(p[0]) != fast.where(p[1]) {
					t.Fatalf("call %d: block at %v and at %v", i, slow.where(p[0]), fast.where(p[1]))
				}
				if which >= 50 && len(live) > 0 && (which < 53 || !odd) {
					was := live[k]
					live[k] = live[len(live)-1]
					live = live[:len(live)-1]
					b0, ok0 := slow.a.At(was[0])
					b1, ok1 := fast.a.At(was[1])
					if b0.Addr, b1.Addr = 0, 0; b0 != b1 || ok0 != ok1 {
						t.Fatalf("call %d: freed block %+v %v and %+v %v", i, b0, ok0, b1, ok1)
					}
				}
				if p[0] != 0 {
					live = append(live, p)
					b0, ok0 := slow.a.At(p[0])
					b1, ok1 := fast.a.At(p[1])
					if b0.Addr, b1.Addr = 0, 0; b0 != b1 || !ok0 || !ok1 {
						t.Fatalf("call %d: new block %+v %v and %+v %v", i, b0, ok0, b1, ok1)
					}
					view(p[0], 1)[0], view(p[1], 1)[0] = 1, 1
				}
				if s0, s1 := slow.a.Stats(), fast.a.Stats(); s0 != s1 {
					t.Fatalf("call %d: %+v and %+v", i, s0, s1)
				}
				if i%1000 == 0 {
					fast.a.TakeEvents(count)
				}
			}
			if row.most && fast.quick < calls/2 || !row.most && fast.quick > 0 {
				t.Errorf("%d of %d calls were quick", fast.quick, calls)
			}
			fast.a.TakeEvents(count)
			if want := fast.quick; row.conf.Events && events != want || !row.conf.Events && events != 0 {
				t.Errorf("%d events of %d quick calls", events, want)
			}
			if row.conf.Events && moved < calls/100 { // most blocks are not of malloc
				t.Errorf("%d blocks were moved the quick way", moved)
			}
		})
	}
}

// TestQuickShadow looks at the shadow of blocks of all small sizes.
func TestQuickShadow(t *testing.T) {
	l := tool.HeapConfig{RedZone: 16, Alignment: 16, Quarantine: 10_000, BigBlock: 1 << 20, MallocFill: -1, FreeFill: -1, KeepFreedInfo: true, Dirty: true}
	q := newQuick(t, l, tool.QuickHeap{Shadow: 1, Fresh: 0xff, Gone: 0x80}, true)
	th := &thread{id: 1}
	q.call(th, "malloc", 1) // maps the arena
	const size = 1 << 20
	shadow := make([]byte, size)
	first := q.ar.maps[0].Start
	q.a.quick.conf.Shadow = uint64(addressOf(shadow)) - uint64(first)
	// The classes up to here fit in one arena, so that all shadow is in the slice.
	for n := uint64(0); n < 400; n++ {
		for _, fn := range []string{"malloc", "calloc"} {
			for i := range shadow {
				shadow[i] = 0x77
			}
			args, want := []uint64{n}, byte(0xff)
			if fn == "calloc" {
				args, want = []uint64{1, n}, 0
			}
			before := q.quick
			p := q.call(th, fn, args...)
			check := func(what string, want byte) {
				for i, b := range shadow {
					a := uint64(first) + uint64(i)
					if a >= p+n && a < p+(max(n, 1)+15)&^15 && b == want && want == 0x80 {
						continue // a free may make all of the slot inaccessible
					}
					if in := a >= p && a < p+n; in && b != want || !in && b != 0x77 {
						t.Fatalf("%s of %d bytes at %#x: shadow of %#x is %#x", what, n, p, a, b)
					}
				}
			}
			if q.quick == before {
				continue // a new class
			}
			check(fn, want)
			q.call(th, "free", p)
			check("free", 0x80)
		}
	}
	if len(q.ar.maps) != 1 || q.quick < 1000 {
		t.Errorf("%d arenas, %d quick calls", len(q.ar.maps), q.quick)
	}
}

// TestQuickParallel lets threads allocate at the same time, some calls of which go the ordinary way.
func TestQuickParallel(t *testing.T) {
	t.Run("memcheck", func(t *testing.T) {
		quickParallel(t, tool.HeapConfig{RedZone: 16, Alignment: 16, Quarantine: 50_000, BigBlock: 1 << 20, MallocFill: -1, FreeFill: -1, KeepFreedInfo: true},
			tool.QuickHeap{AllocStacks: true, FreeStacks: true})
	})
	t.Run("massif", func(t *testing.T) {
		quickParallel(t, tool.HeapConfig{RedZone: 16, Alignment: 16, MallocFill: -1, FreeFill: -1, Dirty: true}, tool.QuickHeap{AllocStacks: true, Events: true})
	})
}

func quickParallel(t *testing.T, l tool.HeapConfig, conf tool.QuickHeap) {
	q := newQuick(t, l, conf, true)
	const threads, rounds = 4, 20_000
	var wg sync.WaitGroup
	var mu sync.Mutex // guards the numbers
	events, quick := 0, 0
	take := func() {
		mu.Lock()
		defer mu.Unlock()
		q.a.TakeEvents(func(list []tool.HeapEvent) { events += len(list) })
	}
	for id := range threads {
		wg.Go(func() {
			c := *q // counts for itself
			th := &thread{id: id + 1}
			rng := rand.New(rand.NewPCG(uint64(id), 9))
			var mine []uint64
			for i := range rounds {
				if i%50 == 0 {
					take()
				}
				if len(mine) < 50 || rng.IntN(2) == 0 && len(mine) < 100 {
					n := uint64(8 + rng.IntN(400))
					p := c.call(th, "malloc", n)
					*(*uint64)(guest.Pointer(uintptr(p))) = p ^ uint64(id)
					mine = append(mine, p)
					continue
				}
				k := rng.IntN(len(mine))
				if got := *(*uint64)(guest.Pointer(uintptr(mine[k]))); got != mine[k]^uint64(id) {
					t.Errorf("the block at %#x of thread %d has %#x", mine[k], id, got)
					return
				}
				c.call(th, "free", mine[k])
				mine = append(mine[:k], mine[k+1:]...)
			}
			for _, p := range mine {
				c.call(th, "free", p)
			}
			mu.Lock()
			quick += c.quick - q.quick
			mu.Unlock()
		})
	}
	wg.Wait()
	take()
	if s := q.a.Stats(); s.LiveBlocks != 0 || s.LiveBytes != 0 || s.Allocs != s.Frees {
		t.Errorf("at the end: %+v", s)
	}
	if conf.Events && (events != quick || events < threads*rounds/2) {
		t.Errorf("%d events of %d quick calls", events, quick)
	}
}
