package debuginfo

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gogrind/internal/guest"
)

// build runs a compiler over source text in a fresh directory and returns the executable's path. The test is skipped
// where there is no such compiler.
func build(t *testing.T, ext, source string, cmd ...string) string {
	t.Helper()
	if _, err := exec.LookPath(cmd[0]); err != nil {
		t.Skipf("%s is not installed", cmd[0])
	}
	dir := t.TempDir()
	src := filepath.Join(dir, "prog"+ext)
	if err := os.WriteFile(src, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(cmd[0], append(cmd[1:], "-o", "prog", src)...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
	return filepath.Join(dir, "prog")
}

// space returns a Space with path mapped without bias, and the object. Warnings fail the test.
func space(t *testing.T, path string) (*Space, *Object) {
	t.Helper()
	s := NewSpace(Options{Warn: func(m string) { t.Errorf("warning: %s", m) }})
	o, err := s.AddImage(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

// addr2line runs binutils' addr2line over addresses and returns per address "function file:line" lines, innermost first.
func addr2line(t *testing.T, path string, pcs []guest.Addr) [][]string {
	t.Helper()
	if _, err := exec.LookPath("addr2line"); err != nil {
		t.Skip("addr2line is not installed")
	}
	var in bytes.Buffer
	for _, pc := range pcs {
		fmt.Fprintf(&in, "%#x\n", uint64(pc))
	}
	c := exec.Command("addr2line", "-a", "-i", "-f", "-e", path)
	c.Stdin = &in
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var res [][]string
	sc := bufio.NewScanner(bytes.NewReader(out))
	fn := ""
	for sc.Scan() {
		l := sc.Text()
		switch {
		case strings.HasPrefix(l, "0x") && fn == "":
			res = append(res, nil)
		case fn == "":
			fn = l
		default:
			l, _, _ = strings.Cut(l, " (discriminator")
			res[len(res)-1] = append(res[len(res)-1], fn+" "+l)
			fn = ""
		}
	}
	return res
}

// ours gives the frames of pc in the form of addr2line.
func ours(s *Space, pc guest.Addr) []string {
	var out []string
	for _, f := range s.Frames(pc, nil) {
		fn, file, line := f.RawFn, "??", "?"
		if fn == "" {
			fn = "??"
		}
		if f.File != "" {
			file = f.File
			if f.Dir != "" {
				file = f.Dir + "/" + f.File
			}
		}
		if f.Line != 0 {
			line = strconv.Itoa(f.Line)
		}
		out = append(out, fn+" "+file+":"+line)
	}
	return out
}

func textAddrs(o *Object, step guest.Addr) []guest.Addr {
	var pcs []guest.Addr
	data, addr := o.Section(".text")
	for a := guest.Addr(addr + o.Bias); a < guest.Addr(addr+o.Bias+uint64(len(data))); a += step {
		pcs = append(pcs, a)
	}
	return pcs
}

const inlineC = `
#include <stdlib.h>
#include <string.h>
static inline __attribute__((always_inline)) int deep(int *p, int i) { return p[i] * 3; }
static inline __attribute__((always_inline)) int mid(int *p, int i)
{
	if (i & 1)
		return deep(p, i) + 1;
	return deep(p, i + 1);
}
static __attribute__((noinline)) int outer(int *p, int n)
{
	int s = 0;
	for (int i = 0; i < n; i++)
		s += mid(p, i);
	return s;
}
int main(int argc, char **argv)
{
	int *p = malloc(64 * sizeof *p);
	memset(p, argc, 64 * sizeof *p);
	int r = outer(p, argc + 20);
	free(p);
	return r & 1;
}
`

func TestLinesAgainstAddr2line(t *testing.T) {
	for _, dw := range []string{"-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5"} {
		for _, opt := range []string{"-O0", "-O2"} {
			t.Run(dw+opt, func(t *testing.T) {
				path := build(t, ".c", inlineC, "gcc", dw, opt)
				s, o := space(t, path)
				pcs := textAddrs(o, 1)
				want := addr2line(t, path, pcs)
				bad, compared := 0, 0
				for i, pc := range pcs {
					if strings.Contains(want[i][0], "??:") {
						continue // no line there: addr2line names the nearest symbol, however far
					}
					compared++
					got := ours(s, pc)
					if fmt.Sprint(got) != fmt.Sprint(want[i]) {
						if bad++; bad < 10 {
							t.Errorf("%v:\n got %q\nwant %q", pc, got, want[i])
						}
					}
				}
				if compared < 100 {
					t.Errorf("only %d addresses had a line", compared)
				}
			})
		}
	}
}
