package memcheck

import (
	"bytes"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// BeforeRead implements tool.KernelWatcher. As in Valgrind, the first byte that is wrong is reported, in whichever way.
func (m *Memcheck) BeforeRead(t tool.Thread, _, param string, r guest.Range) {
	bad, is := m.shadow.FirstUndefined(r)
	before := r
	if is {
		before.End = bad
	}
	if !m.kernelAccess(t, param, before) && is {
		m.undefinedParam(t, param, bad)
	}
}

func (m *Memcheck) undefinedParam(t tool.Thread, param string, a guest.Addr) {
	m.reportUndefined(t, undefinedArgBytes, 0, param, a, m.originAt(t, a))
}

// originAt is where the undefined byte at a comes from.
func (m *Memcheck) originAt(t tool.Thread, a guest.Addr) (o origin) {
	if x := registersOf(t); x != nil && m.opts.origins {
		o = m.originOf(x.Origin(a, 1))
	}
	return o
}

// BeforeWrite implements tool.KernelWatcher.
func (m *Memcheck) BeforeWrite(t tool.Thread, _, param string, r guest.Range) {
	m.kernelAccess(t, param, r)
}

// AfterWrite implements tool.KernelWatcher. What could not be accessed before still can't: the kernel may be told a wrong
// length, and that was reported.
func (m *Memcheck) AfterWrite(_ tool.Thread, r guest.Range) { m.shadow.MakeDefinedIfAddressable(r) }

// argRegs are the registers of a system call's arguments (System V ABI for AMD64, A.2.1).
var argRegs = [6]uint8{guest.RDI, guest.RSI, guest.RDX, guest.R10, guest.R8, guest.R9}

// BeforeReg implements tool.KernelWatcher.
func (m *Memcheck) BeforeReg(t tool.Thread, _, param string, arg, size int) {
	x := registersOf(t)
	if x == nil || arg < 0 || arg >= len(argRegs) {
		return
	}
	n := argRegs[arg]
	v := x.v.File.GPR[n]
	if size < 8 {
		v &= 1<<(8*size) - 1
	}
	if v != 0 {
		m.reportUndefined(t, undefinedArg, 0, param, 0, m.originOf(x.v.Origins.GPR[n]))
	}
}

// BeforeReadString implements tool.KernelWatcher: the string's bytes and its zero must be accessible.
func (m *Memcheck) BeforeReadString(t tool.Thread, _, param string, a guest.Addr) {
	mem := m.host.Memory()
	for {
		// Up to the page's end, because the next page may not be there.
		var buf [256]byte
		n := min(guest.Addr(len(buf)), (a+1).PageUp()-a)
		got := mem.ReadMem(buf[:n], a)
		i := bytes.IndexByte(buf[:got], 0)
		end := guest.Addr(i + 1)
		if i < 0 {
			end = guest.Addr(got)
		}
		if bad, is := m.shadow.FirstNoAccess(guest.Range{Start: a, End: a + end}); is {
			m.badParam(t, param, bad)
			return
		}
		if bad, is := m.shadow.FirstUndefined(guest.Range{Start: a, End: a + end}); is {
			m.undefinedParam(t, param, bad)
			return
		}
		if i >= 0 {
			return
		}
		if guest.Addr(got) < n {
			m.badParam(t, param, a+guest.Addr(got))
			return
		}
		a += n
	}
}

// kernelAccess reports the first byte of r that may not be accessed, and whether there is one.
func (m *Memcheck) kernelAccess(t tool.Thread, param string, r guest.Range) bool {
	if r.End < r.Start {
		r.End = ^guest.Addr(0)
	}
	bad, is := m.shadow.FirstNoAccess(r)
	is = is && !m.ignored(t, guest.Range{Start: bad, End: bad + 1})
	if is {
		m.badParam(t, param, bad)
	}
	return is
}

func (m *Memcheck) badParam(t tool.Thread, param string, a guest.Addr) {
	f := m.finding(t, "SyscallParam", "Param", "Syscall param "+param+" points to unaddressable byte(s)")
	f.SuppExtra = param
	f.Fill = m.about(t, a)
	m.report.Report(f)
}
