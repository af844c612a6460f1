package memcheck

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"gogrind/internal/guest"
)

func TestMonitor(t *testing.T) {
	m, h, th := start(t)
	b := h.alloc(m, th, heapBase+0x1000, 20)
	m.shadow.MakeDefined(guest.Range{Start: b.Addr, End: b.Addr + 10})
	m.shadow.MakeUndefined(guest.Range{Start: b.Addr + 10, End: b.Addr + 20})
	h.WriteMem([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, b.Addr)
	h.WriteMem(binary.LittleEndian.AppendUint64(nil, uint64(b.Addr)), dataBase+0x40)
	const about = " Address 0x100000001000 is 0 bytes inside a block of size 20 alloc'd\nSTACK"
	for _, tc := range []struct {
		cmd, want string
		unknown   bool
	}{
		{cmd: "get_vbits 0x100000001000 12", want: "00000000 00000000 0000ffff\n"},
		{cmd: "get_vbits 0x100000001010[8]", want: "ffffffff ________\nAddress 0x100000001010 len 8 has 4 bytes unaddressable\n"},
		{cmd: "xb 0x100000001008 4", want: "\t\t  00\t  00\t  ff\t  ff\n0x100000001008:\t0x09\t0x0a\t0x00\t0x00\n"},
		{cmd: "check_memory addressable 0x100000001000 20", want: "Address 0x100000001000 len 20 addressable\n" + about},
		{cmd: "check addr 0x100000001000 21", want: "Address 0x100000001000 len 21 not addressable:\nbad address 0x100000001014\n" + about},
		{cmd: "check_memory def 0x100000001000 10", want: "Address 0x100000001000 len 10 defined\n" + about},
		{cmd: "check_memory def 0x100000001000 12", want: "Address 0x100000001000 len 12 not defined:\nUninitialised value at 0x10000000100A\n" + about},
		{cmd: "make_memory noaccess 0x100000001000 4"},
		{cmd: "make_memory Def 0x100000001002 4"}, // only what may be accessed
		{cmd: "get_vbits 0x100000001000 8", want: "________ 00000000\nAddress 0x100000001000 len 8 has 4 bytes unaddressable\n"},
		{cmd: "make_memory defined 0x100000001000 20"},
		{cmd: "xb", want: "missing or malformed address\n"},
		{cmd: "xb 0x1000 0", want: "\n\n"},
		{cmd: "get_vbits 0x1000 0", want: "\n"},
		{cmd: "get_vbits 0x1000 x", want: "malformed integer, expecting hex 0x..... or dec ...... or binary 0b.....\n"},
		{cmd: "get_vbits 4096 4", want: "missing or malformed address\n"},
		{cmd: "get_vbits 0x 4", want: "missing or malformed address\n"},
		{cmd: "get_vbits 0x100000001000x 1", want: "00\n"},
		{cmd: "check_memory def 0x100000001014", want: "Address 0x100000001014 len 1 not addressable:\nbad address 0x100000001014\n Address 0x100000001014 is 0 bytes after a block of size 20 alloc'd\nSTACK"},
		{cmd: "who_points_at 0", want: "missing or malformed address\n"},
		{cmd: "who_points_at 0x0 5", want: "Cannot search who points at 0x0\n"},
		{cmd: "make_memory odd 0x1000", want: "odd does not match any of 'noaccess undefined defined Definedifaddressable'\n"},
		{cmd: "block_list 1", want: "no leak search done yet\n"},
		{cmd: "leak_check foo", want: "foo does not match any of 'full summary xtleak kinds reachable possibleleak definiteleak heuristics increased changed any unlimited limited'\n"},
		{cmd: "leak_check kinds all,none", want: "missing or malformed leak kinds set\n"},
		{cmd: "leak_check limited x", want: "missing or malformed integer value\n"},
		{cmd: "who_points_at 0x100000001000", want: "Searching for pointers to 0x100000001000\n*0x100010000040 points at 0x100000001000\n" +
			" Address 0x100010000040 is in a rw- mapped file /bin/prog segment\n"},
		{cmd: "who_points_at 0x100000000ffc 16", want: "Searching for pointers pointing in 16 bytes from 0x100000000ffc\n" +
			"*0x100010000040 interior points at 4 bytes inside 0x100000000ffc\n" +
			" Address 0x100010000040 is in a rw- mapped file /bin/prog segment\n"},
		{cmd: "make_memory", want: "<empty string> can match noaccess undefined defined Definedifaddressable\nmissing or malformed address\n"},
		{cmd: "x", want: "x can match xb xtmemory\n"},
		{cmd: "nonsense", unknown: true},
	} {
		before := logText(t, h)
		if known := m.Monitor(th, strings.Fields(tc.cmd)); known == tc.unknown {
			t.Errorf("%s: known %v", tc.cmd, known)
		}
		got := strings.TrimPrefix(logText(t, h), before)
		if want := strings.ReplaceAll(tc.want, "STACK", undefinedAlloc); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", tc.cmd, got, want)
		}
	}
	before := logText(t, h)
	m.Monitor(th, []string{"leak_check", "full", "reachable", "any"})
	m.Monitor(th, []string{"block_list", "1..1"})
	got := strings.TrimPrefix(logText(t, h), before)
	const record = "20 bytes in 1 blocks are still reachable in loss record 1 of 1\n" + undefinedAlloc
	if !strings.HasPrefix(got, record) || !strings.HasSuffix(got, record+"0x100000001000[20]\n") {
		t.Errorf("leak_check and block_list:\n%s", got)
	}
	if m.opts.showKinds != defaultKinds {
		t.Error("a search changes the options")
	}
}

func logText(t *testing.T, h *fakeHost) string {
	data, err := os.ReadFile(h.log)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(strings.ReplaceAll(string(data), "==42== ", ""), "==42==", "")
}

// TestMonitorLeaks: what a search by a command shows, which is not what options say, and how it lists blocks.
func TestMonitorLeaks(t *testing.T) {
	m, h, th := start(t)
	h.opt.XtreeMemory = xtreeAllocs
	m.trees.dir = t.TempDir()
	m.opts.showKinds, m.opts.errorKinds = 0, 1<<len(leakKindNames)-1
	lost := h.alloc(m, th, heapBase+0x1000, 20)
	m.shadow.MakeDefined(lost.Range())
	h.alloc(m, th, heapBase+0x2000, 10)
	h.WriteMem(binary.LittleEndian.AppendUint64(nil, uint64(heapBase+0x2000)), lost.Addr)
	interior := h.alloc(m, th, heapBase+0x3000, 50)
	h.WriteMem(binary.LittleEndian.AppendUint64(nil, uint64(interior.Addr+5)), dataBase+0x40)
	run := func(cmd string) string {
		before := logText(t, h)
		if !m.Monitor(th, strings.Fields(cmd)) {
			t.Errorf("%s is unknown", cmd)
		}
		return strings.ReplaceAll(strings.TrimPrefix(logText(t, h), before), undefinedAlloc, "STACK\n")
	}
	const definite = "30 (20 direct, 10 indirect) bytes in 1 blocks are definitely lost in loss record 2 of 3\nSTACK\n"
	const possible = "50 bytes in 1 blocks are possibly lost in loss record 3 of 3\nSTACK\n"
	for _, tc := range []struct{ cmd, want string }{
		{"leak_check full any", definite + "\n" + possible + "\n"},
		{"leak_check full any limited 1", possible + "\n"},
		{"leak_check full increased", ""},
		{"leak_check possibleleak any", "10 bytes in 1 blocks are indirectly lost in loss record 1 of 3\nSTACK\n\n" + definite + "\n" + possible + "\n"},
		{"block_list 2", definite + "0x100000001000[20]\n  0x100000002000[10] indirect loss record 1\n"},
		{"block_list 2..3 limited 1", definite + "0x100000001000[20]\n  0x100000002000[10] indirect loss record 1\n" + possible + "0x100000003000[50]\n"},
		{"block_list", "expecting integer or slice <from>..<to>\n"},
		{"block_list x", "invalid integer or slice <from>..<to>\n"},
		{"block_list 4", "invalid loss record nr\n"},
		{"leak_check xtleak any", "xtree leak report: " + m.trees.dir + "/xtleak.kcg.42.1\n"},
		{"xtmemory", "xtree memory report: " + m.trees.dir + "/xtmemory.kcg.42.2\n"},
		{"xtmemory a.b", "xtree memory report: " + m.trees.dir + "/a.b\n"},
	} {
		got := run(tc.cmd)
		if i := strings.Index(got, "LEAK SUMMARY"); i >= 0 {
			got = got[:i]
		}
		if got != tc.want {
			t.Errorf("%s:\n%s\nwant\n%s", tc.cmd, got, tc.want)
		}
	}
	if n := m.report.Counts().Errors; n != 0 {
		t.Errorf("%d errors", n)
	}
	if got := run("leak_check full changed"); !strings.Contains(got, "LEAK SUMMARY") {
		t.Errorf("leak_check full changed:\n%s", got)
	}
	if got, want := run("block_list 3"), "50 (+0) bytes in 1 (+0) blocks are possibly lost in loss record 3 of 3\nSTACK\n0x100000003000[50]\n"; got != want {
		t.Errorf("block_list behind a search for changes:\n%s\nwant\n%s", got, want)
	}
	const summary = "To see details of leaked memory, give 'full' arg to leak_check\n"
	if got := run("leak_check summary any"); !strings.Contains(got, summary) {
		t.Errorf("leak_check summary any lacks %q:\n%s", summary, got)
	}
}

// TestVbitsRequests: bits go through memory and back.
func TestVbitsRequests(t *testing.T) {
	m, h, th := start(t)
	b := h.alloc(m, th, heapBase+0x1000, 100)
	bits := make([]byte, 100)
	for i := range bits {
		bits[i] = byte(i * 37)
	}
	h.WriteMem(bits, dataBase)
	if r := m.setVbits(b.Addr, dataBase, 100); r != vbitsOK {
		t.Fatalf("set: %d", r)
	}
	if r := m.getVbits(b.Addr, dataBase+0x100, 100); r != vbitsOK {
		t.Fatalf("get: %d", r)
	}
	got := make([]byte, 100)
	h.ReadMem(got, dataBase+0x100)
	if string(got) != string(bits) {
		t.Errorf("% x, want % x", got, bits)
	}
	if r := m.getVbits(b.Addr+90, dataBase, 20); r != vbitsUnaddressed {
		t.Errorf("behind the block: %d", r)
	}
}
