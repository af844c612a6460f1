package vcpu

import (
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// listThreads reads the ids of the process's threads to forker.tids and returns their number, 0 if self is not among them.
// In a PID namespace inside the one that /proc was mounted in, the ids there are not those that system calls take: they are
// translated then.
//
//go:nosplit
func listThreads(self uintptr) int {
	n := readThreads()
	if amongThreads(n, self) && innerID(uint32(self)) == uint32(self) || translateThreads(n, self) {
		return n
	}
	return 0
}

//go:nosplit
func amongThreads(n int, self uintptr) bool {
	for _, tid := range forker.tids[:n] {
		if uintptr(tid) == self {
			return true
		}
	}
	return false
}

// translateThreads makes the first n of forker.tids ids of the process's own PID namespace and reports whether self is among
// them. A thread that has ended meanwhile becomes 0.
//
//go:nosplit
func translateThreads(n int, self uintptr) bool {
	for i, tid := range forker.tids[:n] {
		forker.tids[i] = innerID(tid)
	}
	return amongThreads(n, self)
}

// innerID is the id in the process's own PID namespace of its thread that /proc calls tid, 0 if there is none: the last number
// of the line "NSpid:	4711	12	1" of its status.
//
//go:nosplit
func innerID(tid uint32) uint32 {
	f := &forker
	var name [40]byte // of "self/task/4294967295/status"
	n := copy(name[:], f.taskName[:len(f.taskName)-1])
	name[n] = '/'
	n++
	digits := 1
	for rest := tid; rest >= 10; rest /= 10 {
		digits++
	}
	for i := digits - 1; i >= 0; i-- {
		name[n+i] = byte('0' + tid%10)
		tid /= 10
	}
	n += digits
	copy(name[n:], f.statusName)
	fd := rawSys(unix.SYS_OPENAT, uintptr(f.proc), uintptr(unsafe.Pointer(&name[0])), unix.O_CLOEXEC, 0, 0, 0)
	if int(fd) < 0 {
		return 0
	}
	got := int(rawSys(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&f.text[0])), uintptr(len(f.text)), 0, 0, 0))
	rawSys(unix.SYS_CLOSE, fd, 0, 0, 0, 0, 0)
	if got <= 0 || got > len(f.text) {
		return 0
	}
	return lastID(f.text[:got], f.idLine)
}

// lastID is the last number of the line of text that begins with key, 0 if there is none.
//
//go:nosplit
func lastID(text, key []byte) uint32 {
	for at := 0; at+len(key) <= len(text); at++ {
		if at > 0 && text[at-1] != '\n' || !startsWith(text[at:], key) {
			continue
		}
		id := uint32(0)
		for _, c := range text[at+len(key):] {
			switch {
			case c >= '0' && c <= '9':
				id = id*10 + uint32(c-'0')
			case c == '\n':
				return id
			default:
				id = 0
			}
		}
	}
	return 0
}

//go:nosplit
func startsWith(text, key []byte) bool {
	for i, c := range key {
		if text[i] != c {
			return false
		}
	}
	return true
}

// readThreads reads the names in the process's task directory to forker.tids and returns their number.
//
//go:nosplit
func readThreads() int {
	f := &forker
	fd := rawSys(unix.SYS_OPENAT, uintptr(f.proc), uintptr(unsafe.Pointer(&f.taskName[0])), unix.O_DIRECTORY|unix.O_CLOEXEC, 0, 0, 0)
	if int(fd) < 0 {
		return 0
	}
	n := 0
	for {
		got := int(rawSys(unix.SYS_GETDENTS64, fd, uintptr(unsafe.Pointer(&f.text[0])), uintptr(len(f.text)), 0, 0, 0))
		if got <= 0 || got > len(f.text) {
			break
		}
		// struct linux_dirent64: the record's length is at 16, the name at 19.
		for at := 0; at+20 <= got; {
			length := int(f.text[at+16]) | int(f.text[at+17])<<8
			tid := uint32(0)
			for i := at + 19; i < got && f.text[i] >= '0' && f.text[i] <= '9'; i++ {
				tid = tid*10 + uint32(f.text[i]-'0')
			}
			if tid != 0 && n < len(f.tids) {
				f.tids[n] = tid
				n++
			}
			at += length
		}
	}
	rawSys(unix.SYS_CLOSE, fd, 0, 0, 0, 0, 0)
	return n
}

// Preempt sends Go's preemption signal to all threads of the process: one that got lost would be waited for for ever.
func Preempt() {
	dir, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return // without /proc no fork works either
	}
	for _, e := range dir {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			unix.Tgkill(os.Getpid(), tid, unix.SIGURG)
		}
	}
}
