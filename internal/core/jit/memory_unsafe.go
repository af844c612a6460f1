package jit

import (
	"sync/atomic"
	"unsafe"

	"gogrind/internal/guest"
)

// storeUint32 stores x at b[off:off+4] in one piece. The field need not be aligned but lies within a cache line; XCHG, which
// the atomic store compiles to, is then a single access.
func storeUint32(b []byte, off int, x uint32) {
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&b[off])), x)
}

// l1 is the first-level entry for pc: the host address of an indirect entry.
func (t *Translator) l1(pc uint64) *uint64 {
	i := pc >> l1Shift & (1<<l1Bits - 1)
	return (*uint64)(unsafe.Pointer(&t.hot.buf[l1Off+8*i]))
}

// fillL1 empties the first level. No thread is in translated code.
func (t *Translator) fillL1() {
	miss := t.base + uint64(t.missIB)
	tab := unsafe.Slice((*uint64)(unsafe.Pointer(&t.hot.buf[l1Off])), 1<<l1Bits)
	for i := range tab {
		tab[i] = miss
	}
}

// l2Entry is one entry of the second-level table: open addressing with linear probing; pc 0 ends a chain.
type l2Entry struct {
	pc   uint64
	host uint32 // host offset of the indirect entry, 0: no longer there
	_    uint32
}

func (t *Translator) l2() []l2Entry {
	return unsafe.Slice((*l2Entry)(unsafe.Pointer(&t.hot.buf[l2Off])), 1<<l2Bits)
}

// l2Turn is by how much l2Hash turns the low bits of addresses: targets of indirect branches, which hardly ever are closer than 64
// bytes, lie side by side in the table, 16 KB of code in one page of it. Spread over all pages, each new target had page faults of its own.
const l2Turn = 6

func l2Hash(pc uint64) uint64 {
	low := pc & (1<<l2Bits - 1)
	return (low>>l2Turn | low<<(l2Bits-l2Turn) ^ pc>>l2Bits) & (1<<l2Bits - 1)
}

// setL2 makes host the indirect entry of pc. Readers run concurrently: host is stored before pc makes the entry visible.
func (t *Translator) setL2(pc uint64, host uint32) {
	tab := t.l2()
	for i := l2Hash(pc); ; i = (i + 1) & (1<<l2Bits - 1) {
		e := &tab[i]
		switch e.pc {
		case pc:
			atomic.StoreUint32(&e.host, host)
			return
		case 0:
			if host == 0 {
				return
			}
			atomic.StoreUint32(&e.host, host)
			atomic.StoreUint64(&e.pc, pc)
			t.l2Used++
			return
		}
	}
}

func (t *Translator) clearL2() {
	if t.l2Used > 0 {
		clear(t.l2())
		t.l2Used = 0
	}
	if t.dirtyUsed > 0 {
		clear(t.dirtyTable())
		t.dirtyUsed = 0
	}
}

// dirtyEntry is one entry of the table of dirty code, as l2Entry; key 0 ends a chain.
type dirtyEntry struct {
	key  uint64
	host uint64 // host address
}

func (t *Translator) dirtyTable() []dirtyEntry {
	return unsafe.Slice((*dirtyEntry)(unsafe.Pointer(&t.hot.buf[dirtyOff])), 1<<dirtyBits)
}

// setDirtyEntry makes host the place where indirect jumps to the code of key go. Readers run concurrently, as with setL2.
func (t *Translator) setDirtyEntry(key, host uint64) {
	tab := t.dirtyTable()
	for i := dirtyHash(key); ; i = (i + 1) & (1<<dirtyBits - 1) {
		e := &tab[i]
		switch e.key {
		case key:
			atomic.StoreUint64(&e.host, host)
			return
		case 0:
			atomic.StoreUint64(&e.host, host)
			atomic.StoreUint64(&e.key, key)
			t.dirtyUsed++
			return
		}
	}
}

// loadWord is the aligned word of guest memory at a, which may fault.
func loadWord(a uint64) uint64 { return atomic.LoadUint64((*uint64)(guest.Pointer(uintptr(a)))) }
