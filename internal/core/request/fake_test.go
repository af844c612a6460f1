package request

import (
	"fmt"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// fakeMem is guest memory of a few pieces; everything else faults.
type fakeMem []piece

type piece struct {
	at   guest.Addr
	data []byte
}

func (m *fakeMem) add(at guest.Addr, data []byte) { *m = append(*m, piece{at, data}) }

func (m *fakeMem) from(a guest.Addr) []byte {
	for _, p := range *m {
		if a >= p.at && a < p.at+guest.Addr(len(p.data)) {
			return p.data[a-p.at:]
		}
	}
	return nil
}

func (m *fakeMem) ReadMem(p []byte, a guest.Addr) int  { return copy(p, m.from(a)) }
func (m *fakeMem) WriteMem(p []byte, a guest.Addr) int { return copy(m.from(a), p) }

type fakeThread struct{ regs guest.Regs }

func (t *fakeThread) ID() int            { return 3 }
func (t *fakeThread) TID() int           { return 1003 }
func (t *fakeThread) Regs() *guest.Regs  { return &t.regs }
func (t *fakeThread) Stack() guest.Range { return guest.Range{} }

// fakeCore writes down what it is asked.
type fakeCore struct {
	mem   fakeMem
	calls []string
}

func (c *fakeCore) say(format string, args ...any) {
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
}

func (c *fakeCore) Memory() guest.Memory                             { return &c.mem }
func (c *fakeCore) DiscardTranslations(_ tool.Thread, r guest.Range) { c.say("discard %v", r) }
func (c *fakeCore) CountErrors() uint64                              { return 42 }
func (c *fakeCore) DeregisterStack(_ tool.Thread, id uint64)         { c.say("deregister %d", id) }
func (c *fakeCore) Warn(lines ...string)                             { c.say("warn %q", lines) }

func (c *fakeCore) CallGuest(t tool.Thread, fn guest.Addr, args []uint64) uint64 {
	c.say("call %v %d", fn, args)
	return 99
}

func (c *fakeCore) Monitor(t tool.Thread, cmd string) bool {
	c.say("monitor %q", cmd)
	return cmd == "known"
}

func (c *fakeCore) ChangeOption(t tool.Thread, option string) { c.say("option %q", option) }

func (c *fakeCore) Print(t tool.Thread, text string, backtrace bool) {
	c.say("print %q %v", text, backtrace)
}

func (c *fakeCore) RegisterStack(_ tool.Thread, r guest.Range) uint64 {
	c.say("register %v", r)
	return 5
}

func (c *fakeCore) ChangeStack(_ tool.Thread, id uint64, r guest.Range) { c.say("change %d %v", id, r) }

func (c *fakeCore) SourceLine(a guest.Addr) (string, int, bool) { return "a-file.c", 17, a == 0x4000 }

func (c *fakeCore) DisableErrors(t tool.Thread, delta int) { c.say("disable %+d", delta) }

// fakeTool knows Memcheck's codes and mempools.
type fakeTool struct{ got []uint64 }

func (f *fakeTool) Request(t tool.Thread, code uint32, args [5]uint64) (uint64, bool) {
	if code>>16 != ToolBase('M', 'C')>>16 && code != CreateMempool {
		return 0, false
	}
	f.got = append([]uint64{uint64(code)}, args[:]...)
	return 1234, true
}
