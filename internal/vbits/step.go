package vbits

import (
	"encoding/binary"
	"math/bits"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// maxStores is the largest number of separate stores of one instruction: enter with a level of 31.
const maxStores = 33

// step is what Step needs to know of the instruction, and its results until Commit.
type step struct {
	in   *amd64.Inst
	plan *plan
	v    Values
	regs *guest.Regs
	mem  Memory
	ops  []amd64.Operand
	accs []amd64.Access
	// placed is the address of the ModRM operand when it has been asked for.
	placed guest.Addr
	plans  *[numPlans]plan
	merges Merges

	// Results: the sets say which registers are written; the rest is garbage.
	gprSet  uint16
	gpr     [16]uint64
	flagSet uint64
	flags   uint64
	vecSet  uint32
	vec     [32][8]uint64
	maskSet uint8
	mask    [8]uint64
	stSet   uint8
	st      [8][2]uint64
	fpswSet uint64
	fpsw    uint64

	stores  [maxStores]store
	nstores int
	buf8    [8]byte    // what is passed to Memory must not be on the stack: it would be allocated
	buf16   [16]byte   //
	bulk    [1024]byte //
	// loaded is a place in memory with undefined bits that was read, for origins; loadedLen 0 is none.
	loaded    guest.Addr
	loadedLen int
	origin    uint32 // of the instruction's undefined results

	vecStep
}

// store is a pending change of memory's V bits.
type store struct {
	addr guest.Addr
	v    []byte
	buf  [64]byte
}

func (m *Machine) begin(in *amd64.Inst, v Values, mem Memory) {
	s := &m.step
	s.plan = m.planOf(in)
	s.in, s.v, s.mem = in, v, mem
	s.regs = v.Regs()
	s.ops, s.accs = s.plan.ops, s.plan.accs
	s.gprSet, s.flagSet, s.vecSet, s.maskSet, s.stSet, s.fpswSet = 0, 0, 0, 0, 0, 0
	s.nstores, s.loadedLen, s.origin, s.placed = 0, 0, 0, 0
	s.merges.pending = -1
	m.Uses = m.Uses[:0]
	for a := s.plan.addr; a != 0; a &= a - 1 {
		if m.File.GPR[bits.TrailingZeros16(a)] != 0 {
			m.addresses()
			break
		}
	}
}

// addresses finds accesses whose address depends on undefined bits.
func (m *Machine) addresses() {
	f := &m.File
	for i := range m.accs {
		a := &m.accs[i]
		var bad uint64
		var origin uint32
		for s := addressRegs(m.in, a); s != 0; s &= s - 1 {
			n := bits.TrailingZeros16(s)
			v := f.GPR[n]
			switch {
			case a.Addr == amd64.AddrXlat && n == guest.RAX:
				v &= 0xff
			case m.in.ASize == 4 && a.Addr != amd64.AddrPush && a.Addr != amd64.AddrPop && a.Addr != amd64.AddrRBP:
				v &= 0xffffffff
			}
			if v != 0 {
				bad |= v
				origin = max(origin, m.Origins.GPR[n])
			}
		}
		if bad != 0 {
			m.use(UseAddress, 8, origin)
		}
	}
}

func (m *Machine) use(k UseKind, size int, origin uint32) {
	m.Uses = append(m.Uses, Use{Kind: k, Size: size, Origin: origin})
}

// address is where the memory operand that access a describes lies: the first round of a repeated instruction, the first
// element's base of a VSIB operand.
func (m *Machine) address(a *amd64.Access) guest.Addr {
	if a.Addr == amd64.AddrModRM {
		// Several steps of a rule ask for it.
		if m.placed == 0 {
			m.placed = guest.Addr(m.in.Address(&m.regs.GPR, m.regs.RIP, m.regs.FSBase, m.regs.GSBase))
		}
		return m.placed
	}
	r := m.regs
	g := &r.GPR
	wrap := func(x uint64) guest.Addr {
		if m.in.ASize == 4 {
			x &= 0xffffffff
		}
		return guest.Addr(x)
	}
	seg := func() guest.Addr {
		switch m.in.Seg {
		case amd64.SegFS:
			return guest.Addr(r.FSBase)
		case amd64.SegGS:
			return guest.Addr(r.GSBase)
		}
		return 0
	}
	switch a.Addr {
	case amd64.AddrVSIB:
		in := *m.in
		in.Index = amd64.NoReg
		return guest.Addr(in.Address(g, r.RIP, r.FSBase, r.GSBase))
	case amd64.AddrRSI:
		return wrap(g[guest.RSI]) + seg()
	case amd64.AddrRDI:
		if m.in.Row.Sem == isa.VMaskmov {
			return wrap(g[guest.RDI]) + seg()
		}
		return wrap(g[guest.RDI])
	case amd64.AddrRAX:
		return wrap(g[guest.RAX]) &^ 63
	case amd64.AddrXlat:
		return wrap(g[guest.RBX]+g[guest.RAX]&0xff) + seg()
	case amd64.AddrRBP:
		return guest.Addr(g[guest.RBP])
	case amd64.AddrPush:
		return guest.Addr(g[guest.RSP] - uint64(a.Size))
	case amd64.AddrPop:
		return guest.Addr(g[guest.RSP])
	default:
		return wrap(g[a.Reg])
	}
}

// access is the memory access that operand i makes, nil for none.
func (m *Machine) access(i int) *amd64.Access {
	for j := range m.accs {
		if a := &m.accs[j]; int(a.Operand) == i {
			return a
		}
	}
	return nil
}

// loadV reads V bits of memory and remembers the place when some are undefined.
func (m *Machine) loadV(p []byte, a guest.Addr) {
	m.mem.LoadV(p, a)
	if m.loadedLen == 0 && !allZero(p) {
		m.loaded, m.loadedLen = a, len(p)
	}
}

// loadBits are the V bits of n bytes at a, n at most 8.
func (m *Machine) loadBits(a guest.Addr, n int) uint64 {
	m.mem.LoadV(m.buf8[:n], a)
	v := le(m.buf8[:n])
	if v != 0 && m.loadedLen == 0 {
		m.loaded, m.loadedLen = a, n
	}
	return v
}

// loadExtended are the V bits of the 10 bytes at a: one access.
func (m *Machine) loadExtended(a guest.Addr) [2]uint64 {
	b := m.buf16[:10]
	m.mem.LoadV(b, a)
	v := [2]uint64{binary.LittleEndian.Uint64(b), uint64(binary.LittleEndian.Uint16(b[8:]))}
	if v != ([2]uint64{}) && m.loadedLen == 0 {
		m.loaded, m.loadedLen = a, len(b)
	}
	return v
}

// storeExtended is storeBits for 10 bytes.
func (m *Machine) storeExtended(a guest.Addr, v [2]uint64) {
	var b [10]byte
	binary.LittleEndian.PutUint64(b[:], v[0])
	binary.LittleEndian.PutUint16(b[8:], uint16(v[1]))
	m.storeV(a, b[:])
}

// loadWord is the value of 8 bytes.
func (m *Machine) loadWord(a guest.Addr) uint64 {
	m.mem.Load(m.buf8[:], a)
	return binary.LittleEndian.Uint64(m.buf8[:])
}

// memVal is value and V bits of n bytes at a.
func (m *Machine) memVal(a guest.Addr, n int) val {
	v := m.loadBits(a, n)
	m.mem.Load(m.buf8[:n], a)
	return val{le(m.buf8[:n]), v}
}

// storeBits remembers that the n bytes at a, at most 8, get V bits v.
func (m *Machine) storeBits(a guest.Addr, v uint64, n int) {
	s := &m.stores[m.nstores]
	m.nstores++
	s.addr = a
	binary.LittleEndian.PutUint64(s.buf[:], v)
	s.v = s.buf[:n]
}

func putBits(p []byte, v uint64) { binary.LittleEndian.PutUint64(p, v) }

func allZero(p []byte) bool {
	for ; len(p) >= 8; p = p[8:] {
		if binary.LittleEndian.Uint64(p) != 0 {
			return false
		}
	}
	for _, b := range p {
		if b != 0 {
			return false
		}
	}
	return true
}

// storeV remembers that the instruction gives the bytes at a the V bits v.
func (m *Machine) storeV(a guest.Addr, v []byte) {
	s := &m.stores[m.nstores]
	m.nstores++
	s.addr = a
	if len(v) <= len(s.buf) {
		s.v = s.buf[:copy(s.buf[:], v)]
	} else {
		s.v = append([]byte(nil), v...)
	}
}

func le(p []byte) (v uint64) {
	switch len(p) {
	case 1:
		return uint64(p[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(p))
	case 4:
		return uint64(binary.LittleEndian.Uint32(p))
	case 8:
		return binary.LittleEndian.Uint64(p)
	}
	for i := len(p) - 1; i >= 0; i-- {
		v = v<<8 | uint64(p[i])
	}
	return v
}

// ones is an all-ones value of n bytes, at most 8.
func ones(n int) uint64 {
	if n >= 8 {
		return ^uint64(0)
	}
	return 1<<(8*n) - 1
}

func (m *Machine) setMask(n uint8, v uint64) {
	m.mask[n&7], m.maskSet = v, m.maskSet|1<<(n&7)
}

func (m *Machine) setVec(n uint8, v *[8]uint64) {
	m.vec[n&31], m.vecSet = *v, m.vecSet|1<<(n&31)
}

// setST sets physical x87 register n.
func (m *Machine) setST(n uint8, v [2]uint64) {
	m.st[n&7], m.stSet = v, m.stSet|1<<(n&7)
}

// setFlags gives the flags of which the V bits v; others stay.
func (m *Machine) setFlags(which, v uint64) {
	which |= knownAll
	m.flags = m.flags&^which | v&which
	m.flagSet |= which
}

func (m *Machine) setFPSW(which, v uint64) {
	m.fpsw = m.fpsw&^which | v&which
	m.fpswSet |= which
}

func (m *Machine) commit() {
	f, o := &m.File, &m.Origins
	m.commitMerges()
	m.surely &^= isa.RegSet(m.gprSet) | isa.RegSet(m.vecSet)<<firstVec | isa.RegSet(m.maskSet)<<firstMask
	if m.stSet|uint8(m.fpswSet)|uint8(m.fpswSet>>8) != 0 {
		m.surely &^= amd64.SetX87
	}
	keep := func(undefined bool) uint32 {
		if undefined {
			return m.origin
		}
		return 0
	}
	for s := m.gprSet; s != 0; s &= s - 1 {
		n := bits.TrailingZeros16(s)
		// A narrow write leaves an old origin with what it keeps.
		if m.gpr[n] == 0 || m.origin != 0 {
			o.GPR[n] = keep(m.gpr[n] != 0)
		}
		f.GPR[n] = m.gpr[n]
	}
	if m.flagSet != 0 {
		f.Flags = f.Flags&^m.flagSet | m.flags&m.flagSet
		if f.Flags&^knownAll == 0 {
			f.Flags = 0
		}
		if f.Flags == 0 || m.origin != 0 {
			o.Flags = keep(f.Flags != 0)
		}
	}
	for s := m.vecSet; s != 0; s &= s - 1 {
		n := bits.TrailingZeros32(s)
		f.Vec[n] = m.vec[n]
		undefined := m.vec[n] != ([8]uint64{})
		if !undefined || m.origin != 0 {
			o.Vec[n] = keep(undefined)
		}
	}
	for s := m.maskSet; s != 0; s &= s - 1 {
		n := bits.TrailingZeros8(s)
		f.Mask[n] = m.mask[n]
		o.Mask[n] = keep(m.mask[n] != 0)
	}
	for s := m.stSet; s != 0; s &= s - 1 {
		n := bits.TrailingZeros8(s)
		f.ST[n] = m.st[n]
		o.ST[n] = keep(m.st[n] != [2]uint64{})
	}
	if m.fpswSet != 0 {
		f.FPSW = f.FPSW&^m.fpswSet | m.fpsw&m.fpswSet
		o.FPSW = keep(f.FPSW != 0)
	}
}

// origins finds where the undefined bits of the instruction's inputs come from, and performs its stores.
func (m *Machine) origins() {
	if !m.NoOrigins && (len(m.Uses) != 0 || m.leaves()) {
		m.origin = m.newest()
		for i := range m.Uses {
			if m.Uses[i].Origin == 0 {
				m.Uses[i].Origin = m.origin
			}
		}
	}
	for i := range m.stores[:m.nstores] {
		s := &m.stores[i]
		m.mem.StoreV(s.v, s.addr, m.origin)
	}
}

// leaves reports whether the instruction's results have undefined bits.
func (m *Machine) leaves() bool {
	any := m.flags&m.flagSet | m.fpsw&m.fpswSet
	for s := m.gprSet; s != 0; s &= s - 1 {
		any |= m.gpr[bits.TrailingZeros16(s)]
	}
	for s := m.maskSet; s != 0; s &= s - 1 {
		any |= m.mask[bits.TrailingZeros8(s)]
	}
	if any != 0 {
		return true
	}
	for s := m.vecSet; s != 0; s &= s - 1 {
		if m.vec[bits.TrailingZeros32(s)] != [8]uint64{} {
			return true
		}
	}
	for s := m.stSet; s != 0; s &= s - 1 {
		if m.st[bits.TrailingZeros8(s)] != [2]uint64{} {
			return true
		}
	}
	for i := range m.stores[:m.nstores] {
		if !allZero(m.stores[i].v) {
			return true
		}
	}
	return false
}

// newest is the largest origin of the instruction's undefined inputs.
func (m *Machine) newest() (best uint32) {
	e := &m.plan.effects
	f, o := &m.File, &m.Origins
	for s := e.Reads & amd64.SetGPR; s != 0; s &= s - 1 {
		if n := s.First(); f.GPR[n] != 0 {
			best = max(best, o.GPR[n])
		}
	}
	for s := e.Reads & amd64.SetVec; s != 0; s &= s - 1 {
		if n := uint8(s.First()) - firstVec; f.Vec[n] != [8]uint64{} {
			best = max(best, o.Vec[n])
		}
	}
	for s := e.Reads & amd64.SetMask; s != 0; s &= s - 1 {
		if n := uint8(s.First()) - firstMask; f.Mask[n] != 0 {
			best = max(best, o.Mask[n])
		}
	}
	if e.Reads.Has(amd64.SetX87) {
		for i, n := range o.ST {
			if f.ST[i] != [2]uint64{} {
				best = max(best, n)
			}
		}
		if f.FPSW != 0 {
			best = max(best, o.FPSW)
		}
	}
	if uint64(e.FlagsRead)&f.Flags != 0 {
		best = max(best, o.Flags)
	}
	if m.loadedLen != 0 {
		best = max(best, m.mem.Origin(m.loaded, m.loadedLen))
	}
	return best
}

// top is the physical number of st(0).
func (m *Machine) top() uint8 { return uint8(m.v.FPSW() >> 11 & 7) }
