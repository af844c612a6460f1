package memcheck

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/report"
	"gogrind/internal/suppress"
	"gogrind/internal/tool"
)

// undefinedRows are uses of undefined values with the suppression that is generated for each.
var undefinedRows = []struct {
	name   string
	kind   undefinedKind
	size   int
	param  string
	addr   guest.Addr
	origin originKind
	what   string // first line
	xml    string // kind in XML
	supp   string // lines after "Memcheck:"
	aux    string // lines after the stack, without stacks of theirs
}{
	{name: "condition", kind: undefinedCond, what: "Conditional jump or move depends on uninitialised value(s)", xml: "UninitCondition", supp: "Cond"},
	{name: "condition with origin", kind: undefinedCond, origin: originHeap, xml: "UninitCondition", supp: "Cond",
		what: "Conditional jump or move depends on uninitialised value(s)", aux: " Uninitialised value was created by a heap allocation\n"},
	{name: "value", kind: undefinedUse, size: 8, origin: originStack, what: "Use of uninitialised value of size 8", xml: "UninitValue",
		supp: "Value8", aux: " Uninitialised value was created by a stack allocation\n"},
	{name: "vector", kind: undefinedUse, size: 32, origin: originUnknown, what: "Use of uninitialised value of size 32", xml: "UninitValue",
		supp: "Value32", aux: " Uninitialised value was created\n"},
	{name: "argument", kind: undefinedArg, param: "write(count)", origin: originClient, xml: "SyscallParam",
		what: "Syscall param write(count) contains uninitialised byte(s)", supp: "Param\n   write(count)",
		aux: " Uninitialised value was created by a client request\n"},
	{name: "memory", kind: undefinedArgBytes, param: "write(buf)", addr: heapBase + 0x1002, origin: originHeap, xml: "SyscallParam",
		what: "Syscall param write(buf) points to uninitialised byte(s)", supp: "Param\n   write(buf)",
		aux: " Address 0x100000001002 is 2 bytes inside a block of size 10 alloc'd\nSTACK Uninitialised value was created by a heap allocation\n"},
	{name: "check", kind: undefinedChecked, addr: 0x10, what: "Uninitialised byte(s) found during client check request", xml: "ClientCheck",
		supp: "User", aux: " Address 0x10 is not stack'd, malloc'd or (recently) free'd\n"},
}

const (
	undefinedAlloc = "   at 0x500001: malloc (vg_replace_malloc.c:1)\n   by 0x400107: make (prog.c:7)\n   by 0x400105: main (prog.c:5)\n"
	undefinedHere  = "   at 0x400109: use (prog.c:9)\n   by 0x400105: main (prog.c:5)\n"
)

// originOf makes an origin of the given kind with the stack of a call of malloc.
func originOf(m *Memcheck, th *fakeThread, k originKind) origin {
	was := th.pcs
	defer func() { th.pcs = was }()
	th.pcs = mallocPCs
	if k == originNone {
		return origin{}
	}
	return origin{kind: k, stack: m.NewStack(th)}
}

func TestUndefined(t *testing.T) {
	for _, row := range undefinedRows {
		t.Run(row.name, func(t *testing.T) {
			m, h, th := start(t)
			h.alloc(m, th, heapBase+0x1000, 10)
			m.reportUndefined(th, row.kind, row.size, row.param, row.addr, originOf(m, th, row.origin))
			m.reportUndefined(th, row.kind, row.size, row.param, row.addr, origin{})
			aux := strings.ReplaceAll(row.aux, "STACK", undefinedAlloc)
			if row.origin != originNone {
				aux += undefinedAlloc
			}
			h.expect(row.what + "\n" + undefinedHere + aux + "\n")
			if c := h.rep.Counts(); c.Errors != 2 || c.Contexts != 1 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestUndefinedOff: --undef-value-errors=no.
func TestUndefinedOff(t *testing.T) {
	m, h, th := start(t, "--undef-value-errors=no")
	m.reportUndefined(th, undefinedCond, 0, "", 0, origin{})
	m.Finish(tool.Exit{})
	if c := h.rep.Counts(); c.Errors != 0 || strings.Contains(h.text(), "--track-origins") {
		t.Errorf("%+v\n%s", c, h.text())
	}
}

// TestUndefinedHint: the end of the log says how origins are had, and only if that is news.
func TestUndefinedHint(t *testing.T) {
	for _, row := range []struct {
		args      []string
		verbosity int
		use, want bool
	}{{nil, 1, true, true}, {nil, 1, false, false}, {[]string{"--track-origins=yes"}, 1, true, false}, {nil, 2, true, true}, {nil, 0, true, false}} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			m, h, th := start(t, row.args...)
			m.core.Verbosity = row.verbosity
			if row.use {
				m.reportUndefined(th, undefinedCond, 0, "", 0, origin{})
			}
			m.Finish(tool.Exit{})
			if got := strings.Contains(h.text(), "Use --track-origins=yes to see where uninitialised values come from\n"); got != row.want {
				t.Error(h.text())
			}
		})
	}
}

// TestUndefinedXML: kinds and generated suppressions in XML; the suppressions match.
func TestUndefinedXML(t *testing.T) {
	for _, row := range undefinedRows {
		t.Run(row.name, func(t *testing.T) {
			m, h, th := start(t)
			file := filepath.Join(t.TempDir(), "xml")
			x, err := report.OpenXML(report.Target{File: file}, 1, nil, "Memcheck", nil)
			if err != nil {
				t.Fatal(err)
			}
			set := suppress.NewSet(suppress.Memcheck)
			cfg := report.Config{Symbols: h, Stacks: h, SuppTool: "Memcheck", Suppressions: set, Sink: x, GenSuppressions: "all"}
			m.report = report.New(h.rep.Log(), cfg)
			m.reportUndefined(th, row.kind, row.size, row.param, row.addr, originOf(m, th, row.origin))
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := string(b)
			if want := "<kind>" + row.xml + "</kind>\n  <what>" + row.what + "</what>\n  <stack>"; !strings.Contains(got, want) {
				t.Errorf("no %q in\n%s", want, got)
			}
			if row.origin != originNone && !strings.Contains(got, "<auxwhat>"+originTexts[row.origin]+"</auxwhat>\n  <stack>") {
				t.Errorf("no origin in\n%s", got)
			}
			_, supp, _ := strings.Cut(got, "<![CDATA[\n")
			supp, _, _ = strings.Cut(supp, "]]>")
			if !strings.Contains(supp, "Memcheck:"+row.supp+"\n   fun:use\n   fun:main\n}") {
				t.Errorf("suppression is %s", supp)
			}
			if err := set.Parse(strings.NewReader(supp), "x"); err != nil {
				t.Fatal(err)
			}
			m.report = report.New(h.rep.Log(), cfg)
			m.reportUndefined(th, row.kind, row.size, row.param, row.addr, origin{})
			if c := m.report.Counts(); c.Errors != 0 || c.SuppressedErrors != 1 {
				t.Errorf("%+v", c)
			}
		})
	}
}
