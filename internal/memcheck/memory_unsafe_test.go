package memcheck

import (
	"unsafe"

	"gogrind/internal/guest"
)

// view is n bytes of the test's own memory at a.
func view(a guest.Addr, n int) []byte {
	p := uintptr(a)
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), n)
}
