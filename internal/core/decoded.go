package core

import (
	"bytes"
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// decodedSlots is the size of the cache of decoded instructions: programs that are let into the tool often are let in by a few
// string functions. A power of two.
const decodedSlots = 256

// decoded is an instruction whose checks have failed, as it was decoded. Immutable.
type decoded struct {
	pc     guest.Addr
	code   [maxInst]byte
	inst   amd64.Inst
	access []amd64.Access
}

// maxInst is the length of the longest instruction.
const maxInst = 15

// decodedCache keeps decoded instructions by address. The code is compared at each look-up, so nobody needs to tell it what has
// changed. Safe for concurrent use.
type decodedCache [decodedSlots]atomic.Pointer[decoded]

// get returns the instruction at pc, which starts code; nil if it is none.
func (c *decodedCache) get(pc guest.Addr, code []byte) *decoded {
	slot := &c[uint64(pc)*0x9e3779b97f4a7c15>>(64-8)] // 2^64 divided by the golden ratio; 8 bits for decodedSlots
	if d := slot.Load(); d != nil && d.pc == pc && len(code) >= int(d.inst.Len) && bytes.Equal(code[:d.inst.Len], d.code[:d.inst.Len]) {
		return d
	}
	d := &decoded{pc: pc}
	n := copy(d.code[:], code)
	if err := amd64.Decode(d.code[:n], &d.inst); err != nil {
		return nil
	}
	d.access = d.inst.MemAccesses(nil)
	slot.Store(d)
	return d
}
