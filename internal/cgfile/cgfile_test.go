package cgfile

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"
)

const small = `desc: I1 cache:         32768 B, 64 B, 8-way associative
cmd: ./a  b
events: Ir Dr

# comment
fl=a.c
fn=main
3 10 2
4 .
fn=f
0 7
fl=b.h
fn=main
1 1 1
fl=a.c
fn=main
3 1 .
summary: 19 3
`

func TestRead(t *testing.T) {
	p, err := Read(strings.NewReader(small), "small")
	if err != nil {
		t.Fatal(err)
	}
	if p.Cmd != "./a  b" || len(p.Desc) != 1 || p.Desc[0] != "I1 cache:         32768 B, 64 B, 8-way associative" {
		t.Errorf("head: %q %q", p.Cmd, p.Desc)
	}
	if err := p.Check(); err != nil {
		t.Error(err)
	}
	if got := p.Func("a.c", "main").Lines[3]; !reflect.DeepEqual(got, []int64{11, 2}) {
		t.Errorf("main:3 = %v", got)
	}
	if n := len(p.Funcs); n != 3 {
		t.Errorf("%d functions", n)
	}
	if got := p.Folded().Func("a.c", "main").Lines; !reflect.DeepEqual(got, map[int][]int64{0: {11, 2}}) {
		t.Errorf("folded: %v", got)
	}
}

func TestReadErrors(t *testing.T) {
	const head = "cmd: x\nevents: Ir Dr\n"
	for _, c := range []struct{ in, want string }{
		{"", "missing \"events:\""},
		{head, "missing final \"summary:\""},
		{head + "1 2\n", ":3: counts before any"},
		{head + "fn=f\n", "before any \"fl=\""},
		{head + "fl=a\nfn=f\n1 2 3 4\n", ":5: more counts"},
		{head + "fl=a\nfn=f\n1 x\n", "bad count"},
		{head + "fl=a\nfn=f\n99999999999999 1\n", "bad line number"},
		{head + "fl=a\nfn=f\n1 9223372036854775808\n", "bad count"},
		{head + "summary: 1\nsummary: 1\n", "second \"summary:\""},
		{head + "events: Ir\n", "second \"events:\""},
		{"events:\n", "no events"},
		{"events: Ir Ir\n", "comes twice"},
		{"summary: 1\n", "before the \"events:\""},
		{head + "what is this\n", "malformed line"},
	} {
		_, err := Read(strings.NewReader(c.in), "f")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.in, err, c.want)
		}
	}
}

func TestCheck(t *testing.T) {
	p, err := Read(strings.NewReader("cmd: x\nevents: Ir\nfl=a\nfn=f\n1 5\nsummary: 6\n"), "f")
	if err != nil {
		t.Fatal(err)
	}
	if p.Check() == nil {
		t.Error("wrong summary not noticed")
	}
}

func TestAccumulate(t *testing.T) {
	a, _ := Read(strings.NewReader(small), "a")
	b, _ := Read(strings.NewReader(small), "b")
	if err := a.Accumulate(b, -1); err != nil {
		t.Fatal(err)
	}
	for i, n := range a.Total() {
		if n != 0 || a.Summary[i] != 0 {
			t.Errorf("difference with itself: %v %v", a.Total(), a.Summary)
		}
	}
	if err := a.Accumulate(New([]string{"Ir"}), 1); err == nil {
		t.Error("other events accepted")
	}
}

func TestRenamed(t *testing.T) {
	p, _ := Read(strings.NewReader(small), "a")
	q := p.Renamed(func(string) string { return "x" }, func(s string) string { return s })
	if len(q.Funcs) != 2 || !reflect.DeepEqual(q.Func("x", "main").Total(2), []int64{12, 3}) {
		t.Errorf("%d functions", len(q.Funcs))
	}
	if err := q.Check(); err != nil {
		t.Error(err)
	}
}

// TestRoundTrip writes random profiles and reads them again.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		p := New([]string{"Ir", "I1mr", "ILmr"}[:1+r.IntN(3)])
		p.Cmd = fmt.Sprintf("./prog %d", i)
		if r.IntN(2) == 0 {
			p.Desc = []string{"LL cache:         1 B"}
		}
		for range r.IntN(30) {
			f := p.Func(fmt.Sprintf("f%d.c", r.IntN(5)), fmt.Sprintf("<T as U>::fn(%d, :)", r.IntN(6)))
			for range r.IntN(8) {
				c := f.At(r.IntN(50), len(p.Events))
				c[r.IntN(len(c))] += r.Int64N(1<<50) - 1<<49
			}
			f.At(0, len(p.Events))
		}
		p.Summary = p.Total()
		if r.IntN(2) == 0 {
			p.Sort()
		}
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		q, err := Read(bytes.NewReader(b.Bytes()), "again")
		if err != nil {
			t.Fatalf("%v\n%s", err, b.Bytes())
		}
		if err := q.Check(); err != nil {
			t.Fatal(err)
		}
		if len(p.Desc) == 0 {
			q.Desc = p.Desc
		}
		if !reflect.DeepEqual(p, q) {
			t.Fatalf("profile changed:\n%s", b.Bytes())
		}
	}
}

func TestWriteLineBreaks(t *testing.T) {
	p := New([]string{"Ir"})
	p.Cmd = "a\nfl=x"
	p.Func("f\n", "g\r").At(1, 1)[0] = 1
	p.Summary = p.Total()
	var b bytes.Buffer
	p.Write(&b)
	q, err := Read(&b, "b")
	if err != nil || q.Cmd != "a fl=x" || q.Check() != nil {
		t.Errorf("%v %+v", err, q)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("events: Ir\nfl=\nfn=\n0 1\nsummary: 1\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := Read(bytes.NewReader(in), "fuzz")
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := p.Write(&b); err != nil {
			t.Fatal(err)
		}
		q, err := Read(bytes.NewReader(b.Bytes()), "again")
		if err != nil {
			t.Fatalf("own output: %v\n%q", err, b.Bytes())
		}
		if !reflect.DeepEqual(p.Total(), q.Total()) || !reflect.DeepEqual(p.Summary, q.Summary) {
			t.Fatal("counts changed")
		}
	})
}

func TestWritePprof(t *testing.T) {
	p, err := Read(strings.NewReader(small), "small")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.WritePprof(&b, time.Time{}, 0); err != nil {
		t.Fatal(err)
	}
	q, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	if q.SampleType[0].Type != "Ir" || q.SampleType[1].Type != "Dr" {
		t.Errorf("values %v", q.SampleType)
	}
	got := map[string]int64{}
	for _, s := range q.Sample {
		l := s.Location[0].Line[0]
		got[fmt.Sprintf("%s:%d %s", l.Function.Filename, l.Line, l.Function.Name)] += s.Value[0]
	}
	want := map[string]int64{"a.c:3 main": 11, "a.c:4 main": 0, "a.c:0 f": 7, "b.h:1 main": 1}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("samples %v, want %v", got, want)
	}
}
