package syswrap

import (
	"encoding/binary"
	"fmt"

	"gogrind/internal/guest"
	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// Call is one system call under way.
type Call struct {
	Nr     int
	Args   [6]uint64 // as the guest gave them
	Result int64     // of the kernel: negative error number on failure; valid in after

	e    *Engine
	t    Thread
	row  *info
	sub  *subRow
	raw  [6]uint64 // what the kernel gets: Args, unless something is emulated
	keep [][]byte  // memory of ours that raw points to
	// sizes are the sizes of the memory behind each argument before the call.
	sizes [6]uint64
	// iov are the buffers of an iovec array, remembered because the call may overwrite the array.
	iov   []guest.Range
	extra any  // what before tells after
	fault bool // a pointer leads into memory that is the tool's
	badFD bool // a descriptor is the tool's
	done  bool // the call has been made
	known bool // there is a row
	out   Outcome
}

// name is the call's name in messages.
func (c *Call) name() string { return c.row.label }

func (c *Call) memory() guest.Memory { return c.t.Memory() }

// load reads guest memory for the engine's own use.
func (c *Call) load(p []byte, a uint64) bool {
	return !c.e.toolMemory(a) && c.memory().ReadMem(p, guest.Addr(a)) == len(p)
}

func (c *Call) load16(a uint64) (uint16, bool) {
	var b [2]byte
	ok := c.load(b[:], a)
	return binary.LittleEndian.Uint16(b[:]), ok
}

func (c *Call) load32(a uint64) (uint32, bool) {
	var b [4]byte
	ok := c.load(b[:], a)
	return binary.LittleEndian.Uint32(b[:]), ok
}

func (c *Call) load64(a uint64) (uint64, bool) {
	var b [8]byte
	ok := c.load(b[:], a)
	return binary.LittleEndian.Uint64(b[:]), ok
}

func (c *Call) store(a uint64, p []byte) bool {
	if c.e.toolMemory(a) {
		return false
	}
	c.e.kernelWrite(span(a, uint64(len(p))))
	return c.memory().WriteMem(p, guest.Addr(a)) == len(p)
}

// loadString reads a zero-terminated string of less than max bytes.
func (c *Call) loadString(a uint64, max int) (string, bool) {
	if c.e.toolMemory(a) {
		return "", false
	}
	var s []byte
	for len(s) < max {
		// Not past the end of a page in one step: the next may be inaccessible.
		n := min(guest.PageSize-int(a%guest.PageSize), 256)
		var b [256]byte
		n = c.memory().ReadMem(b[:n], guest.Addr(a))
		for i, ch := range b[:n] {
			if ch == 0 {
				return string(append(s, b[:i]...)), len(s)+i < max
			}
		}
		if n == 0 {
			return "", false
		}
		s = append(s, b[:n]...)
		a += uint64(n)
	}
	return "", false
}

// span is the range of n bytes at a, ending at the end of the address space at the latest.
func span(a, n uint64) guest.Range {
	end := a + n
	if end < a {
		end = ^uint64(0)
	}
	return guest.Range{Start: guest.Addr(a), End: guest.Addr(end)}
}

// text is the parameter's name in messages: call(param).
func (c *Call) text(param string) string { return c.name() + "(" + param + ")" }

// read says that the kernel is going to read n bytes at a. param is the whole name in messages.
func (c *Call) read(param string, a, n uint64) {
	if n == 0 {
		return
	}
	if c.e.toolMemory(a) {
		c.fault = true
	}
	if w := c.e.watch; w != nil {
		w.BeforeRead(c.t, c.name(), param, span(a, n))
	}
}

// readString says that the kernel is going to read a string at a.
func (c *Call) readString(param string, a uint64) {
	if c.e.toolMemory(a) {
		c.fault = true
	}
	if w := c.e.watch; w != nil {
		w.BeforeReadString(c.t, c.name(), param, guest.Addr(a))
	}
}

// write says that the kernel may write n bytes at a.
func (c *Call) write(param string, a, n uint64) {
	if n == 0 {
		return
	}
	if c.e.toolMemory(a) {
		c.fault = true
		return
	}
	r := span(a, n)
	c.e.kernelWrite(r)
	if w := c.e.watch; w != nil {
		w.BeforeWrite(c.t, c.name(), param, r)
	}
}

// wrote says that the kernel has written n bytes at a.
func (c *Call) wrote(a, n uint64) {
	if w := c.e.watch; w != nil && n != 0 && a != 0 {
		w.AfterWrite(c.t, span(a, n))
	}
}

// register tells the watcher about a register argument.
func (c *Call) register(i int, p *Param) {
	if w := c.e.watch; w != nil {
		w.BeforeReg(c.t, c.name(), p.register, i, p.width)
	}
}

// checkParam does what is due before the call for parameter p, argument i.
func (c *Call) checkParam(i int, p *Param) {
	v := c.Args[i]
	switch p.kind {
	case kFD, kDirFD:
		if c.e.toolFD(int32(v)) {
			c.badFD = true
		}
		return
	}
	if !p.kind.pointer() || v == 0 && p.null {
		return
	}
	switch p.kind {
	case kString, kPath:
		c.readString(p.text, v)
		return
	case kIovIn, kIovOut:
		c.checkIovec(p, v, p.size.eval(c))
		return
	}
	n := p.size.eval(c)
	c.sizes[i] = n
	if p.inMem() {
		if p.fields == nil {
			c.read(p.text, v, n)
		}
		for _, f := range p.fields {
			c.read(within(p.text, f.name), v+f.off, f.size)
		}
	}
	if p.outMem() {
		c.write(p.text, v, n)
	}
}

// marked does what is due after the call for parameter p, argument i.
func (c *Call) marked(i int, p *Param) {
	v := c.Args[i]
	if v == 0 || c.Result < 0 && !(p.onEINTR && interrupted(c.Result)) {
		return
	}
	switch p.kind {
	case kIovOut:
		c.wroteIovec(Result.eval(c))
	case kOut, kInOut:
		n := c.sizes[i]
		if p.post != nil {
			n = min(n, p.post.eval(c))
		}
		c.wrote(v, n)
	}
}

// within is the name of a part of what name is: call(param) becomes call(param->field).
func within(name, part string) string { return name[:len(name)-1] + part + ")" }

// maxIovec is the most elements of an iovec array the kernel takes: UIO_MAXIOV.
const maxIovec = 1024

// checkIovec checks an array of n iovecs and the buffers it describes.
func (c *Call) checkIovec(p *Param, a, n uint64) {
	if n > maxIovec {
		return // EINVAL
	}
	c.read(p.text, a, n*linux.SizeofIovec)
	if c.fault {
		return
	}
	c.iov = c.loadIovec(a, n)
	elem := ""
	for i, r := range c.iov {
		switch {
		case c.e.watch == nil:
		case p.indexed:
			elem = within(p.text, fmt.Sprintf("[%d]", i))
		case i == 0:
			elem = within(p.text, "[...]")
		}
		if p.kind == kIovIn {
			c.read(elem, uint64(r.Start), r.Len())
		} else {
			c.write(elem, uint64(r.Start), r.Len())
		}
	}
}

// loadIovec reads the ranges of an iovec array, as many as are readable.
func (c *Call) loadIovec(a, n uint64) []guest.Range {
	v := make([]guest.Range, 0, n)
	for ; n > 0; n-- {
		base, ok1 := c.load64(a)
		size, ok2 := c.load64(a + 8)
		if !ok1 || !ok2 {
			break
		}
		v = append(v, span(base, size))
		a += linux.SizeofIovec
	}
	return v
}

// wroteIovec marks the first n bytes of the remembered buffers.
func (c *Call) wroteIovec(n uint64) {
	for _, r := range c.iov {
		if n == 0 {
			return
		}
		m := min(n, r.Len())
		c.wrote(uint64(r.Start), m)
		n -= m
	}
}

// perform makes the call in the kernel.
func (c *Call) perform() int64 {
	return c.t.Raw(uintptr(c.Nr), c.raw)
}

// interrupted reports whether a call was interrupted by a signal: EINTR, or one of the kernel's internal results that say
// how such a call is restarted (ERESTARTSYS 512 to ERESTART_RESTARTBLOCK 516, include/linux/errno.h).
func interrupted(r int64) bool { return r == errno(unix.EINTR) || r <= -512 && r >= -516 }

// errno is a raw result that says e.
func errno(e unix.Errno) int64 { return -int64(e) }
