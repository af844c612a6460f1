package unwind

import (
	"unsafe"

	"gogrind/internal/guest"
)

// load64 reads guest memory that is known to be readable. Guest memory is not Go memory, so the conversion is no hazard
// to the garbage collector.
func load64(a guest.Addr) uint64 {
	return *(*uint64)(*(*unsafe.Pointer)(unsafe.Pointer(&a)))
}
