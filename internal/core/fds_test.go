package core

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// open is the set of the process's open descriptors below limit.
func open(limit int) (fds []int) {
	for fd := range limit {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			fds = append(fds, fd)
		}
	}
	return fds
}

func TestMultiply(t *testing.T) {
	const limit = 3 * maxRights // more than one message, the last one not full
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	before := open(2 * limit)
	// One in the middle is taken already and must stay.
	other, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, limit/2)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	taken := multiply(int(f.Fd()), limit, nil)
	all := open(2 * limit)
	for fd := range limit {
		if !slices.Contains(all, fd) {
			t.Errorf("descriptor %d is free", fd)
		}
	}
	if slices.Contains(taken, other) || len(all) != len(taken)+len(before)+1 {
		t.Errorf("%d descriptors are open, %d were before, %d are said to be new", len(all), len(before), len(taken))
	}
	closeAll(taken)
	if now := open(2 * limit); len(now) != len(before)+1 || !slices.Contains(now, other) {
		t.Errorf("open behind closeAll: %v, wanted %v and %d", now, before, other)
	}
}
