package debuginfo

import (
	"bytes"
	stdelf "debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"gogrind/internal/debuginfo/inflate"
)

// maxPlain bounds the size of a decompressed section.
const maxPlain = 1 << 32

// contents are those of a section, decompressed. They are read from the front, as far as they are wanted: to decompress all debug
// information of the C library takes 20 ms. It is not safe for concurrent use.
type contents struct {
	f   *elfFile
	s   *section
	buf []byte          // as long as all of it; have bytes are there
	z   *inflate.Stream // nil when it is not compressed, or done

	have int
	err  error // why there are not more
}

// contents prepares to read s. A section without file contents has none.
func (f *elfFile) contents(s *section) (*contents, error) {
	c := &contents{f: f, s: s}
	if s.typ == uint32(stdelf.SHT_NOBITS) || s.size == 0 {
		return c, nil
	}
	fail := func(err error) (*contents, error) { return nil, fmt.Errorf("section %s: %w", s.name, err) }
	r, err := f.use()
	if err != nil {
		return fail(err)
	}
	defer r.Close()
	if size := uint64(r.Size()); s.off > size || s.size > size-s.off {
		return fail(fmt.Errorf("range %#x+%#x outside the file of %#x bytes", s.off, s.size, size))
	}
	switch {
	case s.flags&uint64(stdelf.SHF_COMPRESSED) != 0:
		err = c.compressed(r)
	case len(s.name) > 7 && s.name[:7] == ".zdebug":
		err = c.zdebug(r)
	default:
		c.buf = make([]byte, s.size)
	}
	if err != nil {
		return fail(err)
	}
	return c, nil
}

// firstRead is the least that is read at a time of what is not compressed; later reads double what is there.
const firstRead = 64 << 10

// Size implements dwarf.Contents.
func (c *contents) Size() uint64 { return uint64(len(c.buf)) }

// Prefix implements dwarf.Contents.
func (c *contents) Prefix(n uint64) ([]byte, error) {
	n = min(n, uint64(len(c.buf)))
	if n > uint64(c.have) && c.err == nil {
		if c.z != nil {
			c.have, c.err = c.z.To(int(n))
		} else {
			c.err = c.read(int(n))
		}
		if c.have == len(c.buf) || c.err != nil {
			c.z = nil
		}
		if c.err != nil {
			c.err = fmt.Errorf("section %s: %w", c.s.name, c.err)
		}
	}
	return c.buf[:c.have], c.err
}

// read reads the first n bytes, or more.
func (c *contents) read(n int) error {
	r, err := c.f.use()
	if err != nil {
		return err
	}
	defer r.Close()
	n = min(max(n, 2*c.have, firstRead), len(c.buf))
	if _, err := r.ReadAt(c.buf[c.have:n], int64(c.s.off)+int64(c.have)); err != nil {
		return err
	}
	c.have = n
	return nil
}

// data reads a section's contents, decompressed. A section without file contents gives nil.
func (f *elfFile) data(s *section) ([]byte, error) {
	c, err := f.contents(s)
	if err != nil {
		return nil, err
	}
	b, err := c.Prefix(math.MaxUint64)
	if err != nil || len(b) == 0 {
		return nil, err
	}
	return b, nil
}

// compressed prepares to undo SHF_COMPRESSED.
func (c *contents) compressed(r File) error {
	var h [chdrSize]byte
	if c.s.size < chdrSize {
		return io.ErrUnexpectedEOF
	}
	if _, err := r.ReadAt(h[:], int64(c.s.off)); err != nil {
		return err
	}
	typ, size := stdelf.CompressionType(binary.LittleEndian.Uint32(h[:])), binary.LittleEndian.Uint64(h[8:])
	switch typ {
	case stdelf.COMPRESS_ZLIB:
		return c.zlib(chdrSize, size)
	case stdelf.COMPRESS_ZSTD:
		b, err := readRange(r, c.s.off, c.s.size)
		if err != nil {
			return err
		}
		c.buf, err = unzstd(b, size)
		c.have = len(c.buf)
		return err
	}
	return fmt.Errorf("compression type %d is unknown", typ)
}

// zdebug prepares to undo the older .zdebug form: "ZLIB", size in 8 big-endian bytes, zlib stream.
func (c *contents) zdebug(r File) error {
	var h [12]byte
	if c.s.size < uint64(len(h)) {
		return errNoZLIB
	}
	if _, err := r.ReadAt(h[:], int64(c.s.off)); err != nil {
		return err
	}
	if string(h[:4]) != "ZLIB" {
		return errNoZLIB
	}
	return c.zlib(uint64(len(h)), binary.BigEndian.Uint64(h[4:]))
}

var errNoZLIB = errors.New("no ZLIB header")

// zlib prepares to decompress the section behind its header, which gives size bytes.
func (c *contents) zlib(header, size uint64) error {
	n := c.s.size - header
	// Deflate can't compress better than 1032:1, so a header that promises more is a lie.
	if size > maxPlain || size/1032 > n {
		return fmt.Errorf("%d compressed bytes can't hold %d", n, size)
	}
	c.buf = make([]byte, size)
	c.z = inflate.NewStream(c.buf, int(n), func(p []byte, off int) error {
		r, err := c.f.use()
		if err != nil {
			return err
		}
		defer r.Close()
		_, err = r.ReadAt(p, int64(c.s.off+header)+int64(off))
		return err
	})
	return nil
}

// unzstd decompresses a section with the standard library, whose zstd decoder is reachable only through debug/elf: b is
// wrapped as the single compressed section of a minimal object.
func unzstd(b []byte, size uint64) ([]byte, error) {
	if size > maxPlain {
		return nil, fmt.Errorf("%d bytes are too many", size)
	}
	le := binary.LittleEndian
	// Layout: header, three section headers (null, the section, the names), names, data.
	const names = "\x00.z\x00.n\x00"
	const dataOff = ehdrSize + 3*shdrSize + 8
	img := make([]byte, dataOff, dataOff+len(b))
	copy(img, "\x7fELF\x02\x01\x01")
	le.PutUint16(img[16:], uint16(stdelf.ET_DYN))
	le.PutUint16(img[18:], uint16(stdelf.EM_X86_64))
	le.PutUint32(img[20:], 1)
	le.PutUint64(img[40:], ehdrSize)
	le.PutUint16(img[52:], ehdrSize)
	le.PutUint16(img[58:], shdrSize)
	le.PutUint16(img[60:], 3)
	le.PutUint16(img[62:], 2)
	header := func(i int, name, typ uint32, flags, off, n uint64) {
		p := img[ehdrSize+i*shdrSize:]
		le.PutUint32(p, name)
		le.PutUint32(p[4:], typ)
		le.PutUint64(p[8:], flags)
		le.PutUint64(p[24:], off)
		le.PutUint64(p[32:], n)
	}
	header(1, 1, uint32(stdelf.SHT_PROGBITS), uint64(stdelf.SHF_COMPRESSED), dataOff, uint64(len(b)))
	header(2, 4, uint32(stdelf.SHT_STRTAB), 0, ehdrSize+3*shdrSize, uint64(len(names)))
	copy(img[ehdrSize+3*shdrSize:], names)
	img = append(img, b...)
	e, err := stdelf.NewFile(bytes.NewReader(img))
	if err != nil {
		return nil, err
	}
	return e.Sections[1].Data()
}
