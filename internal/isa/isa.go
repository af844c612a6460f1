// Package isa holds the vocabulary that describes instructions of any guest architecture: semantic classes, register
// sets, effects and the direction of memory accesses. What the bits of a RegSet stand for is defined by the package of
// the architecture (isa/amd64). The package holds no tables and decodes nothing.
package isa

import "math/bits"

// RegSet is a set of registers, one bit for each. The architecture's package names the bits.
type RegSet uint64

// Has reports whether all registers of o are in s.
func (s RegSet) Has(o RegSet) bool { return s&o == o }

// Len is the number of registers in s.
func (s RegSet) Len() int { return bits.OnesCount64(uint64(s)) }

// First is the number of the lowest bit of s, 64 when s is empty.
func (s RegSet) First() int { return bits.TrailingZeros64(uint64(s)) }

// Effects says what an instruction does to registers and flags, in the form that liveness analysis needs:
//
//	liveBefore = liveAfter &^ Writes | Reads
//	flagsBefore = flagsAfter &^ FlagsKilled | FlagsRead
//
// A register that is written only in part, or perhaps not at all, is in both sets, as its old value matters.
type Effects struct {
	Reads  RegSet // registers whose value before the instruction matters
	Writes RegSet // registers whose value may change

	FlagsRead    uint32 // flags whose value before matters, as bits of the flags register
	FlagsWritten uint32 // flags that may change, to a defined or an undefined value
	FlagsKilled  uint32 // flags whose old value is gone in any case; a subset of FlagsWritten
}

// FlagEffects is the part of Effects that is about flags.
type FlagEffects struct{ Read, Written, Killed uint32 }

// AccessKind is the direction of a memory access.
type AccessKind uint8

// The directions. Modify is a load and a store of the same bytes.
const (
	Load   AccessKind = 1
	Store  AccessKind = 2
	Modify AccessKind = Load | Store
)

func (k AccessKind) String() string {
	switch k {
	case Load:
		return "load"
	case Store:
		return "store"
	case Modify:
		return "modify"
	}
	return "none"
}
