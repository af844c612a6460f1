// Package synth makes random encodings of every row of the instruction table, for tests that run instructions natively. It knows
// nothing of what instructions do.
//
// A Form belongs to one goroutine at a time; Forms always returns the same list.
package synth

import (
	"math/rand/v2"
	"sync"

	"gogrind/internal/isa/amd64"
)

// key selects a row of the instruction table: the fields that a row may depend on.
type key struct {
	space, mp, op uint8
	pp, w, l      uint8
	mem           bool
	reg, rm       uint8
}

// Form is a row of the instruction table with some of the encodings that select it.
type Form struct {
	Row  *amd64.Row
	Seen int // how many of its encodings are known
	keys []key
}

// fields are the parts of an encoding that a key leaves open.
type fields struct {
	pre             []byte // prefixes in front
	r, x, b, r4, v4 uint8
	vvvv            uint8
	z, bc, aaa      uint8
	mod, sib        uint8
	rex             bool // a REX prefix even without need
	short           bool // two-byte VEX where possible
	tail            [12]byte
}

var vexPPOf = [6]uint8{0, 1, 3, 0xff, 2, 0xff}

// encode makes an encoding; nil when the combination does not exist.
func encode(k key, f *fields) []byte {
	b := append(make([]byte, 0, 32), f.pre...)
	switch k.space {
	case amd64.SpLegacy, amd64.Sp3DNow:
		if k.pp&1 != 0 {
			b = append(b, 0x66)
		}
		switch k.pp &^ 1 {
		case 2:
			b = append(b, 0xf2)
		case 4:
			b = append(b, 0xf3)
		}
		if rex := k.w<<3 | f.r<<2 | f.x<<1 | f.b; rex != 0 || f.rex {
			b = append(b, 0x40|rex)
		}
		switch {
		case k.space == amd64.Sp3DNow:
			b = append(b, 0x0f, 0x0f)
		case k.mp == 1:
			b = append(b, 0x0f, k.op)
		case k.mp == 2:
			b = append(b, 0x0f, 0x38, k.op)
		case k.mp == 3:
			b = append(b, 0x0f, 0x3a, k.op)
		default:
			b = append(b, k.op)
		}
	case amd64.SpVEX, amd64.SpXOP:
		p := vexPPOf[k.pp]
		if p == 0xff {
			return nil
		}
		last := (f.vvvv&15)<<3 ^ 0x78 | k.l<<2 | p
		switch {
		case k.space == amd64.SpXOP:
			b = append(b, 0x8f, (f.r<<7|f.x<<6|f.b<<5)^0xe0|(k.mp+8), k.w<<7|last, k.op)
		case f.short && k.mp == 1 && k.w == 0 && f.x|f.b == 0:
			b = append(b, 0xc5, (1-f.r)<<7|last, k.op)
		default:
			b = append(b, 0xc4, (f.r<<7|f.x<<6|f.b<<5)^0xe0|k.mp, k.w<<7|last, k.op)
		}
	case amd64.SpEVEX:
		p := vexPPOf[k.pp]
		if p == 0xff {
			return nil
		}
		b = append(b, 0x62, (f.r<<7|f.x<<6|f.b<<5|f.r4<<4)^0xf0|k.mp, k.w<<7|(f.vvvv&15)<<3^0x78|4|p,
			f.z<<7|k.l<<5|f.bc<<4|(1-f.v4)<<3|f.aaa, k.op)
	}
	mod := uint8(3)
	if k.mem {
		mod = f.mod
	}
	b = append(b, mod<<6|k.reg<<3|k.rm)
	if k.space == amd64.Sp3DNow {
		// The opcode follows the operand.
		if mod != 3 && k.rm == 4 {
			b = append(b, f.sib)
		}
		n := 0
		switch {
		case mod == 1:
			n = 1
		case mod == 2, mod == 0 && k.rm == 5, mod == 0 && k.rm == 4 && f.sib&7 == 5:
			n = 4
		}
		b = append(b, f.tail[:n]...)
		return append(b, k.op)
	}
	if mod != 3 && k.rm == 4 {
		b = append(b, f.sib)
	}
	return append(b, f.tail[:]...)
}

// Forms finds all rows that the decoder has, by trying all keys.
var Forms = sync.OnceValue(func() []*Form {
	byRow := make(map[*amd64.Row]*Form)
	var list []*Form
	rng := rand.New(rand.NewPCG(1, 2))
	var in amd64.Inst
	try := func(k key, f *fields) bool {
		b := encode(k, f)
		if b == nil || amd64.Decode(b, &in) != nil {
			return false
		}
		fm := byRow[in.Row]
		if fm == nil {
			fm = &Form{Row: in.Row}
			byRow[in.Row] = fm
			list = append(list, fm)
		}
		// A sample of the keys, each with the same chance.
		const keep = 48
		fm.Seen++
		if len(fm.keys) < keep {
			fm.keys = append(fm.keys, k)
		} else if i := rng.IntN(fm.Seen); i < keep {
			fm.keys[i] = k
		}
		return true
	}
	spaces := []struct {
		space, l uint8
		maps     []uint8
	}{
		{amd64.SpLegacy, 1, []uint8{0, 1, 2, 3}}, {amd64.Sp3DNow, 1, []uint8{0}}, {amd64.SpVEX, 2, []uint8{1, 2, 3, 5, 7}},
		{amd64.SpEVEX, 3, []uint8{1, 2, 3, 5, 6}}, {amd64.SpXOP, 2, []uint8{0, 1, 2}},
	}
	for _, s := range spaces {
		for _, mp := range s.maps {
			for op := 0; op < 256; op++ {
				for sel := uint8(0); sel < 6*2*s.l*2; sel++ {
					k := key{space: s.space, mp: mp, op: uint8(op), pp: sel % 6, w: sel / 6 % 2, l: sel / 12 % s.l, mem: sel/12/s.l != 0}
					for mr := uint8(0); mr < 64; mr++ {
						k.reg, k.rm = mr>>3, mr&7
						if k.mem && k.rm != 1 && k.rm != 4 && k.rm != 5 {
							continue // no row tells them apart
						}
						f := fields{sib: 0x18, mod: 0}
						if try(k, &f) || s.space == amd64.SpLegacy || s.space == amd64.Sp3DNow {
							continue
						}
						f.vvvv, f.aaa, f.sib = 5, 1, 0x20 // gathers and complex products want different registers, or a mask
						if try(k, &f) || s.space == amd64.SpVEX {
							continue
						}
						f.vvvv = 0
						try(k, &f)
					}
				}
			}
		}
	}
	return list
})

// Random makes a random encoding of the row and decodes it to in; nil when the dice gave none.
func (fm *Form) Random(rng *rand.Rand, in *amd64.Inst) []byte {
	k := fm.keys[rng.IntN(len(fm.keys))]
	for try := 0; try < 30; try++ {
		u := rng.Uint64()
		bit := func() uint8 { x := uint8(u & 1); u >>= 1; return x }
		f := fields{r: bit(), x: bit(), b: bit(), r4: bit(), v4: bit(), z: bit(), bc: bit(), short: bit() == 0, rex: u&3 == 3}
		if u&7 < 3 {
			f.r, f.x, f.b, f.rex = 0, 0, 0, false
		}
		u >>= 3
		f.vvvv, u = uint8(u&15), u>>4
		f.aaa, u = uint8(u&7), u>>3
		f.mod, u = uint8(u&3)%3, u>>2
		f.sib, u = uint8(u), u>>8
		if try > 2 {
			f.vvvv, f.v4 = f.vvvv*(f.aaa&1), 0
			f.bc &= bit()
			f.z &= bit()
			if try&1 != 0 {
				f.aaa = 0
			}
		}
		if try > 12 {
			f.r, f.r4, f.z, f.bc = 0, 0, 0, 0
		}
		if f.aaa == 0 {
			f.z = 0
		}
		if k.mem {
			if u&3 == 0 {
				f.mod = 0
				if k.rm != 4 {
					k.rm = 5 // rip-relative
				}
			}
			u >>= 2
			switch u & 31 {
			case 0, 1:
				f.pre = append(f.pre, 0x64)
			case 2, 3:
				f.pre = append(f.pre, 0x65)
			case 4, 5:
				f.pre = append(f.pre, 0x67)
			case 6:
				f.pre = append(f.pre, 0x67, 0x64)
			case 7:
				f.pre = append(f.pre, 0x65, 0x67)
			case 8:
				f.pre = append(f.pre, 0x36)
			case 9, 10:
				f.pre = append(f.pre, 0xf0)
			}
		} else if u&63 == 0 {
			f.pre = append(f.pre, []byte{0x64, 0x65, 0x67, 0x2e}[u>>6&3])
		}
		for i := range f.tail {
			f.tail[i] = byte(rng.Uint32())
		}
		b := encode(k, &f)
		if b == nil || amd64.Decode(b, in) != nil || in.Row != fm.Row {
			continue
		}
		return b[:in.Len]
	}
	return nil
}
