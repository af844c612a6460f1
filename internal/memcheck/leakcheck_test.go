package memcheck

import (
	"slices"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/leak"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
)

// leaky makes a guest with: a and b reachable (b through a, in undefined memory when undef is set), c possibly lost, d
// leading e, f lost by itself.
func leaky(t *testing.T, args ...string) (*Memcheck, *fakeHost, *fakeThread) {
	m, h, th := start(t, args...)
	at := func(i int) guest.Addr { return heapBase + guest.Addr(i)*0x1000 }
	for i, size := range []uint64{16, 24, 1000, 32, 40, 5} {
		h.alloc(m, th, at(i), size)
	}
	h.poke(dataBase, at(0))
	h.poke(at(0), at(1))
	h.poke(dataBase+8, at(2)+8)
	h.poke(at(3)+8, at(4))
	h.poke(stackTop-0x2000, at(5)) // below the stack pointer: no root
	h.poke(at(1)+16, heapBase+0x80)
	return m, h, th
}

const (
	allocFrames = "   at 0x500001: malloc (vg_replace_malloc.c:1)\n   by 0x400107: make (prog.c:7)\n   by 0x400105: main (prog.c:5)\n\n"
	heapLines   = "HEAP SUMMARY:\n    in use at exit: 1,117 bytes in 6 blocks\n" +
		"  total heap usage: 6 allocs, 0 frees, 1,117 bytes allocated\n\n"
	leakLines = "LEAK SUMMARY:\n   definitely lost: 37 bytes in 2 blocks\n   indirectly lost: 40 bytes in 1 blocks\n" +
		"     possibly lost: 1,000 bytes in 1 blocks\n   still reachable: 40 bytes in 2 blocks\n" +
		"        suppressed: 0 bytes in 0 blocks\n"
	rerun = "For lists of detected and suppressed errors, rerun with: -s\n"
)

func TestFinish(t *testing.T) {
	definite := "77 (37 direct, 40 indirect) bytes in 2 blocks are definitely lost in loss record 3 of 4\n" + allocFrames
	possible := "1,000 bytes in 1 blocks are possibly lost in loss record 4 of 4\n" + allocFrames
	reachable := "40 bytes in 2 blocks are still reachable in loss record 1 of 4\n" + allocFrames
	indirect := "40 bytes in 1 blocks are indirectly lost in loss record 2 of 4\n" + allocFrames
	notShown := "Reachable blocks (those to which a pointer was found) are not shown.\n" +
		"To see them, rerun with: --leak-check=full --show-leak-kinds=all\n"
	rows := []struct {
		name   string
		args   []string
		want   string
		errors string
		set    func(m *Memcheck, h *fakeHost)
		status int
	}{
		{name: "summary", want: heapLines + leakLines + "Rerun with --leak-check=full to see details of leaked memory\n\n" + rerun, errors: "0 errors from 0"},
		{name: "no", args: []string{"--leak-check=no"}, want: heapLines + "For a detailed leak analysis, rerun with: --leak-check=full\n\n" + rerun,
			errors: "0 errors from 0"},
		{name: "full", args: []string{"--leak-check=full"}, want: heapLines + definite + possible + leakLines + notShown + "\n" + rerun,
			errors: "2 errors from 2"},
		{name: "yes, all", args: []string{"--leak-check=yes", "--show-leak-kinds=all"},
			want: heapLines + reachable + indirect + definite + possible + leakLines + "\n" + rerun, errors: "2 errors from 2"},
		{name: "errors for some", args: []string{"--leak-check=full", "--errors-for-leak-kinds=possible"},
			want: heapLines + definite + possible + leakLines + notShown + "\n" + rerun, errors: "1 errors from 1"},
		{name: "low resolution", args: []string{"--leak-check=full", "--leak-resolution=low"},
			want: heapLines + definite + possible + leakLines + notShown + "\n" + rerun, errors: "2 errors from 2"},
		{name: "exit code", args: []string{"--leak-check=full"}, want: heapLines + definite + possible + leakLines + notShown + "\n" + rerun,
			errors: "2 errors from 2", set: func(_ *Memcheck, h *fakeHost) { h.opt.ErrorExitcode = 9 }, status: 9},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m, h, _ := leaky(t, row.args...)
			if row.set != nil {
				row.set(m, h)
			}
			status, replace := m.Finish(tool.Exit{})
			if status != row.status || replace != (row.status != 0) {
				t.Errorf("status %d, %v", status, replace)
			}
			h.expect(row.want + "ERROR SUMMARY: " + row.errors + " contexts (suppressed: 0 from 0)\n")
		})
	}
}

// TestHeuristicLines checks the columns of what the summary says of heuristics.
func TestHeuristicLines(t *testing.T) {
	m, _, _ := leaky(t)
	var sum leakSummary
	sum.kind[leak.Reachable] = leak.Total{Bytes: 100, Blocks: 1}
	sum.heuristic[leak.Length64] = sum.kind[leak.Reachable]
	want := "   still reachable: 100 bytes in 1 blocks\n                      of which reachable via heuristic:\n" +
		"                        length64           : 100 bytes in 1 blocks\n        suppressed:"
	q := m.query(false, deltaAny)
	if text := m.leakSummaryText(&sum, &leakSummary{}, &q); !strings.Contains(text, want) {
		t.Errorf("no\n%s\nin\n%s", want, text)
	}
}

func TestAllFreed(t *testing.T) {
	m, h, th := start(t)
	h.alloc(m, th, heapBase, 10)
	h.free(m, th, heapBase)
	m.Finish(tool.Exit{})
	h.expect("HEAP SUMMARY:\n    in use at exit: 0 bytes in 0 blocks\n  total heap usage: 1 allocs, 1 frees, 10 bytes allocated\n\n" +
		"All heap blocks were freed -- no leaks are possible\n\n" + rerun + "ERROR SUMMARY: 0 errors from 0 contexts (suppressed: 0 from 0)\n")
}

func TestQuiet(t *testing.T) {
	m, h, _ := leaky(t, "--leak-check=full", "--show-leak-kinds=possible")
	h.opt.Verbosity = 0
	m.heapSummary()
	m.leakCheck(1, m.query(true, deltaAny))
	h.expect("1,000 bytes in 1 blocks are possibly lost in loss record 4 of 4\n" + allocFrames)
}

// TestUndefinedPointers checks that words which aren't defined hold no pointers.
func TestUndefinedPointers(t *testing.T) {
	m, h, _ := leaky(t)
	m.shadow.MakeUndefined(guest.Range{Start: heapBase, End: heapBase + 1})
	m.leakCheck(1, m.query(false, deltaAny))
	if text := h.text(); !strings.Contains(text, "still reachable: 16 bytes in 1 blocks") {
		t.Errorf("a pointer in undefined memory counts:\n%s", text)
	}
}

func TestRegistersAreRoots(t *testing.T) {
	m, h, th := leaky(t)
	th.regs.GPR[guest.RBX] = uint64(heapBase) + 0x5000
	m.leakCheck(1, m.query(false, deltaAny))
	if text := h.text(); !strings.Contains(text, "still reachable: 45 bytes in 3 blocks") {
		t.Errorf("a register is no root:\n%s", text)
	}
}

func request(t *testing.T, m *Memcheck, th *fakeThread, code uint32, args ...uint64) uint64 {
	t.Helper()
	var a [5]uint64
	copy(a[:], args)
	r, ok := m.Request(th, code, a)
	if !ok {
		t.Fatalf("request %#x is not known", code)
	}
	return r
}

func TestLeakRoots(t *testing.T) {
	m, h, _ := start(t)
	const g = guest.Read | guest.Write
	at := func(n guest.Addr) guest.Range { return guest.Range{Start: n << 20, End: n<<20 + 0x1000} }
	h.maps = []tool.Mapping{
		{Range: at(1), Prot: guest.Read}, {Range: at(2), Prot: g}, {Range: at(3), Prot: guest.Read, Stored: true, Path: "/lib/x.so"},
		{Range: at(4), Stored: true, Path: "/lib/x.so"}, {Range: at(5), Prot: g, Tool: true}, {Range: at(6), Prot: g, Path: "/dev/dri"},
	}
	if got, want := m.leakRoots(nil), []guest.Range{at(2), at(3)}; !slices.Equal(got, want) {
		t.Errorf("roots %v, want %v", got, want)
	}
}

func TestLeakRequests(t *testing.T) {
	m, h, th := leaky(t)
	request(t, m, th, reqLeakCheck, 0, 1)
	first := h.text()
	for _, want := range []string{
		"77 (+77) (37 (+37) direct, 40 (+40) indirect) bytes in 2 (+2) blocks are definitely lost in loss record 3 of 4\n",
		"   definitely lost: 37 (+37) bytes in 2 (+2) blocks\n",
	} {
		if !strings.Contains(first, want) {
			t.Errorf("first check lacks %q:\n%s", want, first)
		}
	}
	h.poke(dataBase+8, 0) // now c is lost, too
	request(t, m, th, reqLeakCheck, 0, 1)
	second := strings.TrimPrefix(h.text(), first)
	for _, want := range []string{
		"1,077 (+1,000) (1,037 (+1,000) direct, 40 (+0) indirect) bytes in 3 (+1) blocks are definitely lost in loss record 4 of 4\n",
		"     possibly lost: 0 (-1,000) bytes in 0 (-1) blocks\n",
	} {
		if !strings.Contains(second, want) {
			t.Errorf("second check lacks %q:\n%s", want, second)
		}
	}
	out := uint64(dataBase) + 0x100
	request(t, m, th, reqCountLeaks, out, out+8, out+16, out+24)
	request(t, m, th, reqCountLeakBlocks, out+32, out+40, out+48, out+56)
	var got [8]uint64
	for i := range got {
		var b [8]byte
		h.ReadMem(b[:], guest.Addr(out)+guest.Addr(8*i))
		for j := range b {
			got[i] |= uint64(b[j]) << (8 * j)
		}
	}
	if want := [8]uint64{1077, 0, 40, 0, 4, 0, 2, 0}; got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
}

func TestMemoryRequests(t *testing.T) {
	m, h, th := start(t)
	a := uint64(dataBase) + 0x200
	here := "   at 0x400109: use (prog.c:9)\n   by 0x400105: main (prog.c:5)\n"
	if r := request(t, m, th, reqCheckDefined, a, 16); r != 0 {
		t.Errorf("defined memory: %#x", r)
	}
	request(t, m, th, reqMakeUndefined, a+4, 4)
	if r := request(t, m, th, reqCheckAddressed, a, 16); r != 0 {
		t.Errorf("addressable memory: %#x", r)
	}
	if r := request(t, m, th, reqCheckDefined, a, 16); r != a+4 {
		t.Errorf("undefined memory: %#x, want %#x", r, a+4)
	}
	m.Leave(th, storeAccess, guest.Addr(a)+4, 4)
	if r := request(t, m, th, reqCheckDefined, a, 16); r != 0 {
		t.Errorf("a store left the memory undefined: %#x", r)
	}
	request(t, m, th, reqMakeNoAccess, a+8, 8)
	request(t, m, th, reqDefinedIfAddr, a, 16)
	th.pcs = []guest.Addr{0x400106}
	if r := request(t, m, th, reqCheckAddressed, a, 16); r != a+8 {
		t.Errorf("inaccessible memory: %#x", r)
	}
	request(t, m, th, reqMakeDefined, a+8, 8)
	if v := m.shadow.At(guest.Addr(a) + 8); v != shadow.Defined {
		t.Errorf("shadow %#x", v)
	}
	h.expect("Uninitialised byte(s) found during client check request\n" + here +
		" Address " + at(guest.Addr(a)+4) + " is in a rw- mapped file /bin/prog segment\n\n" +
		"Unaddressable byte(s) found during client check request\n   at 0x400106: ???\n" +
		" Address " + at(guest.Addr(a)+8) + " is in a rw- mapped file /bin/prog segment\n\n")

	request(t, m, th, reqMakeNoAccess, a, 8)
	request(t, m, th, reqReportingOff, a, 4)
	before := h.rep.Counts().Errors
	m.Leave(th, storeAccess, guest.Addr(a), 1)
	request(t, m, th, reqReportingOn, a+1, 1)
	m.Leave(th, storeAccess, guest.Addr(a)+2, 1)
	if n := h.rep.Counts().Errors; n != before {
		t.Errorf("%d errors were reported while it was off", n-before)
	}
	m.Leave(th, storeAccess, guest.Addr(a)+1, 1)
	if n := h.rep.Counts().Errors; n != before+1 {
		t.Error("no error was reported after it was on again")
	}
	if _, ok := m.Request(th, 0x1234, [5]uint64{}); ok {
		t.Error("an unknown request was taken")
	}
}

const storeAccess = isa.Store

func TestVbits(t *testing.T) {
	m, h, th := start(t)
	a, v := uint64(dataBase)+0x300, uint64(dataBase)+0x400
	request(t, m, th, reqMakeUndefined, a+1, 2)
	if r := request(t, m, th, reqGetVbits, a, v, 4); r != vbitsOK {
		t.Fatalf("get: %d", r)
	}
	var b [4]byte
	h.ReadMem(b[:], guest.Addr(v))
	if b != [4]byte{0, 0xff, 0xff, 0} {
		t.Errorf("vbits %x", b)
	}
	h.WriteMem([]byte{0xff, 0, 0, 0}, guest.Addr(v))
	if r := request(t, m, th, reqSetVbits, a, v, 4); r != vbitsOK {
		t.Fatalf("set: %d", r)
	}
	var sh [4]byte
	m.shadow.Load(sh[:], guest.Addr(a))
	if sh != [4]byte{0xff, 0, 0, 0} {
		t.Errorf("shadow %x", sh)
	}
	request(t, m, th, reqMakeNoAccess, a, 1)
	if r := request(t, m, th, reqGetVbits, a, v, 4); r != vbitsUnaddressed {
		t.Errorf("get of inaccessible memory: %d", r)
	}
	if r := request(t, m, th, reqSetVbits, a, v, 4); r != vbitsUnaddressed {
		t.Errorf("set of inaccessible memory: %d", r)
	}
}

func TestCustomBlocks(t *testing.T) {
	m, h, th := start(t)
	a := uint64(dataBase) + 0x1000
	request(t, m, th, reqMakeNoAccess, a-16, 0x200)
	th.pcs = mallocPCs
	request(t, m, th, reqMallocLike, a, 40, 16, 1)
	th.pcs = []guest.Addr{0x400109, 0x400106}
	m.Leave(th, storeAccess, guest.Addr(a)+39, 1)
	m.Leave(th, storeAccess, guest.Addr(a)+40, 1)
	alloc := "   at 0x500001: malloc (vg_replace_malloc.c:1)\n   by 0x400107: make (prog.c:7)\n   by 0x400105: main (prog.c:5)\n"
	h.expect("Invalid write of size 1\n   at 0x400109: use (prog.c:9)\n   by 0x400105: main (prog.c:5)\n Address " +
		at(guest.Addr(a)+40) + " is 0 bytes after a block of size 40 alloc'd\n" + alloc + "\n")
	request(t, m, th, reqResizeInPlace, a, 40, 48, 16)
	if _, bad := m.shadow.FirstNoAccess(guest.Range{Start: guest.Addr(a), End: guest.Addr(a) + 48}); bad {
		t.Error("the block did not grow")
	}
	request(t, m, th, reqResizeInPlace, a, 48, 8, 16)
	if v := m.shadow.At(guest.Addr(a) + 8); v != shadow.NoAccess {
		t.Error("the block did not shrink")
	}
	th.pcs = freePCs
	request(t, m, th, reqFreeLike, a, 16)
	th.pcs = []guest.Addr{0x40010a, 0x400106}
	request(t, m, th, reqFreeLike, a, 16)
	if text := h.text(); !strings.Contains(text, "Invalid free()") || !strings.Contains(text, "0 bytes inside a block of size 8 free'd\n   at 0x500002: free") {
		t.Errorf("second free:\n%s", text)
	}
	request(t, m, th, reqMallocLike, a, 24, 0, 0)
	m.heapSummary()
	if text := h.text(); !strings.Contains(text, "in use at exit: 24 bytes in 1 blocks\n  total heap usage: 2 allocs, 2 frees, 64 bytes allocated\n") {
		t.Errorf("summary:\n%s", text)
	}
}

// TestDividedBlock checks that of a heap block that a custom allocator divides, its pieces are searched.
func TestDividedBlock(t *testing.T) {
	m, h, th := start(t)
	h.alloc(m, th, heapBase, 1000)
	a := uint64(heapBase)
	request(t, m, th, reqMallocLike, a+100, 50, 0, 0)
	request(t, m, th, reqMallocLike, a+200, 60, 0, 0)
	h.poke(dataBase, guest.Addr(a)+200)
	m.leakCheck(1, m.query(false, deltaAny))
	if text := h.text(); !strings.Contains(text, "definitely lost: 50 bytes in 1 blocks") || !strings.Contains(text, "still reachable: 60 bytes in 1 blocks") {
		t.Errorf("%s", text)
	}
}

func TestNamedBlocks(t *testing.T) {
	m, h, th := start(t)
	a := uint64(dataBase) + 0x2000
	h.WriteMem([]byte("my pool\x00"), guest.Addr(a)+0x100)
	id := request(t, m, th, reqCreateBlock, a, 64, a+0x100)
	request(t, m, th, reqMakeNoAccess, a, 64)
	m.Leave(th, storeAccess, guest.Addr(a)+8, 1)
	if want := "Address " + at(guest.Addr(a)+8) + " is 8 bytes inside a my pool of size 64 client-defined\n"; !strings.Contains(h.text(), want) {
		t.Errorf("log lacks %q:\n%s", want, h.text())
	}
	if r := request(t, m, th, reqDiscard, 0, id); r != 0 {
		t.Errorf("discard: %d", r)
	}
	if r := request(t, m, th, reqDiscard, 0, id); r != 1 {
		t.Errorf("second discard: %d", r)
	}
	if again := request(t, m, th, reqCreateBlock, a, 64, a+0x100); again != id {
		t.Errorf("handle %d is not used again: %d", id, again)
	}
}

func TestPools(t *testing.T) {
	m, h, th := start(t)
	id, a := uint64(0x77), uint64(dataBase)+0x4000
	request(t, m, th, reqMakeNoAccess, a, 0x1000)
	if r := request(t, m, th, reqPoolExists, id); r != 0 {
		t.Error("a pool exists before it is made")
	}
	request(t, m, th, reqPoolCreate, id, 16, 1)
	if r := request(t, m, th, reqPoolExists, id); r != 1 {
		t.Error("no pool exists after it was made")
	}
	for i := range uint64(4) {
		request(t, m, th, reqPoolAlloc, id, a+0x100*i, 0x40)
	}
	access := func(off uint64) byte { return m.shadow.At(guest.Addr(a + off)) }
	if access(0x13f) != shadow.Defined || access(0x140) != shadow.NoAccess {
		t.Error("block is not marked")
	}
	m.Leave(th, storeAccess, guest.Addr(a)+0x148, 1)
	if want := " is 8 bytes after a block of size 64 client-defined\n"; !strings.Contains(h.text(), want) {
		t.Errorf("log lacks %q:\n%s", want, h.text())
	}
	request(t, m, th, reqPoolFree, id, a+0x100)
	if access(0x100) != shadow.NoAccess {
		t.Error("freed block is accessible")
	}
	request(t, m, th, reqPoolTrim, id, a+0x220, 0xf0)
	for off, want := range map[uint64]byte{0: shadow.NoAccess, 0x21f: shadow.NoAccess, 0x220: shadow.Defined, 0x23f: shadow.Defined,
		0x300: shadow.Defined, 0x30f: shadow.Defined, 0x310: shadow.NoAccess} {
		if got := access(off); got != want {
			t.Errorf("after trim: %#x has %#x, want %#x", off, got, want)
		}
	}
	request(t, m, th, reqPoolMove, id, id+1)
	request(t, m, th, reqPoolChange, id+1, a+0x220, a+0x210, 0x30)
	m.leakCheck(1, m.query(false, deltaAny))
	if want := "All heap blocks were freed"; !strings.Contains(h.text(), want) { // pools alone don't count
		t.Errorf("log lacks %q:\n%s", want, h.text())
	}
	request(t, m, th, reqMallocLike, a+0x800, 8, 0, 0)
	m.leakCheck(1, m.query(false, deltaAny))
	if want := "definitely lost: 72 bytes in 3 blocks"; !strings.Contains(h.text(), want) {
		t.Errorf("log lacks %q:\n%s", want, h.text())
	}
	th.pcs = freePCs
	request(t, m, th, reqPoolFree, id, a+0x210)
	if want := "Illegal memory pool address\n"; !strings.Contains(h.text(), want) {
		t.Errorf("log lacks %q:\n%s", want, h.text())
	}
	m.heapSummary()
	if want := "in use at exit: 8 bytes in 1 blocks\n"; !strings.Contains(h.text(), want) { // and those of pools don't count here
		t.Errorf("log lacks %q:\n%s", want, h.text())
	}
	request(t, m, th, reqPoolDestroy, id+1)
	if access(0x300) != shadow.NoAccess {
		t.Error("block of a pool that is gone is accessible")
	}
	if st := m.customStats; st.Allocs != 5 || st.Frees != 0 {
		t.Errorf("stats %+v", st)
	}
}

// TestMetaPool checks that areas of a meta pool are blocks beside those inside, and take them along.
func TestMetaPool(t *testing.T) {
	m, h, th := start(t)
	a := uint64(dataBase) + 0x4000
	request(t, m, th, reqPoolCreate, 1, 0, 0, poolMeta|poolAutoFree)
	request(t, m, th, reqPoolAlloc, 1, a, 0x1000)
	request(t, m, th, reqMallocLike, a, 100, 0, 0)
	request(t, m, th, reqMallocLike, a+200, 50, 0, 0)
	m.leakCheck(1, m.query(false, deltaAny))
	if want := "definitely lost: 4,246 bytes in 3 blocks"; !strings.Contains(h.text(), want) {
		t.Errorf("log lacks %q:\n%s", want, h.text())
	}
	request(t, m, th, reqPoolFree, 1, a)
	if len(m.custom) != 0 {
		t.Errorf("%d blocks are left", len(m.custom))
	}
}

// TestCustomPlaces: what is said of addresses near custom blocks without red zones, and in those of pools that are gone.
func TestCustomPlaces(t *testing.T) {
	m, h, th := start(t)
	a := uint64(dataBase) + 0x4000
	request(t, m, th, reqMallocLike, a, 20, 0, 0)
	m.shadow.MakeNoAccess(guest.Range{Start: guest.Addr(a) + 20, End: guest.Addr(a) + 100})
	m.Leave(th, storeAccess, guest.Addr(a)+30, 1)
	if want := " is 10 bytes after a block of size 20 alloc'd\n"; !strings.Contains(h.text(), want) {
		t.Errorf("log lacks %q:\n%s", want, h.text())
	}
	request(t, m, th, reqPoolCreate, 1, 0, 0)
	request(t, m, th, reqPoolAlloc, 1, a+0x200, 64)
	request(t, m, th, reqPoolDestroy, 1)
	th.pcs = freePCs
	m.Leave(th, storeAccess, guest.Addr(a)+0x208, 1)
	if text := h.text(); !strings.Contains(text, "Address "+at(guest.Addr(a)+0x208)) || strings.Contains(text, "free'd") {
		t.Errorf("a block of a pool that is gone is remembered:\n%s", text)
	}
}
