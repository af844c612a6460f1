package core

import (
	"fmt"
	"os"
	"time"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// expensiveSanity is the --sanity-level from which on Valgrind, too, compares its map of memory with the kernel's.
const expensiveSanity = 3

// sanity compares our map of memory with the kernel's after each change (--sanity-level).
type sanity struct{ p *Process }

func (s sanity) Mapped(tool.Mapping)               { s.p.checkSpace() }
func (s sanity) Unmapped(guest.Range)              { s.p.checkSpace() }
func (s sanity) Protected(guest.Range, guest.Prot) { s.p.checkSpace() }
func (s sanity) Moved(guest.Range, guest.Range)    { s.p.checkSpace() }

// checkSpace ends the process if the map of memory is wrong: what is reported after that cannot be trusted. Nobody may change mappings
// meanwhile.
func (p *Process) checkSpace() {
	maps, err := os.ReadFile("/proc/self/maps")
	if err == nil {
		err = p.space.Check(maps)
	}
	if err != nil {
		p.log.Userf("Sanity check failed: %v", err)
		p.cutXML()
		os.Exit(1)
	}
}

// waitForDebugger gives time to attach a debugger to the tool itself (--wait-for-gdb), as long as Valgrind gives.
func (p *Process) waitForDebugger() {
	const wait = 8 * time.Second
	p.log.Raw(fmt.Sprintf("pid=%d, entering delay %d ms loop\n", os.Getpid(), wait.Milliseconds()))
	time.Sleep(wait)
}
