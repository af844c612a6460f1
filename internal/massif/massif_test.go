package massif

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// fakeThread is a thread with a stack that tests set.
type fakeThread struct {
	regs guest.Regs
	pcs  []guest.Addr
}

func (*fakeThread) ID() int              { return 1 }
func (*fakeThread) TID() int             { return -1 }
func (t *fakeThread) Regs() *guest.Regs  { return &t.regs }
func (t *fakeThread) Stack() guest.Range { return guest.Range{} }

// fakeHost is a guest without memory.
type fakeHost struct {
	tool.Host
	opt    *options.Core
	rep    *report.Reporter
	t      *fakeThread
	blocks []tool.HeapBlock
}

func (h *fakeHost) Unwind(t tool.Thread, pcs []guest.Addr) int { return copy(pcs, t.(*fakeThread).pcs) }
func (h *fakeHost) Threads(f func(tool.Thread) bool)           { f(h.t) }
func (h *fakeHost) FirstProcess() bool                         { return true }
func (h *fakeHost) Mappings(func(tool.Mapping) bool)           {}
func (h *fakeHost) Report() any                                { return h.rep }
func (h *fakeHost) Symbols() any                               { return debuginfo.NewSpace(debuginfo.Options{}) }
func (h *fakeHost) Options() any                               { return h.opt }
func (h *fakeHost) Heap() tool.Heap                            { return fakeHeap{h: h} }

type fakeHeap struct {
	tool.Heap
	h *fakeHost
}

func (f fakeHeap) Near(a guest.Addr) (tool.HeapBlock, bool) {
	for _, b := range f.h.blocks {
		if b.Range().Contains(a) {
			return b, true
		}
	}
	return tool.HeapBlock{}, false
}

// Addresses in the code of the tests' guest. Return addresses on stacks are one more.
const (
	pcMalloc guest.Addr = 0x100
	pcFree   guest.Addr = 0x110
	pcWrap   guest.Addr = 0x200 // an allocation function
	pcSkip   guest.Addr = 0x300 // an ignored function
	pcMain   guest.Addr = 0x400
	pcStart  guest.Addr = 0x500
)

// bench is a tool with its guest.
type bench struct {
	*testing.T
	m    *Massif
	h    *fakeHost
	log  string
	dir  string
	next guest.Addr
}

func newBench(t *testing.T, args ...string) *bench {
	b := &bench{T: t, m: New(), dir: t.TempDir(), next: 0x10000}
	fs := flag.NewFlagSet("massif", flag.ContinueOnError)
	b.m.Flags(fs)
	if err := fs.Parse(append([]string{"-time-unit=B", "-detailed-freq=1"}, args...)); err != nil {
		t.Fatal(err)
	}
	b.log = filepath.Join(b.dir, "log")
	log, err := report.OpenLog(report.Target{File: b.log}, 77, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	b.h = &fakeHost{opt: &options.Core{Verbosity: 1, Demangle: true}, rep: report.New(log, report.Config{}), t: &fakeThread{}}
	// Start would look at the command line of the test.
	b.m.host, b.m.core, b.m.report, b.m.symbols = b.h, b.h.opt, b.h.rep, debuginfo.NewSpace(debuginfo.Options{})
	b.m.command = &options.Command{Args: []string{"./prog", "x"}}
	b.m.dir = b.dir
	b.m.begin()
	b.m.contexts.names[pcWrap] = name{alloc: true}
	b.m.contexts.names[pcSkip] = name{ignored: true}
	b.m.contexts.ends[pcMain] = end{main: true}
	b.m.contexts.ends[pcStart] = end{starter: true}
	return b
}

// at sets the current stack.
func (b *bench) at(pc guest.Addr, callers ...guest.Addr) {
	b.h.t.regs.RIP = uint64(pc)
	b.h.t.pcs = []guest.Addr{pc}
	for _, c := range callers {
		b.h.t.pcs = append(b.h.t.pcs, c+1)
	}
}

func (b *bench) malloc(size uint64, callers ...guest.Addr) tool.HeapBlock {
	b.at(pcMalloc, callers...)
	blk := tool.HeapBlock{Addr: b.next, Size: size, Alloc: b.m.NewStack(b.h.t)}
	b.next += 0x10000
	b.m.Allocated(b.h.t, blk, false)
	return blk
}

func (b *bench) free(blk tool.HeapBlock) {
	b.at(pcFree, 0x999, pcMain)
	b.m.NewStack(b.h.t)
	b.m.Freed(b.h.t, blk, "free")
}

func (b *bench) realloc(old tool.HeapBlock, size uint64, callers ...guest.Addr) tool.HeapBlock {
	b.at(pcMalloc, callers...)
	blk := tool.HeapBlock{Addr: b.next, Size: size, Alloc: b.m.NewStack(b.h.t)}
	b.next += 0x10000
	old.Freed = true
	b.m.Resized(b.h.t, old, blk)
	return blk
}

func (b *bench) use(step string, heap, extra uint64) {
	b.Helper()
	if u := b.m.use; u.heap != heap || u.extra != extra {
		b.Errorf("%s: %d+%d bytes in use, want %d+%d", step, u.heap, u.extra, heap, extra)
	}
}

func TestHeap(t *testing.T) {
	b := newBench(t)
	x := b.malloc(20, pcMain, pcStart)
	b.use("malloc", 20, 12+8)
	y := b.malloc(0, pcWrap, pcMain)
	b.use("malloc(0)", 20, 20+8)
	x = b.realloc(x, 10, pcMain)
	b.use("realloc to less", 10, 22+8+8)
	x = b.realloc(x, 32, pcMain)
	b.use("realloc in the same space", 32, 0+8+8)
	x = b.realloc(x, 33, pcMain)
	b.use("realloc to more", 33, 15+8+8)
	b.free(x)
	b.use("free", 0, 8)
	b.free(y)
	b.use("free all", 0, 0)
	if len(b.m.slops) != 0 {
		t.Errorf("slops of %d blocks that are gone", len(b.m.slops))
	}
	n := len(b.m.contexts.list)
	b.at(pcFree, 0x123456, pcMain)
	if b.m.NewStack(b.h.t); len(b.m.contexts.list) != n {
		t.Error("a stack was captured for a free")
	}
	b.m.Unmapped(guest.Range{Start: 0, End: 0x1000})
	b.at(pcFree, 0x123456, pcMain)
	if b.m.NewStack(b.h.t) == 0 {
		t.Error("no stack was captured at an address where another function may lie now")
	}
}

func TestIgnored(t *testing.T) {
	b := newBench(t)
	x := b.malloc(1000, pcSkip, pcMain)
	y := b.malloc(1000, pcWrap, pcWrap, pcSkip, pcMain)
	z := b.malloc(64, 0x600, pcSkip, pcMain)
	b.use("ignored", 64, 8)
	x = b.realloc(x, 5000, pcMain)
	b.use("realloc of an ignored block", 64, 8)
	z = b.realloc(z, 128, pcSkip, pcMain)
	b.use("realloc by an ignored function", 0, 0)
	b.free(x)
	b.free(y)
	b.free(z)
	b.use("free", 0, 0)
}

func TestContextsEndAtMain(t *testing.T) {
	b := newBench(t, "-depth=3")
	for _, c := range []struct{ raw, want []guest.Addr }{
		{[]guest.Addr{0x601, pcMain + 1, pcStart + 1, 0x701}, []guest.Addr{0x600, pcMain}},
		{[]guest.Addr{0x601, pcStart + 1, 0x701}, []guest.Addr{0x600, pcStart}},
		{[]guest.Addr{pcWrap + 1, pcWrap + 1, 0x601, 0x602, 0x603, 0x604}, []guest.Addr{0x600, 0x601, 0x602}},
		{[]guest.Addr{pcWrap + 1}, []guest.Addr{pcWrap}},
		{nil, []guest.Addr{0}},
	} {
		n := b.m.contexts.at(append([]guest.Addr{pcMalloc}, c.raw...), true)
		if got := b.m.contexts.list[n].pcs; len(got) != len(c.want) || string(text(got)) != string(text(c.want)) {
			t.Errorf("stack %x has context %x, want %x", c.raw, got, c.want)
		}
	}
}

func text(pcs []guest.Addr) (out []byte) {
	for _, pc := range pcs {
		out = append(out, byte(pc>>8), byte(pc))
	}
	return out
}

func TestRequests(t *testing.T) {
	b := newBench(t)
	heap := b.malloc(0x1000, pcMain)
	b.h.blocks = append(b.h.blocks, heap)
	const mine = 0x900000
	req := func(code uint32, args ...uint64) uint64 {
		var a [5]uint64
		copy(a[:], args)
		b.at(0x700, pcMain)
		r, ok := b.m.Request(b.h.t, code, a)
		if !ok {
			t.Errorf("request %#x is not handled", code)
		}
		return r
	}
	req(reqMallocLike, mine, 100)
	b.use("MALLOCLIKE", 0x1000+100, 8+8)
	req(reqResizeInPlace, mine, 100, 150)
	b.use("RESIZEINPLACE", 0x1000+150, 8+8)
	req(reqFreeLike, mine)
	req(reqFreeLike, mine)
	req(reqResizeInPlace, mine, 1, 2)
	b.use("FREELIKE", 0x1000, 8)
	const id = 0x5000
	if req(reqPoolExists, id) != 0 {
		t.Error("a pool exists before its creation")
	}
	req(reqPoolAlloc, id, mine, 10)
	b.use("MEMPOOL_ALLOC without pool", 0x1000, 8)
	req(reqPoolCreate, id)
	if req(reqPoolExists, id) != 1 {
		t.Error("a pool doesn't exist after its creation")
	}
	req(reqPoolAlloc, id, mine, 10)
	req(reqPoolAlloc, id, mine+0x100, 20)
	req(reqPoolAlloc, id, uint64(heap.Addr)+64, 30)
	b.use("MEMPOOL_ALLOC", 0x1000+30, 8+16)
	req(reqPoolChange, id, mine, mine+0x200, 40)
	b.use("MEMPOOL_CHANGE", 0x1000+60, 8+16)
	req(reqPoolMove, id, id+8)
	req(reqPoolTrim, id+8, mine+0x200, 8)
	b.use("MEMPOOL_TRIM", 0x1000+40, 8+8)
	req(reqPoolFree, id+8, mine+0x200)
	b.use("MEMPOOL_FREE", 0x1000, 8)
	req(reqPoolDestroy, id+8)
	if _, ok := b.m.Request(b.h.t, 0x1400, [5]uint64{}); ok {
		t.Error("a request of nobody's is handled")
	}
}

func TestFinish(t *testing.T) {
	b := newBench(t)
	x := b.malloc(100, 0x600, pcMain)
	b.malloc(28, pcMain)
	b.free(x)
	b.m.Finish(tool.Exit{})
	got, err := os.ReadFile(filepath.Join(b.dir, "massif.out.77"))
	if err != nil {
		t.Fatal(err)
	}
	head := func(n, time, heap, extra string) string {
		return "#-----------\nsnapshot=" + n + "\n#-----------\ntime=" + time + "\nmem_heap_B=" + heap + "\nmem_heap_extra_B=" + extra + "\nmem_stacks_B=0\n"
	}
	want := "desc: (none)\ncmd: ./prog x\ntime_unit: B\n" +
		head("0", "0", "0", "0") + "heap_tree=detailed\nn0: 0 " + heapRoot + "\n" +
		head("1", "120", "100", "20") + "heap_tree=detailed\nn1: 100 " + heapRoot + "\n n1: 100 0x600: ???\n  n0: 100 0x400: ???\n" +
		head("2", "160", "128", "32") + "heap_tree=detailed\nn2: 128 " + heapRoot + "\n n1: 100 0x600: ???\n  n0: 100 0x400: ???\n n0: 28 0x400: ???\n" +
		head("3", "160", "128", "32") + "heap_tree=peak\nn2: 128 " + heapRoot + "\n n1: 100 0x600: ???\n  n0: 100 0x400: ???\n n0: 28 0x400: ???\n" +
		head("4", "280", "28", "12") + "heap_tree=detailed\nn2: 28 " + heapRoot + "\n n0: 28 0x400: ???\n n1: 0 0x600: ???\n  n0: 0 0x400: ???\n"
	if string(got) != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	data, err := os.ReadFile(filepath.Join(b.dir, "massif.pprof.77.pb.gz"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(data)
	if err != nil {
		t.Fatal(err)
	}
	sums := make([]int64, 4)
	for _, s := range p.Sample {
		for i, v := range s.Value {
			sums[i] += v
		}
	}
	if sums[0] != 2 || sums[1] != 128 || sums[2] != 2 || sums[3] != 128 {
		t.Errorf("sums of the profile: %v", sums)
	}
	log, err := os.ReadFile(b.log)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"160 bytes", "ms_print massif.out.77\n", "go tool pprof -http=: massif.pprof.77.pb.gz\n"} {
		if !strings.Contains(string(log), s) {
			t.Errorf("%q is not in the log:\n%s", s, log)
		}
	}
}

func TestOwnOptions(t *testing.T) {
	got := ownOptions([]string{"-q", "--time-unit=B", "--log-file=x", "--massif:depth=3", "--alloc-fn=f g", "--trace-children=yes"})
	if want := []string{"--time-unit=B", "--massif:depth=3", "--alloc-fn=f g"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestMonitor: commands write what Valgrind's do, with unambiguous words.
func TestMonitor(t *testing.T) {
	b := newBench(t, "-time-unit=B", "-threshold=0")
	b.h.opt.XtreeMemory = xtreeFull
	blk := b.malloc(100, 0x1000)
	b.malloc(30, 0x2000)
	b.free(blk)
	for _, c := range []struct {
		words, file string
		known       bool
		want        []string
	}{
		{"snapshot", "massif.vgdb.out", true, []string{"snapshot=0\n", "mem_heap_B=30\n", "heap_tree=empty\n"}},
		{"det d.out", "d.out", true, []string{"snapshot=0\n", "heap_tree=detailed\n", ": 30 0x"}},
		{"all_snapshots a.out", "a.out", true, []string{"snapshot=2\n", "heap_tree=peak\n"}},
		{"xt x.kcg", "x.kcg", true, []string{"# callgrind format\n", "event: totFdBk : total Freed Blocks\n", "totals: 30 1 130 2 100 1\n"}},
		{"xt x.ms", "x.ms", true, []string{"desc: xtree.produce_report\n", "n0: 30 0x"}},
		{"nothing n.out", "n.out", false, nil},
	} {
		if known := b.m.Monitor(b.h.t, strings.Fields(c.words)); known != c.known {
			t.Errorf("%s: known: %v", c.words, known)
		}
		text, err := os.ReadFile(filepath.Join(b.m.dir, c.file))
		if (err == nil) != c.known {
			t.Errorf("%s: %v", c.words, err)
		}
		for _, w := range c.want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s: no %q in:\n%s", c.words, w, text)
			}
		}
	}
}

func TestFilesThatCannotBeWritten(t *testing.T) {
	b := newBench(t)
	t.Setenv("TMPDIR", b.dir)
	f := files{log: b.h.rep.Log(), dir: b.dir}
	hello := func(w io.Writer) error {
		_, err := io.WriteString(w, "hello")
		return err
	}
	if got := f.write("a", "s1", hello); got != "a" {
		t.Errorf("written to %q", got)
	}
	for _, name := range []string{"/dev/full", "no/such/dir/x"} {
		spare := strings.ReplaceAll(name, "/", "-")
		want := filepath.Join(b.dir, spare)
		if got := f.write(name, spare, hello); got != want {
			t.Errorf("%s: written to %q, want %q", name, got, want)
		}
		if data, err := os.ReadFile(want); err != nil || !bytes.Equal(data, []byte("hello")) {
			t.Errorf("%s: the spare file has %q, %v", name, data, err)
		}
	}
	// A file of somebody else's under the spare name stays.
	if got := f.write("/dev/full", "a", func(w io.Writer) error { return hello(w) }); got != "" {
		t.Errorf("written over %q", got)
	}
	log, err := os.ReadFile(b.log)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(log), "Cannot write the result to"); n != 3 {
		t.Errorf("%d messages, want 3:\n%s", n, log)
	}
}
