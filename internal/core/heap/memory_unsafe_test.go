package heap

import (
	"unsafe"

	"gogrind/internal/guest"
)

// plainMemory reads and writes the test process's own memory.
type plainMemory struct{}

func view(a guest.Addr, n int) []byte {
	p := uintptr(a)
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), n)
}

func (plainMemory) ReadMem(p []byte, a guest.Addr) int  { return copy(p, view(a, len(p))) }
func (plainMemory) WriteMem(p []byte, a guest.Addr) int { return copy(view(a, len(p)), p) }

// CopyMem stops half way, as if something could not be accessed there.
func (plainMemory) CopyMem(to, from guest.Addr, n int) int {
	return copy(view(to, n/2), view(from, n/2))
}

// addressOf is the address of b, for raw system calls.
func addressOf(b []byte) uintptr { return uintptr(unsafe.Pointer(&b[0])) }
