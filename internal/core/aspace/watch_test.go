package aspace

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"runtime"
	"slices"
	"sync"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/tool"

	"golang.org/x/sys/unix"
)

// recorder writes down what it is told, with addresses in pages from base.
type recorder struct {
	base guest.Addr
	got  []string
}

func (w *recorder) pages(r guest.Range) string {
	return fmt.Sprintf("%d-%d", (r.Start-w.base)/pg, (r.End-w.base)/pg)
}

func (w *recorder) Mapped(m tool.Mapping) {
	w.got = append(w.got, "map "+w.pages(m.Range)+" "+m.Prot.String())
}
func (w *recorder) Unmapped(r guest.Range)    { w.got = append(w.got, "unmap "+w.pages(r)) }
func (w *recorder) CodeChanged(r guest.Range) { w.got = append(w.got, "code "+w.pages(r)) }
func (w *recorder) Moved(from, to guest.Range) {
	w.got = append(w.got, "move "+w.pages(from)+" "+w.pages(to))
}
func (w *recorder) Protected(r guest.Range, p guest.Prot) {
	w.got = append(w.got, "protect "+w.pages(r)+" "+p.String())
}

func TestWatchers(t *testing.T) {
	s := window(t, true)
	base := s.cfg.High.Start
	w := &recorder{base: base}
	s.Watch(w)
	at := func(n guest.Addr) guest.Addr { return base + n*pg }
	for _, x := range []struct {
		name string
		do   func() error
		want []string
	}{
		{"map", func() error {
			_, err := s.Mmap(at(0), 8*pg, rw, anon|unix.MAP_FIXED, -1, 0)
			return err
		}, []string{"map 0-8 rw-"}},
		{"map over", func() error {
			_, err := s.Mmap(at(2), 2*pg, unix.PROT_READ, anon|unix.MAP_FIXED, -1, 0)
			return err
		}, []string{"unmap 2-4", "map 2-4 r--"}},
		{"map over two", func() error {
			_, err := s.Mmap(at(3), 2*pg, unix.PROT_NONE, anon|unix.MAP_FIXED, -1, 0)
			return err
		}, []string{"unmap 3-4", "unmap 4-5", "map 3-5 ---"}},
		{"protect what is protected", func() error { return s.Mprotect(at(3), pg, 0) }, nil},
		{"protect", func() error { return s.Mprotect(at(2), 4*pg, rw|unix.PROT_EXEC) },
			[]string{"protect 2-3 rwx", "protect 3-5 rwx", "protect 5-6 rwx"}},
		{"protect up to a hole", func() error {
			if err := s.Mprotect(at(7), 2*pg, 0); !errors.Is(err, unix.ENOMEM) {
				return fmt.Errorf("got %v", err)
			}
			return nil
		}, []string{"protect 7-8 ---"}},
		{"unmap with holes", func() error { return s.Munmap(at(0), 100*pg) },
			[]string{"unmap 0-2", "unmap 2-6", "unmap 6-7", "unmap 7-8"}},
		{"unmap nothing", func() error { return s.Munmap(at(0), 100*pg) }, nil},
		{"map again", func() error {
			_, err := s.Mmap(at(0), 4*pg, rw, anon|unix.MAP_FIXED, -1, 0)
			return err
		}, []string{"map 0-4 rw-"}},
		{"grow in place", func() error {
			_, err := s.Mremap(at(0), 4*pg, 6*pg, 0, 0)
			return err
		}, []string{"map 4-6 rw-"}},
		{"move and grow", func() error {
			_, err := s.Mremap(at(4), 2*pg, 4*pg, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, at(20))
			return err
		}, []string{"move 4-6 20-22", "map 22-24 rw-"}},
		{"move and shrink over a mapping", func() error {
			_, err := s.Mremap(at(0), 4*pg, 2*pg, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, at(23))
			return err
		}, []string{"unmap 23-24", "unmap 2-4", "move 0-2 23-25"}},
		{"move and keep", func() error {
			_, err := s.Mremap(at(20), pg, pg, unix.MREMAP_MAYMOVE|unix.MREMAP_DONTUNMAP, at(40))
			return err
		}, []string{"move 20-21 40-41", "map 20-21 rw-"}},
		{"no code dropped", func() error { return s.Madvise(at(40), pg, unix.MADV_DONTNEED) }, nil},
		{"code dropped", func() error {
			if err := s.WriteProtect(guest.Range{Start: at(23), End: at(24)}); err != nil {
				return err
			}
			return s.Madvise(at(23), 2*pg, unix.MADV_DONTNEED)
		}, []string{"code 23-24"}},
	} {
		w.got = nil
		if err := x.do(); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
		if !slices.Equal(w.got, x.want) {
			t.Errorf("%s: watcher was told %q, want %q", x.name, w.got, x.want)
		}
	}
	checkInvariants(t, s)
}

func TestCodePages(t *testing.T) {
	s := window(t, true)
	a := mustMap(t, s, 0, 4*pg, rw|unix.PROT_EXEC, anon)
	w := &recorder{base: a}
	s.Watch(w)
	if err := s.WriteProtect(guest.Range{Start: a + pg + 5, End: a + pg + 6}); err != nil {
		t.Fatal(err)
	}
	ro := mustMap(t, s, a-8*pg, pg, unix.PROT_READ, anon|unix.MAP_FIXED)
	none := mustMap(t, s, a-6*pg, pg, unix.PROT_NONE, anon|unix.MAP_FIXED)
	for _, x := range []struct {
		at    guest.Addr
		write bool
		want  Access
	}{
		{a, true, OK}, {a, false, OK},
		{a + pg, true, CodePage}, {a + 2*pg - 1, true, CodePage}, {a + pg, false, OK},
		{a + 4*pg, false, Unmapped}, {a + 4*pg, true, Unmapped}, {a - 1, true, Unmapped},
		{ro, false, OK}, {ro, true, Protection},
		{none, false, Protection}, {none, true, Protection},
		{s.cfg.Tool[0].Start, false, Unmapped}, {0, false, Unmapped}, {^guest.Addr(0), true, Unmapped},
	} {
		if got := s.Classify(x.at, x.write); got != x.want {
			t.Errorf("Classify(%v, %v) = %v, want %v", x.at, x.write, got, x.want)
		}
	}
	really := func(page guest.Addr) bool {
		return recovering(page, func() int { return copyOut(page, []byte{1}) }) == 1
	}
	if really(a + pg) {
		t.Error("a code page can be written")
	}
	if !really(a) || !really(a+2*pg) {
		t.Error("the neighbours of a code page cannot be written")
	}
	// Whatever the guest does to the protection, a code page stays read-only, and Unprotect gives the guest's back.
	for _, p := range []int{unix.PROT_READ, rw, unix.PROT_NONE, rw | unix.PROT_EXEC} {
		if err := s.Mprotect(a, 4*pg, p); err != nil {
			t.Fatal(err)
		}
		if really(a+pg) || really(a+2*pg) != (p&unix.PROT_WRITE != 0) {
			t.Errorf("after mprotect(%d): code page writable %v, the next %v", p, really(a+pg), really(a+2*pg))
		}
	}
	w.got = nil
	if n := s.WriteMem(make([]byte, 3*pg), a); n != 3*pg {
		t.Errorf("WriteMem over a code page = %d", n)
	}
	if want := []string{"code 1-2"}; !slices.Equal(w.got, want) {
		t.Errorf("told %q, want %q", w.got, want)
	}
	if !really(a + pg) {
		t.Error("still read-only after the tool wrote there")
	}

	all := guest.Range{Start: a, End: a + 4*pg}
	if err := s.WriteProtect(all); err != nil {
		t.Fatal(err)
	}
	w.got = nil
	if err := s.BeforeKernelWrite(guest.Range{Start: a + pg + 10, End: a + 2*pg + 1}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"code 1-3"}; !slices.Equal(w.got, want) {
		t.Errorf("told %q, want %q", w.got, want)
	}
	if really(a) || !really(a+pg) || !really(a+2*pg) || really(a+3*pg) {
		t.Error("BeforeKernelWrite opened the wrong pages")
	}
	if err := s.Unprotect(all); err != nil {
		t.Fatal(err)
	}
	if !really(a) || !really(a+3*pg) {
		t.Error("Unprotect left pages read-only")
	}

	// New memory in place of old has no code in it.
	if err := s.WriteProtect(all); err != nil {
		t.Fatal(err)
	}
	mustMap(t, s, a, pg, rw, anon|unix.MAP_FIXED)
	if got := s.Classify(a, true); got != OK || !really(a) {
		t.Errorf("fresh page: %v", got)
	}
	checkInvariants(t, s)
}

func TestReadString(t *testing.T) {
	s := window(t, true)
	a := mustMap(t, s, 0, 3*pg, rw, anon)
	end := a + 3*pg
	long := bytes.Repeat([]byte("x"), 2*pg)
	s.WriteMem(append(long, 0), a+100)
	s.WriteMem([]byte("end"), end-3)
	for _, x := range []struct {
		at   guest.Addr
		max  int
		want int
		ok   bool
	}{
		{a, 100, 0, true},
		{a + 100, 1 << 20, 2 * pg, true},
		{a + 100, 2*pg + 1, 2 * pg, true},
		{a + 100, 2 * pg, 2 * pg, false},
		{a + 100, 10, 10, false},
		{a + 100, 0, 0, false},
		{end - 3, 100, 3, false},
		{end, 100, 0, false},
		{^guest.Addr(0) - 3, 100, 0, false},
	} {
		b, ok := s.ReadString(x.at, x.max)
		if len(b) != x.want || ok != x.ok {
			t.Errorf("ReadString(%v, %d) = %d bytes, %v; want %d, %v", x.at-a, x.max, len(b), ok, x.want, x.ok)
		}
	}
}

func TestMemoryStaysInGuestSpace(t *testing.T) {
	s := window(t, true)
	edge := s.cfg.Tool[0].Start
	mustMap(t, s, edge-pg, pg, rw, anon|unix.MAP_FIXED)
	tool := guest.Range{Start: edge, End: edge + pg}
	if err := hostMprotect(tool, rw); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2*pg)
	for _, x := range []struct {
		at   guest.Addr
		want int
	}{{edge, 0}, {edge - 10, 10}, {edge - pg, pg}, {0, 0}, {s.cfg.Space.Start - 8, 0}, {s.cfg.Space.End, 0}, {^guest.Addr(0), 0}} {
		if n := s.ReadMem(b, x.at); n != x.want {
			t.Errorf("ReadMem(%v) = %d, want %d", x.at, n, x.want)
		}
		if n := s.WriteMem(b, x.at); n != x.want {
			t.Errorf("WriteMem(%v) = %d, want %d", x.at, n, x.want)
		}
	}
}

// TestCopyMem copies from and to memory with a hole, a page that can't be written and one with translated code.
func TestCopyMem(t *testing.T) {
	s := window(t, true)
	at := s.cfg.High.Start
	mustMap(t, s, at, 4*pg, rw, anon|unix.MAP_FIXED)
	mustMap(t, s, at+5*pg, 3*pg, rw, anon|unix.MAP_FIXED) // a hole in front
	mustMap(t, s, at+7*pg, pg, unix.PROT_READ, anon|unix.MAP_FIXED)
	want := make([]byte, 3*pg)
	for i := range want {
		want[i] = byte(i * 7)
	}
	if n := s.WriteMem(want, at); n != len(want) {
		t.Fatalf("WriteMem: %d", n)
	}
	for _, x := range []struct {
		to, from guest.Addr
		n, want  int
	}{
		{at + 5*pg, at, 2 * pg, 2 * pg},
		{at + 5*pg + 3, at + 1, pg, pg},
		{at + 5*pg, at + 3*pg, 2 * pg, pg},      // read from the hole
		{at + 3*pg + 100, at, 2 * pg, pg - 100}, // written to the hole
		{at + 6*pg + 10, at, 3 * pg, pg - 10},   // to what can't be written
		{at + 4*pg, at, 10, 0},                  // begins in the hole
		{at, at + 4*pg, 10, 0},
		{at, ^guest.Addr(0) - 5, 10, 0},
		{at, at + pg, 0, 0},
	} {
		before := make([]byte, x.want)
		s.ReadMem(before, x.from)
		if n := s.CopyMem(x.to, x.from, x.n); n != x.want {
			t.Errorf("CopyMem(%v, %v, %d) = %d, want %d", x.to-at, x.from-at, x.n, n, x.want)
		}
		after := make([]byte, x.want)
		s.ReadMem(after, x.to)
		if !bytes.Equal(before, after) {
			t.Errorf("CopyMem(%v, %v, %d): other bytes", x.to-at, x.from-at, x.n)
		}
	}
}

// TestCopyFault checks that faults of the copy happen where CopyFault says.
func TestCopyFault(t *testing.T) {
	lo, hi, resume := CopyFault()
	if hi-lo != 2 || resume >= lo && resume < hi {
		t.Errorf("CopyFault = %#x, %#x, %#x", lo, hi, resume)
	}
	s := window(t, true)
	hole := s.cfg.High.Start
	var pcs []uintptr
	recovering(hole, func() int {
		defer func() {
			pcs = make([]uintptr, 32)
			pcs = pcs[:runtime.Callers(0, pcs)]
		}()
		return copyIn(make([]byte, 8), hole)
	})
	// A return address is one past a call; of a fault, Callers makes the same.
	if !slices.ContainsFunc(pcs, func(pc uintptr) bool { return pc-1 >= lo && pc-1 < hi }) {
		t.Errorf("no fault in [%#x, %#x): %#x", lo, hi, pcs)
	}
}

// TestConcurrent lets threads map, use and unmap at once; each must find its own memory as it left it.
func TestConcurrent(t *testing.T) {
	s := window(t, true)
	s.Watch(&recorder{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewSource(int64(g)))
			for range 300 {
				n := uint64(1+r.Intn(5)) * pg
				a, err := s.Mmap(0, n, rw|unix.PROT_EXEC*r.Intn(2), anon, -1, 0)
				if err != nil {
					t.Error(err)
					return
				}
				want := bytes.Repeat([]byte{byte(g + 1)}, int(n))
				if s.WriteMem(want, a) != int(n) {
					t.Error("write failed")
				}
				s.WriteProtect(guest.Range{Start: a, End: a + pg})
				if a, err = s.Mremap(a, n, n+pg, unix.MREMAP_MAYMOVE, 0); err != nil {
					t.Error(err)
					return
				}
				got := make([]byte, n)
				if s.ReadMem(got, a) != int(n) || !bytes.Equal(got, want) {
					t.Error("someone else wrote here")
				}
				if err := s.Munmap(a, n+pg); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 50 {
		s.Lock()
		n := len(s.maps)
		s.Unlock()
		if n > 100 {
			t.Errorf("%d mappings", n)
		}
		s.Each(func(m Mapping) bool { _, _ = s.Find(m.Start); return true })
	}
	wg.Wait()
	s.Each(func(m Mapping) bool { t.Errorf("left over: %v", m); return true })
	checkInvariants(t, s)
}

func TestCodeSet(t *testing.T) {
	c := newCodeSet()
	const base = 1 << 40
	all := map[guest.Addr]bool{}
	r := rand.New(rand.NewSource(1))
	for range 3000 {
		p := guest.Addr(base + r.Intn(4*chunk/pg)*pg)
		if all[p] && r.Intn(2) == 0 {
			c.remove(p)
			delete(all, p)
		} else if c.add(p) == all[p] {
			t.Fatalf("add(%v) when it was in: %v", p, all[p])
		} else {
			all[p] = true
		}
		start := guest.Addr(base + r.Intn(5*chunk/pg)*pg)
		for _, n := range []guest.Addr{0, pg, guest.Addr(r.Intn(chunk/pg)) * pg, 3 * chunk, 1 << 45} {
			got := c.in(guest.Range{Start: start, End: start + n})
			want := 0
			for p := range all {
				if p >= start && p < start+n {
					want++
				}
			}
			if len(got) != want || !slices.IsSorted(got) || want > 0 && (!all[got[0]] || !all[got[want-1]]) {
				t.Fatalf("in(%v, %#x) has %d pages, want %d", start, n, len(got), want)
			}
		}
	}
	for p := range all {
		c.remove(p)
	}
	if len(c.pages)+len(c.chunks) != 0 {
		t.Errorf("%d pages and %d chunks left", len(c.pages), len(c.chunks))
	}
}
