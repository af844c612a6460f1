package debuginfo

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestOpenAbove: descriptors lie where they are wanted, and no other is left open.
func TestOpenAbove(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const first = 200
	lowest, err := unix.Dup(0)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(lowest)
	f, err := OpenAbove(first)(exe)
	if err != nil {
		t.Fatal(err)
	}
	if fd := f.(*osFile).fd; fd < first {
		t.Errorf("descriptor %d, want %d or more", fd, first)
	}
	if fd, err := unix.Dup(0); err != nil || fd != lowest {
		t.Errorf("the lowest free descriptor is %d, was %d (%v)", fd, lowest, err)
	} else {
		unix.Close(fd)
	}
	if st, err := os.Stat(exe); err != nil || f.Size() != st.Size() {
		t.Errorf("size %d, want %v (%v)", f.Size(), st, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := OpenAbove(first)("/"); err == nil {
		t.Error("a directory was opened")
	}
}
