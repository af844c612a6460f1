package aspace

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"testing"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// twin runs the same calls in a Space and, with raw system calls, in a window of unmapped memory, and compares results,
// mappings and contents. All addresses are given as pages from the start of a window.
type twin struct {
	t    *testing.T
	s    *Space
	a, b guest.Addr // the windows: a is the Space's
	n    int        // pages
	log  []string
	fds  []int
}

const twinPages = 64

func newTwin(t *testing.T, reserved bool) *twin {
	s := window(t, reserved)
	// Far below where the kernel puts mappings by itself, and nothing else is.
	b, err := hostMmap(guest.Range{Start: 0x1000000000, End: 0x1000000000 + twinPages*pg}, 0,
		reserveFlags&^unix.MAP_FIXED|unix.MAP_FIXED_NOREPLACE, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	whole := guest.Range{Start: b, End: b + twinPages*pg}
	if err := hostMunmap(whole); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hostMunmap(whole) })
	w := &twin{t: t, s: s, a: s.cfg.High.Start + 1<<20, b: b, n: twinPages}
	for i, name := range []string{"one", "two"} {
		fd, err := unix.MemfdCreate(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		data := bytes.Repeat([]byte{byte('A' + i)}, twinPages*pg)
		if _, err := unix.Pwrite(fd, data, 0); err != nil {
			t.Fatal(err)
		}
		ro, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(ro) })
		w.fds = append(w.fds, fd, ro)
	}
	return w
}

// line is a mapping as both sides can tell it.
type line struct {
	start, end guest.Addr // from the start of the window
	perm       string
	off        uint64
	file       string
}

func merge(lines []line) []line {
	var out []line
	for _, l := range lines {
		if n := len(out); n > 0 && out[n-1].end == l.start && out[n-1].perm == l.perm && out[n-1].file == l.file &&
			(l.file == "" || out[n-1].off+uint64(out[n-1].end-out[n-1].start) == l.off) {
			out[n-1].end = l.end
			continue
		}
		out = append(out, l)
	}
	return out
}

// parse reads the lines of a maps file that lie in the window at base.
func (w *twin) parse(text []byte, base guest.Addr) []line {
	var out []line
	sc := bufio.NewScanner(bytes.NewReader(text))
	for sc.Scan() {
		var l line
		var dev string
		var ino uint64
		if _, err := fmt.Sscanf(sc.Text(), "%x-%x %s %x %s %d", &l.start, &l.end, &l.perm, &l.off, &dev, &ino); err != nil {
			w.t.Fatalf("%q: %v", sc.Text(), err)
		}
		if l.start < base || l.end > base+guest.Addr(w.n)*pg {
			continue
		}
		l.start -= base
		l.end -= base
		if i := strings.IndexByte(sc.Text(), '/'); i >= 0 {
			l.file = sc.Text()[i:]
		}
		out = append(out, l)
	}
	return merge(out)
}

func (w *twin) compare() {
	w.t.Helper()
	real, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		w.t.Fatal(err)
	}
	want, got := w.parse(real, w.b), w.parse(w.s.ProcMaps(), w.a)
	if fmt.Sprint(want) != fmt.Sprint(got) {
		w.fail("mappings differ\nkernel %v\nspace  %v", want, got)
	}
	p, q := make([]byte, pg), make([]byte, pg)
	for i := range guest.Addr(w.n) {
		n := w.s.ReadMem(p, w.a+i*pg)
		m := recovering(w.b+i*pg, func() int { return copyIn(q, w.b+i*pg) })
		// The kernel's own window may have execute-only pages under protection keys; ours reads them. None are made.
		if n != m || !bytes.Equal(p[:n], q[:m]) {
			w.fail("page %d: read %d bytes, kernel %d; first bytes %x, kernel %x", i, n, m, p[:4], q[:4])
		}
	}
}

func (w *twin) fail(format string, args ...any) {
	w.t.Helper()
	last := w.log[max(0, len(w.log)-12):]
	w.t.Fatalf("%s\nlast calls:\n%s", fmt.Sprintf(format, args...), strings.Join(last, "\n"))
}

func (w *twin) same(what string, got, want error) {
	w.t.Helper()
	w.log = append(w.log, fmt.Sprintf("%s = %v", what, want))
	if got != want {
		w.fail("%s = %v, kernel %v", what, got, want)
	}
}

func (w *twin) page(r *rand.Rand) guest.Addr { return guest.Addr(r.Intn(w.n)) }

// span is a random range of pages in the window, most often a short one.
func (w *twin) span(r *rand.Rand) (p guest.Addr, n uint64) {
	p = w.page(r)
	n = uint64(1 + r.Intn(8))
	return p, min(n, uint64(w.n)-uint64(p))
}

var protections = []int{0, unix.PROT_READ, rw, rw, rw, unix.PROT_READ | unix.PROT_EXEC, rw | unix.PROT_EXEC,
	unix.PROT_WRITE, unix.PROT_EXEC | unix.PROT_WRITE}

func (w *twin) step(r *rand.Rand) {
	p, n := w.span(r)
	a, b := w.a+p*pg, w.b+p*pg
	ra, rb := guest.Range{Start: a, End: a + guest.Addr(n)*pg}, guest.Range{Start: b, End: b + guest.Addr(n)*pg}
	prot := protections[r.Intn(len(protections))]
	switch op := r.Intn(15); op {
	case 0, 1, 2, 3: // mmap
		fixed := unix.MAP_FIXED
		if r.Intn(3) == 0 {
			fixed = unix.MAP_FIXED_NOREPLACE
		}
		kind := []int{unix.MAP_PRIVATE, unix.MAP_SHARED, unix.MAP_SHARED_VALIDATE, 0}[min(r.Intn(12), 3)]
		if r.Intn(3) > 0 {
			kind = unix.MAP_PRIVATE
		}
		fd, off := -1, uint64(0)
		flags := fixed | kind
		if r.Intn(2) == 0 {
			flags |= unix.MAP_ANONYMOUS
		} else {
			fd, off = w.fds[r.Intn(len(w.fds))], uint64(r.Intn(w.n-8))*pg
			if r.Intn(20) == 0 {
				off++
			}
		}
		ga, e1 := w.s.Mmap(a, n*pg-uint64(r.Intn(pg)), prot, flags, fd, off)
		gb, e2 := hostMmap(rb, prot, flags, fd, off)
		w.same(fmt.Sprintf("mmap(%d, %d, prot %d, flags %#x, fd %d, off %#x)", p, n, prot, flags, fd, off), e1, e2)
		if e1 == nil && (ga != a || gb != b) {
			w.fail("mmap returned %v for %v, kernel %v for %v", ga, a, gb, b)
		}
	case 4, 5:
		w.same(fmt.Sprintf("munmap(%d, %d)", p, n), w.s.Munmap(a, n*pg), hostMunmap(rb))
	case 6, 7:
		w.same(fmt.Sprintf("mprotect(%d, %d, %d)", p, n, prot), w.s.Mprotect(a, n*pg, prot), hostMprotect(rb, prot))
	case 8, 9:
		w.remap(r, p, n)
	case 10:
		adv := []int{unix.MADV_DONTNEED, unix.MADV_NORMAL, unix.MADV_WILLNEED, 12345}[r.Intn(4)]
		w.same(fmt.Sprintf("madvise(%d, %d, %d)", p, n, adv), w.s.Madvise(a, n*pg, adv), hostMadvise(rb, adv))
	case 11:
		flags := []int{unix.MS_ASYNC, unix.MS_SYNC, unix.MS_SYNC | unix.MS_ASYNC, 0}[r.Intn(4)]
		w.same(fmt.Sprintf("msync(%d, %d, %d)", p, n, flags), w.s.Msync(a, n*pg, flags), hostMsync(rb, flags))
	case 12: // what the translator does must not show
		if r.Intn(2) == 0 {
			w.log = append(w.log, fmt.Sprintf("write-protect(%d, %d)", p, n))
			if err := w.s.WriteProtect(ra); err != nil {
				w.fail("WriteProtect: %v", err)
			}
		} else if err := w.s.Unprotect(ra); err != nil {
			w.fail("Unprotect: %v", err)
		}
	case 13:
		data := make([]byte, int(n)*pg)
		r.Read(data)
		// A private mapping of a file shows what is written to the file only until it is written itself.
		k1 := w.s.WriteMem(data, a)
		k2 := recovering(b, func() int { return copyOut(b, data) })
		w.log = append(w.log, fmt.Sprintf("write(%d, %d) = %d", p, n, k2))
		if k1 != k2 {
			w.fail("write(%d, %d) = %d, kernel %d", p, n, k1, k2)
		}
	case 14:
		page, prot := uint64(r.Intn(8)), max(r.Intn(10)-8, 0)
		if prot == 0 {
			w.same(fmt.Sprintf("remap_file_pages(%d, %d, 0, %d)", p, n, page), w.s.RemapFilePages(a, n*pg, 0, page, 0), hostRemapFilePages(rb, page, 0))
		} else if err := w.s.RemapFilePages(a, n*pg, prot, page, 0); err != unix.EINVAL {
			w.fail("remap_file_pages with a protection: %v", err)
		}
	}
}

// kernelMovesMany reports whether this kernel moves several mappings with one mremap and checks all before it unmaps
// anything, as Space does on every kernel.
func kernelMovesMany() bool {
	var u unix.Utsname
	var major, minor int
	if unix.Uname(&u) != nil {
		return false
	}
	fmt.Sscanf(unix.ByteSliceToString(u.Release[:]), "%d.%d", &major, &minor)
	return major > 6 || major == 6 && minor >= 17
}

func (w *twin) remap(r *rand.Rand, p guest.Addr, n uint64) {
	flags := []int{0, 0, 3, 3, 3, 7, 2, 4, 8}[r.Intn(9)]
	if flags&unix.MREMAP_FIXED != 0 && !kernelMovesMany() {
		return
	}
	to := guest.Addr(r.Intn(w.n))
	m := uint64(1 + r.Intn(8))
	if flags&4 != 0 && r.Intn(4) > 0 {
		m = n
	}
	if r.Intn(10) == 0 {
		n = 0
	}
	m = min(m, uint64(w.n)-uint64(max(to, p)))
	a, b := w.a+p*pg, w.b+p*pg
	ga, e1 := w.s.Mremap(a, n*pg, m*pg, flags, w.a+to*pg)
	gb, e2 := hostMremap(guest.Range{Start: b, End: b + guest.Addr(n)*pg}, m*pg, flags, w.b+to*pg)
	w.same(fmt.Sprintf("mremap(%d, %d, %d, flags %d, to %d)", p, n, m, flags, to), e1, e2)
	if e1 == nil && ga-w.a != gb-w.b {
		w.fail("mremap returned window %v, kernel %v", ga-w.a, gb-w.b)
	}
}

// TestAgainstKernel makes random calls in both windows. ASPACE_SEEDS asks for more or fewer runs than the usual ones.
func TestAgainstKernel(t *testing.T) {
	seeds := 12
	if n, err := strconv.Atoi(os.Getenv("ASPACE_SEEDS")); err == nil {
		seeds = n
	}
	for _, reserved := range []bool{true, false} {
		for seed := range int64(seeds) {
			t.Run(fmt.Sprintf("reserved=%v/seed=%d", reserved, seed), func(t *testing.T) {
				w := newTwin(t, reserved)
				r := rand.New(rand.NewSource(seed))
				for range 150 {
					w.step(r)
					w.compare()
				}
				checkInvariants(t, w.s)
			})
		}
	}
}

// checkInvariants looks for what the package comment promises.
func checkInvariants(t testing.TB, s *Space) {
	t.Helper()
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i, v := range s.maps {
		if v.Empty() || v.Start%pg != 0 || v.End%pg != 0 || !s.usable(v.Range) {
			t.Errorf("bad mapping %v", v.Range)
		}
		if i > 0 {
			if s.maps[i-1].End > v.Start {
				t.Errorf("%v overlaps %v", s.maps[i-1].Range, v.Range)
			}
			if s.maps[i-1].continues(v) {
				t.Errorf("%v and %v are not merged", s.maps[i-1].Range, v.Range)
			}
		}
	}
	for p := range s.code.pages {
		if s.at(p) == nil {
			t.Errorf("code page %v is not mapped", p)
		}
	}
}
