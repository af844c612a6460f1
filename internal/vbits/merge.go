package vbits

import (
	"math/bits"

	"gogrind/internal/isa/amd64"
)

// Compilers (LLVM) store a bit field with two exclusive ors: old ^ ((old ^ new) & mask). Where old is undefined and the mask is 1, so are
// both, by the rules for one instruction, but the result is new. So a register that holds (a ^ b) & sel, a merge, is remembered with
// its parts for a few instructions. An exclusive or with a or b is then a choice between them.
//
// That the other operand is a is seen by its value and its V bits being equal. Two undefined values that are equal by chance, and used
// in this way within a few instructions, would pass for one.
//
// Whoever steps only those instructions that undefined bits are involved in must find the same merges as who steps all: so it is code
// between the instructions that is counted and not steps, and a register is a merge only as long as it has the merge's value and V
// bits, whoever has written to it meanwhile.

// maxMergeCode is the number of bytes of code within which a merge must be completed.
const maxMergeCode = 64

// merge is (a ^ b) & sel, all of w bits, computed by the instruction at pc.
type merge struct {
	a, b, sel val
	v         uint64 // V bits of the register
	w         uint
	pc        uint64
}

// Merges are what is known of general registers.
type Merges struct {
	known   uint16 // registers that hold a merge
	of      [16]merge
	pending int8 // register that the instruction makes one, -1 for none
	next    merge
}

// Merges and SetMerges are for what is put aside while other code runs.
func (m *Machine) Merges() Merges { return m.merges }

func (m *Machine) SetMerges(x Merges) { m.merges = x }

// Merging reports whether a register holds a merge, which may be defined.
func (m *Machine) Merging() bool { return m.merges.known != 0 }

// MergingAt reports whether an instruction at pc may complete a merge.
func (m *Machine) MergingAt(pc uint64) bool {
	for s := m.merges.known; s != 0; s &= s - 1 {
		if pc-m.merges.of[bits.TrailingZeros16(s)].pc <= maxMergeCode {
			return true
		}
	}
	return false
}

// gprOperand is the number of the general register that operand i is, ok false if it is something else.
func (m *Machine) gprOperand(i int) (n uint8, ok bool) {
	o := &m.ops[i]
	return o.Num & 15, o.Kind == amd64.OpReg && o.Class == amd64.CGPR
}

// mergeOf is the merge that operand i holds, nil for none.
func (m *Machine) mergeOf(i int) *merge {
	n, ok := m.gprOperand(i)
	if !ok || m.merges.known>>n&1 == 0 {
		return nil
	}
	g := &m.merges.of[n]
	if g.w != m.bits(i) || m.regs.RIP-g.pc > maxMergeCode {
		return nil
	}
	if m.gprVal(n, g.w) != (val{(g.a.x ^ g.b.x) & g.sel.x, g.v}) {
		return nil // it was overwritten by code that was not stepped
	}
	return g
}

// xorMerged are the V bits of operand 0 ^ operand 1, a and b, if one of them is a merge of the other.
func (m *Machine) xorMerged(a, b val) (v uint64, ok bool) {
	if m.merges.known == 0 {
		return 0, false
	}
	for i, other := range [2]val{b, a} {
		g := m.mergeOf(i)
		if g == nil {
			continue
		}
		yes, no := g.b, g.a // where sel is 1, and where it is 0
		switch other {
		case g.a:
		case g.b:
			yes, no = no, yes
		default:
			continue
		}
		sel := g.sel
		v = sel.x&yes.v | ^sel.x&no.v | sel.v&(yes.v|no.v|(yes.x^no.x))
		return v & mask(g.w), true
	}
	return 0, false
}

// beginMerge remembers that operand 0 becomes a ^ b.
func (m *Machine) beginMerge(a, b val) {
	if n, ok := m.gprOperand(0); ok && a.v|b.v != 0 {
		m.merges.pending = int8(n)
		w := m.bits(0)
		m.merges.next = merge{a, b, val{mask(w), 0}, a.v | b.v, w, m.regs.RIP}
	}
}

// selectMerge remembers that operand 0 becomes a & b when one of these is a merge.
func (m *Machine) selectMerge(a, b val) {
	n, ok := m.gprOperand(0)
	if !ok || m.merges.known == 0 || a.v|b.v == 0 {
		return
	}
	for i, other := range [2]val{b, a} {
		if g := m.mergeOf(i); g != nil {
			m.merges.next = *g
			sel := &m.merges.next.sel
			*sel = val{sel.x & other.x, andV(*sel, other)}
			m.merges.next.v = andV(a, b) & mask(g.w)
			m.merges.pending = int8(n)
			return
		}
	}
}

// commitMerges forgets merges in registers that were written, and remembers the new one.
func (m *Machine) commitMerges() {
	g := &m.merges
	if g.known == 0 && g.pending < 0 {
		return
	}
	g.known &^= m.gprSet
	if g.pending >= 0 {
		g.of[g.pending] = g.next
		g.known |= 1 << g.pending
		g.pending = -1
	}
}
