package e2e

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gogrind/internal/e2e/input"
)

// sameIr are programs whose own functions have to execute as many instructions as under Valgrind's cachegrind. What the dynamic
// linker and the C library do depends on the processor and on what is preloaded.
var sameIr = []struct {
	name   string
	guest  string   // a file of testdata/guest/same, or
	argv   []string // a program of the system
	own    string   // object with the functions; "" is the program itself
	stdin  string
	least  int // functions that have to be compared
	status int
	// differ says which functions may differ, and why; "*" is one in ten, by a hundredth of the whole.
	differ map[string]string
}{
	{name: "sqlite3", argv: []string{"sqlite3", ":memory:"}, own: "libsqlite3.so.0", least: 100, stdin: `
		create table t(a integer primary key, b text, c real);
		with recursive n(i) as (select 1 union all select i+1 from n where i<3000) insert into t select i, 'name'||(i*7919%1000), i*1.5 from n;
		select b, count(*), sum(c) from t group by b order by 2, 1 limit 3;`},
	{name: "python3", argv: []string{"/usr/bin/python3", "-S", "-E", "-c", "d={}\nfor i in range(9999): d[i%97]=d.get(i%97,0)+i\nprint(sum(d.values()))"}, least: 300,
		differ: map[string]string{"*": "tables are ordered by addresses, and the environment has a variable of Valgrind's"}},
	{name: "cc1", argv: []string{"{cc1}", "-O2", "-quiet", "-fpreprocessed", "{source}", "-o", "/dev/null"}, least: 100,
		differ: map[string]string{"*": "hash tables and the pages of the garbage collector depend on addresses"}},
	{name: "xz-threads", argv: []string{"xz", "-T2", "--block-size=100KiB", "-0c", "{text}"}, own: "liblzma.so.5", least: 10,
		differ: map[string]string{"lzma_code": "is called again while threads work", "lzma_crc64": "is called for each piece of a block that has come"}},
	{name: "interrupted", guest: "interrupted.c", least: 5,
		differ: map[string]string{"on": "signals that come while one is pending are one"}},
	{name: "cxx", guest: "cxx.cc", least: 20},
	{name: "rusty", guest: "rusty.rs", least: 20, status: 17,
		differ: map[string]string{"*": "seeds of hash tables are random, and threads meet in different orders"}},
}

// plainLibc makes the C library choose the same functions under Valgrind, which has no AVX-512.
const plainLibc = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-AVX512CD"

// loopC is for a compiler.
const loopC = `int f(int x) { int s = 0; for (int i = 0; i < x; i++) s += i * x; return s; } int main(void) { return f(7); }`

func TestSameIr(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		s.skip(t, "valgrind is not installed")
	}
	text := filepath.Join(s.dir(t), "text")
	if err := os.WriteFile(text, []byte(input.Text(300<<10)), 0o666); err != nil {
		t.Fatal(err)
	}
	cc1, err := exec.Command("gcc", "-print-prog-name=cc1").Output()
	if err != nil {
		t.Fatal(err)
	}
	cc1 = bytes.TrimSpace(cc1)
	source := filepath.Join(s.dir(t), "source.c")
	if err := os.WriteFile(source, []byte(loopC), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, p := range sameIr {
		t.Run(p.name, func(t *testing.T) {
			words := strings.NewReplacer("{text}", text, "{cc1}", string(cc1), "{source}", source)
			argv := strings.Split(words.Replace(strings.Join(p.argv, "\x00")), "\x00")
			if p.guest != "" {
				list, err := readGuests(filepath.Join(s.root, "testdata/guest/same", p.guest))
				if err != nil {
					t.Fatal(err)
				}
				argv = []string{s.executable(t, list[0])}
			}
			program, err := exec.LookPath(argv[0])
			if err != nil {
				s.skip(t, argv[0]+" is not installed")
			}
			own := program
			if p.own != "" {
				if own = library(t, program, p.own); own == "" {
					s.skip(t, p.name+" does not use "+p.own)
				}
			}
			functions := symbols(t, own)
			result := filepath.Join(s.dir(t), "result")
			count := func(tool string, options ...string) map[string]int64 {
				options = append(options, "--demangle=no", "--cachegrind-out-file="+result)
				r := s.run(t, tool, command{argv: argv, stdin: p.stdin, options: options, env: []string{plainLibc, "PYTHONHASHSEED=0"}})
				if r.status != p.status {
					t.Fatalf("%s: status %d\n%s", tool, r.status, tail(r))
				}
				return irByFunction(t, result)
			}
			// Without it Valgrind counts instructions behind branches that it executes in advance.
			want := count("valgrind", "--tool=cachegrind", "--cache-sim=no", "--vex-guest-chase=no")
			for _, sim := range []string{"no", "yes"} {
				got := count("cachegrind", "--pprof=no", "--cache-sim="+sim)
				n, different, total, off := 0, 0, int64(0), int64(0)
				for fn := range functions {
					if want[fn] == 0 && got[fn] == 0 {
						continue
					}
					n++
					total += want[fn]
					by := max(got[fn]-want[fn], want[fn]-got[fn])
					if by == 0 || p.differ[fn] != "" {
						continue
					}
					different++
					off += by
					if p.differ["*"] == "" {
						t.Errorf("--cache-sim=%s: %s: %d instructions, Valgrind has %d", sim, fn, got[fn], want[fn])
					}
				}
				if different > n/10 || off > total/100 {
					t.Errorf("--cache-sim=%s: %d of %d functions differ, by %d of %d instructions", sim, different, n, off, total)
				}
				if n < p.least {
					t.Errorf("--cache-sim=%s: only %d functions were executed", sim, n)
				}
				t.Logf("--cache-sim=%s: %d functions", sim, n)
			}
		})
	}
}

// library is the path of the library that program is linked to under this name, "" for none.
func library(t *testing.T, program, name string) string {
	t.Helper()
	out, err := exec.Command("ldd", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range strings.Split(string(out), "\n") {
		if f := strings.Fields(l); len(f) > 2 && f[0] == name {
			return f[2]
		}
	}
	return ""
}

// symbols are the functions of an ELF file that have a name of their own.
func symbols(t *testing.T, path string) map[string]bool {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := f.Symbols()
	if err != nil {
		if list, err = f.DynamicSymbols(); err != nil {
			t.Fatal(err)
		}
	}
	at := map[uint64]int{}
	for _, y := range list {
		if elf.ST_TYPE(y.Info) == elf.STT_FUNC && y.Size > 0 {
			at[y.Value]++
		}
	}
	names := map[string]bool{}
	for _, y := range list {
		if elf.ST_TYPE(y.Info) == elf.STT_FUNC && y.Size > 0 && at[y.Value] == 1 {
			names[y.Name] = true
		}
	}
	return names
}

// irByFunction reads a file of cachegrind's.
func irByFunction(t *testing.T, path string) map[string]int64 {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int64{}
	fn := ""
	for _, l := range strings.Split(string(text), "\n") {
		if name, ok := strings.CutPrefix(l, "fn="); ok {
			fn = name
		} else if f := strings.Fields(l); len(f) > 1 && l[0] >= '0' && l[0] <= '9' {
			n, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				t.Fatal(fmt.Errorf("%s: %q: %w", path, l, err))
			}
			counts[fn] += n
		}
	}
	return counts
}
