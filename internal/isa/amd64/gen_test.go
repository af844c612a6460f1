package amd64

import (
	"math/bits"
	"math/rand"
	"testing"
)

// form is a row with a place where it is in the opcode maps.
type form struct {
	space, mp, op int
	row           *Row
}

// forms lists all rows. Rows with a register in the opcode appear once for each opcode.
func forms() (l []form) {
	for sp := range slotOf {
		for mp, slot := range slotOf[sp] {
			if slot < 0 {
				continue
			}
			for op := range 256 {
				i := int(slot)<<8 | op
				for k := range int(slotCnt[i]) {
					l = append(l, form{sp, mp, op, &rows[int(slotIdx[i])-1+k]})
				}
			}
		}
	}
	return l
}

// pick chooses one of the n bits of m that are set.
func pick(rng *rand.Rand, m uint32, n int) int {
	m &= 1<<n - 1
	k := rng.Intn(bits.OnesCount32(m))
	for ; k > 0; k-- {
		m &= m - 1
	}
	return bits.TrailingZeros32(m)
}

// encode makes a random encoding of f with random trailing bytes; nil when the choice of fields has none. Fields that a
// rule about register numbers may forbid are chosen without regard to it.
func (f form) encode(rng *rand.Rand) []byte {
	m := f.row.Mask
	at := f.row.Attr
	pp := pick(rng, m>>kPP, 6)
	w := pick(rng, m>>kW, 2)
	l := pick(rng, m>>kL, 3)
	R, X, B := rng.Intn(2), rng.Intn(2), rng.Intn(2)
	hasModRM := at&AModRM != 0 || f.space == Sp3DNow
	modrm, mem := byte(0), false
	if hasModRM {
		mod := 3
		if pick(rng, m>>kMod, 2) == 0 {
			mod, mem = rng.Intn(3), true
		}
		modrm = byte(mod<<6 | pick(rng, m>>kReg, 8)<<3 | pick(rng, m>>kRm, 8))
	}
	var b []byte
	if mem && rng.Intn(12) == 0 {
		b = append(b, []byte{0x64, 0x65, 0x67}[rng.Intn(3)])
	}
	vv, v4 := rng.Intn(16), rng.Intn(2)
	if at&ANoVV != 0 {
		vv = 0
		if at&AVsibX == 0 {
			v4 = 0
		}
	}
	vpp, single := map[int]int{0: 0, 1: 1, 2: 3, 4: 2}[pp]
	switch f.space {
	case SpLegacy, Sp3DNow:
		b = append(b, [][]byte{{}, {0x66}, {0xf2}, {0x66, 0xf2}, {0xf3}, {0x66, 0xf3}}[pp]...)
		if rex := w<<3 | R<<2 | X<<1 | B; rex != 0 && (w == 1 || rng.Intn(3) > 0) {
			b = append(b, byte(0x40|rex))
		}
		b = append(b, [][]byte{{}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}}[f.mp]...)
		if f.space == Sp3DNow {
			b = append(b, 0x0f, 0x0f)
		} else {
			b = append(b, byte(f.op))
		}
	case SpVEX, SpXOP:
		if !single {
			return nil
		}
		if f.space == SpVEX && f.mp == 1 && w == 0 && rng.Intn(2) == 0 {
			b = append(b, 0xc5, byte((1-R)<<7|(^vv&15)<<3|l<<2|vpp))
		} else {
			e, mp := byte(0xc4), f.mp
			if f.space == SpXOP {
				e, mp = 0x8f, mp+8
			}
			b = append(b, e, byte((1-R)<<7|(1-X)<<6|(1-B)<<5|mp), byte(w<<7|(^vv&15)<<3|l<<2|vpp))
		}
		b = append(b, byte(f.op))
	case SpEVEX:
		if !single {
			return nil
		}
		z, bc, aaa := rng.Intn(2), rng.Intn(2), rng.Intn(8)
		if at&ANoK != 0 {
			aaa = 0
		}
		if at&ANoZ != 0 || aaa == 0 {
			z = 0
		}
		b = append(b, 0x62, byte((1-R)<<7|(1-X)<<6|(1-B)<<5|(1-rng.Intn(2))<<4|f.mp), byte(w<<7|(^vv&15)<<3|4|vpp),
			byte(z<<7|l<<5|bc<<4|(1-v4)<<3|aaa), byte(f.op))
	}
	if hasModRM {
		b = append(b, modrm)
	}
	n := len(b)
	for range 12 {
		b = append(b, byte(rng.Intn(256)))
	}
	if f.space == Sp3DNow { // the opcode comes last
		b[n+5] = byte(f.op)
		for in, i := new(Inst), n; i < n+6; i++ {
			c := append([]byte{}, b...)
			c[i] = byte(f.op)
			if Decode(c, in) == nil && in.Row == f.row {
				return c
			}
		}
		return nil
	}
	return b
}

// encodings makes n random encodings of each form that Decode takes for that form, cut to their length.
func encodings(t testing.TB, rng *rand.Rand, n int) (l [][]byte) {
	in := new(Inst)
	for _, f := range forms() {
		got := 0
		for try := 0; try < 2000 && got < n; try++ {
			b := f.encode(rng)
			if b == nil || Decode(b, in) != nil || in.Row != f.row {
				continue
			}
			got++
			l = append(l, b[:in.Len])
		}
		if got == 0 {
			t.Errorf("%s (space %d, map %d, opcode %02x) has no encoding", f.row.Name(), f.space, f.mp, f.op)
		}
	}
	return l
}

// TestDecodeExact: each form can be encoded and decoded; the bytes of an instruction are enough for it and none can be
// missing.
func TestDecodeExact(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	l := encodings(t, rng, 4)
	t.Logf("%d encodings", len(l))
	in := new(Inst)
	for _, b := range l {
		if err := Decode(b, in); err != nil || int(in.Len) != len(b) {
			t.Errorf("%x: %v, length %d", b, err, in.Len)
		}
		for n := range b {
			if err := Decode(b[:n], in); err == nil {
				t.Errorf("%x: decoded from its first %d bytes", b, n)
				break
			}
		}
	}
}
