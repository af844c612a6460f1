package core

import (
	"golang.org/x/arch/x86/x86asm"

	"gogrind/internal/core/jit"
	"gogrind/internal/guest"
)

// traceFragment prints a translated fragment: each guest instruction with its host code (--trace-flags).
func (p *Process) traceFragment(pc guest.Addr, lines []jit.Line) {
	p.log.Debugf("fragment at %#x:", uint64(pc))
	for _, l := range lines {
		text := "(?)"
		if in, err := x86asm.Decode(l.Code, 64); err == nil {
			text = x86asm.GNUSyntax(in, uint64(l.PC), nil)
		}
		p.log.Debugf("  %#x: %-24x %s\n    %#x: %x", uint64(l.PC), l.Code, text, l.At, l.Host)
	}
}
