package syswrap

import "unsafe"

// own gives the kernel the address of a buffer of ours that lives as long as the call. Heap memory does not move.
func (c *Call) own(b []byte) uint64 {
	c.keep = append(c.keep, b)
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
}
