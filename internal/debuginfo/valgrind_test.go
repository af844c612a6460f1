package debuginfo

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"gogrind/internal/guest"
)

// place is what Valgrind says of one executed instruction.
type place struct {
	obj  string
	addr uint64 // link-time
	fn   string
	file string // with directory
	line int
	// named says that file was written just before this instruction. callgrind does not always notice a change of file, so
	// for other instructions file is a guess.
	named bool
}

// callgrindPlaces runs a program under Valgrind's callgrind, which writes function, file and line of every instruction
// that was executed: an oracle for symbol choice and line look-up.
func callgrindPlaces(t *testing.T, path string) []place {
	t.Helper()
	out := filepath.Join(t.TempDir(), "cg")
	c := exec.Command("valgrind", "-q", "--tool=callgrind", "--dump-instr=yes", "--dump-line=yes", "--compress-pos=no",
		"--compress-strings=no", "--separate-recs=1", "--callgrind-out-file="+out, path)
	c.Stdout = nil
	if err := c.Run(); err != nil && c.ProcessState.ExitCode() > 1 {
		t.Fatalf("callgrind: %v", err)
	}
	f, err := os.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	seen := map[string]bool{}
	var places []place
	var p place
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	skip := false
	for sc.Scan() {
		l := sc.Text()
		if skip { // the cost line of a call
			skip = false
			continue
		}
		k, v, ok := strings.Cut(l, "=")
		switch {
		case ok && k == "ob":
			p.obj = v
		case ok && (k == "fl" || k == "fi" || k == "fe"):
			p.file, p.named = v, true
		case ok && k == "fn":
			p.fn = v
		case ok && k == "calls":
			skip = true
		case strings.HasPrefix(l, "0x"):
			w := strings.Fields(l)
			p.addr, _ = strconv.ParseUint(w[0], 0, 64)
			p.line, _ = strconv.Atoi(w[1])
			key := fmt.Sprint(p.obj, p.addr)
			if !seen[key] {
				seen[key] = true
				places = append(places, p)
			}
			p.named = false
		}
	}
	return places
}

// names reports whether there is a symbol called fn around addr. Where there is none, callgrind names the function that
// jumped there: it follows calls and returns, not symbols.
func names(s *Space, addr uint64, fn string) bool {
	found := false
	s.Object(guest.Addr(addr)).Symbols(func(y Symbol) bool {
		found = addr >= y.Value && addr-y.Value < max(y.Size, 1) && Demangle(y.Name) == fn
		return !found
	})
	return found
}

// compareValgrind checks symbols and lines of all places; it returns how many it compared.
func compareValgrind(t *testing.T, places []place) int {
	t.Helper()
	spaces := map[string]*Space{}
	n, bad := 0, map[string]int{}
	for _, p := range places {
		if !strings.HasPrefix(p.obj, "/") || strings.Contains(p.obj, "vgpreload") {
			continue
		}
		s := spaces[p.obj]
		if s == nil {
			s, _ = space(t, p.obj)
			spaces[p.obj] = s
		}
		fs := s.Frames(guest.Addr(p.addr), nil)
		f := fs[0]
		fn := fs[len(fs)-1].Fn
		file := f.File
		if f.Dir != "" {
			file = f.Dir + "/" + f.File
		}
		if file == "" {
			file = "???"
		}
		n++
		wantFn := p.fn
		if i := strings.LastIndexByte(wantFn, '\''); i > 0 {
			wantFn = wantFn[:i] // recursion level
		}
		switch {
		case wantFn == "(below main)":
			if !BelowMain(fn) {
				bad[fmt.Sprintf("fn %q is below main", fn)]++
			}
		case strings.HasPrefix(wantFn, "0x"):
			if fn != "" {
				bad[fmt.Sprintf("fn %q at %#x: valgrind has none", fn, p.addr)]++
			}
		case fn != wantFn && names(s, p.addr, wantFn):
			bad[fmt.Sprintf("%s: fn %q, valgrind %q (at %#x)", filepath.Base(p.obj), fn, wantFn, p.addr&^0xfff)]++
		}
		if f.Line != p.line {
			bad[fmt.Sprintf("%s %#x: line %d, valgrind %d (%s)", filepath.Base(p.obj), p.addr, f.Line, p.line, p.file)]++
		} else if file != p.file && p.named {
			bad[fmt.Sprintf("file %q, valgrind %q at %#x (%s)", file, p.file, p.addr, p.obj)]++
		}
	}
	var keys []string
	for k := range bad {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for i, k := range keys {
		if i == 40 {
			t.Errorf("... %d more", len(keys)-i)
			break
		}
		t.Errorf("%s (%d times)", k, bad[k])
	}
	return n
}

const plainC = `
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static int cmp(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(int argc, char **argv)
{
	char buf[100];
	int v[50];
	for (int i = 0; i < 50; i++)
		v[i] = (i * 7919) % 101;
	qsort(v, 50, sizeof(int), cmp);
	snprintf(buf, 100, "%d %s %f %x", v[3], "hello", 3.5, 77);
	puts(buf);
	char *p = strdup(strchr(buf, 'h'));
	p = realloc(p, 1000);
	free(p);
	free(calloc(3, 4));
	FILE *f = fopen("/etc/passwd", "r");
	while (f && fgets(buf, 100, f))
		strtol(buf, 0, 10);
	setenv("A", "b", 1);
	return toupper('c') == 0;
}
`

const plainCXX = `
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>
namespace ns {
template <class T> struct Foo {
	T v;
	Foo(T x) : v(x) {}
	virtual ~Foo() {}
	virtual T get() const { return v; }
};
template <class T> struct Leak {
	static inline T *make(int n) { T *p = new T[n]; __asm__ volatile("" : : "r"(p) : "memory"); return p; }
	inline T *twice(int n) { make(n); return make(2 * n); }
};
} // namespace ns
struct Bar : ns::Foo<int> {
	Bar() : Foo(3) {}
	int get() const override { return v * 2; }
};
static int thrower(int x)
{
	if (x > 2)
		throw std::string("big");
	return x;
}
static void *volatile sink;
static inline __attribute__((always_inline)) char *grab(int n) { return (char *)(sink = malloc(n)); }
static inline __attribute__((always_inline)) char *grabTwo(int n)
{
	char *p = grab(n + 1);
	p[0] = 1;
	return grab(n);
}
__attribute__((noinline)) void leaks(int n)
{
	ns::Leak<int> l;
	l.twice(n);
	for (int i = 0; i < 2; i++)
		grabTwo(i + 10);
	auto f = [](int k) __attribute__((always_inline)) { return grabTwo(k + 5); };
	f(n);
}
int main()
{
	std::map<std::string, int> m;
	for (int i = 0; i < 20; i++)
		m[std::to_string(i * 7 % 13)] += i;
	std::vector<int> v(100);
	std::generate(v.begin(), v.end(), [n = 0]() mutable { return (n += 37) % 101; });
	std::sort(v.begin(), v.end(), [](int a, int b) { return a > b; });
	std::unique_ptr<ns::Foo<int>> p(new Bar);
	int s = p->get();
	try {
		thrower(5);
	} catch (std::string &e) {
		s += e.size();
	}
	for (auto &[k, x] : m)
		std::cout << k << ' ' << x << std::endl;
	leaks(s);
	return s == 0;
}
`

const plainRust = `
use std::collections::HashMap;
trait Shape { fn area(&self) -> f64; }
struct Sq(f64);
struct Ci(f64);
impl Shape for Sq { fn area(&self) -> f64 { self.0 * self.0 } }
impl Shape for Ci { fn area(&self) -> f64 { self.0 * 3.0 } }
fn gen<T: std::fmt::Display>(x: T) -> String { format!("<{}>", x) }
#[inline(always)]
fn lose(n: usize) { std::mem::forget(vec![1u8; n]); }
#[inline(never)]
fn leaks(n: usize) { for i in 0..2 { lose(n + i); } std::mem::forget(gen(n)); }
fn main() {
    let mut m: HashMap<String, i32> = HashMap::new();
    for i in 0..20 { *m.entry(gen(i % 7)).or_insert(0) += i; }
    let v: Vec<Box<dyn Shape>> = vec![Box::new(Sq(2.0)), Box::new(Ci(1.0))];
    let s: f64 = v.iter().map(|x| x.area()).filter(|a| *a > 1.0).sum();
    let mut k: Vec<_> = m.keys().cloned().collect();
    k.sort_by(|a, b| b.cmp(a));
    println!("{} {:?}", s, k);
    leaks(v.len() * 100);
}
`

// valgrindPrograms are what the comparisons with Valgrind run; not position independent, so that run-time addresses are
// link-time addresses.
var valgrindPrograms = []struct {
	ext, source string
	cmd         string
}{
	{".c", plainC, "gcc -no-pie -g -O0"},
	{".c", plainC, "gcc -no-pie -g -O2"},
	{".c", plainC, "gcc -no-pie -O2"},
	{".c", plainC, "gcc -no-pie -g -O2 -static"},
	{".c", plainC, "gcc -no-pie -g -O2 -flto"},
	{".cc", plainCXX, "g++ -no-pie -g -O0"},
	{".cc", plainCXX, "g++ -no-pie -g -O2"},
	{".cc", plainCXX, "g++ -no-pie -O1"},
	{".cc", plainCXX, "g++ -no-pie -gdwarf-4 -O2"},
	{".rs", plainRust, "rustc -C relocation-model=static -g"},
	{".rs", plainRust, "rustc -C relocation-model=static -g -O"},
}

// vgFrame is a frame of Valgrind's XML.
type vgFrame struct {
	IP   string `xml:"ip"`
	Obj  string `xml:"obj"`
	Fn   string `xml:"fn"`
	Dir  string `xml:"dir"`
	File string `xml:"file"`
	Line int    `xml:"line"`
}

// compareFrames compares the stacks, with inlined calls, of Memcheck's leak reports.
func compareFrames(t *testing.T, path string) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "xml")
	c := exec.Command("valgrind", "-q", "--leak-check=full", "--show-leak-kinds=all", "--read-inline-info=yes",
		"--show-below-main=yes", "--xml=yes", "--xml-file="+out, path)
	if err := c.Run(); err != nil && c.ProcessState.ExitCode() > 1 {
		t.Fatalf("memcheck: %v", err)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Stacks []struct {
			Frames []vgFrame `xml:"frame"`
		} `xml:"error>stack"`
	}
	if err := xml.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	s, _ := space(t, path)
	seen := map[string]bool{}
	for _, st := range doc.Stacks {
		for i := 0; i < len(st.Frames); {
			j := i
			for j < len(st.Frames) && st.Frames[j].IP == st.Frames[i].IP {
				j++
			}
			group := st.Frames[i:j]
			i = j
			if group[0].Obj != path || seen[group[0].IP] {
				continue
			}
			seen[group[0].IP] = true
			ip, _ := strconv.ParseUint(group[0].IP, 0, 64)
			var got, want []string
			for _, f := range group {
				want = append(want, fmt.Sprintf("%s (%s/%s:%d)", f.Fn, f.Dir, f.File, f.Line))
			}
			for k, f := range s.Frames(guest.Addr(ip), nil) {
				// Valgrind can't name inlined functions that another unit declares.
				if k < len(group) && group[k].Fn == "UnknownInlinedFun" {
					f.Fn = group[k].Fn
				}
				got = append(got, fmt.Sprintf("%s (%s/%s:%d)", f.Fn, f.Dir, f.File, f.Line))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%#x:\n got %q\nwant %q", ip, got, want)
			}
		}
	}
	if len(seen) == 0 {
		t.Error("no frames compared")
	}
}

func TestAgainstValgrind(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		t.Skip("valgrind is not installed")
	}
	for i, p := range valgrindPrograms {
		t.Run(p.cmd, func(t *testing.T) {
			if testing.Short() && i%4 != 1 {
				t.Skip("long")
			}
			path := build(t, p.ext, p.source, strings.Fields(p.cmd)...)
			if n := compareValgrind(t, callgrindPlaces(t, path)); n < 5000 {
				t.Errorf("only %d instructions compared", n)
			}
			compareFrames(t, path)
		})
	}
}
