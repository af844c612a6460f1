// Package linux holds facts of the Linux kernel's binary interface that golang.org/x/sys/unix does not give in the form
// we need: names of system calls by number, sizes of structures as the kernel (not libc) sees them, offsets in them, and
// ioctl encoding. It is a leaf, has no state and calls nothing.
//
// What differs between architectures is in files with their suffix; sysnum_*_gen.go is made by tools/sysnum.
package linux

//go:generate go run ../../tools/sysnum

// SyscallName is the kernel's name of a system call, "" for a number that is not assigned.
func SyscallName(nr int) string {
	if nr < 0 || nr >= len(syscallNames) {
		return ""
	}
	return syscallNames[nr]
}

// SyscallCount is one more than the highest number that is known.
func SyscallCount() int { return len(syscallNames) }

// SyscallNumber finds the number of the call with the kernel's name, ok is false when the architecture has none.
func SyscallNumber(name string) (nr int, ok bool) {
	for nr, n := range syscallNames {
		if n == name && name != "" {
			return nr, true
		}
	}
	return 0, false
}
