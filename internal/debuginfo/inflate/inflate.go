// Package inflate decompresses zlib streams (RFC 1950 and 1951) of known size into memory, whole or from the front as far as it is
// wanted, and reads no more of them than that takes. The standard library's reader goes through a window and an interface call for each byte, and takes 4 times as long. To
// decompress the C library's debug information was most of what the end of a short run under a profiler took.
//
// It does not verify the checksum at the end, and it is not a reader: the output is where the caller wants it. Damaged input is an error, never a panic. Different streams may be used concurrently.
package inflate

import (
	"encoding/binary"
	"errors"
)

var (
	errHeader = errors.New("inflate: no zlib header")
	errShort  = errors.New("inflate: the stream ends before the data does")
	errLong   = errors.New("inflate: there is more data than was said")
	errCode   = errors.New("inflate: a code that does not exist")
)

// Stream is a zlib stream that is being decompressed.
type Stream struct {
	bitReader // what it has is a window of the input
	size      int
	begun     int // so much of the input was read
	read      func(p []byte, off int) error

	dst  []byte
	out  int // so much of dst is done
	last bool
	in   bool  // a block with codes, which lits and dists are
	err  error // nil, or why it does not go on
	done bool

	lits, dists code
}

// NewStream begins to decompress a stream of size bytes to dst, whose length is that of all the data. read fills p with the bytes of
// the stream from offset off on; it is called by To only.
func NewStream(dst []byte, size int, read func(p []byte, off int) error) *Stream {
	return &Stream{dst: dst, size: size, read: read}
}

// Zlib decompresses the zlib stream src, whose data has the size of dst, into dst.
func Zlib(dst, src []byte) error {
	s := &Stream{dst: dst, size: len(src), begun: len(src)}
	s.src = src
	s.err = s.header()
	_, err := s.To(len(dst))
	return err
}

// header takes what stands before the first block.
func (s *Stream) header() error {
	// RFC 1950, 2.2: deflate with a window of at most 32 kB, without a dictionary.
	h := s.src
	if len(h) < 2 || h[0]&15 != 8 || h[0]>>4 > 7 || h[1]&0x20 != 0 || binary.BigEndian.Uint16(h)%31 != 0 {
		return errHeader
	}
	s.pos = 2
	return nil
}

const (
	// maxWhole is more than the bytes of a block that is not compressed, and of the codes of one that is.
	maxWhole = 1 << 17
	// window is how much of the input is there at a time.
	window = 2 * maxWhole
)

// more reads input, if there is more of it.
func (s *Stream) more() error {
	if s.begun == s.size {
		return nil
	}
	first := s.begun == 0
	if s.src == nil {
		s.src = make([]byte, min(window, s.size))
		s.pos = len(s.src)
	}
	kept := copy(s.src, s.src[min(s.pos, len(s.src)):])
	s.src = s.src[:kept+min(cap(s.src)-kept, s.size-s.begun)]
	if err := s.read(s.src[kept:], s.begun); err != nil {
		return err
	}
	s.begun += len(s.src) - kept
	s.pos = 0
	if first {
		return s.header()
	}
	return nil
}

// To decompresses until the first n bytes of the data are there, or some more. It returns how many are. The last of them come with the
// end of the stream, which says whether there are as many as there should be. An error stays.
func (s *Stream) To(n int) (int, error) {
	for s.err == nil && !s.done && (s.out < n || n >= len(s.dst)) {
		s.err = s.step(n)
	}
	return s.out, s.err
}

// step begins a block, or goes on with one, until n bytes are there.
func (s *Stream) step(n int) error {
	if !s.in {
		if len(s.src)-s.pos < maxWhole {
			if err := s.more(); err != nil {
				return err
			}
		}
		s.fill()
		s.last = s.bits(1) == 1
		var err error
		switch s.bits(2) {
		case 0:
			if err := s.stored(); err != nil {
				return err
			}
			return s.ended()
		case 1:
			err = s.fixed()
		case 2:
			err = s.dynamic()
		default:
			err = errCode
		}
		if err != nil {
			return err
		}
		s.in = true
	}
	if n >= len(s.dst) {
		n = len(s.dst) + 1
	}
	for {
		if err := s.block(n); err != nil || !s.in || s.out >= n {
			return err
		}
		// It needs more input.
		if err := s.more(); err != nil {
			return err
		}
	}
}

// ended notes the end of a block.
func (s *Stream) ended() error {
	s.in = false
	switch {
	case s.over():
		return errShort
	case s.last && s.out < len(s.dst):
		return errShort
	}
	s.done = s.last
	return nil
}

// stored copies a block that is not compressed.
func (s *Stream) stored() error {
	s.bits(s.n & 7)
	s.pos -= int(s.n / 8)
	s.hold, s.n = 0, 0
	if s.pos+4 > len(s.src) {
		return errShort
	}
	size := int(binary.LittleEndian.Uint16(s.src[s.pos:]))
	if binary.LittleEndian.Uint16(s.src[s.pos+2:]) != ^uint16(size) {
		return errCode
	}
	s.pos += 4
	switch {
	case s.pos+size > len(s.src):
		return errShort
	case size > len(s.dst)-s.out:
		return errLong
	}
	s.out += copy(s.dst[s.out:], s.src[s.pos:s.pos+size])
	s.pos += size
	return nil
}

const (
	// maxMatch is the greatest length of a match.
	maxMatch = 258
	// slack is how many bytes behind a match its copy may overwrite.
	slack = 16
)

// block decompresses a block until limit bytes are there, or it ends, or more input is needed.
func (s *Stream) block(limit int) error {
	dst, src, out, pos := s.dst, s.src, s.out, s.pos
	hold, n := s.hold, s.n
	lits, dists := &s.lits.table, &s.dists.table
	// Here nobody asks whether there is input and room: there is enough for three literals and a match.
	for out < limit && out <= len(dst)-(maxMatch+slack+3) && pos <= len(src)-8 {
		hold |= binary.LittleEndian.Uint64(src[pos:]) << (n & 63)
		pos += int(63-n) >> 3
		n |= 56
		// Up to three literals of 11 bits leave 23 bits, and the input is asked again.
		e := uint(lits[hold&tableMask])
		if e&isLiteral != 0 {
			hold >>= e & lengthMask
			n -= e & lengthMask
			dst[out] = byte(e >> baseShift)
			out++
			e = uint(lits[hold&tableMask])
			if e&isLiteral != 0 {
				hold >>= e & lengthMask
				n -= e & lengthMask
				dst[out] = byte(e >> baseShift)
				out++
				e = uint(lits[hold&tableMask])
				if e&isLiteral != 0 {
					hold >>= e & lengthMask
					n -= e & lengthMask
					dst[out] = byte(e >> baseShift)
					out++
					continue
				}
			}
			// A length of 15 + 5 bits and a distance of 15 + 13.
			if n < maxPair {
				if pos > len(src)-8 {
					break
				}
				hold |= binary.LittleEndian.Uint64(src[pos:]) << (n & 63)
				pos += int(63-n) >> 3
				n |= 56
			}
		}
		if e == 0 {
			if e = s.lits.long(hold); e == 0 {
				return errCode
			}
			if e&isLiteral != 0 {
				hold >>= e & lengthMask
				n -= e & lengthMask
				dst[out] = byte(e >> baseShift)
				out++
				continue
			}
		}
		if e&isEnd != 0 {
			s.hold, s.n = hold>>(e&lengthMask), n-(e&lengthMask)
			s.out, s.pos = out, pos
			return s.ended()
		}
		hold >>= e & lengthMask
		n -= e & lengthMask
		x := e >> extraShift & extraMask
		length := int(e>>baseShift) + int(hold&(1<<x-1))
		hold >>= x
		n -= x
		if e = uint(dists[hold&tableMask]); e == 0 {
			if e = s.dists.long(hold); e == 0 {
				return errCode
			}
		}
		hold >>= e & lengthMask
		n -= e & lengthMask
		x = e >> extraShift & extraMask
		dist := int(e>>baseShift) + int(hold&(1<<x-1))
		hold >>= x
		n -= x
		if uint(dist-1) >= uint(out) {
			return errCode
		}
		if dist >= 16 { // most matches are short: some bytes too many are overwritten later
			from, to := dst[out-dist:][:maxMatch+slack], dst[out:][:maxMatch+slack]
			for i := 0; ; i += 16 {
				a, b := binary.LittleEndian.Uint64(from[i:]), binary.LittleEndian.Uint64(from[i+8:])
				binary.LittleEndian.PutUint64(to[i:], a)
				binary.LittleEndian.PutUint64(to[i+8:], b)
				if i+16 >= length {
					break
				}
			}
			out += length
			continue
		}
		repeat(dst, out, dist, length)
		out += length
	}
	s.hold, s.n, s.out, s.pos = hold, n, out, pos
	return s.slowly(limit)
}

// slowly is block at the ends of input and output. It ends before the window does, if there is more input.
func (s *Stream) slowly(limit int) error {
	for s.out < limit {
		if s.begun < s.size && len(s.src)-s.pos < 8 {
			return nil
		}
		if s.fill(); s.over() {
			return errShort
		}
		e := s.take(&s.lits)
		switch {
		case e == 0:
			return errCode
		case e&isLiteral != 0:
			if s.out == len(s.dst) {
				return errLong
			}
			s.dst[s.out] = byte(e >> baseShift)
			s.out++
			continue
		case e&isEnd != 0:
			return s.ended()
		}
		length := int(e>>baseShift) + s.bits(e>>extraShift&extraMask)
		if e = s.take(&s.dists); e == 0 {
			return errCode
		}
		dist := int(e>>baseShift) + s.bits(e>>extraShift&extraMask)
		switch {
		case dist > s.out:
			return errCode
		case length > len(s.dst)-s.out:
			return errLong
		}
		repeat(s.dst, s.out, dist, length)
		s.out += length
	}
	return nil
}

// repeat copies length bytes from dist before dst[out] to there, one after the other, as they may overlap.
func repeat(dst []byte, out, dist, length int) {
	from, to := dst[out-dist:out-dist+length], dst[out:out+length]
	if dist == 1 {
		b := from[0]
		for i := range to {
			to[i] = b
		}
		return
	}
	for i := range to {
		to[i] = from[i]
	}
}
