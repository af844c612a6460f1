package heap

import (
	"fmt"
	"math/rand"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

type thread struct {
	id   int
	regs guest.Regs
}

func (t *thread) ID() int            { return t.id }
func (t *thread) TID() int           { return t.id }
func (t *thread) Regs() *guest.Regs  { return &t.regs }
func (t *thread) Stack() guest.Range { return guest.Range{} }

// testArena maps real memory up to a limit.
type testArena struct {
	mu   sync.Mutex
	left uint64
	maps []guest.Range
}

func (a *testArena) MapTool(n uint64) (guest.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n > a.left {
		return 0, unix.ENOMEM
	}
	a.left -= n
	const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE
	at, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, uintptr(n), unix.PROT_READ|unix.PROT_WRITE, flags, ^uintptr(0), 0)
	if errno != 0 {
		return 0, errno
	}
	a.maps = append(a.maps, guest.Range{Start: guest.Addr(at), End: guest.Addr(at) + guest.Addr(n)})
	return guest.Addr(at), nil
}

func (a *testArena) release(t testing.TB) {
	t.Cleanup(func() {
		for _, m := range a.maps {
			unix.Syscall(unix.SYS_MUNMAP, uintptr(m.Start), uintptr(m.Len()), 0)
		}
	})
}

// returning is an arena that takes memory back.
type returning struct{ testArena }

func (a *returning) UnmapTool(r guest.Range) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.Index(a.maps, r)
	if i < 0 {
		return fmt.Errorf("unmap of %v, which was never mapped", r)
	}
	a.maps = slices.Delete(a.maps, i, i+1)
	a.left += r.Len()
	if _, _, errno := unix.Syscall(unix.SYS_MUNMAP, uintptr(r.Start), uintptr(r.Len()), 0); errno != 0 {
		return errno
	}
	return nil
}

// recorder is a HeapReplacer that writes down what it is told.
type recorder struct {
	cfg   tool.HeapConfig
	mu    sync.Mutex
	log   []string
	stack uint32
	quiet bool
}

func (r *recorder) say(format string, args ...any) {
	if r.quiet {
		return
	}
	r.mu.Lock()
	r.log = append(r.log, fmt.Sprintf(format, args...))
	r.mu.Unlock()
}

func (r *recorder) HeapConfig() tool.HeapConfig { return r.cfg }
func (r *recorder) Allocated(_ tool.Thread, b tool.HeapBlock, zeroed bool) {
	r.say("alloc %d kind %d zero %v stack %d", b.Size, b.Kind, zeroed, b.Alloc)
}
func (r *recorder) Freed(_ tool.Thread, b tool.HeapBlock, fn string) {
	r.say("%s %d stacks %d %d freed %v", fn, b.Size, b.Alloc, b.Free, b.Freed)
}
func (r *recorder) Resized(_ tool.Thread, old, b tool.HeapBlock) {
	r.say("resize %d to %d, moved %v, old freed %v", old.Size, b.Size, old.Addr != b.Addr, old.Freed)
}
func (r *recorder) AfterWrite(_ tool.Thread, at guest.Range) { r.say("wrote %d", at.Len()) }
func (r *recorder) BadFree(_ tool.Thread, fn string, a guest.Addr, b tool.HeapBlock, ok bool) {
	r.say("bad %s near %v size %d freed %v", fn, ok, b.Size, b.Freed)
}
func (r *recorder) MismatchedFree(_ tool.Thread, fn string, k tool.AllocKind, b tool.HeapBlock) {
	r.say("mismatch %s kind %d of kind %d freed %v", fn, k, b.Kind, b.Freed)
}
func (r *recorder) FishySize(_ tool.Thread, fn, arg string, size int64) {
	r.say("fishy %s %s %d", fn, arg, size)
}
func (r *recorder) NewStack(tool.Thread) uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stack++
	return r.stack
}

func layout() tool.HeapConfig {
	return tool.HeapConfig{
		RedZone: 16, Alignment: 16, Quarantine: 20e6, BigBlock: 1e6, MallocFill: -1, FreeFill: -1, KeepFreedInfo: true,
	}
}

func newTest(t testing.TB, l tool.HeapConfig) (*Allocator, *recorder, *testArena) {
	t.Helper()
	ar := &testArena{left: 1 << 32}
	ar.release(t)
	rec := &recorder{cfg: l}
	a, err := New(Config{Layout: l, Arena: ar, Memory: plainMemory{}, Tool: rec})
	if err != nil {
		t.Fatal(err)
	}
	return a, rec, ar
}

func TestClasses(t *testing.T) {
	for n := uint64(1); n <= maxSmall; n++ {
		c := classOf(n)
		if c < 0 || c >= numClasses || classSize(c) < n || c > 0 && classSize(c-1) >= n {
			t.Fatalf("%d bytes: class %d of %d bytes", n, c, classSize(c))
		}
		if classSize(c)%16 != 0 {
			t.Fatalf("class %d has %d bytes", c, classSize(c))
		}
	}
	if got := classOf(maxSmall); got != numClasses-1 {
		t.Errorf("largest class is %d of %d", got, numClasses)
	}
}

func TestLayoutErrors(t *testing.T) {
	rows := []tool.HeapConfig{
		{RedZone: 8192, Alignment: 16},
		{RedZone: 16, Alignment: 8}, {RedZone: 16, Alignment: 24}, {RedZone: 16, Alignment: 8192},
	}
	for _, l := range rows {
		if _, err := New(Config{Layout: l}); err == nil {
			t.Errorf("%+v was taken", l)
		}
	}
}

// TestFamilies calls hooks as a guest would and compares results and what the tool is told. The rules were observed
// with Valgrind 3.19.
func TestFamilies(t *testing.T) {
	const neg = ^uint64(0)
	rows := []struct {
		symbol  string
		args    [3]uint64 // 1: the address of the last block; 2: 3 bytes into it
		nonzero bool
		want    uint64 // when not nonzero
		errno   int
		abort   bool
		log     string
	}{
		{symbol: "malloc", args: [3]uint64{10}, nonzero: true, log: "alloc 10 kind 0 zero false stack 1"},
		{symbol: "free", args: [3]uint64{2}, log: "bad free near true size 10 freed false"},
		{symbol: "free", args: [3]uint64{1}, log: "free 10 stacks 1 3 freed true"},
		{symbol: "free", args: [3]uint64{1}, log: "bad free near true size 10 freed true"},
		{symbol: "free", args: [3]uint64{0}},
		{symbol: "malloc", args: [3]uint64{0}, nonzero: true, log: "alloc 0 kind 0 zero false stack 5"},
		{symbol: "malloc", args: [3]uint64{neg}, errno: 12, log: "fishy malloc size -1"},
		{symbol: "malloc", args: [3]uint64{1 << 62}, errno: 12},
		{symbol: "calloc", args: [3]uint64{3, 7}, nonzero: true, log: "alloc 21 kind 0 zero true stack 7"},
		{symbol: "calloc", args: [3]uint64{neg, 1}, errno: 12, log: "fishy calloc nmemb -1"},
		{symbol: "calloc", args: [3]uint64{neg, 2}, errno: 12},
		{symbol: "calloc", args: [3]uint64{1, neg}, errno: 12, log: "fishy calloc size -1"},
		{symbol: "calloc", args: [3]uint64{1 << 40, 1 << 40}, errno: 12},
		{symbol: "realloc", args: [3]uint64{1, 30}, nonzero: true, log: "resize 21 to 30, moved true, old freed true"},
		{symbol: "realloc", args: [3]uint64{1, neg}, errno: 12, log: "fishy realloc size -1"},
		{symbol: "realloc", args: [3]uint64{1, 1 << 62}, errno: 12},
		{symbol: "malloc_usable_size", args: [3]uint64{1}, want: 30},
		{symbol: "malloc_usable_size", args: [3]uint64{2}, want: 0},
		{symbol: "realloc", args: [3]uint64{1, 0}, log: "free 30 stacks 8 10 freed true"},
		{symbol: "realloc", args: [3]uint64{1, 5}, errno: 12, log: "bad realloc near true size 30 freed true"},
		{symbol: "realloc", args: [3]uint64{0, 5}, nonzero: true, log: "alloc 5 kind 0 zero false stack 12"},
		{symbol: "_ZdlPv", args: [3]uint64{1},
			log: "mismatch operator delete(void*) kind 1 of kind 0 freed false;operator delete(void*) 5 stacks 12 13 freed true"},
		{symbol: "_Znam", args: [3]uint64{8}, nonzero: true, log: "alloc 8 kind 2 zero false stack 14"},
		{symbol: "realloc", args: [3]uint64{1, 9}, nonzero: true,
			log: "mismatch realloc kind 0 of kind 2 freed false;resize 8 to 9, moved true, old freed true"},
		{symbol: "_Znwm", args: [3]uint64{neg - 7}, abort: true, log: "fishy __builtin_new size -8"},
		{symbol: "_ZnwmRKSt9nothrow_t", args: [3]uint64{neg - 7}, log: "fishy __builtin_new size -8"},
		{symbol: "_ZnwmSt11align_val_tRKSt9nothrow_t", args: [3]uint64{neg - 7, 64}, log: "fishy __builtin_new_aligned size -8"},
		{symbol: "_ZnwmSt11align_val_t", args: [3]uint64{9, 64}, nonzero: true, log: "alloc 9 kind 1 zero false stack 16"},
		{symbol: "memalign", args: [3]uint64{24, 10}, nonzero: true, log: "alloc 10 kind 0 zero false stack 17"},
		{symbol: "memalign", args: [3]uint64{0, 10}, nonzero: true, log: "alloc 10 kind 0 zero false stack 18"},
		{symbol: "memalign", args: [3]uint64{64, neg}, errno: 12, log: "fishy memalign size -1"},
		{symbol: "aligned_alloc", args: [3]uint64{48, 96}, nonzero: true, log: "alloc 96 kind 0 zero false stack 19"},
		{symbol: "valloc", args: [3]uint64{10}, nonzero: true, log: "alloc 10 kind 0 zero false stack 20"},
		{symbol: "pvalloc", args: [3]uint64{10}, nonzero: true, log: "alloc 4096 kind 0 zero false stack 21"},
		{symbol: "posix_memalign", args: [3]uint64{0, 3, 10}, want: 22},
		{symbol: "posix_memalign", args: [3]uint64{0, 0, 10}, want: 22},
		{symbol: "posix_memalign", args: [3]uint64{0, 24, 10}, want: 22},
		{symbol: "posix_memalign", args: [3]uint64{0, 64, neg}, want: 12, log: "fishy memalign size -1"},
		{symbol: "malloc_trim"},
		{symbol: "malloc_stats"},
		{symbol: "mallopt", args: [3]uint64{1, 1}, want: 1},
	}
	a, rec, _ := newTest(t, layout())
	hooks := map[string]Hook{}
	for _, h := range a.Hooks("") {
		hooks[h.Symbol] = h
	}
	last := uint64(0)
	for i, row := range rows {
		h, ok := hooks[row.symbol]
		if !ok {
			t.Fatalf("%s has no hook", row.symbol)
		}
		th := &thread{id: 1}
		for j, r := range []int{guest.RDI, guest.RSI, guest.RDX} {
			v := row.args[j]
			if j == 0 && strings.Contains("free realloc malloc_usable_size _ZdlPv", row.symbol) {
				switch v {
				case 1:
					v = last
				case 2:
					v = last + 3
				}
			}
			th.regs.GPR[r] = v
		}
		rec.log = nil
		var args Args
		got := h.Do(th, &args)
		if row.nonzero != (got != 0) && row.want == 0 || !row.nonzero && got != row.want {
			t.Errorf("row %d %s%v = %#x, want %#x", i, row.symbol, row.args, got, row.want)
		}
		if row.nonzero {
			last = got
		}
		if args.Errno != row.errno || (args.Abort != nil) != row.abort {
			t.Errorf("row %d %s%v: errno %d, abort %q", i, row.symbol, row.args, args.Errno, args.Abort)
		}
		if l := strings.Join(rec.log, ";"); l != row.log {
			t.Errorf("row %d %s%v: told %q, want %q", i, row.symbol, row.args, l, row.log)
		}
	}
}

func TestPosixMemalignResult(t *testing.T) {
	a, rec, ar := newTest(t, layout())
	cell, err := ar.MapTool(guest.PageSize)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range a.Hooks("") {
		switch h.Symbol {
		case "posix_memalign":
			th := &thread{id: 1}
			th.regs.GPR[guest.RDI], th.regs.GPR[guest.RSI], th.regs.GPR[guest.RDX] = uint64(cell), 256, 100
			if r := h.Do(th, &Args{}); r != 0 {
				t.Fatalf("posix_memalign = %d", r)
			}
			if log := strings.Join(rec.log, "; "); !strings.Contains(log, "wrote 8") {
				t.Errorf("the tool is told %q", log)
			}
			p := guest.Addr(leWord(view(cell, 8)))
			if b, ok := a.At(p); !ok || p%256 != 0 || b.Size != 100 || b.Align != 256 {
				t.Errorf("block at %v: %+v", p, b)
			}
			if len(h.Frames) != 2 || h.FrameName() != "memalign" {
				t.Errorf("frames %v", h.Frames)
			}
		case "mallinfo", "mallinfo2":
			th := &thread{id: 1}
			th.regs.GPR[guest.RDI] = uint64(cell) + 64
			if r := h.Do(th, &Args{}); r != uint64(cell)+64 {
				t.Errorf("%s = %#x", h.Symbol, r)
			}
			off := map[string]int{"mallinfo": 28, "mallinfo2": 56}[h.Symbol]
			if v := view(cell+64, 80)[off]; v != 100 {
				t.Errorf("%s: uordblks = %d", h.Symbol, v)
			}
		}
	}
}

func leWord(b []byte) (v uint64) {
	for i := range 8 {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}

func TestMatches(t *testing.T) {
	a, _, _ := newTest(t, layout())
	rows := []struct {
		somalloc, soname string
		want             bool
	}{
		{"", "libc.so.6", true}, {"", "", true}, {"", "libjemalloc.so.2", true}, {"", "ld-linux-x86-64.so.2", false},
		{"libtc*", "libtcmalloc.so.4", true}, {"libtc*", "libjemalloc.so.2", false}, {"libtc*", "libc.so.6", true},
		{"libtc*", "", false}, {"NONE", "", true}, {"nouserintercepts", "libstdc++.so.6", true},
		{"lib?c.so", "libtc.so", true}, {"lib?c.so", "libc.so", true}, {"lib?d.so", "libd.so", false},
	}
	for _, row := range rows {
		h := a.Hooks(row.somalloc)[0]
		if got := h.Matches(row.soname); got != row.want {
			t.Errorf("somalloc=%q: %q matches: %v", row.somalloc, row.soname, got)
		}
	}
}

// TestModel runs random calls against a naive list of blocks.
func TestModel(t *testing.T) {
	type block struct {
		addr  guest.Addr
		size  uint64
		align uint64
		fill  byte
	}
	layouts := map[string]tool.HeapConfig{"default": layout()}
	l := layout()
	l.RedZone, l.Alignment, l.Quarantine, l.BigBlock = 128, 64, 100_000, 10_000
	layouts["large zones"] = l
	l = layout()
	l.Quarantine = 0
	layouts["no quarantine"] = l
	l = layout()
	l.MallocFill, l.FreeFill = 0xaa, 0xdd
	layouts["fill"] = l
	for name, l := range layouts {
		t.Run(name, func(t *testing.T) {
			ar := &returning{testArena{left: 1 << 32}}
			ar.release(t)
			rec := &recorder{cfg: l, quiet: true}
			a, err := New(Config{Layout: l, Arena: ar, Memory: plainMemory{}, Tool: rec})
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewSource(1))
			th := &thread{id: 1}
			live := map[guest.Addr]*block{}
			var order []guest.Addr
			var allocs, frees, bytes uint64
			check := func(b *block) {
				for i, v := range view(b.addr, int(b.size)) {
					if v != b.fill {
						t.Fatalf("byte %d of block %v+%d is %#x, want %#x", i, b.addr, b.size, v, b.fill)
					}
				}
			}
			add := func(b *block, content int) {
				want := max(b.align, l.Alignment)
				if b.addr == 0 || uint64(b.addr)%want != 0 {
					t.Fatalf("block %v is not aligned to %d", b.addr, want)
				}
				for i, v := range view(b.addr, int(b.size)) {
					if content >= 0 && v != byte(content) {
						t.Fatalf("byte %d of new block %v+%d is %#x, want %#x", i, b.addr, b.size, v, content)
					}
				}
				b.fill = byte(1 + r.Intn(255))
				p := view(b.addr, int(b.size))
				for i := range p {
					p[i] = b.fill
				}
				live[b.addr] = b
				order = append(order, b.addr)
				allocs++
				bytes += b.size
			}
			pick := func() *block {
				for len(order) > 0 {
					i := r.Intn(len(order))
					p := order[i]
					order[i] = order[len(order)-1]
					order = order[:len(order)-1]
					if b := live[p]; b != nil {
						delete(live, p)
						return b
					}
				}
				return nil
			}
			size := func() uint64 {
				if r.Intn(200) == 0 {
					return uint64(r.Intn(6 << 20))
				}
				return uint64(r.Intn(1 << uint(1+r.Intn(17))))
			}
			for i := 0; i < 5000; i++ {
				switch op := r.Intn(10); {
				case op < 3:
					n := size()
					fill := l.MallocFill
					add(&block{addr: a.Malloc(th, n, 0, tool.KindMalloc, false), size: n}, fill)
				case op == 3:
					n := size()
					add(&block{addr: a.Malloc(th, n, 0, tool.KindMalloc, true), size: n}, 0)
				case op == 4:
					n, al := size(), uint64(16)<<r.Intn(10)
					add(&block{addr: a.Malloc(th, n, al, tool.KindMalloc, false), size: n, align: al}, -1)
				case op == 5:
					b := pick()
					if b == nil {
						continue
					}
					check(b)
					n := size()
					q := a.Realloc(th, "realloc", b.addr, n)
					for j, v := range view(q, int(min(n, b.size))) {
						if v != b.fill {
							t.Fatalf("realloc lost byte %d", j)
						}
					}
					frees++
					add(&block{addr: q, size: n}, -1)
				case op < 9:
					b := pick()
					if b == nil {
						continue
					}
					check(b)
					a.Free(th, "free", b.addr, tool.KindMalloc)
					frees++
					if l.Quarantine > 0 && b.size < l.BigBlock {
						if h, ok := a.At(b.addr); !ok || !h.Freed || h.Size != b.size {
							t.Fatalf("freed block %v is %+v, %v", b.addr, h, ok)
						}
					}
				default:
					if len(order) == 0 {
						continue
					}
					b := live[order[r.Intn(len(order))]]
					if b == nil {
						continue
					}
					off := guest.Addr(r.Intn(int(b.size) + 32))
					h, ok := a.Near(b.addr + off - 16)
					if !ok || h.Addr != b.addr || h.Size != b.size || h.Freed || h.Align != b.align {
						t.Fatalf("Near(%v+%d-16) = %+v, %v", b.addr, off, h, ok)
					}
				}
			}
			for _, b := range live {
				check(b)
			}
			checkIndex(t, a, len(live), l.RedZone, func(p guest.Addr) (uint64, bool) {
				b := live[p]
				if b == nil {
					return 0, false
				}
				return b.size, true
			})
			st := a.Stats()
			if st.Allocs != allocs || st.Frees != frees || st.AllocBytes != bytes {
				t.Errorf("stats %+v, want %d allocs %d frees %d bytes", st, allocs, frees, bytes)
			}
			for b := pick(); b != nil; b = pick() {
				a.Free(th, "free", b.addr, tool.KindMalloc)
			}
			if st := a.Stats(); st.LiveBlocks != 0 || st.LiveBytes != 0 {
				t.Errorf("after all is freed: %+v", st)
			}
		})
	}
}

// checkIndex compares Live with a model, and that no block comes closer to another than two red zones.
func checkIndex(t *testing.T, a *Allocator, n int, rz uint64, size func(guest.Addr) (uint64, bool)) {
	t.Helper()
	var prev guest.Range
	seen := 0
	a.Live(func(b tool.HeapBlock) bool {
		want, ok := size(b.Addr)
		if !ok || want != b.Size {
			t.Errorf("Live shows %v+%d, want size %d, %v", b.Addr, b.Size, want, ok)
		}
		if seen > 0 && uint64(b.Addr) < uint64(prev.End)+2*rz {
			t.Errorf("block %v comes too close to %v", b.Range(), prev)
		}
		prev = b.Range()
		seen++
		return true
	})
	if seen != n {
		t.Errorf("Live shows %d blocks, want %d", seen, n)
	}
}

func TestQuarantineOrder(t *testing.T) {
	l := layout()
	l.Quarantine, l.BigBlock = 1000, 500
	a, _, _ := newTest(t, l)
	th := &thread{id: 1}
	sizes := []uint64{100, 600, 200, 300, 400}
	var p []guest.Addr
	for _, n := range sizes {
		p = append(p, a.Malloc(th, n, 0, tool.KindMalloc, false))
	}
	held := func() string {
		var s []string
		for i, q := range p {
			if b, ok := a.At(q); ok && b.Freed {
				s = append(s, fmt.Sprint(sizes[i]))
			}
		}
		return strings.Join(s, " ")
	}
	for i, want := range []string{"100", "100 600", "100 600 200", "100 200 300", "100 200 300 400"} {
		a.Free(th, "free", p[i], tool.KindMalloc)
		if got := held(); got != want {
			t.Errorf("after free of %d: held %q, want %q", sizes[i], got, want)
		}
	}
	q := a.Malloc(th, 50, 0, tool.KindMalloc, false)
	a.Free(th, "free", q, tool.KindMalloc)
	if got := held(); got != "200 300 400" {
		t.Errorf("small blocks leave in the order %q", got)
	}
}

// TestQuarantineKeepsLast: the block freed last is known, however large it is, until memory is asked for or freed.
func TestQuarantineKeepsLast(t *testing.T) {
	l := layout()
	l.Quarantine, l.BigBlock = 1, 1<<40
	a, _, _ := newTest(t, l)
	th := &thread{id: 1}
	for _, n := range []uint64{40, 1 << 20} {
		p, q := a.Malloc(th, n, 0, tool.KindMalloc, false), a.Malloc(th, n, 0, tool.KindMalloc, false)
		for _, b := range []guest.Addr{p, q} {
			a.Free(th, "free", b, tool.KindMalloc)
			if h, ok := a.At(b); !ok || !h.Freed {
				t.Errorf("block of %d: %+v, %v after its free", n, h, ok)
			}
		}
		if h, ok := a.At(p); ok {
			t.Errorf("block of %d: %+v after the next free", n, h)
		}
		if r := a.Malloc(th, n, 0, tool.KindMalloc, false); n > maxSmall && r != q && r != p {
			t.Errorf("block of %d: a new one at %#x, old ones were at %#x and %#x", n, r, p, q)
		}
	}
}

func TestHugeCallocTouchesNothing(t *testing.T) {
	a, _, _ := newTest(t, layout())
	th := &thread{id: 1}
	const n = 2 << 30
	p := a.Malloc(th, n, 0, tool.KindMalloc, true)
	if p == 0 {
		t.Fatal("no memory")
	}
	vec := make([]byte, 512)
	resident := 0
	for off := uint64(0); off < n; off += n / 16 {
		at := uint64(p)&^uint64(guest.PageSize-1) + off
		if _, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(at), uintptr(len(vec)*guest.PageSize), addressOf(vec)); errno != 0 {
			t.Fatal(errno)
		}
		for _, v := range vec {
			resident += int(v & 1)
		}
	}
	if resident > 16 {
		t.Errorf("%d of %d sampled pages are resident", resident, 16*len(vec))
	}
}

func TestGap(t *testing.T) {
	a, _, ar := newTest(t, layout())
	p := a.Malloc(&thread{id: 1}, 100, 0, tool.KindMalloc, false)
	if r, ok := a.Gap(p); ok {
		t.Errorf("Gap in a block: %v", r)
	}
	far := ar.maps[0].End - margin - 8
	if r, ok := a.Gap(far); !ok || !r.Contains(far) || r.End != ar.maps[0].End-margin {
		t.Errorf("Gap(%v) = %v, %v", far, r, ok)
	}
	if r, ok := a.Gap(p + 0x100); !ok || !r.Contains(p+0x100) {
		t.Errorf("Gap after the block = %v, %v", r, ok)
	}
	if _, ok := a.Gap(0x1000); ok {
		t.Error("Gap outside of the heap")
	}
}

// TestNearby checks what is told about addresses just outside of a slot, also at the margin of the arena.
func TestNearby(t *testing.T) {
	a, _, _ := newTest(t, layout())
	th := &thread{id: 1}
	p := a.Malloc(th, 10, 0, tool.KindMalloc, false)
	for _, off := range []int{-60, -17, -16, -1, 0, 9, 10, 31, 32, 60} {
		if b, ok := a.Near(p + guest.Addr(off)); !ok || b.Addr != p {
			t.Errorf("%d bytes from the block: %+v, %v", off, b, ok)
		}
	}
	for _, off := range []int{-200, 200} {
		if b, ok := a.Near(p + guest.Addr(off)); ok {
			t.Errorf("%d bytes from the block: %+v", off, b)
		}
	}
	q := a.Malloc(th, 10, 0, tool.KindMalloc, false)
	if q-p != 48 {
		t.Fatalf("blocks of 10 bytes are %d bytes apart", q-p)
	}
	for off, want := range map[int]guest.Addr{10: p, 28: p, 29: p, 30: q, 31: q, 32: q, 47: q} {
		if b, ok := a.Near(p + guest.Addr(off)); !ok || b.Addr != want {
			t.Errorf("%d bytes from the first of two blocks: %+v %v", off, b, ok)
		}
	}
}

// TestHammer lets threads allocate, pass blocks to each other and free them.
func TestHammer(t *testing.T) {
	l := layout()
	l.Quarantine = 50_000
	a, rec, _ := newTest(t, l)
	rec.quiet = true
	blocks := make(chan guest.Addr, 256)
	var wg sync.WaitGroup
	const workers, rounds = 4, 3000
	for w := range workers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewSource(int64(w)))
			th := &thread{id: w + 1}
			for range rounds {
				p := a.Malloc(th, uint64(8+r.Intn(3000)), 0, tool.KindMalloc, r.Intn(2) == 0)
				copy(view(p, 8), words([]uint64{uint64(p)}, 8))
				select {
				case blocks <- p:
					p = <-blocks
				default:
				}
				if leWord(view(p, 8)) != uint64(p) {
					t.Errorf("block %v was overwritten", p)
				}
				if r.Intn(4) == 0 {
					q := a.Realloc(th, "realloc", p, uint64(8+r.Intn(3000)))
					if leWord(view(q, 8)) != uint64(p) {
						t.Errorf("realloc lost the contents of %v", p)
					}
					p = q
				}
				a.Free(th, "free", p, tool.KindMalloc)
			}
		}()
	}
	wg.Wait()
	close(blocks)
	for p := range blocks {
		a.Free(&thread{id: 1}, "free", p, tool.KindMalloc)
	}
	if st := a.Stats(); st.LiveBlocks != 0 || st.Allocs != st.Frees {
		t.Errorf("stats %+v", st)
	}
}

func TestFrameTable(t *testing.T) {
	a, _, _ := newTest(t, layout())
	hooks := a.Hooks("")
	var ft FrameTable
	for i := range hooks {
		ft.Add(guest.Addr(0x1000+i*16), &hooks[i])
	}
	if f := ft.Lookup(0x1000); len(f) != 1 || f[0] != (Frame{"malloc", 381, "malloc"}) || hooks[0].FrameLine() != 381 {
		t.Errorf("Lookup = %v", f)
	}
	at := guest.Addr(0x1000 + 16*slices.IndexFunc(hooks, func(h Hook) bool { return h.Symbol == "realloc" }))
	if f := ft.Lookup(at + asMalloc); !slices.Equal(f, ft.Lookup(0x1000)) {
		t.Errorf("realloc of NULL: %v", f)
	}
	if f := ft.Lookup(at + asFree); len(f) != 2 || f[0].Raw != "free" || f[1] != ft.Lookup(at)[0] {
		t.Errorf("realloc to 0: %v", f)
	}
	ft.Remove(guest.Range{Start: 0x1000, End: 0x1010})
	if f := ft.Lookup(0x1000); f != nil {
		t.Errorf("after Remove: %v", f)
	}
	for _, h := range hooks {
		if h.Symbol == "_Znwm" && (h.FrameName() != "operator new(unsigned long)" || h.Frames[0].Raw != "_Znwm") {
			t.Errorf("frames of operator new: %v", h.Frames)
		}
	}
	if f := ft.Lookup(0x1010); f == nil {
		t.Error("Remove took too much")
	}
	names := make([]string, 0, len(hooks))
	for _, h := range hooks {
		names = append(names, h.Symbol)
	}
	sort.Strings(names)
	if n := len(slices.Compact(names)); n != len(hooks) {
		t.Errorf("%d hooks for %d symbols", len(hooks), n)
	}
}

func BenchmarkMallocFree(b *testing.B) {
	a, rec, _ := newTest(b, layout())
	rec.quiet = true
	th := &thread{id: 1}
	for range b.N {
		a.Free(th, "free", a.Malloc(th, 100, 0, tool.KindMalloc, false), tool.KindMalloc)
	}
}
