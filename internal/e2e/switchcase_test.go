package e2e

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	regs "gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// A switchCase is a random sequence of instructions with random values and V bits in registers and memory.
type switchCase struct {
	seed, n  uint64
	kind     vectorKind
	index    byte // what r14 holds
	pieces   []*piece
	patterns []byte // switchPatterns of values and V bits
}

const switchPatterns = 3

// switchOrder are the patterns of the rounds that a case runs: enough of one for dirty code to be made, and changes between them.
// The last pattern has no undefined bits.
var switchOrder = []byte{0, 0, 0, 0, 0, 0, 2, 2, 1, 1, 1, 1, 1, 1, 0, 2}

func newSwitchCase(seed, n uint64, forms *[vectorKinds]switchForms) *switchCase {
	rng := rand.New(rand.NewPCG(seed, n))
	c := &switchCase{seed: seed, n: n, kind: vectorKind(rng.IntN(int(vectorKinds))), index: byte(rng.IntN(16))}
	m := &maker{rng: rng, kind: c.kind, forms: forms[c.kind]}
	c.pieces = m.block(1 + rng.IntN(12))
	if rng.IntN(2) == 0 {
		c.pieces = append(c.pieces, m.loop(1+rng.IntN(10))...)
		c.pieces = append(c.pieces, m.block(1+rng.IntN(6))...)
	}
	c.patterns = randomPatterns(rng)
	return c
}

// randomPatterns makes values, which are those of flags where flags are, and V bits.
func randomPatterns(rng *rand.Rand) []byte {
	p := make([]byte, switchPatterns*2*switchArea)
	for k := range switchPatterns {
		values, undefined := p[k*2*switchArea:][:switchArea], p[(k*2+1)*switchArea:][:switchArea]
		for i := 0; i < switchArea; i += 8 {
			v := rng.Uint64()
			switch rng.IntN(6) {
			case 0:
				v &= 0xff
			case 1:
				v = 0
			case 2:
				v = uint64(int64(int8(v)))
			}
			binary.LittleEndian.PutUint64(values[i:], v)
		}
		const status = 0x8d5
		flags := binary.LittleEndian.Uint64(values[atFlags:])&status | 0x202
		binary.LittleEndian.PutUint64(values[atFlags:], flags)
		if k == switchPatterns-1 {
			continue
		}
		one := []int{2, 4, 8, 20, 40}[rng.IntN(5)] // of so many words one is undefined
		for i := 0; i < switchArea; i += 8 {
			if rng.IntN(one) != 0 {
				continue
			}
			v := ^uint64(0)
			switch rng.IntN(8) {
			case 0:
				v = rng.Uint64()
			case 1:
				v = 1 << rng.IntN(64)
			case 2:
				v = 0xff << (8 * rng.IntN(8))
			case 3:
				v = 0xffffffff << (32 * rng.IntN(2))
			case 4:
				v = rng.Uint64() & rng.Uint64() & rng.Uint64()
			}
			binary.LittleEndian.PutUint64(undefined[i:], v)
		}
		if binary.LittleEndian.Uint64(undefined[atFlags:]) != 0 {
			binary.LittleEndian.PutUint64(undefined[atFlags:], rng.Uint64()&status)
		}
	}
	return p
}

// absolute appends an instruction with the operand at address a: bytes up to the opcode, then ModRM with reg.
func absolute(b []byte, reg byte, a uint32, opcode ...byte) []byte {
	b = append(b, opcode...)
	b = append(b, reg&7<<3|4, 0x25)
	return binary.LittleEndian.AppendUint32(b, a)
}

// vectors moves all vector and mask registers from or to the area at a.
func (c *switchCase) vectors(b []byte, a uint32, store byte) []byte {
	n := byte(16)
	if c.kind == onlyEVEX {
		n = 32
	}
	for r := range n {
		b = c.vector(b, r, a+atVec+64*uint32(r), store)
	}
	if c.kind == onlyEVEX {
		for r := range byte(8) {
			b = absolute(b, r, a+atMask+8*uint32(r), 0xc4, 0xe1, 0xf8, 0x90+store)
		}
	}
	return b
}

// vector moves a whole register: movups or vmovups.
func (c *switchCase) vector(b []byte, r byte, a uint32, store byte) []byte {
	switch c.kind {
	case onlySSE:
		return absolute(b, r, a, 0x40|r>>3<<2, 0x0f, 0x10+store)
	case onlyVEX:
		return absolute(b, r, a, 0xc5, 0xfc^r>>3<<7, 0x10+store)
	}
	return absolute(b, r, a, 0x62, 0xf1^r>>3&1<<7^r>>4<<4, 0x7c, 0x48, 0x10+store)
}

// code appends the case's code to b, which is at offset 0 of the file.
func (c *switchCase) code(b []byte) []byte {
	b = append(b, 0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57) // push rbx, rbp, r12 to r15
	b = append(b, 0x48, 0x81, 0xec, 0, 0, 0, 0)                               // sub $frame, %rsp
	binary.LittleEndian.PutUint32(b[len(b)-4:], frameSize+8)
	b = append(b, 0x48, 0x89, 0xe7, 0xbe) // mov %rsp, %rdi; mov $frame, %esi; mov $n, %ecx; rep movsq
	b = binary.LittleEndian.AppendUint32(b, switchIn+atFrame)
	b = append(b, 0xb9, frameSize/8, 0, 0, 0, 0xf3, 0x48, 0xa5)
	b = append(b, 0xbd) // mov $memory, %ebp
	b = binary.LittleEndian.AppendUint32(b, memBase)
	b = append(b, 0x41, 0xbd, 0, 0, 0, 0, 0x41, 0xbe, c.index, 0, 0, 0) // mov $0, %r13d; mov $index, %r14d
	b = c.vectors(b, switchIn, 0)
	b = append(absolute(b, 6, switchIn+atFlags, 0xff), 0x9d) // push flags; popfq
	for r := range byte(16) {
		if !switchOwn.Has(amd64.GPR(r)) {
			b = absolute(b, r, switchIn+8*uint32(r), 0x48|r>>3<<2, 0x8b)
		}
	}
	var subs []call
	b = c.emit(b, c.pieces, &subs)
	for r := range byte(16) {
		if !switchOwn.Has(amd64.GPR(r)) {
			b = absolute(b, r, switchOut+8*uint32(r), 0x48|r>>3<<2, 0x89)
		}
	}
	b = append(b, 0x9c) // pushfq; pop flags
	b = absolute(b, 0, switchOut+atFlags, 0x8f)
	b = c.vectors(b, switchOut, 1)
	if c.kind != onlySSE {
		b = append(b, 0xc5, 0xf8, 0x77) // vzeroupper
	}
	b = append(b, 0x48, 0x81, 0xc4, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[len(b)-4:], frameSize+8)
	b = append(b, 0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d, 0x41, 0x5c, 0x5d, 0x5b, 0xc3)
	for _, f := range subs {
		putRel(b, f.at, len(b))
		b = append(b, 0x53, 0x41, 0x54, 0x41, 0x57) // push rbx, r12, r15
		b = c.scratch(b, 8, 1<<regs.R11)
		b = c.emit(b, f.body, nil)
		b = append(b, 0x41, 0x5f, 0x41, 0x5c, 0x5b, 0xc3)
	}
	return b
}

// call is a place that a function's address is to be put in.
type call struct {
	at   int
	body []*piece
}

// scratch overwrites what does not live across a call: vectors from number vec on, mask registers, some general ones, and flags.
func (c *switchCase) scratch(b []byte, vec byte, gprs uint16) []byte {
	n := byte(16)
	if c.kind == onlyEVEX {
		n = 32
		for r := range byte(8) {
			b = absolute(b, r, memBase+8*uint32(r), 0xc4, 0xe1, 0xf8, 0x90)
		}
	}
	for r := vec; r < n; r++ {
		b = c.vector(b, r, memBase-256+8*uint32(r), 0)
	}
	for r := range byte(16) {
		if gprs>>r&1 != 0 {
			b = absolute(b, r, memBase+8*uint32(r), 0x48|r>>3<<2, 0x8b)
		}
	}
	return append(b, 0x41, 0x83, 0xfe, 5) // cmp $5, %r14d
}

// emit appends pieces; those that call functions are noted in subs.
func (c *switchCase) emit(b []byte, pieces []*piece, subs *[]call) []byte {
	starts := make([]int, len(pieces)+1)
	for i, p := range pieces {
		starts[i] = len(b)
		b = append(b, p.code...)
		if p.sub != nil {
			*subs = append(*subs, call{starts[i] + p.at, p.sub})
			b = c.scratch(b, 2, 1<<regs.RSI|1<<regs.RDI|1<<regs.R8|1<<regs.R9|1<<regs.R10|1<<regs.R11)
		}
	}
	starts[len(pieces)] = len(b)
	for i, p := range pieces {
		if p.to == 0 {
			continue
		}
		k := slices.IndexFunc(pieces, func(q *piece) bool { return q.id >= p.to })
		if k < 0 {
			k = len(pieces)
		}
		at := starts[i] + p.at
		if p.code[0] == 0x4c { // the address is taken two instructions before the end of the piece
			binary.LittleEndian.PutUint32(b[at:], uint32(int32(starts[k]-(at+4))))
			continue
		}
		putRel(b, at, starts[k])
	}
	return b
}

// putRel makes the displacement at b[at:], which ends its instruction, lead to offset to.
func putRel(b []byte, at, to int) { binary.LittleEndian.PutUint32(b[at:], uint32(int32(to-(at+4)))) }

// switchFile is what testdata/guest/switch/run.c maps: cases that run in the order given.
func switchFile(cases []*switchCase, order []byte) []byte {
	const page = 4096
	b := make([]byte, 16+48+16*len(cases))
	binary.LittleEndian.PutUint64(b, uint64(len(cases)))
	binary.LittleEndian.PutUint64(b[8:], uint64(len(order)))
	copy(b[16:], order)
	align := func(n int) {
		for len(b)%n != 0 {
			b = append(b, 0xcc)
		}
	}
	for i, c := range cases {
		align(64)
		binary.LittleEndian.PutUint64(b[64+16*i:], uint64(len(b)))
		b = c.code(b)
	}
	align(page)
	var shared []byte
	at := 0
	for i, c := range cases {
		if i == 0 || &c.patterns[0] != &shared[0] {
			shared, at = c.patterns, len(b)
			b = append(b, c.patterns...)
		}
		binary.LittleEndian.PutUint64(b[64+16*i+8:], uint64(at))
	}
	return b
}

// String lists the case's instructions.
func (c *switchCase) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "case %d of seed %d, r14 = %d:\n", c.n, c.seed, c.index)
	list := func(indent string, pieces []*piece) {
		for _, p := range pieces {
			fmt.Fprintf(&b, "%s%3d  %-50s % x", indent, p.id, p.text, p.code)
			if p.to != 0 {
				fmt.Fprintf(&b, " -> %d", p.to)
			}
			b.WriteByte('\n')
		}
	}
	list("\t", c.pieces)
	for _, p := range c.pieces {
		if p.sub != nil {
			fmt.Fprintf(&b, "\tfunction of %d:\n", p.id)
			list("\t\t", p.sub)
		}
	}
	return b.String()
}
