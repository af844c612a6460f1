package syswrap

import (
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func addressOf(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&b[0]))) }

// nextMapping is where the next test's memory goes: in the middle of the guest's part of the address space, where the
// kernel does not put anything by itself.
var nextMapping atomic.Uint64

// mapGuest maps n bytes of memory at addresses that a guest may have.
func mapGuest(t *testing.T, n int) []byte {
	addr := 0x100000000000 + nextMapping.Add(uint64(n)+1<<16)
	p, err := unix.MmapPtr(-1, 0, unsafe.Add(nil, uintptr(addr)), uintptr(n), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED_NOREPLACE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.MunmapPtr(p, uintptr(n)) })
	return unsafe.Slice((*byte)(p), n)
}
