package shadow

import (
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// The functions of this file touch shadow memory by address. Callers hold Map.mu and have made sure that the range is
// backed.

// view is the shadow memory [s, e) as a slice. The memory is not Go's, so the collector has no business with it.
func view(s, e uint64) []byte {
	p := uintptr(s)
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&p)), int(e-s))
}

func peek(s uint64) byte { return view(s, s+1)[0] }

func load(p []byte, s uint64) { copy(p, view(s, s+uint64(len(p)))) }

func store(s uint64, p []byte) { copy(view(s, s+uint64(len(p))), p) }

// move copies n bytes; the ranges may overlap.
func move(to, from, n uint64) { copy(view(to, to+n), view(from, from+n)) }

// fill writes v to [s, e). clear and copy are memory moves with the widest stores that the machine has.
func fill(s, e uint64, v byte) {
	if e <= s {
		return
	}
	b := view(s, e)
	if v == 0 {
		clear(b)
		return
	}
	const seed = 512
	n := min(len(b), seed)
	w := words(b[:n])
	pat := uint64(v) * ones
	for i := range w {
		w[i] = pat
	}
	for i := len(w) * 8; i < n; i++ {
		b[i] = v
	}
	for n < len(b) {
		// Doubling is bounded so that source and destination stay in the first-level cache.
		n += copy(b[n:], b[:min(n, 16<<10)])
	}
}

// fillSparse clears [s, e) without touching what is clear already: untouched pages stay the kernel's zero page.
func fillSparse(s, e uint64) {
	const step = 4096
	for s < e {
		n := min(e-s, step)
		if at := firstNonzero(s, s+n); at < s+n {
			clear(view(at, s+n))
		}
		s += n
	}
}

const (
	ones = 0x0101010101010101
	high = 0x8080808080808080
)

// words is the part of b that can be seen as 64-bit words, from its first byte on; amd64 and arm64 allow unaligned
// access.
func words(b []byte) []uint64 {
	if len(b) < 8 {
		return nil
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(&b[0])), len(b)/8)
}

// noAccessBits has bit 7 of each byte of w that is no-access.
func noAccessBits(w uint64) uint64 { return w & high &^ (w << 1) }

// keepNoAccess makes all bytes of [s, e) defined but for the no-access ones.
func keepNoAccess(s, e uint64) {
	b := view(s, e)
	w := words(b)
	for i, v := range w {
		if v != 0 {
			w[i] = noAccessBits(v)
		}
	}
	for i := len(w) * 8; i < len(b); i++ {
		if !IsNoAccess(b[i]) {
			b[i] = Defined
		}
	}
}

// dropNoAccess makes the no-access bytes of [s, e) defined.
func dropNoAccess(s, e uint64) {
	for at := firstNoAccess(s, e); at < e; at = firstNoAccess(at, e) {
		end := firstAccessible(at, e)
		clear(view(at, end))
		at = end
	}
}

// The three searches return the address of the first byte in [s, e) that has the property, or e.

func firstNonzero(s, e uint64) uint64 {
	b := view(s, e)
	w := words(b)
	for i, v := range w {
		if v != 0 {
			return s + uint64(i*8+bits.TrailingZeros64(v)/8)
		}
	}
	for i := len(w) * 8; i < len(b); i++ {
		if b[i] != 0 {
			return s + uint64(i)
		}
	}
	return e
}

func firstNoAccess(s, e uint64) uint64 {
	b := view(s, e)
	w := words(b)
	for i, v := range w {
		if v != 0 {
			if n := noAccessBits(v); n != 0 {
				return s + uint64(i*8+bits.TrailingZeros64(n)/8)
			}
		}
	}
	for i := len(w) * 8; i < len(b); i++ {
		if IsNoAccess(b[i]) {
			return s + uint64(i)
		}
	}
	return e
}

func firstAccessible(s, e uint64) uint64 {
	b := view(s, e)
	w := words(b)
	for i, v := range w {
		if n := noAccessBits(v) ^ high; n != 0 {
			return s + uint64(i*8+bits.TrailingZeros64(n)/8)
		}
	}
	for i := len(w) * 8; i < len(b); i++ {
		if !IsNoAccess(b[i]) {
			return s + uint64(i)
		}
	}
	return e
}

// getTag, setTag, getWord and swapWord are atomic accesses to aligned memory: threads race for it.

func getTag(s uint64) uint32 { return atomic.LoadUint32((*uint32)(unsafe.Pointer(&view(s, s+4)[0]))) }

func setTag(s uint64, v uint32) { atomic.StoreUint32((*uint32)(unsafe.Pointer(&view(s, s+4)[0])), v) }

func getWord(s uint64) uint64 { return atomic.LoadUint64((*uint64)(unsafe.Pointer(&view(s, s+8)[0]))) }

func swapWord(s, old, v uint64) bool {
	return atomic.CompareAndSwapUint64((*uint64)(unsafe.Pointer(&view(s, s+8)[0])), old, v)
}
