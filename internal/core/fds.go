package core

import (
	"time"

	"golang.org/x/sys/unix"
)

// occupy takes all free descriptors below first for the moment in which the Go runtime starts its network poller, which any
// timer makes it do.
func occupy(first int) error {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	taken := []int{null}
	for taken[len(taken)-1] < first-1 {
		fd, err := unix.FcntlInt(uintptr(null), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	time.Sleep(time.Microsecond)
	for _, fd := range taken {
		unix.Close(fd)
	}
	return nil
}
