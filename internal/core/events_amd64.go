package core

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/sched"
	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// counterSpace is the memory for counters: the end of the gap between the tool's image, with what the kernel puts behind it,
// and the code cache.
const counterSpace = 48 << 20

// Counters implements tool.Host.
func (p *Process) Counters(n int) tool.Counters {
	start := guest.CodeCache - counterSpace
	p.countersMu.Lock()
	defer p.countersMu.Unlock()
	if p.counters == 0 {
		const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE | unix.MAP_FIXED_NOREPLACE
		_, _, e := unix.RawSyscall6(unix.SYS_MMAP, uintptr(start), counterSpace, unix.PROT_READ|unix.PROT_WRITE, flags, ^uintptr(0), 0)
		if e != 0 {
			panic("core: memory for counters: " + e.Error())
		}
	}
	if n > counterSpace/8-p.counters {
		panic("core: more counters than there is memory for")
	}
	c := tool.Counters{Start: start + guest.Addr(8*p.counters)}
	c.Values = counterSlice(c.Start, n)
	p.counters += n
	return c
}

// caches are the models that the tool wants translated code to work on.
func (p *Process) caches() (models tool.Caches) {
	f, ok := p.tool.(tool.CacheSimulator)
	if !ok {
		return models
	}
	models = f.Caches()
	for _, c := range []*tool.Cache{models.Data, models.Code} {
		if c != nil {
			// A set begins where a line of the processor's cache does.
			const line = 64 / 8
			m := p.Counters(c.Words() + line)
			skip := int(-m.Start/8) & (line - 1)
			c.Start, c.Tags = m.Addr(skip), m.Values[skip:skip+c.Words()]
		}
	}
	if c := models.Last; c != nil {
		mem, err := unix.Mmap(-1, 0, 8*c.Words(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
		if err != nil {
			panic("core: memory for the model of a cache: " + err.Error())
		}
		c.Start, c.Tags = wordsOf(mem)
	}
	return models
}

// touched calls f for each piece of memory that an access of the instruction at pc is going to touch.
func (p *Process) touched(t *sched.Thread, pc guest.Addr, access int, f func(a guest.Addr, size int)) {
	var buf [maxInst]byte
	d := p.decoded.get(pc, p.instruction(pc, &buf))
	if d == nil || access >= len(d.access) {
		return
	}
	in := &d.inst
	a := &d.access[access]
	r := t.Regs()
	addr, size := effective(in, a, r)
	switch {
	case a.Addr == amd64.AddrVSIB:
		gathered(in, a, t.Context(), f)
	case a.Elem != 0:
		for _, piece := range pieces(in, a, t.Context(), addr, size) {
			f(piece.Start, int(piece.Len()))
		}
	case a.Addr == amd64.AddrXlat:
		x := r.GPR[guest.RBX] + r.GPR[guest.RAX]&0xff
		if in.ASize == 4 {
			x &= 0xffffffff
		}
		f(guest.Addr(x)+segment(in, r), size)
	case a.Addr == amd64.AddrRAX:
		f(guest.Addr(r.GPR[guest.RAX]&^63), 64)
	case a.Addr == amd64.AddrReg:
		f(guest.Addr(r.GPR[a.Reg]), size)
	case a.Addr == amd64.AddrRSI || a.Addr == amd64.AddrRDI: // with a segment, perhaps repeated: the first round
		x := r.GPR[guest.RDI]
		if a.Addr == amd64.AddrRSI {
			x = r.GPR[guest.RSI]
		}
		if in.ASize == 4 {
			x &= 0xffffffff
		}
		if a.Addr == amd64.AddrRSI || in.Row.Sem == isa.VMaskmov {
			x += uint64(segment(in, r))
		}
		f(guest.Addr(x), int(a.Size))
	case a.Outside && a.Addr == amd64.AddrModRM:
		f(addr+bitOffset(in, r), size)
	case a.Size == 0:
		f(addr, xstateSize(r.GPR[guest.RDX]<<32|r.GPR[guest.RAX]&0xffffffff))
	default:
		f(addr, size)
	}
}

// segment is the base of the instruction's segment.
func segment(in *amd64.Inst, r *guest.Regs) guest.Addr {
	switch in.Seg {
	case amd64.SegFS:
		return guest.Addr(r.FSBase)
	case amd64.SegGS:
		return guest.Addr(r.GSBase)
	}
	return 0
}

// bitOffset is how far from its operand a bit test with the bit number in a register reaches, in whole operands.
func bitOffset(in *amd64.Inst, r *guest.Regs) guest.Addr {
	n := int64(r.GPR[in.ModRM>>3&7|in.Rex<<1&8])
	switch in.OpSize {
	case 2:
		return guest.Addr(int64(int16(n)) >> 4 * 2)
	case 4:
		return guest.Addr(int64(int32(n)) >> 5 * 4)
	}
	return guest.Addr(n >> 6 * 8)
}

// xstateSize is the size of an XSAVE area in compacted form with the components in set that exist on every processor with
// AVX-512 (Intel SDM vol. 1, 13.4 and 13.5): legacy region and header, AVX, mask registers and the halves of zmm registers.
func xstateSize(set uint64) int {
	n := 576
	for i, size := range [...]int{2: 256, 5: 64, 6: 512, 7: 1024} {
		if set>>i&1 != 0 {
			n += size
		}
	}
	return n
}

// gathered calls f for each element of a gather or scatter that its mask lets through.
func gathered(in *amd64.Inst, a *amd64.Access, c *vcpu.Context, f func(a guest.Addr, size int)) {
	r := &c.Regs
	base := uint64(in.Disp) + uint64(segment(in, r))
	if in.Base != amd64.NoReg {
		base += r.GPR[in.Base]
	}
	long := in.Op&1 != 0 // 8-byte indices
	index := c.Wide(in.Index)
	mask := c.Mask(in.AAA)
	if in.Space == amd64.SpVEX {
		v := c.Wide(in.VVVV)
		mask = 0
		for i := 0; i < int(a.Elems); i++ {
			mask |= uint64(v[(i+1)*int(a.Elem)-1]>>7) << i
		}
	}
	for mask &= 1<<a.Elems - 1; mask != 0; mask &= mask - 1 {
		i := bits.TrailingZeros64(mask)
		var x uint64
		if long {
			x = binary.LittleEndian.Uint64(index[8*i:])
		} else {
			x = uint64(int64(int32(binary.LittleEndian.Uint32(index[4*i:]))))
		}
		x = base + x*uint64(in.Scale)
		if in.ASize == 4 {
			x = uint64(segment(in, r)) + (x-uint64(segment(in, r)))&0xffffffff
		}
		f(guest.Addr(x), int(a.Elem))
	}
}
