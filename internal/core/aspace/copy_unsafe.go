package aspace

import (
	"unsafe"

	"gogrind/internal/guest"
)

// copyBytes copies n bytes with one instruction and returns how many it has copied: all, or those before a fault if the
// signal handler goes on at the address that CopyFault calls resume.
//
//go:noescape
func copyBytes(dst, src unsafe.Pointer, n uintptr) uintptr

// copyRange returns the addresses of the labels in copyBytes.
func copyRange() (lo, hi, resume uintptr)

// CopyFault tells the signal handler about the copy of guest memory: a SIGSEGV or SIGBUS at an instruction in [lo, hi)
// is to be continued at resume with all registers as they are.
func CopyFault() (lo, hi, resume uintptr) { return copyRange() }

// pointer makes guest memory, which Go knows nothing of, usable as an operand.
func pointer(a guest.Addr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&a)) }

func copyIn(p []byte, a guest.Addr) int {
	return int(copyBytes(unsafe.Pointer(&p[0]), pointer(a), uintptr(len(p))))
}

func copyOver(to, from guest.Addr, n int) int {
	return int(copyBytes(pointer(to), pointer(from), uintptr(n)))
}

func copyOut(a guest.Addr, p []byte) int {
	return int(copyBytes(pointer(a), unsafe.Pointer(&p[0]), uintptr(len(p))))
}
