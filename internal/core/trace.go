package core

import (
	"fmt"
	"strings"
	"sync"

	"golang.org/x/arch/x86/x86asm"

	"gogrind/internal/core/jit"
	"gogrind/internal/guest"
)

// fragments is what --trace-flags and --dump-error need of the code that is translated.
type fragments struct {
	mu    sync.Mutex         // guards all below
	count int                // translated so far
	texts []string           // of all, for --dump-error only
	at    map[guest.Addr]int // by the addresses of instructions
	ends  map[guest.Addr]int // by the addresses behind them
}

// fragment is told each translated fragment: it prints those that --trace-flags asks for and keeps all for --dump-error.
func (p *Process) fragment(pc guest.Addr, lines []jit.Line) {
	f := &p.fragments
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.count
	f.count++
	if p.fragmentTraced(n) {
		p.log.Debugf("%s", fragmentText(n, pc, lines))
	}
	if p.opt.DumpError == 0 {
		return
	}
	if f.at == nil {
		f.at, f.ends = map[guest.Addr]int{}, map[guest.Addr]int{}
	}
	f.texts = append(f.texts, fragmentText(n, pc, lines))
	for _, l := range lines {
		f.at[l.PC] = n
		f.ends[l.PC+guest.Addr(len(l.Code))] = n
	}
}

// fragmentTraced reports whether fragment n is one of those that --trace-flags, --trace-notbelow and --trace-notabove select. Without the last
// two it is all of them.
func (p *Process) fragmentTraced(n int) bool {
	if p.opt.TraceFlags == [8]bool{} {
		return false
	}
	below, above := int(p.opt.TraceNotBelow), int(p.opt.TraceNotAbove)
	if below == notBelow && above == 0 {
		return true
	}
	return (below == notBelow || n >= below) && (above == 0 || n <= above)
}

// notBelow is the default of --trace-notbelow.
const notBelow = 999999999

// dumpError writes the code that the error with stack pcs was found in (--dump-error): that of the innermost call that is not one of
// our own functions. Behind the first, pcs are return addresses, and so is the first of a system call.
func (p *Process) dumpError(pcs []guest.Addr) {
	f := &p.fragments
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, pc := range pcs {
		n, ok := f.at[pc]
		if i > 0 || !ok {
			n, ok = f.ends[pc]
		}
		if ok {
			p.log.Debugf("%s", f.texts[n])
			return
		}
	}
}

// fragmentText is a translated fragment: each guest instruction with its host code.
func fragmentText(n int, pc guest.Addr, lines []jit.Line) string {
	var b strings.Builder
	fmt.Fprintf(&b, "fragment %d at %#x:", n, uint64(pc))
	for _, l := range lines {
		fmt.Fprintf(&b, "\n  %s\n    %#x: %x", guestText(l.PC, l.Code), l.At, l.Host)
	}
	return b.String()
}

// guestText is one guest instruction: address, bytes and mnemonic.
func guestText(pc guest.Addr, code []byte) string {
	text := "(?)"
	if in, err := x86asm.Decode(code, 64); err == nil {
		text = x86asm.GNUSyntax(in, uint64(pc), nil)
	}
	return fmt.Sprintf("%#x: %-24x %s", uint64(pc), code, text)
}
