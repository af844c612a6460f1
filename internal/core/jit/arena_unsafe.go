package jit

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// An arena is memory for a translator's tables, outside of Go's heap: they hold no pointers, are all thrown away at once, and grow by
// megabytes while a program starts. In huge pages, where the system has them, they cost a tenth of the page faults, and the garbage
// collector never sees them.
type arena struct {
	first  []byte   // what is taken before there are mappings
	blocks [][]byte // mappings
	n      int      // how many are in use
	block  []byte   // what is being taken from: bytes [at, end)
	at     uintptr
	end    uintptr
}

func newArena(first []byte) *arena {
	a := &arena{first: first}
	a.reset()
	return a
}

const (
	arenaBlock = 16 << 20 // address space taken at a time
	hugePage   = 2 << 20
)

// take returns size bytes, a multiple of 8. What is in them is unknown after a reset.
func (a *arena) take(size uintptr) unsafe.Pointer {
	for a.end-a.at < size {
		a.next(size)
	}
	at := a.at
	a.at += size
	return unsafe.Pointer(&a.block[at])
}

// next goes on to another block, which has room for size bytes if it is a new one.
func (a *arena) next(size uintptr) {
	if a.n == len(a.blocks) {
		b, err := unix.Mmap(-1, 0, int(max(size, arenaBlock))+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
		if err != nil {
			panic("jit: no memory for tables: " + err.Error())
		}
		wantHuge(b)
		a.blocks = append(a.blocks, b)
	}
	a.n++
	a.block = a.blocks[a.n-1]
	a.at = -uintptr(unsafe.Pointer(&a.block[0])) & (hugePage - 1)
	a.end = uintptr(len(a.block)) - hugePage + a.at
}

// wantHuge asks for huge pages in b. A kernel without them refuses, which costs speed only.
func wantHuge(b []byte) { unix.Madvise(b, unix.MADV_HUGEPAGE) }

// reset makes all memory free again.
func (a *arena) reset() { a.n, a.block, a.at, a.end = 0, a.first, 0, uintptr(len(a.first)) }

// unmap gives the memory back to the system.
func (a *arena) unmap() {
	for _, b := range a.blocks {
		unix.Munmap(b)
	}
	*a = arena{first: a.first}
}

// takeSlice is n elements of an arena, with their old contents after a reset. T holds no pointers.
func takeSlice[T any](a *arena, n int) []T {
	return unsafe.Slice((*T)(a.take((uintptr(n)*unsafe.Sizeof(*new(T))+7)&^7)), n)
}
