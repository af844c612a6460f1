// Package inflate decompresses zlib streams (RFC 1950 and 1951) of known size into memory. The standard library's reader goes through
// a window and an interface call for each byte, and takes nearly three times as long (61 and 22 ms for the C library's .debug_info). To
// decompress that library's debug information is most of what the end of a short run under a profiler takes.
//
// It does not verify the checksum at the end, and it is not a reader: input and output are whole. Damaged input is an error, never
// a panic. Functions may be called concurrently.
package inflate

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

var (
	errHeader = errors.New("inflate: no zlib header")
	errShort  = errors.New("inflate: the stream ends before the data does")
	errLong   = errors.New("inflate: there is more data than was said")
	errCode   = errors.New("inflate: a code that does not exist")
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
	endBlock  = 256
	// maxPair is the number of bits of a length and a distance: two codes, and their extra bits.
	maxPair = 2*maxBits + 5 + 13
)

// code is a Huffman code. Codes of up to tableBits bits are looked up by the bits that come next; longer ones are rare.
type code struct {
	table   [1 << tableBits]uint16 // symbol<<lengthBits | length; 0 for longer codes
	first   [maxBits + 1]int       // the first code of a length, as a number whose highest bit comes first
	count   [maxBits + 1]int       // codes of a length
	index   [maxBits + 1]int       // of the first symbol of a length in symbols
	symbols [288]uint16            // by code
}

const (
	lengthBits = 4
	lengthMask = 1<<lengthBits - 1
)

// build makes the code of symbols with these lengths.
func (c *code) build(lengths []uint8) error {
	clear(c.table[:])
	clear(c.count[:])
	for _, n := range lengths {
		c.count[n]++
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
		if n <= tableBits {
			for i := int(bits.Reverse16(uint16(codes[n])) >> (16 - n)); i < len(c.table); i += 1 << n {
				c.table[i] = uint16(sym)<<lengthBits | uint16(n)
			}
		}
		codes[n]++
	}
	return nil
}

// stream is the input: the n lowest bits of hold come next, then src[pos:].
type stream struct {
	src  []byte
	pos  int
	hold uint64
	n    uint
}

// fill makes at least 56 bits available. Behind the end of the input there are zeros.
func (s *stream) fill() {
	if s.pos+8 <= len(s.src) {
		s.hold |= binary.LittleEndian.Uint64(s.src[s.pos:]) << s.n
		s.pos += int(63-s.n) >> 3
		s.n |= 56
		return
	}
	for s.n <= 56 {
		if s.pos < len(s.src) {
			s.hold |= uint64(s.src[s.pos]) << s.n
		}
		s.pos++
		s.n += 8
	}
}

// over reports whether more bits were taken than there are.
func (s *stream) over() bool { return s.pos-int(s.n/8) > len(s.src) }

// bits takes n bits, which are available.
func (s *stream) bits(n uint8) uint {
	v := uint(s.hold) & (1<<n - 1)
	s.hold >>= n
	s.n -= uint(n)
	return v
}

// symbol takes a symbol of c; maxBits bits are available. ok is false for a code that does not exist.
func (s *stream) symbol(c *code) (sym int, ok bool) {
	if e := c.table[s.hold&(1<<tableBits-1)]; e != 0 {
		s.hold >>= e & lengthMask
		s.n -= uint(e & lengthMask)
		return int(e >> lengthBits), true
	}
	v := 0
	for n := 1; n <= maxBits; n++ {
		v = v<<1 | int(s.hold>>(n-1)&1)
		if k := v - c.first[n]; k >= 0 && k < c.count[n] {
			s.bits(uint8(n))
			return int(c.symbols[c.index[n]+k]), true
		}
	}
	return 0, false
}

// Zlib decompresses the zlib stream src, whose data has the size of dst, into dst.
func Zlib(dst, src []byte) error {
	// RFC 1950, 2.2: deflate with a window of at most 32 kB, without a dictionary.
	if len(src) < 2 || src[0]&15 != 8 || src[0]>>4 > 7 || src[1]&0x20 != 0 || binary.BigEndian.Uint16(src)%31 != 0 {
		return errHeader
	}
	s := stream{src: src[2:]}
	var lits, dists code
	out := 0
	for last := false; !last; {
		s.fill()
		last = s.bits(1) == 1
		var err error
		switch s.bits(2) {
		case 0:
			out, err = s.stored(dst, out)
		case 1:
			if err = fixed(&lits, &dists); err == nil {
				out, err = s.block(dst, out, &lits, &dists)
			}
		case 2:
			if err = s.dynamic(&lits, &dists); err == nil {
				out, err = s.block(dst, out, &lits, &dists)
			}
		default:
			err = errCode
		}
		if err != nil {
			return err
		}
		if s.over() {
			return errShort
		}
	}
	if out < len(dst) {
		return errShort
	}
	return nil
}

// stored copies a block that is not compressed.
func (s *stream) stored(dst []byte, out int) (int, error) {
	s.bits(uint8(s.n & 7))
	s.pos -= int(s.n / 8)
	s.hold, s.n = 0, 0
	if s.pos+4 > len(s.src) {
		return out, errShort
	}
	size := int(binary.LittleEndian.Uint16(s.src[s.pos:]))
	if binary.LittleEndian.Uint16(s.src[s.pos+2:]) != ^uint16(size) {
		return out, errCode
	}
	s.pos += 4
	switch {
	case s.pos+size > len(s.src):
		return out, errShort
	case size > len(dst)-out:
		return out, errLong
	}
	copy(dst[out:], s.src[s.pos:s.pos+size])
	s.pos += size
	return out + size, nil
}

// fixed makes the codes of blocks without codes of their own.
func fixed(lits, dists *code) error {
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
	return errors.Join(lits.build(lengths[:]), dists.build(fives[:]))
}

// dynamic reads the codes of a block.
func (s *stream) dynamic(lits, dists *code) error {
	s.fill()
	nLits, nDists, n := int(s.bits(5))+257, int(s.bits(5))+1, int(s.bits(4))+4
	if nLits > 286 || nDists > 30 {
		return errCode
	}
	var lengths [286 + 30]uint8
	for i := range n {
		s.fill()
		lengths[lengthsOrder[i]] = uint8(s.bits(3))
	}
	if err := lits.build(lengths[:19]); err != nil {
		return err
	}
	clear(lengths[:19])
	all := lengths[:nLits+nDists]
	for i := 0; i < len(all); {
		s.fill()
		sym, ok := s.symbol(lits)
		if !ok {
			return errCode
		}
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
			value, times = all[i-1], 3+int(s.bits(2))
		case 17:
			times = 3 + int(s.bits(3))
		default:
			times = 11 + int(s.bits(7))
		}
		if times > len(all)-i {
			return errCode
		}
		for range times {
			all[i] = value
			i++
		}
	}
	return errors.Join(lits.build(all[:nLits]), dists.build(all[nLits:]))
}

// block decompresses a block to dst[out:].
func (s *stream) block(dst []byte, out int, lits, dists *code) (int, error) {
	for {
		if s.fill(); s.over() {
			return out, errShort
		}
		// Literals whose codes are short, as most are, with what is left of the bits.
		hold, n := s.hold, s.n
		e := lits.table[hold&(1<<tableBits-1)]
		for e != 0 && e < endBlock<<lengthBits && n >= maxPair && out < len(dst) {
			dst[out] = byte(e >> lengthBits)
			out++
			hold >>= e & lengthMask
			n -= uint(e & lengthMask)
			e = lits.table[hold&(1<<tableBits-1)]
		}
		s.hold, s.n = hold, n
		if n < maxPair {
			continue
		}
		sym, ok := s.symbol(lits)
		switch {
		case !ok:
			return out, errCode
		case sym < endBlock:
			if out == len(dst) {
				return out, errLong
			}
			dst[out] = byte(sym)
			out++
			continue
		case sym == endBlock:
			return out, nil
		}
		sym -= endBlock + 1
		if sym >= len(lengthBase) {
			return out, errCode
		}
		length := int(lengthBase[sym]) + int(s.bits(lengthExtra[sym]))
		if sym, ok = s.symbol(dists); !ok || sym >= len(distBase) {
			return out, errCode
		}
		dist := int(distBase[sym]) + int(s.bits(distExtra[sym]))
		switch {
		case dist > out:
			return out, errCode
		case length > len(dst)-out:
			return out, errLong
		}
		if dist >= 8 && length <= len(dst)-out-8 { // most matches are short: some bytes too many are overwritten later
			from, to := dst[out-dist:], dst[out:]
			for i := 0; i < length; i += 8 {
				binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
			}
			out += length
			continue
		}
		from := dst[out-dist : out-dist+length]
		to := dst[out : out+length]
		for i := range to {
			to[i] = from[i]
		}
		out += length
	}
}
