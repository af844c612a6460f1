package sched

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// cStrings is list as the zero-terminated array of zero-terminated strings that execve takes.
func cStrings(list []string) ([]*byte, error) {
	out := make([]*byte, len(list)+1)
	for i, s := range list {
		p, err := unix.BytePtrFromString(s)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}

// execveat returns only when it fails. To Go it is a call that may block, so that Go does not try to preempt the thread: a signal
// that is pending then is one to the new program.
func execveat(dir int, path *byte, argv, envv []*byte, flags int) unix.Errno {
	if dir == unix.AT_FDCWD && flags == 0 {
		_, _, e := unix.Syscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])))
		return e
	}
	_, _, e := unix.Syscall6(unix.SYS_EXECVEAT, uintptr(dir), uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])), uintptr(flags), 0)
	return e
}
