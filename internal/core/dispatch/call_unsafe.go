package dispatch

//lint:file-ignore U1000 assembly uses the variables

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// action is struct sigaction of the kernel.
type action struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// Shared with the handler, which runs on the thread that is in High.
var (
	selector uint8  // of the mechanism: 1 while calls are to come by the handler
	lowest   uint64 // where new descriptors go
	count    uint64 // how many have gone there
	news     [maxMoved]uint64
)

func sigaction(sig unix.Signal, new, old *action) error {
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(new)), uintptr(unsafe.Pointer(old)), 8, 0, 0); e != 0 {
		return e
	}
	return nil
}

// setMask sets the thread's signal mask and returns the old one.
func setMask(mask uint64) (old uint64, err error) {
	const set = 2 // SIG_SETMASK
	if _, _, e := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, set, uintptr(unsafe.Pointer(&mask)), uintptr(unsafe.Pointer(&old)), 8, 0, 0); e != 0 {
		return 0, e
	}
	return old, nil
}

// prctl turns the mechanism on, but for calls from the length bytes at lo, or off.
func prctl(option, mode, lo, length uintptr) bool {
	at := uintptr(unsafe.Pointer(&selector))
	if mode == 0 {
		at = 0
	}
	_, _, e := unix.RawSyscall6(unix.SYS_PRCTL, option, mode, lo, length, at, 0)
	return e == 0
}
