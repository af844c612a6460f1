package sched

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/vcpu"
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
func execveat(traced bool, dir int, path *byte, argv, envv []*byte, flags int) unix.Errno {
	p, args, env := uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0]))
	var e unix.Errno
	if dir == unix.AT_FDCWD && flags == 0 {
		e = vcpu.Exec(traced, unix.SYS_EXECVE, p, args, env, 0, 0)
	} else {
		e = vcpu.Exec(traced, unix.SYS_EXECVEAT, uintptr(dir), p, args, env, uintptr(flags))
	}
	runtime.KeepAlive(path)
	runtime.KeepAlive(argv)
	runtime.KeepAlive(envv)
	return e
}
