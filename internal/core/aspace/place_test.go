package aspace

import (
	"errors"
	"math/rand"
	"testing"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// memfd returns a file of n bytes.
func memfd(t testing.TB, n int64) int {
	t.Helper()
	fd, err := unix.MemfdCreate("test", 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Ftruncate(fd, n); err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestPlacement(t *testing.T) {
	s := window(t, true)
	c := s.cfg
	fd := memfd(t, 300<<20)
	const ro = unix.PROT_READ
	const rx = unix.PROT_READ | unix.PROT_EXEC
	const mb = 1 << 20
	// Each row is made after those above it.
	for _, x := range []struct {
		name  string
		hint  guest.Addr
		n     uint64
		prot  int
		flags int
		want  guest.Addr
		err   error
	}{
		{"first library", 0, mb, ro, unix.MAP_PRIVATE, c.Low[0].Start, nil},
		{"second library", 0, mb, rx, unix.MAP_PRIVATE, c.Low[0].Start + mb, nil},
		{"code buffer", 0, pg, rx, anon, c.Low[0].Start + 2*mb, nil},
		{"shared code file", 0, pg, rx, unix.MAP_SHARED, c.Low[0].Start + 2*mb + pg, nil},
		{"shared data file", 0, pg, ro, unix.MAP_SHARED, c.High.End - pg, nil},
		{"memory grows down", 0, pg, rw, anon, c.High.End - 2*pg, nil},
		{"large file", 0, 65 * mb, ro, unix.MAP_PRIVATE, c.High.End - 2*pg - 65*mb, nil},
		{"huge pages are aligned", 0, 4 * mb, rw, anon, c.High.End - 70*mb, nil},
		{"into the gap above", 0, mb / 2, rw, anon, c.High.End - 2*pg - 65*mb - mb/2, nil},
		{"free hint", c.High.Start + 16*pg, pg, rw, anon, c.High.Start + 16*pg, nil},
		{"hint is rounded down", c.High.Start + 33*pg - 1, pg, rw, anon, c.High.Start + 32*pg, nil},
		{"taken hint", c.High.Start + 16*pg, pg, rw, anon, c.High.End - 2*pg - 65*mb - mb/2 - pg, nil},
		{"hint in the tool", c.Tool[0].Start, pg, rw, anon, c.High.End - 2*pg - 65*mb - mb/2 - 2*pg, nil},
		{"hint beyond the end", c.Space.End, pg, rw, anon, c.High.End - 2*pg - 65*mb - mb/2 - 3*pg, nil},
		{"32 bit", 0, pg, rw, anon | unix.MAP_32BIT, c.Low[0].Start + 2*mb + 2*pg, nil},
		{"64 MB in the first zone", 0, 64 * mb, ro, unix.MAP_PRIVATE, c.Low[0].Start + 2*mb + 3*pg, nil},
		{"second", 0, 64 * mb, ro, unix.MAP_PRIVATE, c.Low[0].Start + 66*mb + 3*pg, nil},
		{"third", 0, 64 * mb, ro, unix.MAP_PRIVATE, c.Low[0].Start + 130*mb + 3*pg, nil},
		{"over into the second zone", 0, 64 * mb, ro, unix.MAP_PRIVATE, c.Low[1].Start, nil},
		{"32 bit has no second zone", 0, 64 * mb, rw, anon | unix.MAP_32BIT, 0, unix.ENOMEM},
		{"more than there is", 0, 8 << 30, rw, anon, 0, unix.ENOMEM},
		{"fixed in the tool", c.Tool[0].Start, pg, rw, anon | unix.MAP_FIXED, 0, unix.ENOMEM},
		{"fixed into the tool", c.Tool[0].Start - pg, 2 * pg, rw, anon | unix.MAP_FIXED, 0, unix.ENOMEM},
		{"fixed at the end", c.Space.End, pg, rw, anon | unix.MAP_FIXED, 0, unix.ENOMEM},
		{"fixed over the end", c.Space.End - pg, 2 * pg, rw, anon | unix.MAP_FIXED, 0, unix.ENOMEM},
		{"fixed before the start", c.Space.Start - pg, pg, rw, anon | unix.MAP_FIXED, 0, unix.EPERM},
		{"fixed, not aligned", c.High.Start + 1, pg, rw, anon | unix.MAP_FIXED, 0, unix.EINVAL},
		{"length wraps", 0, ^uint64(0), rw, anon, 0, unix.ENOMEM},
		{"no length", 0, 0, rw, anon, 0, unix.EINVAL},
		{"grows down", c.High.Start, pg, rw, anon | unix.MAP_GROWSDOWN, c.High.Start, nil},
		{"grows down, shared", 0, pg, rw, unix.MAP_SHARED | unix.MAP_ANONYMOUS | unix.MAP_GROWSDOWN, 0, unix.EINVAL},
		{"no type", 0, pg, rw, unix.MAP_ANONYMOUS, 0, unix.EINVAL},
	} {
		f := fd
		if x.flags&unix.MAP_ANONYMOUS != 0 {
			f = -1
		}
		got, err := s.Mmap(x.hint, x.n, x.prot, x.flags, f, 0)
		if got != x.want || !errors.Is(err, x.err) {
			t.Errorf("%s: %v, %v; want %v, %v", x.name, got, err, x.want, x.err)
		}
	}
	checkInvariants(t, s)
}

func TestLargeReservationIsCheap(t *testing.T) {
	cfg := Default(false)
	s := New(cfg)
	const tb = 1 << 40
	a, err := s.Mmap(0, tb, unix.PROT_NONE, anon|unix.MAP_NORESERVE, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !cfg.High.Contains(a) {
		t.Errorf("at %v, not in %v", a, cfg.High)
	}
	if err := s.Mprotect(a+tb/2, pg, rw); err != nil {
		t.Fatal(err)
	}
	if n := s.WriteMem([]byte("x"), a+tb/2); n != 1 {
		t.Error("cannot write to the opened page")
	}
	if err := s.Munmap(a, tb); err != nil {
		t.Fatal(err)
	}
}

func TestImageAndStack(t *testing.T) {
	s := window(t, true)
	hint := s.cfg.Space.Start + 0x108000
	a, err := s.MapImage(hint, 10*pg, pg)
	if err != nil || a != hint {
		t.Errorf("MapImage = %v, %v; want %v", a, err, hint)
	}
	if a, err = s.MapImage(hint, 10*pg, 64<<10); err != nil || !s.cfg.Low[0].Contains(a) || a%(64<<10) != 0 {
		t.Errorf("MapImage at a taken hint = %v, %v", a, err)
	}
	r, err := s.MapStack(1<<20, false)
	if err != nil || r.End != s.cfg.Stack.End || r.Len() != 1<<20 {
		t.Errorf("MapStack = %v, %v", r, err)
	}
	if m, _ := s.Find(r.Start); m.Path != "[stack]" || m.Prot != guest.Read|guest.Write {
		t.Errorf("stack is %v", m)
	}
	const growsDown = 0x01000000
	if err := s.Mprotect(r.End-pg, pg, rw|unix.PROT_EXEC|growsDown); err != nil {
		t.Error(err)
	}
	if m, _ := s.Find(r.Start); m.Prot&guest.Exec == 0 {
		t.Error("PROT_GROWSDOWN did not reach the start of the stack")
	}
	if err := s.Mprotect(a, pg, rw|growsDown); !errors.Is(err, unix.EINVAL) {
		t.Errorf("PROT_GROWSDOWN of other memory: %v", err)
	}
	for _, where := range []Where{High, Low} {
		r, err := s.MapTool(1<<20, where)
		if err != nil {
			t.Fatal(err)
		}
		if m, _ := s.Find(r.Start); !m.Tool || s.cfg.Low[0].Covers(r) != (where == Low) {
			t.Errorf("MapTool(%d) = %v", where, m)
		}
		if err := s.UnmapTool(r); err != nil {
			t.Error(err)
		}
		if _, ok := s.Find(r.Start); ok {
			t.Error("still there after UnmapTool")
		}
	}
}

func TestBrk(t *testing.T) {
	s := window(t, true)
	start := s.cfg.Brk.Start
	for _, x := range []struct {
		name string
		to   guest.Addr
		want guest.Addr
	}{
		{"query", 0, start},
		{"grow", start + 100, start + 100},
		{"within the page", start + pg, start + pg},
		{"further", start + 10*pg + 1, start + 10*pg + 1},
		{"below the start", start - 1, start + 10*pg + 1},
		{"shrink", start + 5, start + 5},
		{"beyond the area", s.cfg.Brk.End + 1, start + 5},
		{"all of it", s.cfg.Brk.End, s.cfg.Brk.End},
		{"back", start, start},
	} {
		if got := s.Brk(x.to); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
		checkInvariants(t, s)
	}
	s.Brk(start + 2*pg)
	if m, ok := s.Find(start); !ok || m.Path != "[heap]" || m.Range != (guest.Range{Start: start, End: start + 2*pg}) {
		t.Errorf("heap is %v", m)
	}
	s.WriteMem([]byte{1}, start+pg)
	s.Brk(start + pg)
	s.Brk(start + 2*pg)
	if b := []byte{9}; s.ReadMem(b, start+pg) != 1 || b[0] != 0 {
		t.Error("a page that was given back kept its contents")
	}
	mustMap(t, s, start+4*pg, pg, rw, anon|unix.MAP_FIXED)
	if got := s.Brk(start + 8*pg); got != start+2*pg {
		t.Errorf("grew over a mapping to %v", got)
	}

	s = window(t, true)
	start = s.cfg.Brk.Start
	s.SetLimits(unix.RLIM_INFINITY, 1<<20)
	s.SetData(1<<20 - 4*pg)
	if got := s.Brk(start + 4*pg + 1); got != start {
		t.Errorf("grew beyond RLIMIT_DATA to %v", got)
	}
	if got := s.Brk(start + 4*pg); got != start+4*pg {
		t.Errorf("did not grow up to RLIMIT_DATA but to %v", got)
	}
}

// TestHighestFit compares place with a search through everything, on a list that is never made real.
func TestHighestFit(t *testing.T) {
	zone := guest.Range{Start: 1 << 40, End: 1<<40 + 200*pg}
	for seed := range int64(50) {
		r := rand.New(rand.NewSource(seed))
		s := New(Config{Space: guest.Range{Start: pg, End: 1 << 46}, High: zone})
		for step := range 400 {
			n, align := uint64(1+r.Intn(6))*pg, uint64(pg)<<r.Intn(3)
			switch r.Intn(3) {
			case 0, 1:
				want, found := guest.Addr(0), false
				for a := zone.End - guest.Addr(n); a >= zone.Start && !found; a -= pg {
					if uint64(a)%align == 0 && s.isFree(guest.Range{Start: a, End: a + guest.Addr(n)}) {
						want, found = a, true
					}
				}
				got, ok := s.place(wish{n: n, align: align})
				if got != want || ok != found {
					t.Fatalf("seed %d, step %d: place(%d, %d) = %v, %v; want %v, %v", seed, step, n, align, got, ok, want, found)
				}
				if ok && r.Intn(4) > 0 { // a place is not always taken
					s.insert(&vma{Range: guest.Range{Start: got, End: got + guest.Addr(n)}, segment: guest.Addr(step)})
				}
			case 2:
				a := zone.Start + guest.Addr(r.Intn(205)-5)*pg
				gone := guest.Range{Start: a, End: a + guest.Addr(1+r.Intn(20))*pg}
				s.remove(gone)
				if r.Intn(3) == 0 {
					s.insert(&vma{Range: gone, segment: guest.Addr(step)})
				}
			}
		}
	}
}

func BenchmarkManyMappings(b *testing.B) {
	s := window(b, true)
	for i := range 20000 { // neighbours never merge
		mustMap(b, s, 0, pg, i%2, anon)
	}
	for b.Loop() {
		a := mustMap(b, s, 0, pg, unix.PROT_READ, anon)
		s.Munmap(a, pg)
	}
}
