package profile

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/pprof/profile"
)

func TestBuilder(t *testing.T) {
	b := New([]Value{{"space", "bytes"}, {"objects", "count"}}, "space")
	b.Times(time.Unix(1000, 0), 5*time.Second)
	b.Comment("./prog")
	b.Map(Mapping{Start: 0x1000, End: 0x2000, Offset: 0x1000, File: "/bin/prog", BuildID: "abcd"})
	inner := Call{Addr: 0x1010, Frames: []Frame{{"in", "", "/s/a.c", 3}, {"f(int)", "_Z1fi", "/s/a.c", 9}}}
	main := Call{Addr: 0x1100, Frames: []Frame{{"main", "main", "/s/a.c", 20}}}
	named := Call{Frames: []Frame{{"g", "g", "/s/b.c", 1}}}
	b.Add([]Call{inner, main}, map[string]int64{"snapshot": 7}, 10, 1)
	b.Add([]Call{main}, nil, 20, 2)
	b.Add([]Call{named, main}, nil, 30, 3)
	b.Add([]Call{named}, nil, 40, 4)
	b.Add([]Call{{Addr: 0x1200, Frames: []Frame{{"[prog]", "", "", 0}}}}, nil, 50, 5)
	var buf bytes.Buffer
	if err := b.Write(&buf); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&buf)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Location); n != 4 {
		t.Errorf("%d locations, want 4", n)
	}
	if n := len(p.Function); n != 5 {
		t.Errorf("%d functions, want 5", n)
	}
	s := p.Sample[0]
	l, bare := s.Location[0], p.Sample[4].Location[0].Mapping
	switch {
	case p.DefaultSampleType != "space" || p.DurationNanos != 5e9 || p.Comments[0] != "./prog":
		t.Errorf("head is wrong: %v", p)
	case s.Value[0] != 10 || s.Value[1] != 1 || s.NumLabel["snapshot"][0] != 7:
		t.Errorf("sample is wrong: %v", s)
	case l.Mapping != nil || l.Address != 0x1010:
		t.Errorf("location with a line is wrong: %v", l)
	case bare == nil || bare.BuildID != "abcd" || p.Sample[4].Location[0].Address != 0x1200:
		t.Errorf("location without a line is wrong: %v", p.Sample[4])
	case l.Line[0].Function.Name != "in" || l.Line[0].Function.SystemName != "in" || l.Line[1].Function.SystemName != "_Z1fi" || l.Line[1].Line != 9:
		t.Errorf("lines are wrong: %v", l.Line)
	case p.Sample[2].Location[0] != p.Sample[3].Location[0] || p.Sample[2].Location[0].Mapping != nil:
		t.Error("a place without address should be one location outside of mappings")
	}
}

func TestBuilderRefusesWrongSamples(t *testing.T) {
	b := New([]Value{{"space", "bytes"}}, "space")
	b.Add(nil, nil, 1, 2)
	if err := b.Write(&bytes.Buffer{}); err == nil {
		t.Error("a sample with two values for one type was written")
	}
}

func TestFolded(t *testing.T) {
	var f Folded
	f.Add([]string{"leaf", "op;x", "main"}, 3)
	f.Add([]string{"leaf", "op;x", "main"}, 4)
	f.Add([]string{"a"}, 1)
	f.Add([]string{"nothing"}, 0)
	var b strings.Builder
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	if want := "a 1\nmain;op:x;leaf 7\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
