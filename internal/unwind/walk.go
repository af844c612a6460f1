package unwind

import "gogrind/internal/guest"

// Frame is one frame of a Walk. It implements debuginfo.Registers.
type Frame struct {
	// Call is where the code is: the current or interrupted pc, or the last byte of a call.
	Call guest.Addr
	// SP is the stack pointer while the frame runs, without what it pushes for its own calls.
	SP guest.Addr

	u      *Unwinder
	f      frame
	cfa    uint64
	hasCFA bool
}

// CFA is the canonical frame address: the stack pointer behind the return address.
func (f *Frame) CFA() (v uint64, ok bool) { return f.cfa, f.hasCFA }

// Reg is a register by DWARF's number, as far as the callee has saved it.
func (f *Frame) Reg(n uint64) (v uint64, ok bool) { return env{f.u, &f.f}.Reg(n) }

// Read64 reads the guest's memory.
func (f *Frame) Read64(a uint64) (v uint64, ok bool) { return f.u.read64(a) }

// Range is the frame's part of the stack, for one that holds an address.
func (f *Frame) Range() guest.Range { return guest.Range{Start: f.SP, End: guest.Addr(f.cfa)} }

// Holds reports whether a lies in the frame's part of the stack.
func (f *Frame) Holds(a guest.Addr) bool { return f.hasCFA && a >= f.SP && uint64(a) < f.cfa }

// Walk calls visit for the frames of a thread whose registers are regs, innermost first, until it returns false. The Frame is
// valid during the call. It stops where Unwind does, but for the number of frames, of which there are maxWalk at most.
func (u *Unwinder) Walk(regs *guest.Regs, visit func(*Frame) bool) {
	u.begin()
	fr := Frame{u: u, f: innermost(regs)}
	for n := range maxWalk {
		next, ok := u.caller(&fr.f, n == 0)
		fr.Call, fr.SP = guest.Addr(fr.f.r[regRA]), guest.Addr(fr.f.r[regRSP])
		if !fr.f.exact {
			fr.Call--
		}
		fr.cfa, fr.hasCFA = next.r[regRSP], ok
		if !visit(&fr) || !ok || next.r[regRA] == 0 {
			return
		}
		fr.f = next
	}
}

// maxWalk bounds a Walk up a runaway recursion.
const maxWalk = 10000
