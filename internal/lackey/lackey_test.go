package lackey

import (
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/options"
	"gogrind/internal/report"
	"gogrind/internal/tool"
)

// newTest is a Lackey that has been started, and a function that returns what it has printed.
func newTest(t *testing.T, o settings) (*Lackey, func() string) {
	t.Helper()
	file := t.TempDir() + "/log"
	log, err := report.OpenLog(report.Target{File: file}, 7, false)
	if err != nil {
		t.Fatal(err)
	}
	l := New()
	l.opts, l.log, l.core, l.symbols = o, log, &options.Core{}, debuginfo.NewSpace(debuginfo.Options{})
	l.counters = tool.Counters{Start: 0x1000, Values: make([]uint64, numCounters)}
	return l, func() string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// block decodes code, given in hex, at 0x401000.
func block(t *testing.T, code string) *tool.Block {
	t.Helper()
	bytes, err := hex.DecodeString(strings.ReplaceAll(code, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	b := &tool.Block{Start: 0x401000}
	for at := 0; at < len(bytes); {
		in := new(amd64.Inst)
		if err := amd64.Decode(bytes[at:], in); err != nil {
			t.Fatal(err)
		}
		b.Insts = append(b.Insts, tool.Inst{PC: b.Start + guest.Addr(at), Code: bytes[at : at+int(in.Len)], Inst: in,
			Mem: in.MemAccesses(nil)})
		at += int(in.Len)
	}
	return b
}

// run does what translated code does for b, with none of its jumps taken: counters go up, records are made of accesses to the
// address 0x5000.
func run(l *Lackey, b *tool.Block, rounds uint64) {
	l.Instrument(b)
	var ev []tool.Event
	for _, a := range b.Anns {
		switch a.Op {
		case tool.OpCount:
			l.counters.Values[(a.Ptr-l.counters.Start)/8] += uint64(a.Arg)
		case tool.OpEventAddr:
			ev = append(ev, tool.Event{Site: uint32(a.Arg), Value: 0x5000})
		case tool.OpEventRounds:
			ev = append(ev, tool.Event{Site: uint32(a.Arg), Value: rounds})
		default:
			ev = append(ev, tool.Event{Site: uint32(a.Arg)})
		}
	}
	l.Events(thread{}, ev)
}

type thread struct{ tool.Thread }

func (thread) ID() int { return 1 }

func TestCounts(t *testing.T) {
	l, text := newTest(t, settings{basic: true, detailed: true, function: "main"})
	// add %rax,8(%rsi); movsd (%rsi),%xmm0; fldt (%rsi); push %rax; rep movsl; cmpxchg16b (%rsi); fxsave (%rsi); jne +2
	run(l, block(t, "48014608 f20f1006 db2e 50 f3a5 480fc70e 0fae06 7502"), 5)
	if _, replace := l.Finish(tool.Exit{Status: 3}); replace {
		t.Error("replaces the exit status")
	}
	for _, want := range []string{
		"==7== Counted 0 calls to main()\n==7== \n==7== Jccs:\n==7==   total:         1\n==7==   taken:         0 (0%)\n",
		"==7==   SBs entered:   1\n==7==   SBs completed: 1\n==7==   guest instrs:  13\n", // seven, and six of rep movsl
		"==7==   guest instrs : SB entered  = 130 : 10\n",
		"==7==    I1              0            0            1\n",
		"==7==    I32             5            5            0\n",
		"==7==    I64             4            4            2\n", // add 1 and 1, movsd 1 and 0, push 0 and 1, cmpxchg16b 2 and 2
		"==7==    F128            1            0            0\n",
		"==7==    V128            0            0            0\n",
		"==7==    V256            0            0            0\n==7==    D32 ",
		"==7== \n==7== Exit code:       3\n",
	} {
		if !strings.Contains(text(), want) {
			t.Errorf("no %q in\n%s", want, text())
		}
	}
}

func TestTrace(t *testing.T) {
	l, text := newTest(t, settings{traceMem: true, traceBlocks: true})
	b := block(t, "48014608 f3aa 50 f3a6 a6")
	run(l, b, 2)
	want := "SB 00401000\nI  00401000,4\n M 00005000,8\n" +
		"I  00401004,2\n S 00005000,1\nI  00401004,2\n S 00005001,1\nI  00401004,2\n" +
		"I  00401006,1\n S 00005000,8\n" +
		// The zero flag of the record is clear: repe ended with the second round.
		"I  00401007,2\n L 00005000,1\n L 00005000,1\nI  00401007,2\n L 00005001,1\n L 00005001,1\n" +
		"I  00401009,1\n L 00005000,1\n L 00005000,1\n"
	if text() != want {
		t.Errorf("trace is\n%s, want\n%s", text(), want)
	}
	sites := len(l.sites)
	first := append([]tool.Ann(nil), b.Anns...)
	b.Anns = nil
	l.Instrument(b)
	if len(l.sites) != sites || len(b.Anns) != len(first) {
		t.Fatalf("%d sites after a second translation, %d after the first", len(l.sites), sites)
	}
	for i := range first {
		if first[i] != b.Anns[i] {
			t.Errorf("annotation %d is %+v and then %+v", i, first[i], b.Anns[i])
		}
	}
}

func TestNothingAsked(t *testing.T) {
	l, text := newTest(t, settings{})
	b := block(t, "48014608 f3aa 50")
	run(l, b, 1)
	for _, a := range b.Anns {
		t.Errorf("annotation %+v", a)
	}
	l.Finish(tool.Exit{})
	if text() != "" {
		t.Errorf("prints %q", text())
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := commas(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	for _, tt := range []struct{ a, b, want uint64 }{{0, 0, 0}, {1, 2, 50}, {4240, 11839, 36}, {1, 3, 33}, {2, 3, 67}, {7, 7, 100}} {
		if got := percent(tt.a, tt.b); got != tt.want {
			t.Errorf("%d of %d is %d %%, want %d", tt.a, tt.b, got, tt.want)
		}
	}
	for x, want := range map[uint64]string{0: "00000000", 0x401000: "00401000", 0x1fff000758: "1fff000758", 0xfffffff: "0fffffff"} {
		if got := string(appendHex(nil, x)); got != want {
			t.Errorf("%#x is %s, want %s", x, got, want)
		}
	}
}
