// Package corefile writes core files: the memory and the registers of a process, as the kernel does when a signal kills it, in the
// form that debuggers read (ELF, ET_CORE). What is in it is the guest: the kernel's own file would be that of the tool.
//
// It does not read memory that was never touched, so files are sparse, and leaves out what a debugger finds in the mapped files,
// as the kernel's default does (core(5), coredump_filter 0x33). It knows nothing of processes and threads: Core says it all.
package corefile

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"

	"gogrind/internal/guest"
)

// Core is what is written. It is not changed.
type Core struct {
	Signal  int
	Info    [128]byte // siginfo
	PID     int
	Parent  int
	Group   int
	Session int
	UID     int
	GID     int
	// Name is the program's, Args its command line with blanks.
	Name, Args string
	Auxv       []byte
	// Threads has the thread that the signal killed in front.
	Threads  []Thread
	Mappings []Mapping
	// Read copies memory to p and returns how much of it could be read.
	Read func(p []byte, a guest.Addr) int
	// Touched finds the next piece of r that has ever been touched; nil: all of it has been. Empty: nothing is left.
	Touched func(r guest.Range) guest.Range
}

// Thread is one thread's registers.
type Thread struct {
	TID  int
	Regs guest.Regs
	// FP is the first 512 bytes of the XSAVE area, XSave all of it in standard format; XCR0 the components that the system has
	// enabled, which debuggers find the layout by.
	FP, XSave []byte
	XCR0      uint64
}

// Mapping is one mapping of the guest's.
type Mapping struct {
	guest.Range
	Prot   guest.Prot
	Path   string // "" if it is not of a file
	Offset uint64
	// Dump is how many of its bytes, from the start, are written.
	Dump uint64
}

// Sizes of a 64-bit ELF header, of a program header, and of a page, which pieces of memory are aligned to in the file.
const (
	headerSize  = 64
	programSize = 56
	page        = 4096
)

// WriteTo writes the core to w, at most limit bytes of it: a file that ends early is what a limit (ulimit -c) leaves of it.
func (c *Core) WriteTo(w io.WriterAt, limit uint64) error {
	notes := c.notes()
	var loads []Mapping
	for _, m := range c.Mappings {
		if m.Prot != 0 || m.Dump > 0 {
			loads = append(loads, m)
		}
	}
	if len(loads)+1 > 0xfffe {
		loads = loads[:0xfffd] // more need an extension that few programs read
	}
	out := &writer{w: w, limit: limit}
	off := uint64(headerSize + programSize*(1+len(loads)))
	head := c.header(1 + len(loads))
	head = program(head, elf.PT_NOTE, 0, off, 0, uint64(len(notes)), 0, 4)
	off += uint64(len(notes))
	at := (off + page - 1) &^ (page - 1)
	starts := make([]uint64, len(loads))
	for i, m := range loads {
		starts[i] = at
		head = program(head, elf.PT_LOAD, progFlags(m.Prot), at, uint64(m.Start), m.Dump, m.Len(), page)
		at += m.Dump
	}
	out.write(append(head, notes...), 0)
	for i, m := range loads {
		c.memory(out, m, starts[i])
	}
	out.end(at)
	if out.err != nil {
		return fmt.Errorf("corefile: %w", out.err)
	}
	return nil
}

// writer stops at the limit and at the first error.
type writer struct {
	w     io.WriterAt
	limit uint64
	err   error
	last  uint64 // end of what has been written
}

func (o *writer) write(b []byte, at uint64) {
	if o.err != nil || at >= o.limit {
		return
	}
	b = b[:min(uint64(len(b)), o.limit-at)]
	_, o.err = o.w.WriteAt(b, int64(at))
	o.last = max(o.last, at+uint64(len(b)))
}

// end makes the file n bytes long, if what lies at its end was not written.
func (o *writer) end(n uint64) {
	if n = min(n, o.limit); n > o.last {
		o.write([]byte{0}, n-1)
	}
}

// memory writes what has been touched of m to the place at.
func (c *Core) memory(out *writer, m Mapping, at uint64) {
	const chunk = 1 << 20
	buf := make([]byte, min(chunk, m.Dump))
	rest := guest.Range{Start: m.Start, End: m.Start + guest.Addr(m.Dump)}
	for !rest.Empty() && out.err == nil && at+uint64(rest.Start-m.Start) < out.limit {
		piece := rest
		if c.Touched != nil {
			if piece = c.Touched(rest); piece.Empty() {
				return
			}
		}
		for a := piece.Start; a < piece.End; {
			b := buf[:min(uint64(len(buf)), uint64(piece.End-a))]
			n := c.Read(b, a)
			out.write(b[:n], at+uint64(a-m.Start))
			if n < len(b) { // behind the end of a file: the page can't be read
				n = min(n&^(page-1)+page, len(b))
			}
			a += guest.Addr(n)
		}
		rest.Start = piece.End
	}
}

func (c *Core) header(programs int) []byte {
	put := binary.LittleEndian
	h := make([]byte, headerSize, headerSize+programSize*programs)
	copy(h, elf.ELFMAG)
	h[elf.EI_CLASS], h[elf.EI_DATA], h[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	put.PutUint16(h[16:], uint16(elf.ET_CORE))
	put.PutUint16(h[18:], uint16(machine))
	put.PutUint32(h[20:], uint32(elf.EV_CURRENT))
	put.PutUint64(h[32:], headerSize) // e_phoff
	put.PutUint16(h[52:], headerSize)
	put.PutUint16(h[54:], programSize)
	put.PutUint16(h[56:], uint16(programs))
	return h
}

func program(b []byte, typ elf.ProgType, flags elf.ProgFlag, off, addr, fileSize, memSize, align uint64) []byte {
	put := binary.LittleEndian
	b = put.AppendUint32(b, uint32(typ))
	b = put.AppendUint32(b, uint32(flags))
	for _, v := range []uint64{off, addr, 0, fileSize, memSize, align} {
		b = put.AppendUint64(b, v)
	}
	return b
}

func progFlags(p guest.Prot) (f elf.ProgFlag) {
	for bit, flag := range map[guest.Prot]elf.ProgFlag{guest.Read: elf.PF_R, guest.Write: elf.PF_W, guest.Exec: elf.PF_X} {
		if p&bit != 0 {
			f |= flag
		}
	}
	return f
}
