package xz

import "encoding/binary"

// Sizes of the LZMA model, from the LZMA specification.
const (
	numStates   = 12
	maxPosBits  = 4
	lenToPos    = 4
	minMatch    = 2
	probInit    = 1 << 10
	probBits    = 11
	probMove    = 5
	topValue    = 1 << 24
	alignBits   = 4
	startPos    = 4
	endPos      = 14
	fullDists   = 1 << (endPos / 2)
	maxLitBits  = 4 // LZMA2 has lc + lp <= 4
	litProbSize = 0x300
)

type prob uint16

// lenModel decodes match lengths.
type lenModel struct {
	choice, choice2 prob
	low, mid        [1 << maxPosBits][8]prob
	high            [256]prob
}

// decoder decodes LZMA2 chunks from in to out.
type decoder struct {
	in    []byte
	out   []byte
	start int // of this block's output in out
	dict  int // matches reach back to here
	limit int

	// range decoder, over the bytes of one chunk
	src        []byte
	rng, code  uint32
	bad        bool
	lc, lp, pb uint
	propsSet   bool
	state      int
	rep        [4]uint32
	isMatch    [numStates][1 << maxPosBits]prob
	isRep      [numStates]prob
	isRepG0    [numStates]prob
	isRepG1    [numStates]prob
	isRepG2    [numStates]prob
	isRep0Long [numStates][1 << maxPosBits]prob
	slot       [lenToPos][64]prob
	special    [fullDists - endPos + 1]prob
	align      [1 << alignBits]prob
	matchLen   lenModel
	repLen     lenModel
	lit        [litProbSize << maxLitBits]prob
}

// run decodes chunks up to the end marker and leaves in behind it.
func (d *decoder) run() error {
	d.dict = d.start
	fresh := true // the first chunk has to reset the dictionary
	for {
		if len(d.in) == 0 {
			return errCut
		}
		c := d.in[0]
		switch {
		case c == 0:
			d.in = d.in[1:]
			return nil
		case c == 1 || c == 2: // stored
			if len(d.in) < 3 {
				return errCut
			}
			n := int(binary.BigEndian.Uint16(d.in[1:])) + 1
			if len(d.in) < 3+n {
				return errCut
			}
			if c == 1 {
				d.dict = len(d.out)
			} else if fresh {
				return errDamaged
			}
			if len(d.out)+n > d.limit {
				return errTooBig
			}
			d.out = append(d.out, d.in[3:3+n]...)
			d.in = d.in[3+n:]
		case c >= 0x80:
			if err := d.chunk(c, fresh); err != nil {
				return err
			}
		default:
			return errDamaged
		}
		fresh = false
	}
}

// chunk decodes one compressed chunk.
func (d *decoder) chunk(c byte, fresh bool) error {
	if len(d.in) < 6 {
		return errCut
	}
	plain := int(c&0x1f)<<16 + int(binary.BigEndian.Uint16(d.in[1:])) + 1
	packed := int(binary.BigEndian.Uint16(d.in[3:])) + 1
	d.in = d.in[5:]
	reset := c >> 5 & 3 // 0 nothing, 1 state, 2 and properties, 3 and dictionary
	if reset == 3 {
		d.dict = len(d.out)
	} else if fresh {
		return errDamaged
	}
	if reset >= 2 {
		p := uint(d.in[0])
		d.in = d.in[1:]
		d.lc, d.lp, d.pb = p%9, p/9%5, p/45
		if d.lc+d.lp > maxLitBits || d.pb > maxPosBits {
			return errDamaged
		}
		d.propsSet = true
	}
	if !d.propsSet {
		return errDamaged
	}
	if reset >= 1 {
		d.reset()
	}
	if packed > len(d.in) || packed < 5 {
		return errCut
	}
	if len(d.out)+plain > d.limit {
		return errTooBig
	}
	d.src, d.in = d.in[:packed], d.in[packed:]
	d.rng, d.code = 0xffffffff, binary.BigEndian.Uint32(d.src[1:])
	d.src = d.src[5:]
	end := len(d.out) + plain
	for len(d.out) < end {
		if !d.symbol(end) || d.bad {
			return errDamaged
		}
	}
	return nil
}

// reset puts the model into its initial state.
func (d *decoder) reset() {
	d.state, d.rep = 0, [4]uint32{}
	fill := func(p []prob) {
		for i := range p {
			p[i] = probInit
		}
	}
	for i := range numStates {
		fill(d.isMatch[i][:])
		fill(d.isRep0Long[i][:])
	}
	fill(d.isRep[:])
	fill(d.isRepG0[:])
	fill(d.isRepG1[:])
	fill(d.isRepG2[:])
	for i := range d.slot {
		fill(d.slot[i][:])
	}
	fill(d.special[:])
	fill(d.align[:])
	fill(d.lit[:])
	for _, l := range []*lenModel{&d.matchLen, &d.repLen} {
		l.choice, l.choice2 = probInit, probInit
		for i := range l.low {
			fill(l.low[i][:])
			fill(l.mid[i][:])
		}
		fill(l.high[:])
	}
}

func (d *decoder) normalize() {
	if d.rng < topValue {
		d.rng <<= 8
		d.code <<= 8
		if len(d.src) == 0 {
			d.bad = true
			return
		}
		d.code |= uint32(d.src[0])
		d.src = d.src[1:]
	}
}

func (d *decoder) bit(p *prob) uint32 {
	d.normalize()
	bound := d.rng >> probBits * uint32(*p)
	if d.code < bound {
		d.rng = bound
		*p += (1<<probBits - *p) >> probMove
		return 0
	}
	d.rng -= bound
	d.code -= bound
	*p -= *p >> probMove
	return 1
}

// direct decodes n equally likely bits.
func (d *decoder) direct(n uint) uint32 {
	var v uint32
	for ; n > 0; n-- {
		d.normalize()
		d.rng >>= 1
		v <<= 1
		if d.code >= d.rng {
			d.code -= d.rng
			v |= 1
		}
	}
	return v
}

// tree decodes n bits, most significant first.
func (d *decoder) tree(p []prob, n uint) uint32 {
	m := uint32(1)
	for range n {
		m = m<<1 | d.bit(&p[m])
	}
	return m - 1<<n
}

// reverse decodes n bits, least significant first.
func (d *decoder) reverse(p []prob, n uint) uint32 {
	m, v := uint32(1), uint32(0)
	for i := range n {
		b := d.bit(&p[m])
		m = m<<1 | b
		v |= b << i
	}
	return v
}

func (d *decoder) length(l *lenModel, pos uint32) uint32 {
	if d.bit(&l.choice) == 0 {
		return d.tree(l.low[pos][:], 3)
	}
	if d.bit(&l.choice2) == 0 {
		return 8 + d.tree(l.mid[pos][:], 3)
	}
	return 16 + d.tree(l.high[:], 8)
}

// symbol decodes a literal or a match; output must not pass end.
func (d *decoder) symbol(end int) bool {
	have := len(d.out) - d.dict
	pos := uint32(len(d.out)-d.start) & (1<<d.pb - 1)
	if d.bit(&d.isMatch[d.state][pos]) == 0 {
		return d.literal(have)
	}
	var n uint32
	if d.bit(&d.isRep[d.state]) == 0 {
		d.rep[3], d.rep[2], d.rep[1] = d.rep[2], d.rep[1], d.rep[0]
		n = d.length(&d.matchLen, pos)
		d.rep[0] = d.distance(n)
		d.state = 7 + 3*btoi(d.state >= 7)
	} else {
		if have == 0 {
			return false
		}
		if d.bit(&d.isRepG0[d.state]) == 0 {
			if d.bit(&d.isRep0Long[d.state][pos]) == 0 {
				d.state = 9 + 2*btoi(d.state >= 7)
				return d.copy(1, have)
			}
		} else if d.bit(&d.isRepG1[d.state]) == 0 {
			d.rep[0], d.rep[1] = d.rep[1], d.rep[0]
		} else if d.bit(&d.isRepG2[d.state]) == 0 {
			d.rep[0], d.rep[1], d.rep[2] = d.rep[2], d.rep[0], d.rep[1]
		} else {
			d.rep[0], d.rep[1], d.rep[2], d.rep[3] = d.rep[3], d.rep[0], d.rep[1], d.rep[2]
		}
		n = d.length(&d.repLen, pos)
		d.state = 8 + 3*btoi(d.state >= 7)
	}
	n += minMatch
	return int(n) <= end-len(d.out) && d.copy(int(n), have)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// literal decodes one byte.
func (d *decoder) literal(have int) bool {
	var prev byte
	if have > 0 {
		prev = d.out[len(d.out)-1]
	}
	low := uint32(len(d.out)-d.start) & (1<<d.lp - 1)
	p := d.lit[litProbSize*(low<<d.lc|uint32(prev)>>(8-d.lc)):]
	m := uint32(1)
	if d.state >= 7 {
		if int(d.rep[0]) >= have {
			return false
		}
		match := uint32(d.out[len(d.out)-1-int(d.rep[0])])
		for m < 0x100 {
			match <<= 1
			want := match & 0x100
			b := d.bit(&p[0x100+want+m])
			m = m<<1 | b
			if want>>8 != b {
				break
			}
		}
	}
	for m < 0x100 {
		m = m<<1 | d.bit(&p[m])
	}
	d.out = append(d.out, byte(m))
	switch {
	case d.state < 4:
		d.state = 0
	case d.state < 10:
		d.state -= 3
	default:
		d.state -= 6
	}
	return true
}

// distance decodes how far back a match of length n (less minMatch) is, less one.
func (d *decoder) distance(n uint32) uint32 {
	slot := d.tree(d.slot[min(n, lenToPos-1)][:], 6)
	if slot < startPos {
		return slot
	}
	bits := uint(slot>>1 - 1)
	v := (2 | slot&1) << bits
	if slot < endPos {
		return v + d.reverse(d.special[v-slot:], bits)
	}
	return v + d.direct(bits-alignBits)<<alignBits + d.reverse(d.align[:], alignBits)
}

// copy repeats n bytes from rep[0]+1 back.
func (d *decoder) copy(n, have int) bool {
	if int(d.rep[0]) >= have {
		return false
	}
	from := len(d.out) - 1 - int(d.rep[0])
	for range n {
		d.out = append(d.out, d.out[from])
		from++
	}
	return true
}
