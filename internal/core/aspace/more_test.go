package aspace

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

func TestMremapMayMove(t *testing.T) {
	for _, reserved := range []bool{true, false} {
		s := window(t, reserved)
		mustMap(t, s, 0, pg, unix.PROT_READ, anon)
		a := mustMap(t, s, 0, 4*pg, rw, anon) // just below the other
		s.WriteMem([]byte("here"), a)
		if _, err := s.Mremap(a, 4*pg, 8*pg, 0, 0); !errors.Is(err, unix.ENOMEM) {
			t.Errorf("growing without room: %v", err)
		}
		b, err := s.Mremap(a, 4*pg, 8*pg, unix.MREMAP_MAYMOVE, 0)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 4)
		if s.ReadMem(got, b); string(got) != "here" {
			t.Errorf("moved to %v with %q", b, got)
		}
		if _, ok := s.Find(a); ok && !(guest.Range{Start: b, End: b + 8*pg}).Contains(a) {
			t.Error("the old place is still mapped")
		}
		if s.WriteMem(make([]byte, 8*pg), b) != 8*pg {
			t.Error("what was added cannot be written")
		}
		// Into a free place it grows where it is, and keeps growing after code in it has been protected.
		c := mustMap(t, s, s.cfg.High.Start, 2*pg, rw, anon)
		if err := s.WriteProtect(guest.Range{Start: c + pg, End: c + 2*pg}); err != nil {
			t.Fatal(err)
		}
		if d, err := s.Mremap(c, 2*pg, 5*pg, unix.MREMAP_MAYMOVE, 0); err != nil || d != c {
			t.Errorf("growing in place = %v, %v; want %v", d, err, c)
		}
		if d, err := s.Mremap(c, 5*pg, pg, 0, 0); err != nil || d != c || s.Covered(guest.Range{Start: c, End: c + 2*pg}) {
			t.Errorf("shrinking = %v, %v", d, err)
		}
		if reserved {
			// The holes must be reserved again, or someone else could take them.
			for _, h := range []guest.Addr{c + pg, c + 4*pg} {
				flags := reserveFlags&^unix.MAP_FIXED | unix.MAP_FIXED_NOREPLACE
				if _, err := hostMmap(guest.Range{Start: h, End: h + pg}, 0, flags, -1, 0); !errors.Is(err, unix.EEXIST) {
					t.Errorf("hole at %v is not reserved: %v", h, err)
				}
			}
		}
		for _, x := range []struct {
			to   guest.Addr
			want unix.Errno
		}{{s.cfg.Tool[0].Start, unix.ENOMEM}, {s.cfg.Space.End, unix.EINVAL}, {c + 1, unix.EINVAL}, {c, unix.EINVAL}} {
			if _, err := s.Mremap(c, pg, pg, unix.MREMAP_MAYMOVE|unix.MREMAP_FIXED, x.to); err != x.want {
				t.Errorf("moving to %v: %v, want %v", x.to, err, x.want)
			}
		}
		checkInvariants(t, s)
	}
}

func TestDuplicateShared(t *testing.T) {
	s := window(t, true)
	a := mustMap(t, s, 0, 2*pg, rw, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	b, err := s.Mremap(a, 0, 2*pg, unix.MREMAP_MAYMOVE, 0)
	if err != nil || a == b {
		t.Fatalf("Mremap = %v, %v", b, err)
	}
	s.WriteMem([]byte("both"), b+pg)
	got := make([]byte, 4)
	if s.ReadMem(got, a+pg); string(got) != "both" {
		t.Errorf("read %q through the other mapping", got)
	}
	checkInvariants(t, s)
}

func TestShm(t *testing.T) {
	for _, reserved := range []bool{true, false} {
		s := window(t, reserved)
		id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 3*pg-100, unix.IPC_CREAT|0o600)
		if err != nil {
			t.Skip("no System V shared memory here:", err)
		}
		defer unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		attached := func() uint32 {
			var ds unix.SysvShmDesc
			if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &ds); err != nil {
				t.Fatal(err)
			}
			return uint32(ds.Nattch)
		}
		a, err := s.Shmat(id, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := s.Shmat(id, s.cfg.High.Start+pg+5, unix.SHM_RDONLY|unix.SHM_RND)
		if err != nil || b != s.cfg.High.Start+pg {
			t.Fatalf("Shmat = %v, %v", b, err)
		}
		s.WriteMem([]byte("shared"), a+pg)
		got := make([]byte, 6)
		if s.ReadMem(got, b+pg); string(got) != "shared" {
			t.Errorf("read %q", got)
		}
		if s.WriteMem(got, b) != 0 {
			t.Error("wrote to a read-only segment")
		}
		if err := s.Mprotect(b, pg, rw); !errors.Is(err, unix.EACCES) {
			t.Errorf("mprotect of a read-only segment: %v", err)
		}
		if m, _ := s.Find(a); !strings.HasPrefix(m.Path, "/SYSV") || m.Len() != 3*pg {
			t.Errorf("mapping is %v", m)
		}
		for _, x := range []struct {
			at    guest.Addr
			flags int
			want  error
		}{
			{b, 0, unix.EINVAL},
			{b + 1, 0, unix.EINVAL},
			{0, shmRemap, unix.EINVAL},
			{s.cfg.Tool[0].Start, 0, unix.ENOMEM},
			{b, shmRemap, nil},
		} {
			if _, err := s.Shmat(id, x.at, x.flags); err != x.want {
				t.Errorf("Shmat(%v, %#x) = %v, want %v", x.at, x.flags, err, x.want)
			}
		}
		if n := attached(); n != 2 {
			t.Errorf("%d attached, want 2", n)
		}
		if err := s.Munmap(a+pg, pg); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			at   guest.Addr
			want error
		}{{a + pg, unix.EINVAL}, {a, nil}, {a, unix.EINVAL}, {b, nil}} {
			if err := s.Shmdt(x.at); err != x.want {
				t.Errorf("Shmdt(%v) = %v, want %v", x.at, err, x.want)
			}
		}
		if n := attached(); n != 0 {
			t.Errorf("%d still attached", n)
		}
		s.Each(func(m Mapping) bool { t.Errorf("left over: %v", m); return true })
	}
}

// TestStored: a part of a file mapping that is made read-only is known to hold what the program stored, and its line in the
// list is the kernel's.
func TestStored(t *testing.T) {
	s := window(t, true)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Truncate(4 * pg)
	a, err := s.Mmap(0, 4*pg, unix.PROT_READ, unix.MAP_PRIVATE, int(f.Fd()), 0)
	if err != nil {
		t.Fatal(err)
	}
	stored := func(at guest.Addr) bool {
		m, _ := s.Find(at)
		return m.Stored
	}
	for i, step := range []struct {
		prot int
		want bool
	}{{unix.PROT_READ, false}, {rw, false}, {unix.PROT_READ, true}, {unix.PROT_NONE, true}, {unix.PROT_READ, true}, {rw, false}} {
		if err := s.Mprotect(a+2*pg, pg, step.prot); err != nil {
			t.Fatal(err)
		}
		if got := stored(a + 2*pg); got != step.want || stored(a+pg) {
			t.Errorf("step %d: %v, in front of it %v", i, got, stored(a+pg))
		}
	}
	s.Mprotect(a+2*pg, pg, unix.PROT_READ)
	if line := fmt.Sprintf("%08x-%08x r--p 00000000 ", uint64(a), uint64(a+4*pg)); !strings.Contains(string(s.ProcMaps()), line) {
		t.Errorf("no line %q in\n%s", line, s.ProcMaps())
	}
}

// TestProcMaps compares the text for a file with what the kernel writes about the same mapping.
func TestProcMaps(t *testing.T) {
	s := window(t, true)
	name := t.TempDir() + "/with\nnewline"
	if err := os.WriteFile(name, make([]byte, 3*pg), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := s.Mmap(0, 2*pg, unix.PROT_READ, unix.MAP_SHARED, int(f.Fd()), pg)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Mmap(a+2*pg, pg, rw, unix.MAP_PRIVATE|unix.MAP_FIXED, int(f.Fd()), 0)
	if err != nil {
		t.Fatal(err)
	}
	c := mustMap(t, s, a-pg, pg, rw, anon|unix.MAP_FIXED)
	real, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []guest.Addr{a, b, c} {
		prefix := fmt.Sprintf("%08x-", uint64(at))
		find := func(text []byte) string {
			for l := range bytes.Lines(text) {
				if bytes.HasPrefix(l, []byte(prefix)) {
					return string(l)
				}
			}
			return "no line"
		}
		if got, want := find(s.ProcMaps()), find(real); got != want {
			t.Errorf("ProcMaps says %q, the kernel %q", got, want)
		}
	}
	mustMap(t, s, a+8*pg, pg, rw|unix.PROT_EXEC, anon|unix.MAP_FIXED)
	if want := fmt.Sprintf("%08x-%08x rwxp 00000000 00:00 0 \n", uint64(a+8*pg), uint64(a+9*pg)); !strings.Contains(string(s.ProcMaps()), want) {
		t.Errorf("no line %q in\n%s", want, s.ProcMaps())
	}
}

func TestFileProtection(t *testing.T) {
	s := window(t, true)
	fd := memfd(t, 4*pg)
	ro, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ro)
	for _, x := range []struct {
		name  string
		fd    int
		flags int
		prot  int
		want  error
	}{
		{"shared, open for reading, to be written", ro, unix.MAP_SHARED, rw, unix.EACCES},
		{"shared, open for reading, to be run", ro, unix.MAP_SHARED, unix.PROT_READ | unix.PROT_EXEC, nil},
		{"private, open for reading, to be written", ro, unix.MAP_PRIVATE, rw, nil},
		{"shared, open for both", fd, unix.MAP_SHARED, rw, nil},
	} {
		a, err := s.Mmap(0, pg, unix.PROT_READ, x.flags, x.fd, 0)
		if err != nil {
			t.Fatal(err)
		}
		// Also when the page is kept read-only, so that the kernel would not notice.
		for range 2 {
			if err := s.Mprotect(a, pg, x.prot); err != x.want {
				t.Errorf("%s: %v, want %v", x.name, err, x.want)
			}
			if err := s.WriteProtect(guest.Range{Start: a, End: a + pg}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestBeyondEndOfFile: a page of a mapping that the file does not have gives SIGBUS, which must not reach the tool.
func TestBeyondEndOfFile(t *testing.T) {
	s := window(t, true)
	a, err := s.Mmap(0, 2*pg, rw, unix.MAP_SHARED, memfd(t, pg), 0)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2*pg)
	if n := s.ReadMem(b, a); n != pg {
		t.Errorf("ReadMem = %d", n)
	}
	if n := s.WriteMem(b, a); n != pg {
		t.Errorf("WriteMem = %d", n)
	}
	if got := s.Classify(a+pg, false); got != OK {
		t.Errorf("Classify = %v", got)
	}
}

func TestAfterFork(t *testing.T) {
	s := window(t, true)
	a := mustMap(t, s, 0, 4*pg, rw, anon)
	if err := s.Madvise(a+pg, 2*pg, unix.MADV_DONTFORK); err != nil {
		t.Fatal(err)
	}
	if err := s.Madvise(a+2*pg, pg, unix.MADV_DOFORK); err != nil {
		t.Fatal(err)
	}
	if err := s.AfterFork(); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false, true, true} {
		if got := s.ReadMem(make([]byte, 1), a+guest.Addr(i)*pg) == 1; got != want {
			t.Errorf("page %d readable: %v, want %v", i, got, want)
		}
	}
	checkInvariants(t, s)
}

func BenchmarkReadMem8(b *testing.B) {
	s := window(b, true)
	a := mustMap(b, s, 0, pg, rw, anon)
	p := make([]byte, 8)
	for b.Loop() {
		s.ReadMem(p, a)
	}
}

func BenchmarkMmapMunmap(b *testing.B) {
	s := window(b, true)
	for i := range 1000 { // a program of some size
		mustMap(b, s, s.cfg.High.Start+guest.Addr(2*i)*pg, pg, rw, anon|unix.MAP_FIXED)
	}
	for b.Loop() {
		a := mustMap(b, s, 0, 16*pg, rw, anon)
		s.Munmap(a, 16*pg)
	}
}
