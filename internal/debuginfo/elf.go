package debuginfo

import (
	"bytes"
	stdelf "debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// File is an open object file. It is closed as soon as what is needed was read: the guest shares our descriptor table.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// osFile reads a regular file by descriptor, without the runtime's poller and its descriptors.
type osFile struct {
	fd   int
	size int64
}

// openFile opens a regular file. O_NONBLOCK keeps a FIFO or device of that name from blocking us.
func openFile(path string) (File, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		if err == nil {
			err = errors.New("not a regular file")
		}
		return nil, err
	}
	return &osFile{fd: fd, size: st.Size}, nil
}

// OpenAbove returns an Options.Open whose descriptors are first or more, where that is possible.
func OpenAbove(first int) func(path string) (File, error) {
	return func(path string) (File, error) {
		f, err := openFile(path)
		if err != nil {
			return nil, err
		}
		o := f.(*osFile)
		if high, err := unix.FcntlInt(uintptr(o.fd), unix.F_DUPFD_CLOEXEC, first); err == nil {
			unix.Close(o.fd)
			o.fd = high
		}
		return o, nil
	}
}

func (f *osFile) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		m, err := unix.Pread(f.fd, p[n:], off+int64(n))
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return n, err
		case m == 0:
			return n, io.ErrUnexpectedEOF
		}
		n += m
	}
	return n, nil
}

func (f *osFile) Close() error { return unix.Close(f.fd) }
func (f *osFile) Size() int64  { return f.size }

// memFile is an object whose file image is in memory (vDSO, decompressed mini debug info).
type memFile struct{ *bytes.Reader }

func (memFile) Close() error { return nil }

// segment is a program header.
type segment struct {
	typ, flags                uint32
	off, vaddr, filesz, memsz uint64
}

// section is a section header with its name.
type section struct {
	name        string
	typ         uint32
	flags, addr uint64
	off, size   uint64
	link        uint32
	entsize     uint64
}

// elfFile is the header, segments and sections of a 64-bit little-endian object. It holds no descriptor: use gives one
// for each batch of reads, the same one between hold and the call of what that returns.
type elfFile struct {
	open     func() (File, error)
	typ      uint16
	entry    uint64
	shoff    uint64
	shnum    int
	shstrndx int
	segs     []segment
	sections []section
	// loaded says that sections was read (it may be empty all the same).
	loaded bool

	mu    sync.Mutex // guards what follows
	held  File       // nil when there is none
	users int        // of held
}

// use gives the file for a batch of reads, which ends with Close.
func (f *elfFile) use() (File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held != nil {
		f.users++
		return heldFile{f.held, f}, nil
	}
	return f.open()
}

// hold opens the file for several batches; release ends this. Errors show at the first batch.
func (f *elfFile) hold() (release func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		r, err := f.open()
		if err != nil {
			return func() {}
		}
		f.held = r
	}
	f.users++
	return f.release
}

// release closes the file with its last user.
func (f *elfFile) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.users--; f.users == 0 {
		f.held.Close()
		f.held = nil
	}
}

// heldFile is what use gives while the file is held.
type heldFile struct {
	File
	of *elfFile
}

func (h heldFile) Close() error {
	h.of.release()
	return nil
}

var errNotELF = errors.New("not a 64-bit little-endian ELF file")

// sizes of the 64-bit forms of the headers, from the ELF specification
const (
	ehdrSize = 64
	phdrSize = 56
	shdrSize = 64
	symSize  = 24
	chdrSize = 24
)

// readHeader reads the ELF header and the segments.
func readHeader(open func() (File, error)) (*elfFile, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var h [ehdrSize]byte
	if _, err := r.ReadAt(h[:], 0); err != nil {
		return nil, errNotELF
	}
	if string(h[:6]) != "\x7fELF\x02\x01" {
		return nil, errNotELF
	}
	le := binary.LittleEndian
	f := &elfFile{
		open:     open,
		typ:      le.Uint16(h[16:]),
		entry:    le.Uint64(h[24:]),
		shoff:    le.Uint64(h[40:]),
		shnum:    int(le.Uint16(h[60:])),
		shstrndx: int(le.Uint16(h[62:])),
	}
	phoff, phentsize, phnum := le.Uint64(h[32:]), le.Uint16(h[54:]), int(le.Uint16(h[56:]))
	if phnum == 0 {
		return f, nil
	}
	if phentsize != phdrSize {
		return nil, fmt.Errorf("program header entry size %d", phentsize)
	}
	b, err := readRange(r, phoff, uint64(phnum)*phdrSize)
	if err != nil {
		return nil, fmt.Errorf("program headers: %w", err)
	}
	f.segs = make([]segment, phnum)
	for i := range f.segs {
		p := b[i*phdrSize:]
		f.segs[i] = segment{le.Uint32(p), le.Uint32(p[4:]), le.Uint64(p[8:]), le.Uint64(p[16:]), le.Uint64(p[32:]), le.Uint64(p[40:])}
	}
	return f, nil
}

// readRange reads [off, off+n), which must lie in the file; so allocation is bounded by the file's size.
func readRange(r File, off, n uint64) ([]byte, error) {
	size := uint64(r.Size())
	if off > size || n > size-off {
		return nil, fmt.Errorf("range %#x+%#x outside the file of %#x bytes", off, n, size)
	}
	b := make([]byte, n)
	if _, err := r.ReadAt(b, int64(off)); err != nil {
		return nil, err
	}
	return b, nil
}

// loadSections reads the section headers.
func (f *elfFile) loadSections() error {
	if f.loaded {
		return nil
	}
	f.loaded = true
	if f.shoff == 0 {
		f.synthesize()
		return nil
	}
	r, err := f.use()
	if err != nil {
		return err
	}
	defer r.Close()
	le := binary.LittleEndian
	n, strndx := uint64(f.shnum), uint64(f.shstrndx)
	if n == 0 || strndx == uint64(stdelf.SHN_XINDEX) {
		// More sections than 16 bits count: the real numbers are in the first header.
		h, err := readRange(r, f.shoff, shdrSize)
		if err != nil {
			return fmt.Errorf("section headers: %w", err)
		}
		if n == 0 {
			n = le.Uint64(h[32:])
		}
		if strndx == uint64(stdelf.SHN_XINDEX) {
			strndx = uint64(le.Uint32(h[40:]))
		}
	}
	if n > uint64(r.Size())/shdrSize {
		return fmt.Errorf("section headers: %d do not fit in the file", n)
	}
	b, err := readRange(r, f.shoff, n*shdrSize)
	if err != nil {
		return fmt.Errorf("section headers: %w", err)
	}
	secs := make([]section, n)
	names := make([]uint32, n)
	for i := range secs {
		p := b[i*shdrSize:]
		names[i] = le.Uint32(p)
		secs[i] = section{typ: le.Uint32(p[4:]), flags: le.Uint64(p[8:]), addr: le.Uint64(p[16:]), off: le.Uint64(p[24:]),
			size: le.Uint64(p[32:]), link: le.Uint32(p[40:]), entsize: le.Uint64(p[56:])}
	}
	if strndx >= n {
		return nil
	}
	strs, err := readRange(r, secs[strndx].off, secs[strndx].size)
	if err != nil {
		return fmt.Errorf("section names: %w", err)
	}
	tab := string(strs)
	for i := range secs {
		secs[i].name = stringAt(tab, uint64(names[i]))
	}
	f.sections = secs
	return nil
}

// stringAt is the zero-terminated string at off of a string table; "" when there is none.
func stringAt(tab string, off uint64) string {
	if off >= uint64(len(tab)) {
		return ""
	}
	s := tab[off:]
	n := strings.IndexByte(s, 0)
	if n < 0 {
		return ""
	}
	return s[:n]
}

// section finds a section by name.
func (f *elfFile) section(name string) *section {
	for i := range f.sections {
		if f.sections[i].name == name {
			return &f.sections[i]
		}
	}
	return nil
}

// fileRange reads link-time addresses [vaddr, vaddr+n) from the file contents of the segment that covers them.
func (f *elfFile) fileRange(vaddr, n uint64) ([]byte, error) {
	for _, s := range f.segs {
		if s.typ == uint32(stdelf.PT_LOAD) && vaddr >= s.vaddr && vaddr-s.vaddr < s.filesz {
			if n > s.filesz-(vaddr-s.vaddr) {
				break
			}
			r, err := f.use()
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return readRange(r, s.off+(vaddr-s.vaddr), n)
		}
	}
	return nil, fmt.Errorf("address %#x+%#x is in no segment", vaddr, n)
}

// segmentData reads the file contents of a segment.
func (f *elfFile) segmentData(s *segment) ([]byte, error) {
	r, err := f.use()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readRange(r, s.off, s.filesz)
}

// buildID is the GNU build id, "" when there is none.
func (f *elfFile) buildID() string {
	for i := range f.segs {
		if f.segs[i].typ != uint32(stdelf.PT_NOTE) {
			continue
		}
		if b, err := f.segmentData(&f.segs[i]); err == nil {
			if id := findBuildID(b); id != "" {
				return id
			}
		}
	}
	// Separate debug files keep the note as a section; their segments have no contents.
	if s := f.section(".note.gnu.build-id"); s != nil {
		if b, err := f.data(s); err == nil {
			return findBuildID(b)
		}
	}
	return ""
}

// findBuildID looks for NT_GNU_BUILD_ID in a list of notes.
func findBuildID(b []byte) string {
	le := binary.LittleEndian
	for len(b) >= 12 {
		namesz, descsz, typ := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:])), le.Uint32(b[8:])
		nameEnd := 12 + (namesz+3)&^3
		end := nameEnd + (descsz+3)&^3
		if nameEnd+descsz > uint64(len(b)) {
			return ""
		}
		const ntGNUBuildID = 3 // elf.h
		if typ == ntGNUBuildID && namesz == 4 && string(b[12:16]) == "GNU\x00" {
			return fmt.Sprintf("%x", b[nameEnd:nameEnd+descsz])
		}
		if end > uint64(len(b)) {
			return ""
		}
		b = b[end:]
	}
	return ""
}

// usualName is more than the length of most sonames.
const usualName = 256

// contains reports whether a section's contents have part in them, a piece at a time.
func (f *elfFile) contains(s *section, part []byte) (bool, error) {
	if s.flags&uint64(stdelf.SHF_COMPRESSED) != 0 || s.typ == uint32(stdelf.SHT_NOBITS) {
		b, err := f.data(s)
		return bytes.Contains(b, part), err
	}
	r, err := f.use()
	if err != nil {
		return false, err
	}
	defer r.Close()
	if size := uint64(r.Size()); s.off > size || s.size > size-s.off {
		return false, fmt.Errorf("section %s: range %#x+%#x outside the file of %#x bytes", s.name, s.off, s.size, size)
	}
	var buf [16 << 10]byte
	kept := 0 // bytes at the front of buf that may be the beginning of part
	for at := uint64(0); at < s.size; {
		n := int(min(uint64(len(buf)-kept), s.size-at))
		if _, err := r.ReadAt(buf[kept:kept+n], int64(s.off+at)); err != nil {
			return false, fmt.Errorf("section %s: %w", s.name, err)
		}
		at += uint64(n)
		b := buf[:kept+n]
		if bytes.Contains(b, part) {
			return true, nil
		}
		kept = copy(buf[:], b[max(0, len(b)-len(part)+1):])
	}
	return false, nil
}

// soname is DT_SONAME, "" when there is none.
func (f *elfFile) soname() string {
	for i := range f.segs {
		if f.segs[i].typ != uint32(stdelf.PT_DYNAMIC) {
			continue
		}
		b, err := f.segmentData(&f.segs[i])
		if err != nil {
			return ""
		}
		var strtab, strsz, name uint64
		has := false
		for ; len(b) >= 16; b = b[16:] {
			v := binary.LittleEndian.Uint64(b[8:])
			switch stdelf.DynTag(binary.LittleEndian.Uint64(b)) {
			case stdelf.DT_STRTAB:
				strtab = v
			case stdelf.DT_STRSZ:
				strsz = v
			case stdelf.DT_SONAME:
				name, has = v, true
			}
		}
		if !has || name >= strsz {
			return ""
		}
		// Tables of names are large, and the name is not.
		for n := min(strsz-name, usualName); ; n = strsz - name {
			s, err := f.fileRange(strtab+name, n)
			if err != nil {
				return ""
			}
			if bytes.IndexByte(s, 0) >= 0 || n == strsz-name {
				return stringAt(string(s), 0)
			}
		}
	}
	return ""
}
