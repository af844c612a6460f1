package core

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// effective is the address and the number of bytes of access a of instruction in, whose registers are r. For rep instructions
// it is the whole range that would be accessed if nothing stopped it. size 0 means that there is nothing to look at.
func effective(in *amd64.Inst, a *amd64.Access, r *guest.Regs) (addr guest.Addr, size int) {
	size = int(a.Size)
	switch a.Addr {
	case amd64.AddrModRM:
		return guest.Addr(in.Address(&r.GPR, r.RIP, r.FSBase, r.GSBase)), size
	case amd64.AddrRSI:
		return repeated(in, r, r.GPR[guest.RSI], size)
	case amd64.AddrRDI:
		return repeated(in, r, r.GPR[guest.RDI], size)
	case amd64.AddrRBP:
		return guest.Addr(r.GPR[guest.RBP]), size
	case amd64.AddrPop:
		return guest.Addr(r.GPR[guest.RSP]), size
	case amd64.AddrPush:
		return guest.Addr(r.GPR[guest.RSP] - uint64(size)), size
	}
	return 0, 0
}

// elsewhere reports whether effective doesn't know the address of access a, but touched does.
func elsewhere(in *amd64.Inst, a *amd64.Access) bool {
	switch a.Addr {
	case amd64.AddrVSIB, amd64.AddrRAX, amd64.AddrXlat, amd64.AddrReg:
		return true
	case amd64.AddrRSI:
		return in.Seg >= amd64.SegFS
	}
	return a.Outside
}

// direction is DF in the flags register.
const direction = 1 << 10

// repeated is the range of a string operand at p: one element, or rcx of them under rep.
func repeated(in *amd64.Inst, r *guest.Regs, p uint64, size int) (guest.Addr, int) {
	if in.Pfx&(amd64.PfxF2|amd64.PfxF3) == 0 {
		return guest.Addr(p), size
	}
	n := r.GPR[guest.RCX]
	if in.ASize == 4 {
		n &= 0xffffffff
		p &= 0xffffffff
	}
	if n == 0 {
		return 0, 0
	}
	const limit = 1 << 40 // no object is larger
	if n > limit {
		n = limit
	}
	if op := in.Op; op == 0xa6 || op == 0xa7 || op == 0xae || op == 0xaf {
		// cmps and scas stop early: only the first element is sure to be read. searched knows more.
		return guest.Addr(p), size
	}
	total := int(n) * size
	if r.RFlags&direction != 0 {
		return guest.Addr(p - uint64(total-size)), total
	}
	return guest.Addr(p), total
}

// searched is how many rounds repeated scas and cmps make, 0 for other instructions. Memory that can't be read ends them.
func searched(in *amd64.Inst, r *guest.Regs, m guest.Memory) (rounds int) {
	op := in.Op
	scas := op == 0xae || op == 0xaf
	if in.Map != 0 || in.Space != amd64.SpLegacy || !scas && op != 0xa6 && op != 0xa7 || in.Pfx&(amd64.PfxF2|amd64.PfxF3) == 0 {
		return 0
	}
	size := 1
	if op&1 != 0 {
		size = int(in.OpSize)
	}
	count, si, di := r.GPR[guest.RCX], r.GPR[guest.RSI], r.GPR[guest.RDI]
	if in.ASize == 4 {
		count, si, di = count&0xffffffff, si&0xffffffff, di&0xffffffff
	}
	si += uint64(segment(in, r))
	step := uint64(size)
	if r.RFlags&direction != 0 {
		step = -step
	}
	var x, y [8]byte
	binary.LittleEndian.PutUint64(x[:], r.GPR[guest.RAX])
	while := in.Pfx&amd64.PfxF3 != 0
	for uint64(rounds) < count {
		rounds++
		if m.ReadMem(y[:size], guest.Addr(di)) < size || !scas && m.ReadMem(x[:size], guest.Addr(si)) < size {
			break
		}
		if bytes.Equal(x[:size], y[:size]) != while {
			break
		}
		si, di = si+step, di+step
	}
	return rounds
}

// pieces are the parts of a masked access to [addr, addr+size) that are really touched.
func pieces(in *amd64.Inst, a *amd64.Access, c *vcpu.Context, addr guest.Addr, size int) (list []guest.Range) {
	elem := int(a.Elem)
	mask := ^uint64(0)
	switch {
	case in.Space == amd64.SpEVEX && in.AAA != 0:
		mask = c.Mask(in.AAA)
	case in.Row.Sem == isa.VMaskmov && in.Space == amd64.SpVEX && in.Map == 2: // the mask is the sign of vvvv's elements
		v := c.Vector(in.VVVV)
		mask = 0
		for i := 0; (i+1)*elem <= size; i++ {
			if v[(i+1)*elem-1]&0x80 != 0 {
				mask |= 1 << i
			}
		}
	}
	n := size / elem
	if n < 64 {
		mask &= 1<<n - 1
	}
	if in.Row.Sem == isa.VCompress { // compress and expand: the chosen elements lie side by side
		mask = 1<<bits.OnesCount64(mask) - 1
	}
	for i := 0; i < n; {
		if mask>>i&1 == 0 {
			i++
			continue
		}
		j := i
		for j < n && mask>>j&1 != 0 {
			j++
		}
		list = append(list, guest.Range{Start: addr + guest.Addr(i*elem), End: addr + guest.Addr(j*elem)})
		i = j
	}
	return list
}
