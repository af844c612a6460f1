package sched

import (
	"runtime"
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

// execveat returns only when it fails, or when a signal keeps it from being made. To Go it is a call that may block, so that Go does not
// try to preempt the thread: a signal that is pending then is one to the new program.
func (t *Thread) execveat(traced bool, dir int, path *byte, argv, envv []*byte, flags int) (r int64, aborted bool) {
	p, args, env := uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0]))
	mask := uint64(t.sig.Mask())
	if dir == unix.AT_FDCWD && flags == 0 {
		r, aborted = t.ctx.Exec(traced, mask, unix.SYS_EXECVE, &[5]uintptr{p, args, env})
	} else {
		r, aborted = t.ctx.Exec(traced, mask, unix.SYS_EXECVEAT, &[5]uintptr{uintptr(dir), p, args, env, uintptr(flags)})
	}
	runtime.KeepAlive(path)
	runtime.KeepAlive(argv)
	runtime.KeepAlive(envv)
	return r, aborted
}
