package memcheck

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/stack"
	"gogrind/internal/tool"
)

// The guest of the tests: real memory at fixed addresses, so that the real shadow works for it.
const (
	heapBase  guest.Addr = 0x1000_0000_0000
	dataBase  guest.Addr = 0x1000_1000_0000
	stackBase guest.Addr = 0x1000_2000_0000
	areaSize             = 1 << 20
	stackTop             = stackBase + areaSize
)

type fakeThread struct {
	id   int
	regs guest.Regs
	pcs  []guest.Addr
}

func (t *fakeThread) ID() int            { return t.id }
func (t *fakeThread) TID() int           { return 1000 + t.id }
func (t *fakeThread) Regs() *guest.Regs  { return &t.regs }
func (t *fakeThread) Stack() guest.Range { return guest.Range{Start: stackBase, End: stackTop} }

// fakeHost is a guest with a heap of blocks that tests put there, data and a stack.
type fakeHost struct {
	t       *testing.T
	opt     *options.Core
	rep     *report.Reporter
	log     string
	threads []*fakeThread
	maps    []tool.Mapping
	blocks  []tool.HeapBlock
	stats   tool.HeapStats
	names   map[guest.Addr]string
	stacks  *stack.Interner
	symbols *debuginfo.Space
	frames  []guest.Addr                       // where frames end
	locals  map[guest.Range]debuginfo.Variable // all in frame 1
}

func (h *fakeHost) ParkedRegs(t tool.Thread) (*guest.Regs, bool) { return t.Regs(), true }

func (h *fakeHost) FrameOf(_ tool.Thread, _ *guest.Regs, a guest.Addr) (n int, r guest.Range, call guest.Addr, ok bool) {
	r.Start = stackBase
	for i, end := range h.frames {
		if r.End = end; a < end {
			return i, r, 0x400105, true
		}
		r.Start = end
	}
	return 0, guest.Range{}, 0, false
}

func (h *fakeHost) LocalAt(_ tool.Thread, _ *guest.Regs, a guest.Addr) (v debuginfo.Variable, n int, ok bool) {
	for r, v := range h.locals {
		if r.Contains(a) {
			v.Offset = uint64(a - r.Start)
			return v, 1, true
		}
	}
	return v, 0, false
}

func (h *fakeHost) Memory() guest.Memory { return h }

func (h *fakeHost) mapped(a guest.Addr) guest.Addr {
	for _, m := range h.maps {
		if m.Contains(a) {
			return m.End
		}
	}
	return 0
}

func (h *fakeHost) ReadMem(p []byte, a guest.Addr) int {
	n := 0
	if end := h.mapped(a); end != 0 {
		n = copy(p, view(a, int(min(guest.Addr(len(p)), end-a))))
	}
	return n
}

func (h *fakeHost) WriteMem(p []byte, a guest.Addr) int {
	n := 0
	if end := h.mapped(a); end != 0 {
		n = copy(view(a, int(min(guest.Addr(len(p)), end-a))), p)
	}
	return n
}

func (h *fakeHost) Unwind(t tool.Thread, pcs []guest.Addr) int { return copy(pcs, t.(*fakeThread).pcs) }

func (h *fakeHost) Threads(f func(tool.Thread) bool) {
	for _, t := range h.threads {
		if !f(t) {
			return
		}
	}
}

func (h *fakeHost) StopOthers(_ tool.Thread, f func()) { f() }

func (h *fakeHost) FirstProcess() bool { return true }

func (h *fakeHost) Mappings(f func(tool.Mapping) bool) {
	for _, m := range h.maps {
		if !f(m) {
			return
		}
	}
}

func (h *fakeHost) Heap() tool.Heap { return h }
func (h *fakeHost) Report() any     { return h.rep }
func (h *fakeHost) Symbols() any {
	if h.symbols == nil {
		h.symbols = debuginfo.NewSpace(debuginfo.Options{})
	}
	return h.symbols
}

func (h *fakeHost) Options() any { return h.opt }

func (h *fakeHost) Counters(n int) tool.Counters { return tool.Counters{Values: make([]uint64, n)} }

func (h *fakeHost) At(a guest.Addr) (tool.HeapBlock, bool) {
	for _, b := range h.blocks {
		if b.Addr == a {
			return b, true
		}
	}
	return tool.HeapBlock{}, false
}

func (h *fakeHost) Near(a guest.Addr) (tool.HeapBlock, bool) {
	for _, b := range h.blocks {
		if a+16 >= b.Addr && a < b.Addr+guest.Addr(b.Size)+16 {
			return b, true
		}
	}
	return tool.HeapBlock{}, false
}

func (h *fakeHost) Live(f func(tool.HeapBlock) bool) {
	for _, b := range h.blocks {
		if !b.Freed && !f(b) {
			return
		}
	}
}

func (h *fakeHost) Stats() tool.HeapStats { return h.stats }

func (h *fakeHost) Frames(pc guest.Addr, _ uint32, callSite bool, buf []report.Frame) []report.Frame {
	if callSite {
		pc--
	}
	name, file, ok := strings.Cut(h.names[pc], " ")
	f := report.Frame{PC: pc, Fn: name, RawFn: name}
	if ok {
		f.File, f.Line = file, int(pc&0xff)
	}
	return append(buf, f)
}

func (h *fakeHost) Stacks() *stack.Interner { return h.stacks }

func (h *fakeHost) Get(id uint32) ([]guest.Addr, uint32) { return h.stacks.Get(stack.ID(id)), 0 }

// start makes a guest and the tool with the given options.
func start(t *testing.T, args ...string) (*Memcheck, *fakeHost, *fakeThread) {
	t.Helper()
	h := &fakeHost{t: t, stacks: stack.NewInterner(), opt: &options.Core{Verbosity: 1, NumCallers: 12}, log: filepath.Join(t.TempDir(), "log")}
	for _, a := range []struct {
		base guest.Addr
		path string
		heap bool
	}{{heapBase, "", true}, {dataBase, "/bin/prog", false}, {stackBase, "[stack]", false}} {
		const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE | unix.MAP_FIXED_NOREPLACE
		_, _, errno := unix.Syscall6(unix.SYS_MMAP, uintptr(a.base), areaSize, unix.PROT_READ|unix.PROT_WRITE, flags, ^uintptr(0), 0)
		if errno != 0 {
			t.Fatalf("guest memory at %v: %v", a.base, errno)
		}
		t.Cleanup(func() { unix.Syscall(unix.SYS_MUNMAP, uintptr(a.base), areaSize, 0) })
		h.maps = append(h.maps, tool.Mapping{
			Range: guest.Range{Start: a.base, End: a.base + areaSize}, Prot: guest.Read | guest.Write, Path: a.path, Tool: a.heap,
		})
	}
	log, err := report.OpenLog(report.Target{File: h.log}, 42, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	h.rep = report.New(log, report.Config{Symbols: h, Stacks: h, SuppTool: "Memcheck", Verbosity: 1, View: report.View{NumCallers: 12}})
	h.names = map[guest.Addr]string{0x500001: "malloc vg_replace_malloc.c", 0x500002: "free vg_replace_malloc.c",
		0x400105: "main prog.c", 0x400107: "make prog.c", 0x400109: "use prog.c"}

	m := New()
	fs := flag.NewFlagSet("memcheck", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	m.Flags(fs)
	if err := fs.Parse(args); err != nil {
		t.Fatal(err)
	}
	th := &fakeThread{id: 1}
	th.regs.GPR[guest.RSP] = uint64(stackTop - 0x1000)
	h.threads = []*fakeThread{th}
	if err := m.Start(h); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, mp := range h.maps {
			if err := m.shadow.Unmap(mp.Range); err != nil {
				t.Error(err)
			}
		}
	})
	th.pcs = []guest.Addr{0x400109, 0x400106}
	return m, h, th
}

// stacks of the calls that tests make: return addresses are one more than the call.
var (
	mallocPCs = []guest.Addr{0x500001, 0x400108, 0x400106}
	freePCs   = []guest.Addr{0x500002, 0x40010a, 0x400106}
)

// alloc makes a block as the allocator would.
func (h *fakeHost) alloc(m *Memcheck, th *fakeThread, a guest.Addr, size uint64) tool.HeapBlock {
	was := th.pcs
	th.pcs = mallocPCs
	b := tool.HeapBlock{Addr: a, Size: size, Alloc: m.NewStack(th)}
	th.pcs = was
	h.blocks = append(h.blocks, b)
	h.stats.Allocs++
	h.stats.AllocBytes += size
	h.stats.LiveBlocks++
	h.stats.LiveBytes += size
	m.Allocated(th, b, true) // defined: what tests store is not seen by translated code
	return b
}

// free frees a block as the allocator would.
func (h *fakeHost) free(m *Memcheck, th *fakeThread, a guest.Addr) {
	was := th.pcs
	th.pcs = freePCs
	defer func() { th.pcs = was }()
	for i := range h.blocks {
		if b := &h.blocks[i]; b.Addr == a {
			b.Freed, b.Free = true, m.NewStack(th)
			h.stats.Frees++
			h.stats.LiveBlocks--
			h.stats.LiveBytes -= b.Size
			m.Freed(th, *b, "free")
		}
	}
}

var prefix = regexp.MustCompile(`(?m)^==42== ?`)

// text is the log so far without prefixes.
func (h *fakeHost) text() string {
	b, err := os.ReadFile(h.log)
	if err != nil {
		h.t.Fatal(err)
	}
	return prefix.ReplaceAllString(string(b), "")
}

func (h *fakeHost) expect(want string) {
	h.t.Helper()
	if got := h.text(); got != want {
		h.t.Errorf("log is\n%s\nwant\n%s", got, want)
	}
}

func (h *fakeHost) poke(a guest.Addr, v guest.Addr) {
	var b [8]byte
	for i := range b {
		b[i] = byte(v >> (8 * i))
	}
	if h.WriteMem(b[:], a) != len(b) {
		h.t.Fatalf("no memory at %v", a)
	}
}

func at(a guest.Addr) string { return fmt.Sprintf("%#x", uint64(a)) }
