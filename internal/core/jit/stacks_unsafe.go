package jit

import (
	"unsafe"

	"gogrind/internal/guest"
)

// maxOwn is the number of stacks that SetStacks takes.
const maxOwn = 4096

// SetStacks says which ranges are stacks of the guest's own making, so that a change of the stack pointer from one to another, or
// into or out of one, releases nothing (VALGRIND_STACK_REGISTER). Stacks beyond maxOwn are left out. No other thread may be in it.
//
// A change from old up to new crosses the start a of a stack if old < a <= new, and its end b if old <= b < new; the table has a and b+1, where b+1
// is right for stack pointers that are multiples of 8 and more. It ends with 0.
func (t *Translator) SetStacks(stacks []guest.Range) {
	table := unsafe.Slice((*uint64)(unsafe.Pointer(&t.hot.buf[ownOff])), 2*maxOwn)
	clear(table)
	n := 0
	for _, s := range stacks {
		if n+2 >= len(table) || s.Empty() {
			continue
		}
		table[n], table[n+1] = uint64(s.Start), uint64(s.End)+1
		n += 2
	}
}
