package vbits

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
)

// Layout of FXSAVE and XSAVE areas (Intel SDM vol. 1, 10.5 and 13.4).
const (
	fxFSW, fxST, fxXMM    = 2, 32, 160
	xsBV, xsComp          = 512, 520 // header: components in use; which are there in the compacted format
	xsExtended            = 576
	compactedFormat       = 1 << 63
	fenv16, fenv32        = 14, 28  // FNSTENV by operand size
	fsw16, fsw32, fxSlots = 2, 4, 8 // status word; the tag word is as far behind it
)

// Components of XSAVE beside x87 (0) and SSE (1).
const (
	compAVX   = 2
	compMask  = 5
	compZMMHi = 6
	compHi16  = 7
)

// compSizes are the sizes of components in bytes; all are multiples of the alignment that the compacted format may want.
var compSizes = [...]int{compAVX: 256, 3: 64, 4: 64, compMask: 64, compZMMHi: 512, compHi16: 1024}

// state saves and restores parts of the register file. It never reports anything: whoever saves everything may save garbage.
func (m *Machine) state() bool {
	in := m.in
	a := &m.accs[0]
	at := m.address(a)
	save := a.Kind&isa.Store != 0
	reg := in.ModRM >> 3 & 7
	switch {
	case in.Map == 0: // x87 environment and state
		m.environment(at, save, in.Op == 0xdd)
	case in.Op == 0xae && reg < 2:
		m.saveX87(at+fxST, 16, save)
		m.saveFSW(at+fxFSW, save)
		m.saveXMM(at, save)
		if save {
			m.storeZero(at, fxFSW)
			m.storeZero(at+fxFSW+2, fxST-fxFSW-2)
		}
	case reg == 7 || in.Op == 0xc7 && reg < 3:
	default:
		m.xstate(at, save, in.Op == 0xc7)
	}
	return true
}

func (m *Machine) storeZero(at guest.Addr, n int) {
	clear(m.bulk[:n])
	m.mem.StoreV(m.bulk[:n], at, 0)
}

// words moves V bits of a register, or a part of it, to or from memory.
func (m *Machine) words(at guest.Addr, v []uint64, save bool, origin uint32) {
	for i := range v {
		if save {
			putBits(m.buf8[:8], v[i])
			m.mem.StoreV(m.buf8[:8], at+guest.Addr(8*i), origin)
		} else {
			v[i] = m.loadBits(at+guest.Addr(8*i), 8)
		}
	}
}

// saveX87 moves the x87 registers, st(0) first; slots of 16 bytes end in 6 that are 0.
func (m *Machine) saveX87(at guest.Addr, slot int, save bool) {
	for i := range uint8(fxSlots) {
		n := m.stNum(i)
		p := at + guest.Addr(int(i)*slot)
		if save {
			v := m.File.ST[n]
			m.words(p, v[:1], true, m.Origins.ST[n])
			putBits(m.buf8[:8], v[1])
			m.mem.StoreV(m.buf8[:slot-8], p+8, m.Origins.ST[n])
		} else {
			m.setST(n, m.loadExtended(p))
		}
	}
}

func (m *Machine) saveFSW(at guest.Addr, save bool) {
	if save {
		putBits(m.buf8[:8], m.File.FPSW)
		m.mem.StoreV(m.buf8[:2], at, m.Origins.FPSW)
	} else {
		m.setFPSW(swC0|swC1|swC2|swC3, m.loadBits(at, 2))
	}
}

func (m *Machine) saveXMM(at guest.Addr, save bool) {
	for n := range uint8(16) {
		m.statePart(n, 0, 2, at+fxXMM+guest.Addr(n)*16, save)
	}
}

// statePart moves quadwords i to i+n of vector register r.
func (m *Machine) statePart(r uint8, i, n int, at guest.Addr, save bool) {
	if m.vecSet>>r&1 == 0 {
		m.vec[r] = m.File.Vec[r]
	}
	m.words(at, m.vec[r][i:i+n], save, m.Origins.Vec[r])
	if !save {
		m.vecSet |= 1 << r
	}
}

// environment is fnstenv, fldenv, fnsave and frstor.
func (m *Machine) environment(at guest.Addr, save, all bool) {
	n, fsw := fenv32, fsw32
	if m.in.OpSize == 2 {
		n, fsw = fenv16, fsw16
	}
	if save {
		m.storeZero(at, n)
	}
	m.saveFSW(at+guest.Addr(fsw), save)
	if save {
		// Tags say what kind of number a register holds.
		var tags uint64
		for i, v := range m.File.ST {
			tags |= 3 << (2 * i) & boolMask(v != [2]uint64{})
		}
		putBits(m.buf8[:], tags)
		m.mem.StoreV(m.buf8[:2], at+guest.Addr(2*fsw), m.newest())
	}
	if all {
		m.saveX87(at+guest.Addr(n), 10, save)
	}
	if save && all {
		m.setFPSW(swC0|swC1|swC2|swC3, 0) // it is initialised
	}
}

// xstate is the XSAVE family. A component that is not in use is in its initial, defined state when it is restored.
func (m *Machine) xstate(at guest.Addr, save, compacted bool) {
	g := &m.regs.GPR
	want := g[guest.RDX]<<32 | g[guest.RAX]&0xffffffff
	format, use := uint64(0), ^uint64(0)
	if compacted {
		format = want
	}
	if save {
		m.storeZero(at+xsBV, 64)
	} else {
		if format = m.loadWord(at + xsComp); format&compactedFormat == 0 {
			format = 0
		}
		use = m.loadWord(at + xsBV)
	}
	for c := range len(compSizes) {
		if want>>c&1 == 0 {
			continue
		}
		p, ok := m.component(at, c, format)
		if !ok {
			continue
		}
		if !save && use>>c&1 == 0 {
			m.initialise(c)
			continue
		}
		m.moveComponent(p, c, save)
	}
}

// component is where component c lies, in the compacted format if format is not 0.
func (m *Machine) component(at guest.Addr, c int, format uint64) (guest.Addr, bool) {
	if c < compAVX {
		return at, true
	}
	p := m.v.Component(c)
	if p == 0 || format == 0 {
		return at + guest.Addr(p), p != 0
	}
	at += xsExtended
	for i := compAVX; i < c; i++ {
		if format>>i&1 != 0 && m.v.Component(i) != 0 {
			at += guest.Addr(compSizes[i])
		}
	}
	return at, format>>c&1 != 0
}

func (m *Machine) moveComponent(at guest.Addr, c int, save bool) {
	switch c {
	case 0:
		m.saveFSW(at+fxFSW, save)
		m.saveX87(at+fxST, 16, save)
	case 1:
		m.saveXMM(at, save)
	case compAVX:
		for n := range uint8(16) {
			m.statePart(n, 2, 2, at+guest.Addr(n)*16, save)
		}
	case compMask:
		for n := range uint8(8) {
			v := [1]uint64{m.File.Mask[n]}
			m.words(at+guest.Addr(n)*8, v[:], save, m.Origins.Mask[n])
			if !save {
				m.setMask(n, v[0])
			}
		}
	case compZMMHi:
		for n := range uint8(16) {
			m.statePart(n, 4, 4, at+guest.Addr(n)*32, save)
		}
	case compHi16:
		for n := range uint8(16) {
			m.statePart(16+n, 0, 8, at+guest.Addr(n)*64, save)
		}
	}
}

// initialise makes component c defined.
func (m *Machine) initialise(c int) {
	clearPart := func(r uint8, i, n int) {
		if m.vecSet>>r&1 == 0 {
			m.vec[r] = m.File.Vec[r]
			m.vecSet |= 1 << r
		}
		clear(m.vec[r][i : i+n])
	}
	for n := range uint8(16) {
		switch c {
		case 0:
			m.setST(n&7, [2]uint64{})
			m.setFPSW(swC0|swC1|swC2|swC3, 0)
		case 1:
			clearPart(n, 0, 2)
		case compAVX:
			clearPart(n, 2, 2)
		case compMask:
			m.setMask(n&7, 0)
		case compZMMHi:
			clearPart(n, 4, 4)
		case compHi16:
			clearPart(16+n, 0, 8)
		}
	}
}
