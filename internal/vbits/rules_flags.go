package vbits

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// pushf is pushf and popf. The direction flag is always defined.
func (m *Machine) pushf() bool {
	a := &m.accs[0]
	n := int(a.Size)
	if a.Addr == amd64.AddrPush {
		m.storeBits(m.address(a), m.File.Flags&flagsArith, n)
		m.moveSP(-int64(n))
		return true
	}
	m.setFlags(flagsArith, m.loadBits(m.address(a), n))
	m.moveSP(int64(n))
	return true
}

// flagop sets, clears and copies flags.
func (m *Machine) flagop() bool {
	const low = flagC | flagP | flagA | flagZ | flagS // those in the low byte
	f := &m.File
	switch m.in.Op {
	case 0x9e: // sahf
		m.setFlags(low, f.GPR[guest.RAX]>>8&low)
	case 0x9f: // lahf
		m.setGPR(guest.RAX, 2, f.GPR[guest.RAX]&0xff|f.Flags&low<<8)
	case 0xf5: // cmc
		m.setFlags(flagC, f.Flags&flagC)
	case 0xfc, 0xfd: // cld, std
	default: // clc, stc, testui
		m.setFlags(flagC, 0)
	}
	return true
}

// defined is for results that come from outside: they are defined, and nothing is said about inputs.
func (m *Machine) defined() bool {
	if m.in.Map == 1 && m.in.Op == 0x1e {
		return true // rdssp leaves the register alone where there are no shadow stacks
	}
	for i := range m.ops {
		if o := &m.ops[i]; o.Acc&amd64.AccW != 0 && (o.Kind != amd64.OpImpl || o.Loc != amd64.LPop) {
			m.set(i, 0)
		}
	}
	m.setFlags(uint64(m.plan.effects.FlagsWritten)&flagsArith, 0)
	return true
}

// sys is system calls and the like; what the kernel writes is the owner's business. The address and the flags are left in registers.
func (m *Machine) sys() bool {
	if m.in.Map == 1 && m.in.Op == 0x05 {
		m.setGPR(guest.RCX, 8, 0)
		m.setGPR(guest.R11, 8, m.File.Flags&flagsArith)
	}
	return true
}
