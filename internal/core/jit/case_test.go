package jit

import (
	"encoding/binary"
	"math/rand/v2"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// generate makes case n.
func (d *differ) generate(n uint64) bool {
	rng := rand.New(rand.NewPCG(d.seed, n))
	fm := d.forms[rng.IntN(len(d.forms))]
	code := fm.Random(rng, &d.in)
	if code == nil || !d.usable() {
		return false
	}
	d.code = append(d.code[:0], code...)
	d.loc = rng.IntN(3)
	d.off = rng.IntN(codeSize - 512)
	d.pc = codeAt[d.loc] + uint64(d.off)
	d.s.random(rng, d.pool, dataAt[d.loc])
	if !d.address(rng) {
		return false
	}
	if !d.control(rng) {
		return false
	}
	// Operands have been changed: decode again.
	if amd64.Decode(d.code, &d.in) != nil || int(d.in.Len) != len(d.code) || d.in.Row != fm.Row {
		return false
	}
	if !d.special(rng) {
		return false
	}
	const reach = 64 // of an operand; the code cache, where the translations are, holds something else natively
	if ea := d.ea() + reach; d.in.HasMem && ea >= uint64(guest.CodeCache) && ea < uint64(guest.CodeCache)+maxModes*testCache+reach {
		return false
	}
	d.poison = poison{}
	d.acc = d.in.MemAccesses(d.acc)
	if len(d.acc) > 0 && rng.IntN(4) == 0 {
		a := &d.acc[rng.IntN(len(d.acc))]
		if ea, ok := d.checked(a); ok && a.Size > 0 {
			d.poison = poison{start: ea + uint64(rng.IntN(int(a.Size))), n: 1, mark: [...]byte{0x80, 0xff, 0x0f}[rng.IntN(3)]}
			if rng.IntN(2) == 0 {
				d.poison = poison{start: ea, n: int(a.Size), mark: 0xff}
			}
		}
	}
	return true
}

// usable leaves out forms of instructions that skipped does not name.
func (d *differ) usable() bool {
	in := &d.in
	if in.Space != amd64.SpLegacy {
		return true
	}
	if in.Row.Cf != amd64.CfNone && in.Pfx&amd64.Pfx66 != 0 {
		return false // near branches with 66: vendors differ, the decoder does as Intel says
	}
	switch {
	case in.Map == 0 && in.Op == 0x8e: // mov to segment register: fs and gs are refused
		return in.ModRM>>3&7 < 4
	case in.Map == 1 && (in.Op == 0xa1 || in.Op == 0xa9): // pop fs, pop gs
		return false
	}
	return true
}

// wild are addresses that fault: below everything, holes, kernel space, not canonical.
var wild = [...]uint64{0x10, 0x28000000, 0xffffffff80000010, 0xffff800000000000, 0x8000000000000000, 0x0000800000000008, 0x123456789abcdef0}

// pick chooses an address for an operand.
func (d *differ) pick(rng *rand.Rand, size int) uint64 {
	u := rng.Uint64()
	switch {
	case u&63 == 0:
		return d.s.win - uint64(rng.IntN(size+8)) // at the lower edge
	case u&63 == 1:
		return d.s.win + winSize - uint64(rng.IntN(size+8)) // towards the read-only page
	case u&63 == 2:
		return d.s.win + winSize + uint64(rng.IntN(0x1000-size))
	case u&63 == 3:
		return d.s.win + winSize + 0x1000 - uint64(rng.IntN(size+8))
	case u&127 == 4:
		if d.in.Seg >= amd64.SegFS {
			return wild[rng.IntN(2)] // AMD checks the offset too for being canonical
		}
		return wild[rng.IntN(len(wild))]
	case u&3 == 1: // any alignment
		return d.s.win + 0x300 + uint64(rng.IntN(0x200))
	}
	return d.s.win + 0x300 + uint64(rng.IntN(8)*64)
}

// address chooses where memory operands are and sets registers and displacements accordingly.
func (d *differ) address(rng *rand.Rand) bool {
	in, s := &d.in, &d.s
	d.acc = in.MemAccesses(d.acc)
	size := 1
	for i := range d.acc {
		a := &d.acc[i]
		size = max(size, int(a.Size))
		seg := uint64(0)
		if in.Seg == amd64.SegFS {
			seg = uint64(d.m.a.Addr())
		} else if in.Seg == amd64.SegGS {
			seg = s.gsBase
		}
		switch a.Addr {
		case amd64.AddrRSI:
			s.gpr[guest.RSI] = d.pick(rng, int(a.Size)) - seg
		case amd64.AddrRDI:
			if in.Row.Sem != isa.VMaskmov {
				seg = 0
			}
			s.gpr[guest.RDI] = d.pick(rng, int(a.Size)) - seg
		case amd64.AddrRAX:
			s.gpr[guest.RAX] = d.pick(rng, 64) - seg
		case amd64.AddrXlat:
			s.gpr[guest.RBX] = d.pick(rng, 256) - s.gpr[guest.RAX]&255 - seg
		case amd64.AddrRBP:
			s.gpr[guest.RBP] = stackBase + stackSize/2 + uint64(rng.IntN(32)*8)
		case amd64.AddrPush, amd64.AddrPop:
			if rng.IntN(24) == 0 {
				d.badStack(rng)
			}
		case amd64.AddrReg:
			s.gpr[a.Reg] = d.pick(rng, 64)
		}
		if in.ASize == 4 {
			for _, r := range []int{guest.RSI, guest.RDI, guest.RAX, guest.RBX} {
				if a.Addr != amd64.AddrModRM && a.Addr != amd64.AddrPush && a.Addr != amd64.AddrPop && s.gpr[r] > 1<<32 && seg == 0 && d.loc == 2 {
					return false // not expressible
				}
			}
		}
	}
	if in.Class() == isa.StrMovs || in.Class() == isa.StrCmps || in.Pfx&(amd64.PfxF2|amd64.PfxF3) != 0 && !in.HasMem && in.Space == amd64.SpLegacy {
		s.gpr[guest.RCX] = uint64(rng.IntN(20))
	}
	if in.Row.Imm == amd64.IwIb { // enter
		s.gpr[guest.RBP] = stackBase + stackSize/2 + uint64(rng.IntN(32)*8)
	}
	if !in.HasMem {
		return true
	}
	if in.Class() == isa.Bt && in.ImmLen == 0 {
		r := in.ModRM>>3&7 | in.Rex<<1&8
		if r == in.Base || r == in.Index {
			return false // an address as bit number reaches anything
		}
		s.gpr[r] = uint64(rng.IntN(4096)) - 2048
	}
	return d.setEA(rng, d.pick(rng, size))
}

// badStack puts the stack pointer where a push or pop faults, or may fault. Returns get an address without any access: they also
// write below the stack pointer, and find it in the return plane (DESIGN.md, "Why a return plane?").
func (d *differ) badStack(rng *rand.Rand) {
	sp := &d.s.gpr[guest.RSP]
	switch {
	case d.in.Row.Cf == amd64.CfRet:
		*sp = d.s.win - 0x800 + uint64(rng.IntN(64))
	case rng.IntN(2) == 0:
		*sp = wild[rng.IntN(len(wild))]
	default:
		*sp = d.pick(rng, 16)
	}
}

// setEA makes ea the address of the operand, as far as its form can express it.
func (d *differ) setEA(rng *rand.Rand, ea uint64) bool {
	in, s := &d.in, &d.s
	seg, disp := uint64(0), uint64(in.Disp)
	switch in.Seg {
	case amd64.SegFS:
		seg = uint64(d.m.a.Addr())
		if in.Base >= 16 && in.Index == amd64.NoReg || in.ASize == 4 {
			ea = seg + fsArea + 0x200 + uint64(rng.IntN(0x200))
		}
	case amd64.SegGS:
		seg = s.gsBase
	}
	put := func(x uint64) bool { // a new displacement
		if in.DispLen != 4 {
			return false
		}
		binary.LittleEndian.PutUint32(d.code[in.DispOff:], uint32(x))
		return in.ASize == 4 && x <= 0xffffffff || int64(int32(x)) == int64(x)
	}
	off := ea - seg
	if in.ASize == 4 && off > 0xffffffff {
		off = uint64(dataLow) + 0x300 + uint64(rng.IntN(0x200)) // cannot be expressed: another window, where nothing is stored
		if s.win != dataLow && rng.IntN(2) == 0 {
			off = s.win & 0xffffffff
		}
		return d.readsOnly() && d.setRegs(rng, off, disp, put)
	}
	return d.setRegs(rng, off, disp, put)
}

// readsOnly reports whether the instruction stores nothing; what it stores in a window of other cases is not compared.
func (d *differ) readsOnly() bool {
	for i := range d.acc {
		if d.acc[i].Kind != isa.Load {
			return false
		}
	}
	return true
}

func (d *differ) setRegs(rng *rand.Rand, off, disp uint64, put func(uint64) bool) bool {
	in, s := &d.in, &d.s
	switch {
	case in.Row.Imm == amd64.IO:
		for i := 0; i < int(in.DispLen); i++ {
			d.code[int(in.DispOff)+i] = byte(off >> (8 * i))
		}
		return true
	case in.Base == amd64.RIP:
		x := off - (d.pc + uint64(len(d.code)))
		if in.ASize == 4 {
			x = uint64(int64(int32(x)))
		}
		return put(x)
	}
	if in.DispLen == 4 && in.Base < 16 && rng.IntN(4) > 0 {
		disp = uint64(int64(rng.IntN(0x800) - 0x400))
		binary.LittleEndian.PutUint32(d.code[in.DispOff:], uint32(disp))
	}
	vsib := in.Row.Attr&(amd64.AVsibX|amd64.AVsibY|amd64.AVsibZ) != 0
	if vsib {
		d.vsib(rng)
	}
	hasIndex := in.Index != amd64.NoReg && !vsib
	switch {
	case in.Base < 16 && hasIndex && in.Base == in.Index:
		q := off - disp
		k := uint64(in.Scale) + 1
		if q%k != 0 {
			q -= q % k
		}
		s.gpr[in.Base] = q / k
	case in.Base < 16 && hasIndex:
		x := uint64(rng.IntN(64)) - 16
		s.gpr[in.Index] = x
		s.gpr[in.Base] = off - disp - x*uint64(in.Scale)
	case in.Base < 16:
		s.gpr[in.Base] = off - disp
	case hasIndex:
		q := off - disp
		if int64(int32(off)) == int64(off) && rng.IntN(2) == 0 {
			x := uint64(rng.IntN(8))
			s.gpr[in.Index] = x
			return put(off - x*uint64(in.Scale))
		}
		s.gpr[in.Index] = q / uint64(in.Scale)
	default:
		return put(off)
	}
	if in.ASize == 4 && rng.IntN(2) == 0 {
		// Upper halves do not count.
		if in.Base < 16 && in.Base != guest.RSP {
			s.gpr[in.Base] ^= rng.Uint64() << 32
		}
	}
	return true
}

// vsib puts small indices into the vector register that has them.
func (d *differ) vsib(rng *rand.Rand) {
	x := make([]byte, xsUsed)
	copy(x, d.s.xs)
	n := int(d.in.Index)
	// Where the parts of register n are: components 1, 2 and 6 for 0-15, 7 for 16-31 (offsets of cpuid leaf 0xd).
	var parts [][2]int
	if n < 16 {
		parts = [][2]int{{160 + 16*n, 16}, {576 + 16*n, 16}, {1152 - 256 + 32*n, 32}}
	} else {
		parts = [][2]int{{1408 + 64*(n-16), 64}}
	}
	step := 4
	if d.in.Op&1 != 0 {
		step = 8
	}
	for _, p := range parts {
		for i := 0; i < p[1]; i += step {
			v := uint64(int64(rng.IntN(0x100) - 0x40))
			if step == 4 {
				binary.LittleEndian.PutUint32(x[p[0]+i:], uint32(v))
			} else {
				binary.LittleEndian.PutUint64(x[p[0]+i:], v)
			}
		}
	}
	d.s.xs = x
}

// control sets the target of a control transfer: the second terminator.
func (d *differ) control(rng *rand.Rand) bool {
	in := &d.in
	d.target = 0
	target := d.pc + 64 + uint64(rng.IntN(32))
	set := func() { d.target = target }
	switch {
	case in.Row.Imm == amd64.IJb || in.Row.Imm == amd64.IJz:
		set()
		rel := target - (d.pc + uint64(in.Len))
		for i := 0; i < int(in.ImmLen); i++ {
			d.code[int(in.ImmOff)+i] = byte(rel >> (8 * i))
		}
	case in.Row.Cf == amd64.CfRet:
		set()
		d.s.pokes = append(d.s.pokes, poke{d.s.gpr[guest.RSP], binary.LittleEndian.AppendUint64(nil, target)})
	case in.Row.Cf == amd64.CfCall || in.Row.Cf == amd64.CfJmp:
		set()
		if in.HasMem {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], target)
			ea := d.ea()
			if !writable(ea, 8) && (stackLike(ea) || stackLike(ea+7)) || ea-uint64(d.m.a.Addr()) < fsArea {
				return false // what is there would be jumped to
			}
			d.s.pokes = append(d.s.pokes, poke{ea, b[:]})
		} else {
			d.s.gpr[in.ModRM&7|in.Rex<<3&8] = target
		}
	}
	if in.Op&^3 == 0xe0 && in.Row.Imm == amd64.IJb {
		d.s.gpr[guest.RCX] = uint64(rng.IntN(3))
	}
	return true
}

// special sets inputs that instructions need to be of any use, or to be harmless.
func (d *differ) special(rng *rand.Rand) bool {
	var b [8]byte
	switch d.in.Mnem() {
	case "POPF", "POPFQ":
		// No trap flag and no alignment checks, which would hit Go's code.
		sp := d.s.gpr[guest.RSP]
		if !writable(sp, 8) && (stackLike(sp) || stackLike(sp+7)) {
			return false // any flags are there
		}
		x := rng.Uint64()&^(1<<8|1<<18|1<<14) | 2
		binary.LittleEndian.PutUint64(b[:], x)
		d.s.pokes = append(d.s.pokes, poke{sp, b[:]})
	case "FXRSTOR", "FXRSTOR64", "XRSTOR", "XRSTOR64":
		x := make([]byte, xsUsed)
		copy(x, d.pool.slice(rng, xsUsed))
		copy(x, d.s.head[:])
		clear(x[xsHeader : xsHeader+64])
		x[xsHeader] = byte(rng.Uint32()) & 0xe7
		clear(x[416:512])
		ea := d.ea()
		d.s.pokes = append(d.s.pokes, poke{ea, x[:min(xsUsed, int(max(0, int64(d.s.win+winSize-ea))))]})
		return d.components()
	case "XSAVE", "XSAVE64":
		return d.components()
	}
	return true
}

// components restricts the state components asked for to those that contexts have.
func (d *differ) components() bool {
	d.s.gpr[guest.RAX] &= 0xe7
	return d.in.Base != guest.RAX && d.in.Index != guest.RAX
}

// ea is the address of the ModRM operand.
func (d *differ) ea() uint64 {
	in, s := &d.in, &d.s
	disp := in.Disp
	if in.DispLen == 4 && in.Row.Imm != amd64.IO {
		disp = int64(int32(binary.LittleEndian.Uint32(d.code[in.DispOff:]))) // may have been changed
	}
	x := uint64(disp)
	switch {
	case in.Base == amd64.RIP:
		x += d.pc + uint64(len(d.code))
	case in.Base < 16:
		x += s.gpr[in.Base] + in.BeforePop()
	}
	if in.Index != amd64.NoReg && in.Row.Attr&(amd64.AVsibX|amd64.AVsibY|amd64.AVsibZ) == 0 {
		x += s.gpr[in.Index] * uint64(in.Scale)
	}
	if in.ASize == 4 {
		x &= 0xffffffff
	}
	switch in.Seg {
	case amd64.SegFS:
		x += uint64(d.m.a.Addr())
	case amd64.SegGS:
		x += s.gsBase
	}
	return x
}
