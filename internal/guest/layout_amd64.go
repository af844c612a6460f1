package guest

// The process-wide address layout on amd64. stage0 (internal/core/stage0) reserves everything that is the guest's
// before the Go runtime starts, so that Go's heap lands above ToolHeap. DESIGN.md says why each boundary is where it is.
const (
	// MinAddr is the lowest address a guest may map: the kernel's usual vm.mmap_min_addr.
	MinAddr Addr = 0x10000

	// ToolBase is where the tool's own image starts (link flag -T=ToolBase+0x1000).
	ToolBase Addr = 0x58000000

	// CodeCache holds translated code: in reach of a rel32 from all of [MinAddr, LowEnd).
	CodeCache    Addr = 0x5e000000
	CodeCacheEnd Addr = 0x7e000000

	// LowEnd ends the low part of the guest's space, [MinAddr, ToolBase) and [0x80000000, LowEnd), where executable
	// images go so that RIP-relative operands of translated code reach them.
	LowHigh Addr = 0x80000000
	LowEnd  Addr = 0xdc000000

	// MaxAddr ends the guest's address space. Requests for fixed mappings above fail as they would above TASK_SIZE.
	MaxAddr Addr = 0x200000000000

	// Contexts is where thread contexts live; a context's address is the FS base of its thread. The return plane of a
	// thread is at context + ReturnPlane + guest address, so it lies in [Contexts+ReturnPlane, ShadowBase).
	Contexts Addr = 0x200000000000

	// ShadowBase is where shadow memory starts. The 64 GB beside MaxAddr keep it apart from the return plane of stacks at the top
	// of guest space.
	ShadowBase Addr = 0x401000000000

	// TagsEnd ends the tags of undefined bytes (TagDistance), which lie behind the shadow.
	TagsEnd Addr = TagDistance + MaxAddr/2

	// ToolHeap is the lowest address that Go's own memory uses.
	ToolHeap Addr = 0x7e0000000000
)

// ReturnPlane is the distance of a thread's return plane, entry for entry, from its context and guest addresses. Its lowest ten bits are
// not those of a small displacement: processors that rename memory operands know them by base register and these bits of the
// displacement, in whatever segment. A load of the plane that was known like the mark of the return address in shadow memory, which
// comes in front of it, had to be done again (DESIGN.md, "Why one shadow byte per byte?").
const ReturnPlane = 0x40000200

// ShadowDistance is K of shadow(a) = a + K. Every call and return touches the stack, its shadow and its plane, so the three are far from
// each other in what processors look at first: the bits below 12 (4K aliasing), and the hash of bits 12 to 27 by which AMD's predict a
// way of the first-level cache, where of two lines with the same one only one can be. That is what bit 24 is for, and vcpu's place of
// contexts (DESIGN.md, "Why one shadow byte per byte?").
const ShadowDistance = 0x401001000a80

// A tag says where the undefined bytes of an aligned word of TagWord bytes come from. It is the TagSize bytes at TagDistance +
// (a / TagWord) * TagSize, which generated code reaches with the shadow's segment base: the distance beyond ShadowDistance is one bit.
const (
	TagWord     = 8
	TagSize     = 4
	TagDistance = ShadowDistance + MaxAddr
)

// Tagged is the shadow of a wholly undefined byte whose word has a tag; one that was never moved has none, and its place says where it
// comes from. Three times this is the shadow of the latter.
const Tagged byte = 0x55

// ShadowBeside is the shadow byte (package shadow) that stands for V bits in a table. It is a pattern of V bits that hardly any bit field
// leaves behind, so that those which do can stand for themselves.
const ShadowBeside = 0xd5
