package report

import (
	"errors"

	"golang.org/x/sys/unix"
)

// tail ends a document.
const tail = "</valgrindoutput>\n\n"

// put writes a complete piece of the document. A file that we have opened ourselves ends with the document's end at any time,
// which the next piece overwrites: so it is well-formed whatever becomes of the process, and of processes forked from it that
// write to the same file.
func (x *XML) put(text string) {
	l := x.out
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.silent || l.fd < 0 {
		return
	}
	if !x.file {
		if !x.shared || unix.Getppid() == x.parent { // what comes behind the end would spoil the document
			l.write([]byte(text))
		}
		return
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	for {
		if err := unix.FcntlFlock(uintptr(l.fd), unix.F_SETLKW, &lock); !errors.Is(err, unix.EINTR) {
			break // a file system without locks: only forked processes that share the file could disturb each other
		}
	}
	var st unix.Stat_t
	if unix.Fstat(l.fd, &st) != nil {
		return
	}
	at := st.Size
	if n := int64(len(tail)); at >= n {
		var end [len(tail)]byte
		if got, _ := unix.Pread(l.fd, end[:], at-n); int64(got) == n && string(end[:]) == tail {
			at -= n
		}
	}
	for b := []byte(text + tail); len(b) > 0; {
		n, err := unix.Pwrite(l.fd, b, at)
		if err != nil && !errors.Is(err, unix.EINTR) {
			break // as in Log.write
		}
		b, at = b[max(n, 0):], at+int64(max(n, 0))
	}
	lock.Type = unix.F_UNLCK
	unix.FcntlFlock(uintptr(l.fd), unix.F_SETLK, &lock)
}

// end ends the document.
func (x *XML) end() {
	if !x.file && !x.shared {
		x.out.Raw(tail)
	}
}

// regular reports whether fd is a regular file.
func regular(fd int) bool {
	var st unix.Stat_t
	return fd >= 0 && unix.Fstat(fd, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG
}
