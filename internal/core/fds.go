package core

import (
	"fmt"
	"slices"
	"time"

	"gogrind/internal/core/dispatch"

	"golang.org/x/sys/unix"
)

// maxRights is how many descriptors one message carries (SCM_MAX_FD, include/net/scm.h).
const maxRights = 253

// ownFDs are the numbers of the tool's descriptors.
type ownFDs struct {
	first  int   // the lowest one
	poller []int // epoll and eventfd of the runtime's network poller; nil if they are not known
}

// hideDescriptors makes the Go runtime open its own descriptors above the ones the guest will use.
func hideDescriptors() (own ownFDs, err error) {
	own.first = 4096 // few programs have more files open
	const ours, least = 24, 8
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil && lim.Cur < uint64(own.first)+ours {
		if lim.Cur < ours+least {
			return own, fmt.Errorf("the limit of open files (ulimit -n) is %d, and %d are needed", lim.Cur, ours+least)
		}
		own.first = int(lim.Cur) - ours
	}
	moved, ok, err := dispatch.High(own.first, startPoller)
	switch {
	case err != nil:
		return own, err
	case !ok:
		err = occupy(own.first)
	case len(moved) != 2:
		err = fmt.Errorf("the Go runtime opens %d descriptors for its poller, not epoll and eventfd", len(moved))
	default:
		own.poller = moved
	}
	if err != nil {
		return own, fmt.Errorf("descriptors: %w", err)
	}
	return own, nil
}

// startPoller makes the runtime start its network poller, as any timer does.
func startPoller() { time.AfterFunc(time.Hour, func() {}).Stop() }

// occupy starts the poller on kernels that cannot move descriptors: all free ones below first are taken meanwhile.
func occupy(first int) error {
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	taken := multiply(null, first, []int{null})
	for slices.Max(taken) < first-1 {
		fd, err := unix.FcntlInt(uintptr(null), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	startPoller()
	closeAll(taken)
	return nil
}

// multiply adds to taken what it could get in copies of fd below limit. A message to oneself makes hundreds of them in two system
// calls; where that fails, as with low limits, fewer come.
func multiply(fd, limit int, taken []int) []int {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return taken
	}
	taken = append(taken, pair[:]...)
	var fds [maxRights]int
	for i := range fds {
		fds[i] = fd
	}
	data, control := make([]byte, 1), make([]byte, unix.CmsgSpace(4*maxRights))
	for {
		// Descriptors that were open before are in between: there may be fewer free ones.
		n := min(maxRights, limit-1-slices.Max(taken))
		if n <= 0 || unix.Sendmsg(pair[0], data, unix.UnixRights(fds[:n]...), nil, 0) != nil {
			return taken
		}
		_, got, _, _, err := unix.Recvmsg(pair[1], data, control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		if err != nil {
			return taken
		}
		messages, err := unix.ParseSocketControlMessage(control[:got])
		if err != nil || len(messages) == 0 {
			return taken
		}
		copies, err := unix.ParseUnixRights(&messages[0])
		taken = append(taken, copies...)
		if err != nil || len(copies) < n {
			return taken
		}
	}
}

// closeAll closes fds, runs of neighbours at a time.
func closeAll(fds []int) {
	slices.Sort(fds)
	for i := 0; i < len(fds); {
		n := 1
		for i+n < len(fds) && fds[i+n] == fds[i]+n {
			n++
		}
		if unix.CloseRange(uint(fds[i]), uint(fds[i]+n-1), 0) != nil {
			for _, fd := range fds[i : i+n] {
				unix.Close(fd)
			}
		}
		i += n
	}
}
