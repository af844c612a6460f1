package core

import (
	"fmt"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/aspace"
	"gogrind/internal/core/redir"
	"gogrind/internal/core/sched"
	"gogrind/internal/core/strmem"
	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// makeStrings puts the replacements of string functions into guest memory.
func (p *Process) makeStrings(copied bool) (err error) {
	p.strings, err = strmem.New(copied, func(n uint64) (guest.Range, error) { return p.space.MapTool(n, aspace.High) })
	if err != nil {
		return err
	}
	p.unwind.Own = p.strings.Range
	p.unwind.Depth = func(pc guest.Addr) int {
		if f := p.strings.At(pc); f != nil {
			return f.Depth(pc)
		}
		return 0
	}
	if err := p.space.Mprotect(p.strings.Start, p.strings.Len(), unix.PROT_READ|unix.PROT_EXEC); err != nil {
		return fmt.Errorf("replacements of string functions: %w", err)
	}
	return nil
}

// callLibrary lets the replacements call functions of obj, the library whose functions they replace.
func (p *Process) callLibrary(obj *debuginfo.Object) {
	if p.strings == nil {
		return
	}
	callees := map[string]guest.Addr{}
	soname := obj.Soname()
	for i := range p.strings.Functions {
		if f := &p.strings.Functions[i]; f.Calls != "" && f.Matches(soname, false) {
			callees[f.Calls] = 0
		}
	}
	if len(callees) == 0 {
		return
	}
	obj.Symbols(func(s debuginfo.Symbol) bool {
		if a, ok := callees[s.Name]; ok && a == 0 && s.Type == debuginfo.Func {
			callees[s.Name] = s.Addr
		}
		return true
	})
	for i := range p.strings.Functions {
		f := &p.strings.Functions[i]
		if _, bound := p.redir.To(f.Callee); !bound && callees[f.Calls] != 0 { // of two such libraries the first one counts
			p.redir.Add(f.Callee, &redir.Spec{Symbol: f.Calls, To: callees[f.Calls]})
		}
	}
}

// replaces reports whether f replaces its symbol in the object named soname, and can.
func (p *Process) replaces(f *strmem.Function, soname string, indirect bool) bool {
	if f.Calls != "" {
		if _, bound := p.redir.To(f.Callee); !bound {
			return false
		}
	}
	return f.Matches(soname, indirect)
}

// OwnCode is guest code of the tool's own, in which accesses with a ds or gs prefix are none that a tool looks at.
func (p *Process) OwnCode() guest.Range {
	if p.strings == nil {
		return guest.Range{}
	}
	return p.strings.Range
}

// clientRequest performs a request made by the magic sequence: one of the guest's or of our replacements.
func (p *Process) clientRequest(t *sched.Thread) {
	f := p.strings.At(guest.Addr(t.Regs().RIP) - 1)
	if f == nil {
		p.request.Handle(t)
		return
	}
	g := &t.Regs().GPR
	dst, src := guest.Addr(g[guest.RDI]), guest.Addr(g[guest.RSI])
	switch g[guest.R11] {
	case strmem.ReqOverlap:
		p.tool.(tool.OverlapWatcher).Overlap(t, f.Arg, dst, src, int64(g[guest.RDX]))
	case strmem.ReqOverlapString:
		p.tool.(tool.OverlapWatcher).Overlap(t, f.Arg, dst, src, -1)
	case strmem.ReqCopied:
		p.tool.(tool.OverlapWatcher).Copied(t, dst, src, g[guest.RDX])
	case strmem.ReqCopy:
		p.tool.(tool.OverlapWatcher).Copying(guest.Range{Start: dst, End: dst + guest.Addr(g[guest.RDX])}, src)
	case strmem.ReqFill:
		p.tool.(tool.OverlapWatcher).Filling(guest.Range{Start: dst, End: dst + guest.Addr(g[guest.RDX])})
	case strmem.ReqOverflow:
		p.log.Clientf("*** %s: buffer overflow detected ***: program terminated", f.Arg)
		p.report.Message(0, "", p.callers(t))
		p.sched.End(t, 1)
	}
}
