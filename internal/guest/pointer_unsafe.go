package guest

import "unsafe"

// Pointer makes a pointer of an address outside the Go heap (guest memory, contexts, translated code). Such memory never
// moves and is never collected, which is why the conversion is sound; it is written this way because the pattern
// unsafe.Pointer(uintptr) is one that go vet must keep reporting elsewhere.
func Pointer(a uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&a)) }

// Bytes is the memory at [a, a+n) as a slice. The caller knows that it is mapped and stays so.
func Bytes(a Addr, n int) []byte { return unsafe.Slice((*byte)(Pointer(uintptr(a))), n) }
