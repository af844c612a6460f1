// Package dispatch gives descriptors that the Go runtime opens for itself high numbers.
//
// The runtime's network poller has an epoll and an eventfd descriptor, for which the kernel takes the lowest free numbers, and they stay
// for the life of the process. While High runs, system calls of the calling thread come by a handler (syscall user dispatch, Linux
// 5.11) that performs them and moves new descriptors of these two kinds. Other threads notice nothing.
//
// It must be used while nothing else changes the handler of SIGSYS or uses syscall user dispatch.
package dispatch

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// The kernel's constants: include/uapi/linux/prctl.h, include/uapi/asm/signal.h.
const (
	prSetDispatch = 59
	dispatchOn    = 1
	saSiginfo     = 0x00000004
	saOnstack     = 0x08000000
	saRestorer    = 0x04000000
)

// maxMoved is how many descriptors High moves; more stay where they are.
const maxMoved = 2

// High calls f. Descriptors that its thread gets from epoll_create1 and eventfd2 meanwhile, two at most, are moved to first or above;
// moved are their new numbers. Signals are held back from the thread. ok is false, and f has not been called, where the kernel has no
// such mechanism. Not for concurrent use.
func High(first int, f func()) (moved []int, ok bool, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	lo, length := span()
	lowest, count, selector = uint64(first), 0, 0
	var old, none action
	if err := sigaction(unix.SIGSYS, &action{handler: entry(), flags: saSiginfo | saOnstack | saRestorer, restorer: back(), mask: ^uint64(0)}, &old); err != nil {
		return nil, false, fmt.Errorf("dispatch: %w", err)
	}
	defer sigaction(unix.SIGSYS, &old, &none)
	// No other signal: its handler's return would be a call that comes by ours, at a time when SIGSYS is blocked.
	mask, err := setMask(^(uint64(1) << (unix.SIGSYS - 1)))
	if err != nil {
		return nil, false, fmt.Errorf("dispatch: %w", err)
	}
	defer setMask(mask)
	if !prctl(prSetDispatch, dispatchOn, lo, length) {
		return nil, false, nil
	}
	defer prctl(prSetDispatch, 0, 0, 0)
	selector = 1 // SYSCALL_DISPATCH_FILTER_BLOCK
	f()
	selector = 0
	for _, fd := range news[:count] {
		moved = append(moved, int(fd))
	}
	return moved, true, nil
}
