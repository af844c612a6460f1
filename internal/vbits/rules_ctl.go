package vbits

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// condition says whether condition cc, the low four bits of the opcodes of jcc, setcc and cmovcc, is undefined, and its value.
func (m *Machine) condition(cc uint8) (x, undefined bool) {
	return conditionOf(cc, m.regs.RFlags, m.File.Flags)
}

// conditionOf is the same for flags f with V bits v.
func conditionOf(cc uint8, f, v uint64) (x, undefined bool) {
	has := func(b uint64) bool { return f&b != 0 }
	open := func(b uint64) bool { return v&b != 0 }
	switch cc >> 1 & 7 {
	case 0:
		x, undefined = has(flagO), open(flagO)
	case 1:
		x, undefined = has(flagC), open(flagC)
	case 2:
		x, undefined = has(flagZ), open(flagZ)
	case 3:
		x = has(flagC | flagZ)
		undefined = open(flagC|flagZ) && f&^v&(flagC|flagZ) == 0 && !open(knownBE)
	case 4:
		x, undefined = has(flagS), open(flagS)
	case 5:
		x, undefined = has(flagP), open(flagP)
	case 6:
		x = has(flagS) != has(flagO)
		undefined = open(flagS|flagO) && !open(knownL)
	case 7:
		l := has(flagS) != has(flagO)
		x = has(flagZ) || l
		openL := open(flagS|flagO) && !open(knownL)
		undefined = (openL || open(flagZ)) && !open(knownLE) && !(!openL && l) && !(!open(flagZ) && has(flagZ))
	}
	return x != (cc&1 != 0), undefined
}

func (m *Machine) setcc() bool {
	_, undefined := m.condition(m.in.Op)
	m.set(0, bit(undefined))
	return true
}

// cmov: an undefined condition makes undefined what differs between the sources.
func (m *Machine) cmov() bool {
	yes, undefined := m.condition(m.in.Op)
	old, src := m.vbits(0), m.vbits(1)
	switch {
	case undefined:
		m.set(0, old|src|(m.value(0)^m.value(1)))
	case yes:
		m.set(0, src)
	default:
		m.set(0, old)
	}
	return true
}

// jcc is the conditional jumps, and loop, which also counts rcx down.
func (m *Machine) jcc() bool {
	in := m.in
	switch {
	case in.Op == 0xc7 || in.Op == 0x01: // xbegin, xend
	case in.Op >= 0xe0 && in.Op <= 0xe3 && in.Map == 0:
		m.loop()
	default:
		if _, undefined := m.condition(in.Op); undefined {
			m.use(UseCondition, 0, m.Origins.Flags)
		}
	}
	return true
}

func (m *Machine) loop() {
	in := m.in
	w := uint(in.ASize) * 8
	rcx := m.gprVal(guest.RCX, w)
	if in.Op == 0xe3 { // jrcxz
		if rcx.v != 0 && rcx.x&^rcx.v == 0 {
			m.use(UseCondition, 0, m.Origins.GPR[guest.RCX])
		}
		return
	}
	minus1 := val{mask(w), 0}
	next := val{(rcx.x - 1) & mask(w), addV(w, rcx, minus1, val{})}
	more := val{bit(next.x != 0), 0}
	if rcx.v != 0 && (rcx.x^1)&^rcx.v == 0 {
		more.v = 1
	}
	origin := m.Origins.GPR[guest.RCX]
	if in.Op != 0xe2 {
		z := m.flag(flagZ)
		if in.Mnem() == "LOOPNE" {
			z.x ^= 1
		}
		if more.v == 0 {
			origin = m.Origins.Flags
		}
		more.v = andV(more, z)
	}
	if more.v != 0 {
		m.use(UseCondition, 0, origin)
	}
	m.setGPR(guest.RCX, int(in.ASize), next.v)
}

// target reports an undefined target in operand i.
func (m *Machine) target(i int) {
	o := &m.ops[i]
	if o.Kind == amd64.OpRel {
		return
	}
	if m.vbits(i) != 0 {
		var origin uint32
		if o.Kind == amd64.OpReg && o.Class == amd64.CGPR {
			origin = m.Origins.GPR[o.Num&15]
		}
		m.use(UseTarget, 8, origin)
	}
}

func (m *Machine) jmp() bool {
	m.target(0)
	return true
}

// call pushes a defined return address.
func (m *Machine) call() bool {
	m.target(0)
	for i := range m.accs {
		if a := &m.accs[i]; a.Addr == amd64.AddrPush {
			m.storeBits(m.address(a), 0, min(int(a.Size), 8))
			m.moveSP(-int64(a.Size))
		}
	}
	return true
}

func (m *Machine) ret() bool {
	in := m.in
	for i := range m.accs {
		a := &m.accs[i]
		if a.Addr != amd64.AddrPop {
			continue
		}
		if m.loadBits(m.address(a), min(int(a.Size), 8)) != 0 {
			m.use(UseTarget, 8, 0)
		}
		if in.Op == 0xcf {
			return true // iret: all state comes from the stack, where the kernel would have put it
		}
		n := int64(a.Size)
		if in.ImmLen != 0 {
			n += in.Imm & 0xffff
		}
		m.moveSP(n)
	}
	return true
}
