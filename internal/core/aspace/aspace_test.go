package aspace

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

const pg = guest.PageSize

// window is a Space in memory that the kernel gave us: 64 MB of tool-like hole in the middle of it, zones around.
func window(t testing.TB, reserved bool) *Space {
	t.Helper()
	const size = 4 << 30
	const hugeMask = hugeAlign - 1
	all := guest.Range{End: size + hugeAlign}
	a, err := hostMmap(all, unix.PROT_NONE, reserveFlags&^unix.MAP_FIXED, -1, 0)
	if err != nil {
		t.Fatal(err)
	}
	whole := guest.Range{Start: a, End: a + all.End}
	base := (a + hugeMask) &^ hugeMask
	at := func(off guest.Addr) guest.Addr { return base + off }
	cfg := Config{
		Reserved:   reserved,
		Space:      guest.Range{Start: at(1 << 20), End: at(size)},
		Tool:       []guest.Range{{Start: at(512 << 20), End: at(576 << 20)}},
		Low:        []guest.Range{{Start: at(256 << 20), End: at(512 << 20)}, {Start: at(576 << 20), End: at(768 << 20)}},
		Low32:      guest.Range{Start: at(256 << 20), End: at(512 << 20)},
		High:       guest.Range{Start: at(1 << 30), End: at(3 << 30)},
		Brk:        guest.Range{Start: at(3 << 30), End: at(3<<30 + 256<<20)},
		Stack:      guest.Range{Start: at(3<<30 + 512<<20), End: at(size)},
		MaxLowFile: 64 << 20,
	}
	if reserved {
		t.Cleanup(func() { hostMunmap(whole) })
	} else if err := hostMunmap(whole); err != nil {
		t.Fatal(err)
	}
	s := New(cfg)
	if !reserved {
		t.Cleanup(func() { s.Munmap(cfg.Space.Start, cfg.Space.Len()) })
	}
	return s
}

const anon = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS

func mustMap(t testing.TB, s *Space, a guest.Addr, n uint64, prot, flags int) guest.Addr {
	t.Helper()
	got, err := s.Mmap(a, n, prot, flags, -1, 0)
	if err != nil {
		t.Fatalf("Mmap(%v, %#x): %v", a, n, err)
	}
	return got
}

const rw = unix.PROT_READ | unix.PROT_WRITE

func TestMapWriteReadUnmap(t *testing.T) {
	for _, reserved := range []bool{true, false} {
		s := window(t, reserved)
		a := mustMap(t, s, 0, 3*pg, rw, anon)
		if !s.cfg.High.Contains(a) {
			t.Errorf("reserved %v: anonymous memory at %v, not in %v", reserved, a, s.cfg.High)
		}
		want := bytes.Repeat([]byte("guest"), 1000)
		if n := s.WriteMem(want, a+10); n != len(want) {
			t.Fatalf("WriteMem = %d", n)
		}
		got := make([]byte, len(want))
		if n := s.ReadMem(got, a+10); n != len(want) || !bytes.Equal(got, want) {
			t.Fatalf("ReadMem = %d", n)
		}
		if err := s.Munmap(a+pg, pg); err != nil {
			t.Fatal(err)
		}
		if n := s.ReadMem(got, a+10); n != pg-10 {
			t.Errorf("ReadMem into the hole = %d, want %d", n, pg-10)
		}
		if n := s.WriteMem(want, a+10); n != pg-10 {
			t.Errorf("WriteMem into the hole = %d, want %d", n, pg-10)
		}
		if _, ok := s.Find(a + pg); ok {
			t.Error("the hole is found")
		}
		if m, ok := s.Find(a + 2*pg); !ok || m.Range != (guest.Range{Start: a + 2*pg, End: a + 3*pg}) {
			t.Errorf("Find after the hole = %v", m)
		}
	}
}

func TestFile(t *testing.T) {
	s := window(t, true)
	f, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a, err := s.Mmap(0, 5*pg, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE, int(f.Fd()), pg)
	if err != nil {
		t.Fatal(err)
	}
	if a != s.cfg.Low[0].Start {
		t.Errorf("file at %v, want the start of the low zone %v", a, s.cfg.Low[0].Start)
	}
	m, _ := s.Find(a)
	exe, _ := os.Readlink("/proc/self/exe")
	if m.Path != exe || m.Offset != pg || m.Prot != guest.Read|guest.Exec || m.Inode == 0 {
		t.Errorf("Find = %+v", m)
	}
	if _, err := s.Mmap(0, pg, unix.PROT_READ, unix.MAP_PRIVATE, 9999, 0); !errors.Is(err, unix.EBADF) {
		t.Errorf("bad descriptor: %v", err)
	}
}
