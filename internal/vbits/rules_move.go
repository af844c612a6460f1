package vbits

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// copy is moves of general registers and memory, and of what V bits are not kept of: segment bases, mxcsr.
func (m *Machine) copy() bool {
	in := m.in
	if in.Map != 0 {
		switch {
		case in.Op == 0xae: // mxcsr and segment bases: defined
			m.set(0, 0)
			return true
		case in.Map == 2 && in.Op == 0xf8: // movdir64b, enqcmd
			m.copyLine()
			return true
		case in.Map == 1 && in.Op == 0x01: // clzero
			clear(m.bulk[:64])
			m.storeV(m.address(&m.accs[0]), m.bulk[:64])
			return true
		}
	}
	m.set(0, m.vbits(1))
	return true
}

// copyLine copies 64 bytes to the address in a register.
func (m *Machine) copyLine() {
	b := m.bulk[:64]
	clear(b)
	to := -1
	for i := range m.accs {
		if m.accs[i].Kind == isa.Load {
			m.loadV(b, m.address(&m.accs[i]))
		} else {
			to = i
		}
	}
	if to >= 0 {
		m.storeV(m.address(&m.accs[to]), b)
	}
}

// stack is push, pop, enter and leave.
func (m *Machine) stack() bool {
	in := m.in
	switch {
	case in.Map == 0 && in.Op == 0xc8:
		m.enter()
		return true
	case in.Map == 0 && in.Op == 0xc9:
		m.leave()
		return true
	}
	for i := range m.accs {
		a := &m.accs[i]
		switch a.Addr {
		case amd64.AddrPush:
			var v uint64
			if m.ops[0].Kind != amd64.OpImm {
				v = m.vbits(0)
			}
			m.storeBits(m.address(a), v, int(a.Size))
			m.moveSP(-int64(a.Size))
		case amd64.AddrPop:
			v := m.loadBits(m.address(a), int(a.Size))
			m.moveSP(int64(a.Size))
			m.set(0, v)
		}
	}
	return true
}

func (m *Machine) leave() {
	a := &m.accs[0]
	v := m.loadBits(m.address(a), int(a.Size))
	m.setGPR(guest.RSP, 8, addV(64, m.gprVal(guest.RBP, 64), val{uint64(a.Size), 0}, val{}))
	m.setGPR(guest.RBP, int(a.Size), v)
}

// loadPending is loadBits after the stores so far of this instruction.
func (m *Machine) loadPending(a guest.Addr, size int) uint64 {
	v := m.loadBits(a, size)
	for i := range m.nstores {
		st := &m.stores[i]
		for k := range size {
			if at := a + guest.Addr(k) - st.addr; at < guest.Addr(len(st.v)) {
				v = v&^(0xff<<(8*k)) | uint64(st.v[at])<<(8*k)
			}
		}
	}
	return v
}

// enter pushes rbp and, with a nesting level, pointers of the frames around, one after the other: those may be what it has pushed.
func (m *Machine) enter() {
	f := &m.File
	size := 8
	if m.in.OpSize == 2 {
		size = 2
	}
	regs := m.regs
	sp := guest.Addr(regs.GPR[guest.RSP])
	push := func(v uint64) {
		sp -= guest.Addr(size)
		m.storeBits(sp, v, size)
	}
	push(f.GPR[guest.RBP])
	frame := f.GPR[guest.RSP]
	if frame != 0 {
		frame = addV(64, m.gprVal(guest.RSP, 64), val{-uint64(size), 0}, val{})
	}
	level := int(m.in.Imm2 & 31)
	bp := guest.Addr(regs.GPR[guest.RBP])
	if level > 1 && f.GPR[guest.RBP] != 0 {
		m.use(UseAddress, 8, m.Origins.GPR[guest.RBP])
	}
	for i := 1; i < level; i++ {
		push(m.loadPending(bp-guest.Addr(i*size), size))
	}
	if level > 0 {
		push(frame)
	}
	m.setGPR(guest.RBP, size, frame)
	n := m.in.Imm&0xffff + int64((level+1)*size)
	if level == 0 {
		n = m.in.Imm&0xffff + int64(size)
	}
	m.moveSP(-n)
}
