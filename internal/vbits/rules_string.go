package vbits

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// stringOp is what the string instructions have in common.
type stringOp struct {
	size     int    // of an element
	n        uint64 // rounds at most
	rep      bool
	down     bool
	src, dst guest.Addr // elements of the first round
}

// maxStringBytes bounds the work for a count that the instruction will not run to its end: what comes behind is inaccessible, most likely.
const maxStringBytes = 1 << 32

func (m *Machine) stringOp() (s stringOp) {
	in := m.in
	r := m.regs
	s.size = 1
	if in.Op&1 != 0 {
		s.size = int(in.OpSize)
	}
	s.n = 1
	s.down = r.RFlags&flagD != 0
	if in.Pfx&(amd64.PfxF2|amd64.PfxF3) != 0 {
		s.rep = true
		w := uint(in.ASize) * 8
		c := m.gprVal(guest.RCX, w)
		s.n = min(c.x, maxStringBytes/uint64(s.size))
		if c.v != 0 {
			m.use(UseCondition, int(in.ASize), m.Origins.GPR[guest.RCX])
		}
	}
	for i := range m.accs {
		switch a := &m.accs[i]; a.Addr {
		case amd64.AddrRSI:
			s.src = m.address(a)
		case amd64.AddrRDI:
			s.dst = m.address(a)
		}
	}
	return s
}

// moveString gives the address registers and the count the V bits that they have after n rounds.
func (m *Machine) moveString(s *stringOp, n uint64, regs ...uint8) {
	w := uint(m.in.ASize) * 8
	step := n * uint64(s.size)
	if s.down {
		step = -step
	}
	for _, r := range regs {
		if m.File.GPR[r] != 0 && n != 0 {
			m.setGPR(r, int(m.in.ASize), addV(w, m.gprVal(r, w), val{step & mask(w), 0}, val{}))
		}
	}
	if v := m.File.GPR[guest.RCX]; s.rep && v != 0 {
		left := uint64(0) // what was undefined has been reported
		if n == 0 && m.in.ASize == 4 {
			left = v &^ ones(4) // not even the upper half changes
		}
		m.setGPR(guest.RCX, 8, left)
	}
}

// lowest is the first byte of n elements, the first of which is at a.
func (s *stringOp) lowest(a guest.Addr, n uint64) guest.Addr {
	if s.down && n > 0 {
		return a - guest.Addr((n-1)*uint64(s.size))
	}
	return a
}

// movs is movs, stos and lods: all rounds are done.
func (m *Machine) movs() bool {
	s := m.stringOp()
	switch m.in.Op &^ 1 {
	case 0xa4:
		m.copyString(&s)
		m.moveString(&s, s.n, guest.RSI, guest.RDI)
	case 0xaa:
		m.fillString(&s)
		m.moveString(&s, s.n, guest.RDI)
	default: // the last element counts
		if s.n > 0 {
			at := s.src + guest.Addr((s.n-1)*uint64(s.size))
			if s.down {
				at = s.src - guest.Addr((s.n-1)*uint64(s.size))
			}
			m.setGPR(guest.RAX, s.size, m.loadBits(at, s.size))
		}
		m.moveString(&s, s.n, guest.RSI)
	}
	return true
}

func (m *Machine) copyString(s *stringOp) {
	if s.n == 0 {
		return
	}
	if s.n == 1 {
		m.storeBits(s.dst, m.loadBits(s.src, s.size), s.size)
		return
	}
	total := s.n * uint64(s.size)
	src, dst := s.lowest(s.src, s.n), s.lowest(s.dst, s.n)
	chunk := uint64(len(m.bulk))
	// Where later rounds read what earlier ones wrote, one element at a time.
	if uint64(dst-src) < total && !s.down || uint64(src-dst) < total && s.down {
		chunk = uint64(s.size)
	}
	for done := uint64(0); done < total; {
		n := min(chunk, total-done)
		at := done
		if s.down {
			at = total - done - n
		}
		m.copyBits(dst+guest.Addr(at), src+guest.Addr(at), int(n))
		done += n
	}
}

// copyBits copies V bits at once, with their origin.
func (m *Machine) copyBits(dst, src guest.Addr, n int) {
	b := m.bulk[:n]
	m.mem.LoadV(b, src)
	var origin uint32
	if !m.NoOrigins && !allZero(b) {
		origin = m.mem.Origin(src, n)
	}
	m.mem.StoreV(b, dst, origin)
}

// fillString stores the V bits of rax.
func (m *Machine) fillString(s *stringOp) {
	total := s.n * uint64(s.size)
	if total == 0 {
		return
	}
	v := m.File.GPR[guest.RAX]
	var origin uint32
	if v &= ones(s.size); v != 0 && !m.NoOrigins {
		origin = m.Origins.GPR[guest.RAX]
	}
	b := m.bulk[:min(total, uint64(len(m.bulk)))]
	for i := range b {
		b[i] = byte(v >> (8 * (i % s.size)))
	}
	at := s.lowest(s.dst, s.n)
	for done := uint64(0); done < total; {
		n := min(uint64(len(b)), total-done)
		m.mem.StoreV(b[:n], at+guest.Addr(done), origin)
		done += n
	}
}

// cmps is cmps and scas: rounds are done until the comparison ends them.
func (m *Machine) cmps() bool {
	in := m.in
	s := m.stringOp()
	w := uint(s.size) * 8
	scan := in.Op >= 0xae
	acc := m.gprVal(guest.RAX, w)
	// repe goes on while elements are equal, repne while they are not.
	while := in.Pfx&amd64.PfxF3 != 0
	var a, b val
	done, open := uint64(0), false
	step := guest.Addr(s.size)
	if s.down {
		step = -step
	}
	for at := guest.Addr(0); done < s.n; at += step {
		a = acc
		if !scan {
			a = m.memVal(s.src+at, s.size)
		}
		b = m.memVal(s.dst+at, s.size)
		done++
		if !s.rep {
			break
		}
		if done < s.n && !open {
			if v := a.v | b.v; v != 0 && (a.x^b.x)&^v == 0 {
				open = true
			}
		}
		if a.x == b.x != while {
			break
		}
	}
	if open {
		m.use(UseCondition, s.size, 0)
	}
	if done > 0 {
		b.x = ^b.x & mask(w)
		_, f := addFlags(w, a, b, val{1, 0}, true)
		m.setFlags(flagsArith, f)
	}
	if scan {
		m.moveString(&s, done, guest.RDI)
	} else {
		m.moveString(&s, done, guest.RSI, guest.RDI)
	}
	return true
}
