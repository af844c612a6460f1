package aspace

import (
	"errors"
	"os"
	"testing"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// TestCheck: what the kernel has is what the Space has, until somebody maps, protects or unmaps behind its back.
func TestCheck(t *testing.T) {
	rows := []struct {
		name   string
		astray func(a guest.Addr) error
	}{
		{"nothing", nil},
		{"protected", func(a guest.Addr) error {
			return hostMprotect(guest.Range{Start: a + pg, End: a + 2*pg}, unix.PROT_READ)
		}},
		{"mapped", func(a guest.Addr) error {
			_, err := hostMmap(guest.Range{Start: a - pg, End: a}, unix.PROT_READ, reserveFlags, -1, 0)
			return err
		}},
		{"gone", func(a guest.Addr) error {
			_, err := hostMmap(guest.Range{Start: a, End: a + pg}, unix.PROT_NONE, reserveFlags, -1, 0)
			return err
		}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			s := window(t, true)
			a, err := s.Mmap(0, 4*pg, rw, anon, -1, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Mmap(0, pg, unix.PROT_READ|unix.PROT_EXEC, anon, -1, 0); err != nil {
				t.Fatal(err)
			}
			if err := s.WriteProtect(guest.Range{Start: a + 3*pg, End: a + 4*pg}); err != nil {
				t.Fatal(err)
			}
			if row.astray != nil {
				if err := row.astray(a); err != nil {
					t.Fatal(err)
				}
			}
			maps, err := os.ReadFile("/proc/self/maps")
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Check(maps); errors.Is(err, ErrAstray) != (row.astray != nil) {
				t.Error(err)
			}
		})
	}
	s := window(t, true)
	if err := s.Check([]byte("no line\n")); !errors.Is(err, ErrAstray) {
		t.Error(err)
	}
}
