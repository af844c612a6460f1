package vbits

import (
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// fallback is for instructions without a rule: any undefined input makes all outputs undefined.
func (m *Machine) fallback() {
	f := &m.File
	e := &m.plan.effects
	bad := uint64(e.FlagsRead) & f.Flags
	for i := range m.ops {
		o := &m.ops[i]
		if o.Acc&amd64.AccR == 0 || o.Acc&amd64.AccN != 0 {
			continue
		}
		switch o.Kind {
		case amd64.OpMem, amd64.OpImpl:
			if a := m.access(i); a != nil {
				for _, b := range m.bytesV(a) {
					bad |= uint64(b)
				}
			}
		case amd64.OpReg:
			switch o.Class {
			case amd64.CVec:
				for j, w := range f.Vec[o.Num&31] {
					if j*8 < int(o.Width) {
						bad |= w & ones(int(o.Width)-j*8)
					}
				}
			case amd64.CST:
				n := m.top() + o.Num
				bad |= f.ST[n&7][0] | f.ST[n&7][1]
			case amd64.CMisc:
				bad |= f.FPSW & boolMask(o.Num == amd64.MiscX87Status)
			default:
				bad |= m.vbits(i)
			}
		}
	}
	if bad != 0 {
		m.Unknown[m.in.Row.Sem]++
		bad = ^uint64(0)
	}
	for i := range m.ops {
		o := &m.ops[i]
		if o.Acc&amd64.AccW == 0 || o.Acc&amd64.AccN != 0 {
			continue
		}
		switch o.Kind {
		case amd64.OpMem, amd64.OpImpl:
			if a := m.access(i); a != nil && a.Kind&isa.Store != 0 && a.Addr != amd64.AddrVSIB {
				v := m.bulk[:a.Size]
				for j := range v {
					v[j] = byte(bad)
				}
				m.storeV(m.address(a), v)
			}
		case amd64.OpReg:
			switch o.Class {
			case amd64.CVec:
				v := f.Vec[o.Num&31]
				ev := m.in.Space != amd64.SpLegacy && m.in.Space != amd64.Sp3DNow
				for j := range v {
					switch w := int(o.Width) - 8*j; {
					case w > 0:
						v[j] = v[j]&^ones(w) | bad&ones(w)
					case ev:
						v[j] = 0
					}
				}
				m.setVec(o.Num, &v)
			case amd64.CST:
				m.setST(m.top()+o.Num, [2]uint64{bad, bad & 0xffff})
			case amd64.CMisc:
				if o.Num == amd64.MiscX87Status {
					m.setFPSW(0x4700, bad)
				}
			default:
				m.set(i, bad)
			}
		}
	}
	m.setFlags(uint64(e.FlagsWritten), bad)
}

// bytesV are the V bits of all bytes that access a reads, until bulk is used again.
func (m *Machine) bytesV(a *amd64.Access) []byte {
	if a.Kind&isa.Load == 0 || a.Addr == amd64.AddrVSIB {
		return nil
	}
	b := m.bulk[:a.Size]
	m.loadV(b, m.address(a))
	return b
}
