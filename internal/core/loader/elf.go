package loader

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"

	"golang.org/x/sys/unix"
)

// Numbers of the ELF format, from the System V ABI and its AMD64 supplement.
const (
	ehdrSize = 64
	phdrSize = 56

	etExec = 2
	etDyn  = 3

	machineX86_64  = 62
	machineI386    = 3
	machineAArch64 = 183

	ptLoad     = 1
	ptInterp   = 3
	ptTLS      = 7
	ptGNUStack = 0x6474e551

	pfX = 1
	pfW = 2
	pfR = 4

	// maxPhdrs bounds the table: the kernel accepts up to 64 KB of it.
	maxPhdrs = 65536 / phdrSize
	// pathMax bounds the interpreter's name, its zero included.
	pathMax = 4096
	// addrLimit keeps sums of addresses and sizes from the file far from overflow: user addresses have 47 bits.
	addrLimit = 1 << 47
)

// formatError is a refusal of a file's contents.
type formatError struct {
	errno unix.Errno
	cause string
}

func (e *formatError) Error() string { return e.cause }

func (e *formatError) Unwrap() error { return e.errno }

func badFormat(format string, args ...any) error {
	return &formatError{errno: unix.ENOEXEC, cause: "cannot execute: " + fmt.Sprintf(format, args...)}
}

// phdr is a program header.
type phdr struct {
	kind, flags                                 uint32
	off, vaddr, paddr, fileSize, memSize, align uint64
}

// header is what the loader needs of an ELF file, checked.
type header struct {
	dynamic   bool // ET_DYN: position-independent
	entry     uint64
	phoff     uint64
	phdrs     []phdr
	interp    string
	execStack bool
	tls       bool // has thread-local storage
}

// isELF reports whether a file that starts with b claims to be ELF.
func isELF(b []byte) bool { return len(b) >= 4 && string(b[:4]) == "\x7fELF" }

// parseHeader reads and checks the headers of an ELF file of the given size.
func parseHeader(r io.ReaderAt, size int64) (*header, error) {
	var e [ehdrSize]byte
	n, err := r.ReadAt(e[:], 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if !isELF(e[:n]) {
		return nil, &formatError{errno: unix.ENOEXEC, cause: text(unix.ENOEXEC)}
	}
	if n < ehdrSize {
		return nil, badFormat("truncated ELF header")
	}
	le := binary.LittleEndian
	machine := le.Uint16(e[18:])
	switch class, data := e[4], e[5]; {
	case class == 1:
		return nil, badFormat("32-bit ELF file; only 64-bit x86-64 programs can be run")
	case class != 2 || data != 1 && data != 2:
		return nil, badFormat("ELF file of unknown class")
	case data == 2 || machine != machineX86_64:
		return nil, badFormat("ELF file for %s; only x86-64 programs can be run", machineName(data, machine))
	}
	h := &header{entry: le.Uint64(e[24:]), phoff: le.Uint64(e[32:])}
	switch t := le.Uint16(e[16:]); t {
	case etExec:
	case etDyn:
		h.dynamic = true
	default:
		return nil, badFormat("ELF file of type %d is no executable", t)
	}
	phentsize, phnum := le.Uint16(e[54:]), le.Uint16(e[56:])
	if phentsize != phdrSize || phnum == 0 || phnum > maxPhdrs {
		return nil, badFormat("corrupt ELF header: %d program headers of %d bytes", phnum, phentsize)
	}
	if h.phoff > uint64(size) || uint64(size)-h.phoff < uint64(phnum)*phdrSize {
		return nil, badFormat("truncated ELF file: no program headers")
	}
	table := make([]byte, int(phnum)*phdrSize)
	if _, err := r.ReadAt(table, int64(h.phoff)); err != nil {
		return nil, badFormat("truncated ELF file: no program headers")
	}
	for i := range int(phnum) {
		b := table[i*phdrSize:]
		h.phdrs = append(h.phdrs, phdr{
			kind: le.Uint32(b), flags: le.Uint32(b[4:]), off: le.Uint64(b[8:]), vaddr: le.Uint64(b[16:]),
			paddr: le.Uint64(b[24:]), fileSize: le.Uint64(b[32:]), memSize: le.Uint64(b[40:]), align: le.Uint64(b[48:]),
		})
	}
	if err := h.checkSegments(size); err != nil {
		return nil, err
	}
	return h, h.readInterp(r, size)
}

func machineName(data byte, m uint16) string {
	switch {
	case data == 2:
		m = bits.ReverseBytes16(m)
	case m == machineI386:
		return "i386"
	case m == machineAArch64:
		return "AArch64"
	}
	return fmt.Sprintf("machine %d", m)
}

// checkSegments checks the PT_LOAD headers and notes PT_GNU_STACK and PT_TLS.
func (h *header) checkSegments(size int64) error {
	loads := 0
	for i, p := range h.phdrs {
		switch p.kind {
		case ptGNUStack:
			h.execStack = p.flags&pfX != 0
		case ptTLS:
			h.tls = true
		case ptLoad:
			loads++
			switch {
			case p.fileSize > p.memSize:
				return badFormat("corrupt ELF file: program header %d: file size exceeds memory size", i)
			case p.vaddr >= addrLimit || p.memSize >= addrLimit || p.vaddr+p.memSize > addrLimit:
				return badFormat("corrupt ELF file: program header %d: address out of range", i)
			case p.fileSize > 0 && (p.off >= 1<<62 || (p.off-p.vaddr)%pageSize != 0):
				return badFormat("corrupt ELF file: program header %d: offset does not fit the address", i)
			case p.fileSize > 0 && p.off+p.fileSize > uint64(size):
				return badFormat("truncated ELF file: program header %d reaches beyond the end", i)
			}
		}
	}
	if loads == 0 {
		return badFormat("corrupt ELF file: no segment to load")
	}
	return nil
}

// readInterp reads the name in the first PT_INTERP.
func (h *header) readInterp(r io.ReaderAt, size int64) error {
	for _, p := range h.phdrs {
		if p.kind != ptInterp {
			continue
		}
		if p.fileSize < 2 || p.fileSize > pathMax {
			return badFormat("corrupt ELF file: interpreter name of %d bytes", p.fileSize)
		}
		if p.off > uint64(size) || uint64(size)-p.off < p.fileSize {
			return badFormat("truncated ELF file: no interpreter name")
		}
		b := make([]byte, p.fileSize)
		if _, err := r.ReadAt(b, int64(p.off)); err != nil {
			return badFormat("truncated ELF file: no interpreter name")
		}
		if b[len(b)-1] != 0 {
			return badFormat("corrupt ELF file: interpreter name without end")
		}
		h.interp = cString(b)
		return nil
	}
	return nil
}

// cString is b up to its first zero.
func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}
