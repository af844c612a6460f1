package signal

import (
	"errors"
	"sync"
)

func cpuid(leaf, sub uint32) (a, b, c, d uint32)

func xgetbv() (lo, hi uint32)

// xcr0 is the set of components that the kernel has enabled.
func xcr0() uint64 {
	lo, hi := xgetbv()
	return uint64(hi)<<32 | uint64(lo)
}

// Components of the XSAVE area that are treated one by one (SDM volume 1, 13.1).
const (
	xX87   = 1 << 0
	xSSE   = 1 << 1
	xPKRU  = 1 << 9
	xTiles = 1 << 18 // needs the kernel's permission, so it is in frames only of programs that asked for it
)

// Offsets in the XSAVE area (SDM volume 1, 13.4).
const (
	offFCW       = 0
	offMXCSR     = 24
	offMXCSRMask = 28
	offST        = 32
	offXMM       = 160
	endXMM       = 416
	offSoftware  = 464 // left alone by XSAVE; the kernel describes the frame there (struct _fpx_sw_bytes)
	offHeader    = 512
	endHeader    = 576

	initFCW   = 0x37f
	initMXCSR = 0x1f80
)

// struct _fpx_sw_bytes and the word behind the area (uapi/asm/sigcontext.h).
const (
	fpMagic1 = 0x46505853
	fpMagic2 = 0x46505845
)

// defaultFeatures are the components that a process has without asking for more.
func defaultFeatures() uint64 { return xcr0() &^ xTiles }

// XSaveSize is the size of the standard-format area for the given components: what frames reserve for them.
func XSaveSize(features uint64) int {
	size := endHeader
	for i := 2; i < 63; i++ {
		if features&(1<<i) != 0 {
			if off, n := component(i); off+n > size {
				size = off + n
			}
		}
	}
	return size
}

// component is where component i (from 2) lies in the standard format.
func component(i int) (off, size int) {
	c := &components()[i]
	return c.off, c.size
}

// components are those that the kernel has enabled. The CPU is asked once: in a virtual machine cpuid costs more than all the
// rest of a signal's delivery.
var components = sync.OnceValue(func() *[63]struct{ off, size int } {
	var list [63]struct{ off, size int }
	enabled := xcr0()
	for i := 2; i < len(list); i++ {
		if enabled&(1<<i) != 0 {
			n, o, _, _ := cpuid(0xd, uint32(i))
			list[i].off, list[i].size = int(o), int(n)
		}
	}
	return &list
})

// resetXState gives the handler the state that a fresh program has. The area stays otherwise zero, which matters to
// those who read it without looking at the header (debuggers). Protection keys are left as they are.
func resetXState(x []byte) {
	keep, mask := get64(x[offHeader:])&xPKRU, get32(x[offMXCSRMask:])
	clear(x[:offSoftware])
	if keep == 0 {
		clear(x[endHeader:])
	}
	clear(x[offHeader:endHeader])
	put64(x[offHeader:], keep)
	x[offFCW], x[offFCW+1] = initFCW&0xff, initFCW>>8
	put32(x[offMXCSR:], initMXCSR)
	put32(x[offMXCSRMask:], mask)
}

// frameXState copies the area x to dst as XSAVE of features would have written it there: components in their initial
// state are zero. Space that XSAVE leaves alone is not touched.
func frameXState(dst, x []byte, features uint64) {
	live := get64(x[offHeader:]) & features
	copy(dst[:offXMM], x[:offXMM])
	if live&xX87 == 0 {
		clear(dst[:offMXCSR])
		clear(dst[offST:offXMM])
		dst[offFCW], dst[offFCW+1] = initFCW&0xff, initFCW>>8
	}
	clear(dst[offXMM:endXMM])
	if live&xSSE != 0 {
		copy(dst[offXMM:endXMM], x[offXMM:endXMM])
	}
	for i := 2; i < 63; i++ {
		if features&(1<<i) == 0 {
			continue
		}
		off, n := component(i)
		if off+n > len(x) {
			continue
		}
		if live&(1<<i) != 0 {
			copy(dst[off:off+n], x[off:off+n])
		} else {
			clear(dst[off : off+n])
		}
	}
	clear(dst[offHeader:endHeader])
	put64(dst[offHeader:], live|xX87|xSSE) // the kernel marks these two always, for programs that edit them
}

var errXState = errors.New("floating-point state that the CPU refuses")

// loadXState replaces the area x by the components restore of src, a frame's area; all others get their initial
// state. It refuses what XRSTOR would: reserved bits of MXCSR and of the header.
func loadXState(x, src []byte, features, restore uint64, legacy bool) error {
	mask := get32(x[offMXCSRMask:])
	if mask == 0 {
		mask = 0xffbf // CPUs that do not say (SDM volume 1, 11.6.6)
	}
	if get32(src[offMXCSR:])&^mask != 0 {
		return errXState
	}
	live := uint64(xX87 | xSSE)
	if !legacy {
		live = get64(src[offHeader:])
		if live&^xcr0() != 0 {
			return errXState
		}
		for _, b := range src[offHeader+8 : endHeader] {
			if b != 0 {
				return errXState
			}
		}
	}
	restore &= features
	live &= restore
	resetXState(x)
	if live&xX87 != 0 {
		copy(x[:offMXCSR], src[:offMXCSR])
		copy(x[offST:offXMM], src[offST:offXMM])
	}
	if restore&(xSSE|1<<2) != 0 { // MXCSR is loaded with SSE or AVX, live or not
		copy(x[offMXCSR:offMXCSR+4], src[offMXCSR:])
	}
	if live&xSSE != 0 {
		copy(x[offXMM:endXMM], src[offXMM:endXMM])
	}
	for i := 2; i < 63; i++ {
		if live&(1<<i) != 0 {
			if off, n := component(i); off+n <= len(x) {
				copy(x[off:off+n], src[off:off+n])
			}
		}
	}
	put64(x[offHeader:], get64(x[offHeader:])&^restore|live)
	return nil
}
