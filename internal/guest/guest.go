// Package guest holds the plain data that describes a guest program: addresses, ranges, protections, registers and
// the way its memory is read. Everyone may import it; it imports nothing of the project. It runs nothing.
package guest

import "fmt"

// Addr is an address in the guest's address space. As the guest lives in our own address space (design: in-process),
// it is also the host address of the same byte.
type Addr uint64

// PageSize is the size of the smallest mapping on amd64.
const PageSize = 4096

// HugePage is the size of the mappings that the kernel makes of small ones on amd64 (madvise(2), MADV_HUGEPAGE).
const HugePage = 2 << 20

// PageDown rounds a down to a page boundary.
func (a Addr) PageDown() Addr { return a &^ (PageSize - 1) }

// PageUp rounds a up to a page boundary.
func (a Addr) PageUp() Addr { return (a + PageSize - 1) &^ (PageSize - 1) }

func (a Addr) String() string { return fmt.Sprintf("%#x", uint64(a)) }

// Range is the half-open interval [Start, End).
type Range struct{ Start, End Addr }

// Len is the number of bytes in r.
func (r Range) Len() uint64 { return uint64(r.End - r.Start) }

// Empty reports whether r holds no byte.
func (r Range) Empty() bool { return r.End <= r.Start }

// Contains reports whether a lies in r.
func (r Range) Contains(a Addr) bool { return a >= r.Start && a < r.End }

// Covers reports whether all of o lies in r.
func (r Range) Covers(o Range) bool { return o.Start >= r.Start && o.End <= r.End }

// Overlaps reports whether r and o share a byte.
func (r Range) Overlaps(o Range) bool { return r.Start < o.End && o.Start < r.End }

func (r Range) String() string { return fmt.Sprintf("%#x-%#x", uint64(r.Start), uint64(r.End)) }

// Prot is a page protection; the bits are the kernel's PROT_READ, PROT_WRITE and PROT_EXEC.
type Prot uint8

const (
	Read  Prot = 1
	Write Prot = 2
	Exec  Prot = 4
)

func (p Prot) String() string {
	b := []byte("---")
	for i, c := range "rwx" {
		if p&(1<<i) != 0 {
			b[i] = byte(c)
		}
	}
	return string(b)
}

// Memory reads and writes guest memory without ever faulting the tool. Methods are safe for concurrent use; they do
// not synchronise with running guest threads, as another thread's access would not either.
type Memory interface {
	// ReadMem copies len(p) bytes from a. It returns how many bytes were read before the first inaccessible one;
	// n < len(p) means that a+n faulted.
	ReadMem(p []byte, a Addr) (n int)
	// WriteMem copies p to a, as ReadMem.
	WriteMem(p []byte, a Addr) (n int)
}

// Position of the general registers in Regs.GPR: the numbers that ModRM and REX encode.
const (
	RAX = iota
	RCX
	RDX
	RBX
	RSP
	RBP
	RSI
	RDI
	R8
	R9
	R10
	R11
	R12
	R13
	R14
	R15
)

// VBits are the V bits of general and vector registers: a bit is 1 where the register's is undefined. Generated code knows the
// layout.
type VBits struct {
	GPR [16]uint64
	Vec [32][8]uint64 // zmm0-31, lowest quadword first
	// Tags are where the undefined bits come from, of general registers and then vector registers; 0 is unknown.
	Tags [16 + 32]uint32
}

// Regs is the integer state of a guest thread. Vector and x87 state live in the thread's XSAVE area.
// The layout is known to assembly and generated code; sched tests the offsets.
type Regs struct {
	GPR    [16]uint64
	RIP    uint64
	RFlags uint64
	FSBase uint64
	GSBase uint64
}
