package inflate

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// RFC 1951, 3.2.5 to 3.2.7.
var (
	lengthBase   = [...]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra  = [...]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase     = [...]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra    = [...]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	lengthsOrder = [...]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

const (
	maxBits   = 15
	tableBits = 11
	tableMask = 1<<tableBits - 1
	endBlock  = 256
	// maxPair is the number of bits of a length and a distance: two codes, and their extra bits.
	maxPair = 2*maxBits + 5 + 13
)

// What a code stands for, in one number: the length of the code, the number of extra bits behind it, and what they are added to.
const (
	lengthMask = 1<<4 - 1
	extraShift = 4
	extraMask  = 1<<4 - 1
	isLiteral  = 1 << 8
	isEnd      = 1 << 9
	baseShift  = 16
)

// meaning has those numbers by symbol, without the lengths of codes.
type meaning []uint

var (
	litMeanings  = newLits()
	distMeanings = newDists()
	// A length of a code, in the codes that the lengths of codes are written in.
	lengthMeanings = newLengths()
)

func newLits() meaning {
	m := make(meaning, endBlock+1+len(lengthBase))
	for i := range endBlock {
		m[i] = isLiteral | uint(i)<<baseShift
	}
	m[endBlock] = isEnd
	for i, b := range lengthBase {
		m[endBlock+1+i] = uint(b)<<baseShift | uint(lengthExtra[i])<<extraShift
	}
	return m
}

func newDists() meaning {
	m := make(meaning, len(distBase))
	for i, b := range distBase {
		m[i] = uint(b)<<baseShift | uint(distExtra[i])<<extraShift
	}
	return m
}

func newLengths() meaning {
	m := make(meaning, len(lengthsOrder))
	for i := range m {
		m[i] = isLiteral | uint(i)<<baseShift
	}
	return m
}

// code is a Huffman code. Codes of up to tableBits bits are looked up by the bits that come next; longer ones are rare.
type code struct {
	table   [1 << tableBits]uint32 // what they stand for; 0 for longer codes and those that do not exist
	means   meaning
	first   [maxBits + 1]int // the first code of a length, as a number whose highest bit comes first
	count   [maxBits + 1]int // codes of a length
	index   [maxBits + 1]int // of the first symbol of a length in symbols
	symbols [288]uint16      // by code
}

// build makes the code of symbols with these lengths.
func (c *code) build(lengths []uint8, means meaning) error {
	c.means = means
	clear(c.table[:])
	clear(c.count[:])
	for _, n := range lengths {
		c.count[n&maxBits]++
	}
	c.count[0] = 0
	next, at := 0, 0
	var codes, places [maxBits + 1]int
	for n := 1; n <= maxBits; n++ {
		next <<= 1
		c.first[n], c.index[n] = next, at
		codes[n], places[n] = next, at
		next += c.count[n]
		at += c.count[n]
		if next > 1<<n {
			return errCode
		}
	}
	for sym, n := range lengths {
		if n == 0 {
			continue
		}
		c.symbols[places[n]] = uint16(sym)
		places[n]++
		if n <= tableBits && sym < len(means) {
			e := means[sym] | uint(n)
			for i := int(bits.Reverse16(uint16(codes[n])) >> (16 - n)); i < len(c.table); i += 1 << n {
				c.table[i] = uint32(e)
			}
		}
		codes[n]++
	}
	return nil
}

// long is what the code at the front of hold stands for, which is not in the table; 0 when there is no such code.
func (c *code) long(hold uint64) uint {
	v := 0
	for n := 1; n <= maxBits; n++ {
		v = v<<1 | int(hold>>(n-1)&1)
		if k := v - c.first[n]; k >= 0 && k < c.count[n] {
			if sym := int(c.symbols[c.index[n]+k]); sym < len(c.means) {
				return c.means[sym] | uint(n)
			}
			return 0
		}
	}
	return 0
}

// bitReader is the input: the n lowest bits of hold come next, then src[pos:]. Bits of hold above n may be those of src already.
type bitReader struct {
	src  []byte
	pos  int
	hold uint64
	n    uint
}

// fill makes at least 56 bits available. Behind the end of the input there are zeros.
func (s *bitReader) fill() {
	if s.pos+8 <= len(s.src) {
		s.hold |= binary.LittleEndian.Uint64(s.src[s.pos:]) << s.n
		s.pos += int(63-s.n) >> 3
		s.n |= 56
		return
	}
	s.hold &= 1<<s.n - 1
	for s.n < 56 {
		if s.pos < len(s.src) {
			s.hold |= uint64(s.src[s.pos]) << s.n
		}
		s.pos++
		s.n += 8
	}
}

// over reports whether more bits were taken than there are.
func (s *bitReader) over() bool { return s.pos-int(s.n/8) > len(s.src) }

// bits takes n bits, which are available.
func (s *bitReader) bits(n uint) int {
	v := int(s.hold & (1<<n - 1))
	s.hold >>= n
	s.n -= n
	return v
}

// take takes a code, with maxBits bits available, and returns what it stands for, 0 when there is no such code.
func (s *bitReader) take(c *code) uint {
	e := uint(c.table[s.hold&tableMask])
	if e == 0 {
		e = c.long(s.hold)
	}
	s.bits(e & lengthMask)
	return e
}

// fixed makes the codes of blocks without codes of their own.
func (s *Stream) fixed() error {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		case i < 280:
			lengths[i] = 7
		default:
			lengths[i] = 8
		}
	}
	var fives [32]uint8
	for i := range fives {
		fives[i] = 5
	}
	return errors.Join(s.lits.build(lengths[:], litMeanings), s.dists.build(fives[:], distMeanings))
}

// dynamic reads the codes of a block.
func (s *Stream) dynamic() error {
	s.fill()
	nLits, nDists, n := s.bits(5)+257, s.bits(5)+1, s.bits(4)+4
	if nLits > 286 || nDists > 30 {
		return errCode
	}
	var lengths [286 + 30]uint8
	for i := range n {
		s.fill()
		lengths[lengthsOrder[i]] = uint8(s.bits(3))
	}
	if err := s.lits.build(lengths[:19], lengthMeanings); err != nil {
		return err
	}
	clear(lengths[:19])
	all := lengths[:nLits+nDists]
	for i := 0; i < len(all); {
		s.fill()
		e := s.take(&s.lits)
		if e == 0 {
			return errCode
		}
		sym := e >> baseShift
		if sym < 16 {
			all[i] = uint8(sym)
			i++
			continue
		}
		value, times := uint8(0), 0
		switch sym {
		case 16:
			if i == 0 {
				return errCode
			}
			value, times = all[i-1], 3+s.bits(2)
		case 17:
			times = 3 + s.bits(3)
		default:
			times = 11 + s.bits(7)
		}
		if times > len(all)-i {
			return errCode
		}
		for range times {
			all[i] = value
			i++
		}
	}
	return errors.Join(s.lits.build(all[:nLits], litMeanings), s.dists.build(all[nLits:], distMeanings))
}
