package core

import (
	"unsafe"

	"gogrind/internal/guest"
)

// counterSlice is the memory at a, which is mapped and aligned, as n counters.
func counterSlice(a guest.Addr, n int) []uint64 {
	return unsafe.Slice((*uint64)(guest.Pointer(uintptr(a))), n)
}

// wordsOf is mem, which is aligned, as words, and where they are.
func wordsOf(mem []byte) (guest.Addr, []uint64) {
	p := unsafe.SliceData(mem)
	return guest.Addr(uintptr(unsafe.Pointer(p))), unsafe.Slice((*uint64)(unsafe.Pointer(p)), len(mem)/8)
}
