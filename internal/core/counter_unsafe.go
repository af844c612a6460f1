package core

import (
	"unsafe"

	"gogrind/internal/guest"
)

// counterSlice is the memory at a, which is mapped and aligned, as n counters.
func counterSlice(a guest.Addr, n int) []uint64 {
	return unsafe.Slice((*uint64)(guest.Pointer(uintptr(a))), n)
}
