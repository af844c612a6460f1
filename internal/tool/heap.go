package tool

import "gogrind/internal/guest"

// AllocKind is the family of functions that a block came from or that frees it.
type AllocKind uint8

const (
	KindMalloc   AllocKind = iota // malloc, calloc, realloc, memalign, ...; free
	KindNew                       // operator new; operator delete
	KindNewArray                  // operator new[]; operator delete[]
	KindCustom                    // VALGRIND_MALLOCLIKE_BLOCK and mempools
)

// HeapConfig says how the replacement allocator lays out blocks.
type HeapConfig struct {
	RedZone       uint64 // bytes kept unused at each side of a block, a multiple of 16, at least 16
	Alignment     uint64 // minimum alignment, a power of two of at least 16
	Quarantine    uint64 // --freelist-vol: bytes of freed blocks held back from reuse
	BigBlock      uint64 // --freelist-big-blocks: blocks of at least this size leave the quarantine first
	MallocFill    int    // byte to fill new blocks with, -1 for none
	FreeFill      int    // byte to fill freed blocks with, -1 for none
	Dirty         bool   // blocks that are used again keep what was in them, but for calloc
	Off           bool   // nothing is replaced after all
	InPlace       bool   // realloc leaves a large block where it is as long as there is room
	KeepFreedInfo bool   // freed blocks stay in the index while they are in quarantine
	ReallocKeeps  bool   // realloc to size 0 gives a block of no bytes; else it frees and gives NULL
}

// HeapBlock is one block handed out by the replacement allocator (or described by a client request).
type HeapBlock struct {
	Addr  guest.Addr // first byte of the payload
	Size  uint64     // bytes asked for
	Kind  AllocKind
	Align uint64 // alignment asked for, 0 when none
	// Alloc and Free are interned stacks (stack.ID) of where the block was allocated and freed; 0 is none.
	Alloc, Free uint32
	Freed       bool
}

// Range is the payload of b.
func (b *HeapBlock) Range() guest.Range {
	return guest.Range{Start: b.Addr, End: b.Addr + guest.Addr(b.Size)}
}

// Heap is the index of blocks. Safe for concurrent use.
type Heap interface {
	// At returns the block whose payload starts exactly at a: live ones, or quarantined ones with Freed set.
	At(a guest.Addr) (HeapBlock, bool)
	// Near returns the block whose payload or red zones contain a: live first, then quarantined.
	Near(a guest.Addr) (HeapBlock, bool)
	// Live calls f for each live block in ascending address order until f returns false.
	Live(f func(HeapBlock) bool)
	// Stats: blocks and bytes allocated and freed over the whole run, and live now.
	Stats() HeapStats
}

// HeapStats are the numbers of the HEAP SUMMARY.
type HeapStats struct {
	Allocs, Frees, AllocBytes uint64
	LiveBlocks, LiveBytes     uint64
}

// OverlapWatcher is a tool that wants the string and memory functions of C libraries replaced by ones that access nothing but what
// their callers' arguments say.
type OverlapWatcher interface {
	// Overlap: the function fn copies from src to dst, which overlap. size is the length given, -1 for a string's.
	Overlap(t Thread, fn string, dst, src guest.Addr, size int64)
	// WantsCopied says whether Copied is to be called; it does not change.
	WantsCopied() bool
	// Copied: n bytes, some of them undefined, have been copied, and their shadow with them.
	Copied(t Thread, dst, src guest.Addr, n uint64)
	// Filling: defined bytes are about to be stored to all of the long range r. Stores to it are looked at all the same.
	Filling(r guest.Range)
	// Copying: the bytes from src on are about to be stored to all of the long range r, which does not overlap them or lies below. Accesses
	// are looked at all the same.
	Copying(r guest.Range, src guest.Addr)
}

// ReallocZeroer is a HeapReplacer that is told of calls of realloc with size 0.
type ReallocZeroer interface {
	// ReallocZero: the live block b is passed to realloc with size 0, which has done nothing yet.
	ReallocZero(t Thread, b HeapBlock)
}

// HeapArgs is a HeapReplacer that is told of arguments of allocation functions that do not fit. Nothing has been done yet.
type HeapArgs interface {
	// BadAlign: fn gets an alignment that it does not take, or a size that does not go with it; wants says what it takes.
	BadAlign(t Thread, align, size uint64, wants string, withSize bool)
	// BadSize: fn ("aligned_alloc()") gets size 0.
	BadSize(t Thread, fn string)
	// SizeMismatch: block b is freed with another size.
	SizeMismatch(t Thread, b HeapBlock, functions string, size uint64)
	// AlignMismatch: block b is freed with another alignment, or with align 0 by a function for blocks without.
	AlignMismatch(t Thread, b HeapBlock, functions string, align uint64)
}

// QuickHeap says what the allocator can do in the tool's place for small blocks: then it tells the tool nothing of their allocation
// and free, nor asks it for stacks that it has seen before, unless something is wrong.
type QuickHeap struct {
	// AllocStacks and FreeStacks: NewStack is called for allocations and for frees, and for one and the same code and return
	// addresses always gives the same number.
	AllocStacks, FreeStacks bool
	// Shadow, if not 0, is the distance of a byte of shadow from the byte of memory that it is for. Blocks are made Fresh when they
	// are allocated, 0 by calloc, and Gone when they are freed.
	Shadow      uint64
	Fresh, Gone byte
	// Pinned: the tool keeps more of undefined bytes than their shadow, and has to be told when realloc moves them. Else it is told only
	// of blocks with bytes whose shadow is neither 0 nor 0xff.
	Pinned bool
	// Events: the tool takes the events from the Heap, a HeapEvents, before it looks at what they are about.
	Events bool
	Clock  []uint64 // the sum is HeapEvent.Time
}

// HeapEvent is what has happened to a block.
type HeapEvent struct {
	Addr  guest.Addr
	Size  uint64
	Time  uint64
	Stack uint32 // of the allocation, also for a free
	Kind  HeapEventKind
}

// HeapEventKind says what has happened to a block.
type HeapEventKind uint8

const (
	HeapAllocated HeapEventKind = iota
	HeapFreed
	HeapMoved // by realloc: the next event, HeapAllocated, is the block that it has become
)

// HeapEvents is a Heap with events. TakeEvents gives f those since the last call, in order, one call at a time; f must not call the
// Heap, and the events are valid during the call.
type HeapEvents interface {
	TakeEvents(f func([]HeapEvent))
}

// QuickHeaper is a HeapReplacer that may not have to be called. QuickHeap is called once, after Start; ok is false if it wants to
// be.
type QuickHeaper interface {
	QuickHeap() (q QuickHeap, ok bool)
}

// HeapReplacer is a tool that wants malloc and friends replaced. All methods are called on the thread that makes the
// call, with exact registers, before the function returns to the guest.
type HeapReplacer interface {
	HeapConfig() HeapConfig
	// Allocated: the payload may be used from now on; zeroed is true for calloc. The red zones belong to nobody.
	Allocated(t Thread, b HeapBlock, zeroed bool)
	// Freed: the payload may not be used any more. fn is the function's name as frames show it ("free").
	Freed(t Thread, b HeapBlock, fn string)
	// Resized: realloc in place or by moving; old is the block before (Freed set when it moved), b the block now.
	Resized(t Thread, old, b HeapBlock)
	// BadFree: fn was called with a, which is no live block's start. b is the block near a, if any, and ok says so.
	BadFree(t Thread, fn string, a guest.Addr, b HeapBlock, ok bool)
	// MismatchedFree: b, a live block of kind b.Kind, is freed by a function of family k.
	MismatchedFree(t Thread, fn string, k AllocKind, b HeapBlock)
	// FishySize: a size argument that looks negative, as Memcheck reports it. arg is the parameter's name ("size").
	FishySize(t Thread, fn, arg string, size int64)
	// NewStack captures and interns the current stack for an allocation or a free.
	NewStack(t Thread) uint32
}
