package debuginfo

import (
	"bufio"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// compareAddr2line compares all addresses that addr2line has a line for. reference is the file that it looks at, which has
// the same code as path.
//
// Names are compared when names is set: not for C++, where addr2line mixes up the innermost name of split functions.
func compareAddr2line(t *testing.T, path, reference string, names bool) {
	t.Helper()
	s, o := space(t, path)
	pcs := textAddrs(o, 1)
	want := addr2line(t, reference, pcs)
	bad, compared, inlined := 0, 0, 0
	for i, pc := range pcs {
		if strings.HasSuffix(want[i][0], ":?") {
			continue // no line there: addr2line names the nearest symbol, however far
		}
		if o.function(pc) == nil && o.function(o.Entry()) != nil {
			continue // padding between functions
		}
		compared++
		got := ours(s, pc)
		if len(got) > 1 {
			inlined++
		}
		if !names {
			dropNames(got)
			dropNames(want[i])
			var line int
			if _, l, ok := strings.Cut(want[i][0], "/prog.cc:"); ok {
				line, _ = strconv.Atoi(l)
			}
			if line > 200 {
				continue // the source has fewer: addr2line took the wrong file
			}
		}
		if !slices.Equal(got, want[i]) {
			if bad++; bad < 5 {
				t.Errorf("%v:\n got %q\nwant %q", pc, got, want[i])
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d of %d differ", bad, compared)
	}
	if compared < 100 || inlined == 0 {
		t.Errorf("only %d addresses had a line, %d of them inlined", compared, inlined)
	}
}

// dropNames keeps what follows the last space: the position.
func dropNames(lines []string) {
	for i, l := range lines {
		lines[i] = l[strings.LastIndexByte(l, ' ')+1:]
	}
}

// run runs a command in dir and fails the test with its output; it skips where the command is not installed.
func run(t *testing.T, dir string, cmd ...string) {
	t.Helper()
	if _, err := exec.LookPath(cmd[0]); err != nil {
		t.Skipf("%s is not installed", cmd[0])
	}
	c := exec.Command(cmd[0], cmd[1:]...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, out)
	}
}

func TestLinesAgainstAddr2line(t *testing.T) {
	for _, flags := range []string{
		"-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5", "-gdwarf-2 -O2", "-gdwarf-3 -O2", "-gdwarf-4 -O2", "-gdwarf-5 -O2",
		"-g -O2 -gz=zlib", "-g -O2 -gstrict-dwarf -gdwarf-4",
		"-g -O2 -ffunction-sections -Wl,--gc-sections", "-g -O2 -no-pie", "-g -O2 -static",
		"-g -O2 -fdebug-types-section", "-g -O1 -gno-column-info -gno-as-loc-support",
	} {
		t.Run(flags, func(t *testing.T) {
			path := build(t, ".c", inlineC, append([]string{"gcc"}, strings.Fields(flags)...)...)
			compareAddr2line(t, path, path, true)
		})
	}
	// What addr2line can't read is compared with the same code in another form.
	for _, form := range []string{"-gz=zlib-gnu", "-gdwarf64", "-gdwarf64 -gz=zlib"} {
		t.Run(form, func(t *testing.T) {
			path := build(t, ".c", inlineC, append([]string{"gcc", "-g", "-O2"}, strings.Fields(form)...)...)
			dir := filepath.Dir(path)
			run(t, dir, "gcc", "-g", "-O2", "-o", "ref", filepath.Join(dir, "prog.c"))
			compareAddr2line(t, path, filepath.Join(dir, "ref"), true)
		})
	}
}

func TestCXXLinesAgainstAddr2line(t *testing.T) {
	for _, flags := range []string{"-g -O2", "-gdwarf-4 -O1 -fdebug-types-section"} {
		t.Run(flags, func(t *testing.T) {
			path := build(t, ".cc", plainCXX, append([]string{"g++"}, strings.Fields(flags)...)...)
			compareAddr2line(t, path, path, false)
		})
	}
}

// TestSplitDWARF: the units are in .dwo files or a .dwp file beside the executable.
func TestSplitDWARF(t *testing.T) {
	for _, flags := range []string{"-gdwarf-4 -O2", "-gdwarf-5 -O2", "-gdwarf-5 -O0", "-gdwarf-5 -O2 -ffunction-sections", "-gdwarf-4 -O2 -ffunction-sections"} {
		for _, dwp := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s dwp=%v", flags, dwp), func(t *testing.T) {
				whole := build(t, ".c", inlineC, append([]string{"gcc", "-c"}, strings.Fields(flags)...)...)
				dir := filepath.Dir(whole)
				src := filepath.Join(dir, "prog.c")
				// The same code twice: once whole for the reference, once split.
				run(t, dir, append([]string{"gcc", "-o", "ref", src}, strings.Fields(flags)...)...)
				run(t, dir, append([]string{"gcc", "-c", "-gsplit-dwarf", "-o", "split.o", src}, strings.Fields(flags)...)...)
				run(t, dir, "gcc", "-o", "split", "split.o")
				if dwp {
					makeDWP(t, dir, int(flags[len("-gdwarf-")]-'0'))
					if err := os.Remove(filepath.Join(dir, "split.dwo")); err != nil {
						t.Fatal(err)
					}
				}
				compareAddr2line(t, filepath.Join(dir, "split"), filepath.Join(dir, "ref"), true)
			})
		}
	}
}

// makeDWP makes split.dwp of split.dwo: binutils' dwp for DWARF 4; for DWARF 5, which tools of 2022 can't do, the only
// unit's sections as they are, with an index of one row.
func makeDWP(t *testing.T, dir string, version int) {
	t.Helper()
	if version == 4 {
		run(t, dir, "dwp", "-e", "split", "-o", "split.dwp")
		return
	}
	dwo, err := elf.Open(filepath.Join(dir, "split.dwo"))
	if err != nil {
		t.Fatal(err)
	}
	defer dwo.Close()
	info, err := dwo.Section(".debug_info.dwo").Data()
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	var ids, offs, sizes []byte
	columns := uint32(0)
	for id, name := range map[uint32]string{1: "info", 3: "abbrev", 4: "line", 6: "str_offsets", 8: "rnglists"} {
		if s := dwo.Section(".debug_" + name + ".dwo"); s != nil {
			ids, offs, sizes = le.AppendUint32(ids, id), le.AppendUint32(offs, 0), le.AppendUint32(sizes, uint32(s.Size))
			columns++
		}
	}
	var b []byte
	for _, v := range []uint32{5, columns, 1, 2} { // version, columns, units, slots
		b = le.AppendUint32(b, v)
	}
	b = append(b, make([]byte, 8)...)             // an empty slot
	b = append(b, info[12:20]...)                 // the unit's id follows its 12-byte header
	b = le.AppendUint32(le.AppendUint32(b, 0), 1) // slot 1 has row 1
	b = append(append(append(b, ids...), offs...), sizes...)
	if err := os.WriteFile(filepath.Join(dir, "index"), b, 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "objcopy", "--add-section", ".debug_cu_index=index", "split.dwo", "split.dwp")
}

// TestZstd compresses the sections of an executable with zstd where the tools can.
func TestZstd(t *testing.T) {
	path := build(t, ".c", inlineC, "gcc", "-g", "-O2")
	dir := filepath.Dir(path)
	for _, tool := range []string{"objcopy", "llvm-objcopy"} {
		c := exec.Command(tool, "--compress-debug-sections=zstd", "prog", "packed")
		c.Dir = dir
		if c.Run() == nil {
			compareAddr2line(t, filepath.Join(dir, "packed"), path, true)
			return
		}
	}
	t.Skip("no tool compresses sections with zstd")
}

// TestDebugLink strips an executable and leaves its debug information in a file of its own.
func TestDebugLink(t *testing.T) {
	for _, where := range []string{".", ".debug"} {
		t.Run(where, func(t *testing.T) {
			path := build(t, ".c", inlineC, "gcc", "-g", "-O2", "-Wl,--build-id=none")
			dir := filepath.Dir(path)
			run(t, dir, "objcopy", "--only-keep-debug", "--compress-debug-sections", "prog", "prog.debug")
			run(t, dir, "objcopy", "--strip-all", "--add-gnu-debuglink=prog.debug", "prog", "stripped")
			if err := os.MkdirAll(filepath.Join(dir, where), 0o755); err != nil {
				t.Fatal(err)
			}
			moved := filepath.Join(dir, where, "prog.debug")
			if err := os.Rename(filepath.Join(dir, "prog.debug"), moved); err != nil {
				t.Fatal(err)
			}
			compareAddr2line(t, filepath.Join(dir, "stripped"), path, true)

			// A file with another checksum is not the one that was meant.
			b, err := os.ReadFile(moved)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(moved, append(b, 0), 0o644); err != nil {
				t.Fatal(err)
			}
			s, o := space(t, filepath.Join(dir, "stripped"))
			if f := s.Frames(o.Text.Start, nil); f[0].File != "" {
				t.Errorf("a debug file with a wrong checksum was used: %+v", f)
			}
		})
	}
}

// TestBuildID finds a debug file below a further directory by build id.
func TestBuildID(t *testing.T) {
	path := build(t, ".c", inlineC, "gcc", "-g", "-O2", "-Wl,--build-id=0x0123456789abcdef")
	dir := filepath.Dir(path)
	sub := filepath.Join(dir, "debug", ".build-id", "01")
	if err := os.MkdirAll(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "objcopy", "--only-keep-debug", "prog", filepath.Join(sub, "23456789abcdef.debug"))
	run(t, dir, "objcopy", "--strip-all", "prog", "stripped")
	s := NewSpace(Options{ExtraDebugPath: filepath.Join(dir, "debug"), Warn: func(m string) { t.Error(m) }})
	o, err := s.AddImage(filepath.Join(dir, "stripped"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if o.BuildID() != "0123456789abcdef" {
		t.Errorf("build id %q", o.BuildID())
	}
	var main Symbol
	o.Symbols(func(y Symbol) bool { main = y; return y.Name != "main" })
	if main.Name != "main" {
		t.Fatal("main not found in the separate file")
	}
	if f := s.Frames(main.Addr, nil); f[0].File != "prog.c" || f[len(f)-1].Fn != "main" {
		t.Errorf("%+v", f)
	}
}

// TestMiniDebug hides the static symbols in .gnu_debugdata, as Fedora's packages do.
func TestMiniDebug(t *testing.T) {
	path := build(t, ".c", inlineC, "gcc", "-g", "-O2", "-Wl,--build-id=none")
	dir := filepath.Dir(path)
	run(t, dir, "objcopy", "--strip-debug", "prog", "mini")
	run(t, dir, "objcopy", "--only-keep-debug", "mini")
	run(t, dir, "xz", "mini")
	run(t, dir, "objcopy", "--strip-all", "--add-section", ".gnu_debugdata=mini.xz", "prog", "stripped")
	_, want := space(t, path)
	s, o := space(t, filepath.Join(dir, "stripped"))
	n := 0
	want.Symbols(func(y Symbol) bool {
		if y.Type == Func && y.Size != 0 && o.Text.Contains(y.Addr) {
			n++
			if f := s.Frames(y.Addr, nil); f[0].Fn != y.Name {
				t.Errorf("%s is %+v", y.Name, f)
			}
		}
		return true
	})
	if n < 3 {
		t.Errorf("%d functions", n)
	}
}

// TestDwz moves common parts into a supplementary file.
func TestDwz(t *testing.T) {
	if _, err := exec.LookPath("dwz"); err != nil {
		t.Skip("dwz is not installed")
	}
	a := build(t, ".cc", plainCXX, "g++", "-g", "-O2")
	b := build(t, ".cc", plainCXX, "g++", "-g", "-O1")
	dir := filepath.Dir(a)
	run(t, dir, "cp", b, "prog1")
	run(t, dir, "cp", a, "ref")
	run(t, dir, "dwz", "-m", filepath.Join(dir, "common"), "prog", "prog1")
	compareAddr2line(t, filepath.Join(dir, "prog"), filepath.Join(dir, "ref"), false)
}
