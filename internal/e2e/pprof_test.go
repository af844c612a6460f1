package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// pprofCase is a profile of testdata/guest/run/profile.cc and what go tool pprof has to say about it.
type pprofCase struct {
	name    string
	tool    string
	options []string
	result  string // pattern of the name of the profile
	convert string // program that makes the profile from the native result instead
	values  string // types of samples, in order
	top     []string
	list    []string // lines of -list, for functions that match "square|numbers|Maker"
	inlined bool     // mappings with build ids and inlined frames are expected
}

var pprofCases = []pprofCase{
	{name: "cachegrind", tool: "cachegrind", result: "cachegrind.pprof.*.pb.gz", inlined: true,
		values: "Ir/count",
		top:    []string{`\s200000 .* square \(inline\)`, `\s700007 .* work::Maker::sum`},
		list:   []string{`ROUTINE =+ square in .*/profile\.cc`, `200000 +200000 .*return x \* x;`, `200000 +400000 .*s \+= square<long>`}},
	{name: "cachegrind-events", tool: "cachegrind", result: "cachegrind.pprof.*.pb.gz", inlined: true,
		options: []string{"--cache-sim=yes", "--branch-sim=yes"},
		values:  "Ir/count I1mr/count ILmr/count Dr/count D1mr/count DLmr/count Dw/count D1mw/count DLmw/count Bc/count Bcm/count Bi/count Bim/count",
		top:     []string{`\s200000 .* square \(inline\)`}},
	{name: "massif", tool: "massif", result: "massif.pprof.*.pb.gz", inlined: true,
		values: "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes",
		top:    []string{`390\.62kB .* numbers \(inline\)`},
		list:   []string{`390\.62kB +390\.62kB .*return new int\[n\];`, `\. +390\.62kB .*made\.push_back\(numbers\(n\)\);`}},
	{name: "cg_annotate", tool: "cachegrind", options: []string{"--pprof=no"}, result: "cachegrind.out.*", convert: "cg_annotate",
		values: "Ir/count",
		top:    []string{`\s700007 .* work::Maker::sum`},
		list:   []string{`200000 +200000 .*return x \* x;`}},
	{name: "ms_print", tool: "massif", options: []string{"--pprof=no", "--fullpath-after="}, result: "massif.out.*", convert: "ms_print",
		values: "inuse_space/bytes",
		top:    []string{`390\.62kB .* numbers`},
		list:   []string{`390\.62kB +390\.62kB .*return new int\[n\];`}},
}

// TestPprof: go tool pprof shows the names and lines that a profile is about, as text and as web pages.
func TestPprof(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		s.skip(t, "go is not installed")
	}
	list, err := readGuests(filepath.Join(s.root, "testdata/guest/run/profile.cc"))
	if err != nil {
		t.Fatal(err)
	}
	// An executable that was built of the same source elsewhere names lines of files that may be gone.
	g := list[0]
	g.build = append(slices.Clone(g.build), "-DBUILT_IN="+filepath.Dir(g.file))
	exe := s.executable(t, g)
	for _, c := range pprofCases {
		t.Run(c.name, func(t *testing.T) {
			dir := s.dir(t)
			cmd := exec.Command(s.toolPath(c.tool), append(append([]string{"-q"}, c.options...), exe)...)
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			found, _ := filepath.Glob(filepath.Join(dir, c.result))
			if len(found) != 1 {
				t.Fatalf("results %q, want one %s", found, c.result)
			}
			file := found[0]
			if c.convert != "" {
				out := filepath.Join(dir, "converted.pb.gz")
				if text, err := exec.Command(s.toolPath(c.convert), "--pprof="+out, file).CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, text)
				}
				file = out
			}
			c.check(t, file)
		})
	}
}

func (c *pprofCase) check(t *testing.T, file string) {
	raw := pprof(t, "-raw", file)
	if _, after, _ := strings.Cut(raw, "Samples:\n"); !strings.HasPrefix(strings.ReplaceAll(after, "[dflt]", ""), c.values+"\n") {
		t.Errorf("types of samples are not %s:\n%.300s", c.values, raw)
	}
	if mapped := regexp.MustCompile(`(?m)^1: 0x\w+/0x\w+/0x\w+ .*/profile\S* [0-9a-f]{40} \[FN\]\[FL\]\[LN\]\[IN\]$`).MatchString(raw); mapped != c.inlined {
		t.Errorf("the program's mapping with its build id: %v, want %v:\n%s", mapped, c.inlined, raw[strings.LastIndex(raw, "Mappings"):])
	}
	if c.tool == "massif" && !strings.Contains(raw, "snapshot:[") {
		t.Error("samples have no label for the snapshot")
	}
	expect(t, pprof(t, "-top", "-nodecount=1000", "-nodefraction=0", file), c.top)
	expect(t, pprof(t, "-list=square|numbers|Maker", file), c.list)
	pages := serve(t, file)
	for path, want := range map[string]string{"/ui/top": "Maker::", "/ui/flamegraph": "Maker::", "/ui/source?f=Maker": "made.push_back(numbers(n));"} {
		if text := pages(path); !strings.Contains(text, want) {
			t.Errorf("the web page %s does not have %s", path, want)
		}
	}
}

// expect looks for lines that match.
func expect(t *testing.T, text string, lines []string) {
	t.Helper()
	for _, l := range lines {
		if !regexp.MustCompile(l).MatchString(text) {
			t.Errorf("no line %s in:\n%.3000s", l, text)
		}
	}
}

func pprof(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"tool", "pprof"}, args...)...)
	cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go tool pprof %q: %v", args, err)
	}
	return string(out)
}

// serve starts pprof's web server for the time of the test. The result fetches a page.
func serve(t *testing.T, file string) func(path string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	// The tool itself: the go command would leave it behind.
	tool, err := exec.Command("go", "tool", "-n", "pprof").Output()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, strings.TrimSpace(string(tool)), "-http="+address, "-no_browser", file)
	cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); cmd.Wait() })
	return func(path string) string {
		for end := time.Now().Add(*limitFlag); ; time.Sleep(50 * time.Millisecond) {
			text, err := fetch("http://" + address + path)
			if err == nil {
				return text
			}
			if time.Now().After(end) {
				t.Fatalf("web page: %v", err)
			}
		}
	}
}

func fetch(url string) (string, error) {
	r, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", r.Status, b)
	}
	return string(b), err
}
