package suppress

import (
	"strings"
	"testing"
)

// TestParseErrors: messages and lines as Valgrind 3.19 gives them for the same files.
func TestParseErrors(t *testing.T) {
	rows := []struct {
		in   string
		line int
		msg  string // "" for none
	}{
		{"{\n a\n Memcheck:Addr1\n fun:x\n", 4, "unexpected end-of-file (when reading stack trace)"},
		{"{\n a\n Memcheck:Foo\n fun:x\n}\n", 3, "unknown tool suppression type"},
		{"{\n a\n Memcheck: Addr1\n fun:x\n}\n", 3, "unknown tool suppression type"},
		{"{\n a\n Memcheck:addr1\n src:x.c:3\n}\n", 3, "unknown tool suppression type"},
		{"x\n", 1, "expected '{' or end-of-file"},
		{"{\n a\n MemcheckAddr1\n fun:x\n}\n", 3, "malformed 'tool1,tool2,...:supp' line"},
		{"{\n a\n Memcheck:Addr1\n foo:x\n}\n", 4, `location should be "...", or should start with "fun:", "obj:", or "src:"`},
		{"{\n a\n Memcheck:User\n foo\n fun:x\n}\n", 4, `location should be "...", or should start with "fun:", "obj:", or "src:"`},
		{"{\n a\n Memcheck:Addr1\n}\n", 4, "missing stack trace"},
		{"{\n a\n Memcheck:Leak\n match-leak-kinds: foo\n fun:x\n}\n", 4, "bad or missing extra suppression info"},
		{"{\n a\n Memcheck:Param\n fun:x\n}\n", 4, "bad or missing extra suppression info"},
		{"{\n a\n Memcheck:Addr1\n ...\n}\n", 5, `suppression must contain at least one location line which is not "..."`},
		{"{\n}\n", 2, "unexpected '}'"},
		{"{\n a\n Memcheck:Param\n write(buf)\n fun:x\n}\n", 0, ""},
		{"{ \n a\n Memcheck:Addr1\n fun:x\n }\n", 0, ""},
		{"{\n a\n Memcheck,Helgrind:Addr1\n fun:x\n}\n{\n b\n Helgrind:Foo\n x:y\n}\n", 0, ""},
		{"{\n a\n Memcheck:Addr1\n fun:x\n...\n}\n", 0, ""},
		{"{\n #c\n\n a\n Memcheck:Cond  \n #c\n fun:x\n\n}\n", 0, ""},
		{"{\n a\n Memcheck:Leak\n match-leak-kinds:all\n fun:x\n}\n", 0, ""},
		{"{\n a\n*:Addr1\n fun:x\n}\n", 0, ""},
		{"{\n a\n CoreError:FdBadClose\n fun:x\n}\n", 0, ""},
		{"{\n a\n Memcheck:Addr1\n" + strings.Repeat("fun:x\n", MaxCallers) + "}\n", 0, ""},
		{"{\n a\n Memcheck:Addr1\n" + strings.Repeat("fun:x\n", MaxCallers+1) + "}\n", MaxCallers + 4, "too many callers in stack trace"},
		{"", 0, ""},
	}
	for _, r := range rows {
		err := NewSet(Memcheck).Parse(strings.NewReader(r.in), "p.supp")
		if r.msg == "" {
			if err != nil {
				t.Errorf("%q: %v", r.in, err)
			}
			continue
		}
		want := &Error{"p.supp", r.line, r.msg}
		if err == nil || err.Error() != want.Error() {
			t.Errorf("%q:\ngot  %v\nwant %v", r.in, err, want)
		}
	}
	if err := NewSet(Memcheck).AddFile("/nonexistent"); err == nil || err.Error() != `FATAL: can't open suppressions file "/nonexistent"` {
		t.Errorf("missing file: %v", err)
	}
}

// stack makes frames of words like "fn", "fn@obj", "@obj", "fn@obj@file:line".
func stack(words ...string) []Frame {
	var fs []Frame
	for _, w := range words {
		p := append(strings.Split(w, "@"), "", "")
		f := Frame{Fn: p[0], Obj: p[1]}
		if file, line, ok := strings.Cut(p[2], ":"); ok {
			f.Dir, f.File, f.Line = "/src", file, int(line[0]-'0')
		}
		fs = append(fs, f)
	}
	return fs
}

func TestMatch(t *testing.T) {
	f := Finding{Kind: "Addr4", Frames: stack("inner@/lib/a.so", "mid@/lib/a.so@m.c:7", "@/lib/b.so", "main@/bin/x")}
	rows := []struct {
		kind, callers string
		want          bool
	}{
		{"Addr4", "fun:inner", true},
		{"Addr8", "fun:inner", false},
		{"Addr4", "fun:inne", false},
		{"Addr4", "fun:in*", true},
		{"Addr4", "fun:in?er", true},
		{"Addr4", "fun:in??er", false},
		{"Addr4", "fun:mid", false},
		{"Addr4", "fun:inner fun:mid", true},
		{"Addr4", "fun:inner fun:main", false},
		{"Addr4", "fun:inner ... fun:main", true},
		{"Addr4", "... fun:main", true},
		{"Addr4", "... fun:main ...", true},
		{"Addr4", "... fun:main fun:*", false},
		{"Addr4", "... fun:main ... fun:*", false},
		{"Addr4", "fun:inner ... fun:mid", true},
		{"Addr4", "obj:*a.so obj:*a.so obj:*b.so obj:/bin/x", true},
		{"Addr4", "obj:*a.so obj:*a.so fun:* fun:main", true},
		{"Addr4", "... obj:*b.so fun:main", true},
		{"Addr4", "... src:m.c:7", true},
		{"Addr4", "... src:m.c:8", false},
		{"Addr4", "... src:*.c", true},
		{"Addr4", "... src:/src/m.c:7", true},
		{"Addr4", "src:*", false},
		{"Addr4", "fun:* fun:* fun:* fun:* fun:*", false},
		{"Addr4", "... ... obj:*b.so ... ... fun:main", true},
	}
	for _, r := range rows {
		s := NewSet(Memcheck)
		text := "{\nname\nMemcheck:" + r.kind + "\n" + strings.ReplaceAll(r.callers, " ", "\n") + "\n}\n"
		if err := s.Parse(strings.NewReader(text), "t"); err != nil {
			t.Fatalf("%s: %v", r.callers, err)
		}
		if got := s.Match(&f) != nil; got != r.want {
			t.Errorf("%s %s: %v", r.kind, r.callers, got)
		}
	}
}

// TestMemmove: suppressions that Valgrind has made of a call of memcpy name memmove.
func TestMemmove(t *testing.T) {
	s := NewSet(Memcheck)
	if err := s.Parse(strings.NewReader("{\nn\nMemcheck:Addr2\nfun:memmove\nfun:main\n}\n"), "t"); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		fn, file string
		want     bool
	}{{"memcpy", "vg_replace_strmem.c", true}, {"memmove", "vg_replace_strmem.c", true}, {"memcpy", "mine.c", false}, {"strcpy", "vg_replace_strmem.c", false}} {
		f := Finding{Kind: "Addr2", Frames: []Frame{{Fn: r.fn, File: r.file}, {Fn: "main"}}}
		if got := s.Match(&f) != nil; got != r.want {
			t.Errorf("%v: %v", r, got)
		}
	}
}

func TestExtras(t *testing.T) {
	s := NewSet(Memcheck)
	err := s.Parse(strings.NewReader(`{
  old name of Cond
  Memcheck:Value0
  fun:v
}
{
  some writes
  Memcheck:Param
  write*(buf)
  fun:w
}
{
  lost for good
  Memcheck:Leak
  match-leak-kinds: definite,indirect
  fun:malloc
}
{
  any leak
  Memcheck:Leak
  fun:calloc
}
`), "file")
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		f    Finding
		want string
	}{
		{Finding{Kind: "Cond", Frames: stack("v")}, "old name of Cond"},
		{Finding{Kind: "Param", Extra: "write(buf)", Frames: stack("w")}, "some writes"},
		{Finding{Kind: "Param", Extra: "writev(buf)", Frames: stack("w")}, "some writes"},
		{Finding{Kind: "Param", Extra: "read(buf)", Frames: stack("w")}, ""},
		{Finding{Kind: "Leak", Leak: 1, Frames: stack("malloc")}, "lost for good"},
		{Finding{Kind: "Leak", Leak: 2, Frames: stack("malloc")}, "lost for good"},
		{Finding{Kind: "Leak", Leak: 4, Frames: stack("malloc")}, ""},
		{Finding{Kind: "Leak", Leak: 8, Frames: stack("calloc")}, "any leak"},
	}
	for _, r := range rows {
		got := ""
		if m := s.Match(&r.f); m != nil {
			got = m.Name
		}
		if got != r.want {
			t.Errorf("%+v: %q", r.f, got)
		}
	}
	if r := s.Rules()[1]; r.File != "file" || r.Line != 7 {
		t.Errorf("defined at %s:%d", r.File, r.Line)
	}
	r := s.Rules()[2]
	r.Use(3)
	r.UseLeak(100, 2)
	if n, bytes, blocks := r.Used(); n != 4 || bytes != 100 || blocks != 2 {
		t.Error(n, bytes, blocks)
	}
}

// TestCut: of a suppression for more calls than the stack may have, those count that it has, as in Valgrind.
func TestCut(t *testing.T) {
	for _, row := range []struct {
		callers, frames string
		want            bool // of a stack that is cut
	}{
		{"fun:write fun:main fun:foo", "write", true}, {"fun:write fun:main fun:foo", "write main", true}, {"fun:write fun:main fun:foo", "write main start", false},
		{"fun:foo fun:main", "write", false}, {"obj:* fun:foo", "write", true}, {"obj:* fun:foo", "write main", false},
		{"... fun:foo", "write", false}, {"... fun:foo", "write main", false},
		{"... fun:main fun:foo", "write main", true}, {"... fun:main fun:foo", "write main start", false}, {"... fun:write fun:foo", "write", false},
		{"fun:write ... fun:foo", "write", true}, {"fun:write ... fun:foo", "write main", true}, {"fun:write ... fun:foo", "write main start", false},
		{"... fun:main ... fun:bar", "write main start", true}, {"... fun:main ... fun:bar", "write main start x", false},
	} {
		s := NewSet(Memcheck)
		if err := s.Parse(strings.NewReader("{\nx\nMemcheck:Addr1\n"+strings.ReplaceAll(row.callers, " ", "\n")+"\n}\n"), ""); err != nil {
			t.Fatal(err)
		}
		f := &Finding{Kind: "Addr1", Frames: stack(strings.Fields(row.frames)...)}
		if s.Match(f) != nil {
			t.Errorf("%s matches %s", row.callers, row.frames)
		}
		f.Cut = true
		if got := s.Match(f) != nil; got != row.want {
			t.Errorf("%s and %s, which is cut: %v", row.callers, row.frames, got)
		}
	}
}

func TestGenerate(t *testing.T) {
	f := Finding{Kind: "Param", Extra: "write(buf)", Frames: stack("_ZdlPvm@/x", "@/bin/y", "", "(below main)")}
	want := `{
   <insert_a_suppression_name_here>
   Memcheck:Param
   write(buf)
   fun:_ZdlPvm
   obj:/bin/y
   obj:*
   fun:(below main)
}
`
	if got := Generate("Memcheck", &f); got != want {
		t.Errorf("got\n%s", got)
	}
	f = Finding{Kind: "Leak", Leak: 4, Frames: stack("malloc")}
	if got := Generate("Memcheck", &f); !strings.Contains(got, "   Memcheck:Leak\n   match-leak-kinds: possible\n   fun:malloc\n") {
		t.Errorf("got\n%s", got)
	}
}

func TestDefaults(t *testing.T) {
	for _, tool := range []Tool{Memcheck, Helgrind, DRD} {
		if err := NewSet(tool).AddDefaults(); err != nil {
			t.Errorf("%s: %v", tool.Name, err)
		}
	}
}

// FuzzParse: no input makes the parser fail other than with an Error, and what is generated for a finding suppresses it.
func FuzzParse(f *testing.F) {
	f.Add("{\n a\n Memcheck:Addr1\n fun:x\n ...\n src:a.c:3\n}\n", "fn", "obj")
	f.Add("{\n a\n Memcheck:Leak\n match-leak-kinds:definite\n obj:*\n}\n", "", "")
	f.Fuzz(func(t *testing.T, in, fn, obj string) {
		s := NewSet(Memcheck)
		if err := s.Parse(strings.NewReader(in), "fuzz"); err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("%T %v", err, err)
			}
		}
		finding := &Finding{Kind: "Addr1", Frames: []Frame{{Fn: fn, Obj: obj}, {}}}
		s.Match(finding)
		if strings.TrimSpace(fn) != fn || strings.TrimSpace(obj) != obj || strings.ContainsAny(fn+obj, "\n\r*?") {
			return // no names of functions and objects
		}
		own := NewSet(Memcheck)
		text := Generate("Memcheck", finding)
		if err := own.Parse(strings.NewReader(text), "own"); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if own.Match(finding) == nil {
			t.Fatalf("%q does not suppress %+v", text, finding)
		}
	})
}

// TestOrder: which of several fitting rules counts.
func TestOrder(t *testing.T) {
	set := NewSet(Memcheck)
	for _, name := range []string{"a", "b"} {
		text := "{\n" + name + "1\nMemcheck:Cond\nfun:f\n}\n{\n" + name + "2\nMemcheck:Cond\n...\nfun:main\n}\n"
		if err := set.Parse(strings.NewReader(text), name); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []struct{ fn, want string }{{"f", "b2"}, {"f", "b2"}, {"", "b1"}, {"f", "b1"}, {"g", "b2"}, {"f", "b2"}} {
		f := &Finding{Kind: "Cond", Frames: []Frame{{Fn: r.fn}, {Fn: "main"}}}
		if r.fn == "" {
			f.Frames = []Frame{{Fn: "f"}, {Fn: "start"}}
		}
		if got := set.Match(f); got == nil || got.Name != r.want {
			t.Errorf("%q: %v, want %s", r.fn, got, r.want)
		}
	}
}

func TestHas(t *testing.T) {
	s := NewSet(Memcheck)
	text := "{\n a\n Memcheck:Leak\n match-leak-kinds: reachable\n fun:f\n}\n{\n b\n Memcheck:Addr4\n fun:g\n}\n"
	if err := s.Parse(strings.NewReader(text), "test"); err != nil {
		t.Fatal(err)
	}
	const definite, reachable = 1, 8
	for _, tc := range []struct {
		kind string
		leak uint32
		want bool
	}{{"Leak", definite, false}, {"Leak", reachable, true}, {"Addr4", 0, true}, {"Addr8", 0, false}} {
		if got := s.Has(tc.kind, tc.leak); got != tc.want {
			t.Errorf("Has(%s, %d) = %v", tc.kind, tc.leak, got)
		}
	}
}
