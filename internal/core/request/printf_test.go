package request

import (
	"bytes"
	"encoding/binary"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/guest"
)

const fmtAddr guest.Addr = 0x1000

// words makes a va_list whose arguments are all on the stack.
func words(m *fakeMem, args ...uint64) *vaList {
	b := make([]byte, 8*len(args))
	for i, w := range args {
		binary.LittleEndian.PutUint64(b[8*i:], w)
	}
	m.add(0x3000, b)
	return &vaList{m: m, gp: gpEnd, fp: fpEnd, over: 0x3000}
}

func TestFormatLikeC(t *testing.T) {
	exe := filepath.Join(t.TempDir(), "printf")
	if out, err := exec.Command("gcc", "-w", "-O1", "-o", exe, "testdata/printf.c").CombinedOutput(); err != nil {
		t.Skipf("no gcc: %v\n%s", err, out)
	}
	out, err := exec.Command(exe).Output()
	if err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(out)
	n, wrong := 0, 0
	for ; r.Len() > 0; n++ {
		var head [6]uint64
		if err := binary.Read(r, binary.LittleEndian, &head); err != nil {
			t.Fatal(err)
		}
		blob := func(n uint64) []byte {
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				t.Fatal(err)
			}
			return b
		}
		m := &fakeMem{}
		m.add(guest.Addr(head[5]), blob(176))
		m.add(guest.Addr(head[4]), blob(256))
		f := blob(head[1])
		m.add(fmtAddr, f)
		list := make([]byte, vaListSize)
		binary.LittleEndian.PutUint32(list, uint32(head[2]))
		binary.LittleEndian.PutUint32(list[4:], uint32(head[3]))
		binary.LittleEndian.PutUint64(list[8:], head[4])
		binary.LittleEndian.PutUint64(list[16:], head[5])
		m.add(0x2000, list)
		want := string(blob(head[0]))
		if got := format(m, fmtAddr, newVAList(m, 0x2000)); got != want {
			if wrong++; wrong < 10 {
				t.Errorf("%q: got %q, want %q", f[:len(f)-1], got, want)
			}
		}
	}
	if n < 4000 || wrong > 0 {
		t.Errorf("%d of %d differ", wrong, n)
	}
}

func TestFormat(t *testing.T) {
	long := strings.Repeat("x", 5000)
	for _, c := range []struct {
		format string
		args   []uint64
		want   string
	}{
		{"[%s][%10s][%-10s][%.3s][%.*s]", []uint64{0x5000, 0x5000, 0x5000, 0x5000, 2, 0x5000}, "[string][    string][string    ][str][st]"},
		{"[%s]", []uint64{0}, "[(null)]"},
		{"[%s]", []uint64{0x666000}, "[]"},
		{"%s", []uint64{0x7ff0}, long},
		{"%.4s", []uint64{0x5ffc}, "last"}, // not terminated before the end of memory
		{"%s", []uint64{0x5ffc}, "last"},
		{"%p %p", []uint64{0x1234abcd, 0}, "0x1234ABCD 0x0"},
		{"%'d %'lu %,d %'d", []uint64{1234567, 7654321, 1000, 12}, "1,234,567 7,654,321 1,000 12"},
		{"%y %d", []uint64{5}, "%y 5"},
		{"%", nil, "%"},
		{"%5", nil, "%5"},
		{"%-08l", nil, "%-08l"},
		{"%99999999999999999999d|", []uint64{1}, strings.Repeat(" ", 4095) + "1|"},
		{"%d", nil, "0"}, // no such argument in memory
	} {
		m := &fakeMem{}
		m.add(fmtAddr, []byte(c.format+"\x00"))
		m.add(0x5000, []byte("string\x00"))
		m.add(0x5ffc, []byte("last"))
		m.add(0x7ff0, []byte(long+"\x00"))
		if got := format(m, fmtAddr, words(m, c.args...)); got != c.want {
			t.Errorf("%q: got %q, want %q", c.format, got, c.want)
		}
	}
}

// Each request that prints gets its text and returns its length.
func TestPrintRequests(t *testing.T) {
	for _, code := range []uint64{Printf, PrintfBacktrace, PrintfVAListByRef, PrintfBacktraceByRef} {
		core := &fakeCore{}
		core.mem.add(fmtAddr, []byte("n=%d\n\x00"))
		list := make([]byte, vaListSize)
		binary.LittleEndian.PutUint32(list, gpEnd)
		binary.LittleEndian.PutUint64(list[8:], 0x3000)
		core.mem.add(0x2000, list)
		words(&core.mem, 42)
		d := &Dispatcher{Core: core}
		got := d.Dispatch(&fakeThread{}, [6]uint64{code, uint64(fmtAddr), 0x2000}, 777)
		want := `print "n=42\n" false`
		if code == PrintfBacktrace || code == PrintfBacktraceByRef {
			want = `print "n=42\n" true`
		}
		if got != 5 || !slices.Equal(core.calls, []string{want}) {
			t.Errorf("%#x: result %d, %q", code, got, core.calls)
		}
	}
}

// What Valgrind prints, where it is installed, we print.
func TestFormatLikeValgrind(t *testing.T) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		t.Skip("no valgrind to compare with")
	}
	exe := filepath.Join(t.TempDir(), "client")
	if out, err := exec.Command("gcc", "-w", "-o", exe, "testdata/client.c").CombinedOutput(); err != nil {
		t.Skipf("no gcc or no valgrind.h: %v\n%s", err, out)
	}
	out, err := exec.Command(valgrind, "--tool=none", exe).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, m := range regexp.MustCompile(`(?m)^\*\*\d+\*\* (.*)$`).FindAllStringSubmatch(string(out), -1) {
		lines = append(lines, m[1])
	}
	m := &fakeMem{}
	m.add(0x5000, []byte("str\x00"))
	neg := func(n int64) uint64 { return uint64(n) }
	for i, c := range []struct {
		format string
		args   []uint64
	}{
		{"%d %u %ld %lu %lld", []uint64{neg(-5), 4000000000, neg(-1), ^uint64(0), neg(-3)}},
		{"%x %X %lx %p %c %s %% end", []uint64{0xbeef, 0xbeef, 0xdeadbeefcafe, 0x1234abcd, 'q', 0x5000}},
		{"[%5d][%-5d][%05d][%8x][%08x][%-8x][%10s][%-10s]", []uint64{42, 42, 42, 0xab, 0xab, 0xab, 0x5000, 0x5000}},
		{"[%s][%p]", []uint64{0, 0}},
		{"%f %.2f %8.3f", []uint64{0x400921fb54442d18, 0x4004000000000000, 0x3ff8000000000000}},
	} {
		mem := slices.Clone(*m)
		mem.add(fmtAddr, []byte(c.format+"\x00"))
		if got := format(&mem, fmtAddr, words(&mem, c.args...)); i >= len(lines) || got != lines[i] {
			t.Errorf("%q: got %q, want line %d of %q", c.format, got, i, lines)
		}
	}
}

func FuzzFormat(f *testing.F) {
	f.Add("%d %s %*.*f %Lf %'lu", []byte("0123456789abcdef0123456789abcdef"))
	f.Add("%-0+ #99.99hhx%", []byte{1})
	f.Fuzz(func(t *testing.T, s string, args []byte) {
		m := &fakeMem{}
		m.add(fmtAddr, []byte(s+"\x00"))
		m.add(0x300000, args)
		v := &vaList{m: m, gp: gpEnd, fp: fpEnd, over: 0x300000}
		got := format(m, fmtAddr, v)
		if !strings.ContainsRune(s, '%') && !strings.ContainsRune(s, 0) && len(s) < maxFormat && got != s {
			t.Errorf("%q became %q", s, got)
		}
	})
}
