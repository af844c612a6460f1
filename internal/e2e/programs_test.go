package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gogrind/internal/e2e/input"
)

// A program is a run of something that the system has, on inputs that inputs makes. In argv, {text}, {tree}, {source}
// and {scripts} stand for those.
type program struct {
	name  string
	argv  []string
	stdin string // file, after the same replacement
	env   []string
	// children has the programs that this one starts run under the tool, too.
	children bool
	// slow programs take minutes under memcheck: there they run with $GOGRIND_LONG only.
	slow bool
	// needs is a pattern of a file without which the program does not work, and the package that has it.
	needs, from string
}

var programs = []program{
	{name: "true", argv: []string{"true"}},
	{name: "false", argv: []string{"false"}},
	{name: "echo", argv: []string{"/bin/echo", "a", "b  c", ""}},
	{name: "cat", argv: []string{"cat"}, stdin: "{text}"},
	{name: "ls-lR", argv: []string{"ls", "-lR", "/usr/share"}},
	{name: "find", argv: []string{"find", "/usr/include", "-name", "*.h", "-size", "+8k"}},
	{name: "find-xargs", argv: []string{"sh", "-c", "find {tree} -name '*.c' | sort | xargs -n 7 -P 2 wc -l | sort | tail -n 20"}, children: true},
	{name: "grep-r", argv: []string{"grep", "-rnE", "str[a-z]+\\(|size_t", "{tree}"}},
	{name: "sort", argv: []string{"sort", "--parallel=1", "-k2,2", "-k3n", "{text}"}},
	{name: "sort-u", argv: []string{"sort", "--parallel=1", "-u", "-S1M", "-o", "sorted", "{text}"}},
	{name: "awk", argv: []string{"awk", "-f", "{scripts}/words.awk", "{text}"}},
	{name: "mawk", argv: []string{"mawk", "-f", "{scripts}/words.awk", "{text}"}},
	{name: "sed", argv: []string{"sed", "-E", "s/([a-z]+) ([a-z]+)/\\2 \\1/g;/9$/d", "{text}"}},
	{name: "perl", argv: []string{"perl", "{scripts}/words.pl"}, stdin: "{text}", env: []string{"PERL_HASH_SEED=0"}},
	{name: "python3", argv: []string{"/usr/bin/python3", "{scripts}/objects.py"}, stdin: "{text}",
		env: []string{"PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"}},
	{name: "lua", argv: []string{"lua5.4", "{scripts}/tables.lua"}, stdin: "{text}"},
	{name: "sqlite3", argv: []string{"sqlite3", "db"}, stdin: "{scripts}/inserts.sql"},
	{name: "xz", argv: []string{"xz", "-T1", "-6c", "{text}"}},
	{name: "gzip", argv: []string{"gzip", "-9nc", "{text}"}},
	{name: "bzip2", argv: []string{"bzip2", "-c", "{text}"}},
	{name: "zstd", argv: []string{"zstd", "-T1", "--single-thread", "-9", "-q", "-o", "text.zst", "{text}"}},
	{name: "tar", argv: []string{"tar", "-cf", "tree.tar", "--mtime=2020-01-01", "--sort=name", "-C", "{tree}", "."}},
	{name: "openssl-dgst", argv: []string{"openssl", "dgst", "-sha512", "{text}"}},
	{name: "openssl-enc", argv: []string{"openssl", "enc", "-aes-256-cbc", "-K", strings.Repeat("0f", 32), "-iv", strings.Repeat("a5", 16),
		"-in", "{text}", "-out", "secret"}},
	{name: "sha256sum", argv: []string{"sha256sum", "{text}"}},
	{name: "md5sum", argv: []string{"md5sum"}, stdin: "{text}"},
	{name: "cc1", argv: []string{"{cc1}", "-O2", "-quiet", "-fpreprocessed", "{source}", "-o", "out.s"}},
	{name: "gcc", argv: []string{"gcc", "-O1", "-c", "{source}", "-o", "out.o"}},
	{name: "objdump", argv: []string{"objdump", "-d", "--no-show-raw-insn", "/bin/true"}},
	{name: "readelf", argv: []string{"readelf", "-aW", "/bin/ls"}},
	{name: "sh", argv: []string{"sh", "{scripts}/steps.sh"}},
	{name: "bash", argv: []string{"bash", "{scripts}/steps.sh"}},
	{name: "diff", argv: []string{"diff", "-u", "{text}", "{scripts}/words.pl"}},
	{name: "date", argv: []string{"date", "-u", "-d", "@1234567890", "+%c"}},
	{name: "expr", argv: []string{"expr", "12345", "*", "67890"}},
	{name: "xz-threads", argv: []string{"xz", "-T2", "--block-size=200KiB", "-3c", "{text}"}},
	{name: "zstd-threads", argv: []string{"zstd", "-T2", "-9", "-q", "-c", "{text}"}},
	{name: "sort-threads", argv: []string{"sort", "--parallel=2", "-S64M", "-k2,2", "-k3n", "{text}"}},
	{name: "node", argv: []string{"node", "{scripts}/jit.js"}},
	{name: "node-workers", argv: []string{"node", "{scripts}/workers.js"}},
	{name: "java-version", argv: []string{"java", "-version"}},
	{name: "java", argv: []string{"java", "-XX:-UsePerfData", "{scripts}/Threads.java"}},
	{name: "gdb", argv: []string{"gdb", "-batch", "-nx", "-ex", "info files", "-ex", "x/20i &abort", "-ex", "python print(sum(range(1000)))",
		"/bin/bash"}},
	{name: "curl", argv: []string{"curl", "--version"}},
	{name: "ssh-keygen", argv: []string{"sh", "{scripts}/keys.sh"}, children: true},
	{name: "openssl-speed", argv: []string{"sh", "-c", "(openssl speed -seconds 1 sha256 && openssl speed -seconds 1 -evp aes-256-gcm) >/dev/null 2>&1"}, children: true},
	{name: "git", argv: []string{"sh", "{scripts}/git.sh"}, children: true, env: []string{"GIT_CONFIG_NOSYSTEM=1"}},
	{name: "make", argv: []string{"make", "-s", "-j2", "-f", "{scripts}/small.mk"}, children: true},
	{name: "gcc-children", argv: []string{"gcc", "-O2", "-c", "{scripts}/../../guest/same/strings_rep.c", "-o", "out.o"}, children: true},
	{name: "bash-children", argv: []string{"bash", "{scripts}/steps.sh"}, children: true},
	python("test_re"), python("test_json"), python("test_ctypes"), python("test_threading"),
	python("test_signal", "SiginterruptTest.test_siginterrupt_off"), // which waits for 30 seconds
	slowly(python("test_subprocess")),                               // 2,400 forks
	{name: "factor", argv: []string{"factor", "18446744073709551557", "1000000016000000063"}},
}

// python is a module of python's own test suite, without some of its tests.
func python(module string, without ...string) program {
	argv := []string{"/usr/bin/python3", "{scripts}/suite.py", "test." + module}
	for _, w := range without {
		argv = append(argv, "-"+w)
	}
	return program{name: "python-" + module, argv: argv,
		env:   []string{"PYTHONHASHSEED=0", "PYTHONDONTWRITEBYTECODE=1"},
		needs: "/usr/lib/python3*/test/" + module + "*", from: "libpython3.11-testsuite"}
}

func slowly(p program) program {
	p.slow = true
	return p
}

// TestPrograms runs real programs natively and under each tool: nothing that can be seen differs.
func TestPrograms(t *testing.T) {
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			c := p.command(t)
			want := p.natively(t, c)
			for _, tool := range tools() {
				t.Run(tool, func(t *testing.T) {
					if p.slow && tool != native && tool != "nulgrind" && os.Getenv("GOGRIND_LONG") == "" {
						s.skip(t, "takes minutes: GOGRIND_LONG=1 runs it")
					}
					s.verdict(t, differ(want, s.run(t, tool, c)))
				})
			}
		})
	}
}

// command is how p is run. What it needs and is not there skips t.
func (p *program) command(t *testing.T) command {
	t.Helper()
	in, err := s.inputs()
	if err != nil {
		t.Fatal(err)
	}
	argv := make([]string, len(p.argv))
	for i, a := range p.argv {
		argv[i] = in.Replace(a)
	}
	if argv[0], err = exec.LookPath(argv[0]); err != nil {
		s.skip(t, p.argv[0]+" is not installed")
	}
	if found, _ := filepath.Glob(p.needs); p.needs != "" && found == nil {
		s.skip(t, p.from+" is not installed")
	}
	c := command{argv: argv, env: p.env, timeout: 2 * *limitFlag}
	if p.slow {
		c.timeout = 8 * *limitFlag
	}
	if p.children {
		c.options = []string{"--trace-children=yes"}
	}
	if p.stdin != "" {
		text, err := os.ReadFile(in.Replace(p.stdin))
		if err != nil {
			t.Fatal(err)
		}
		c.stdin = string(text)
	}
	return c
}

// natively is what c does without a tool.
func (p *program) natively(t *testing.T, c command) result {
	t.Helper()
	want := s.run(t, native, c)
	if want.timedOut || want.status >= 126 {
		t.Fatalf("does not work natively: status %d%s", want.status, tail(want))
	}
	return want
}

// inputs makes the files that programs work on, once, and returns what replaces their names in argv.
func (s *suite) inputs() (*strings.Replacer, error) {
	makeInputs.once.Do(func() { makeInputs.r, makeInputs.err = s.writeInputs() })
	return makeInputs.r, makeInputs.err
}

var makeInputs struct {
	once sync.Once
	r    *strings.Replacer
	err  error
}

func (s *suite) writeInputs() (*strings.Replacer, error) {
	dir := filepath.Join(s.temp, "input")
	tree := filepath.Join(dir, "tree")
	text := input.Text(1 << 20)
	files := map[string]string{"text": text}
	for i := range 60 {
		files[fmt.Sprintf("tree/%c/%d.c", 'a'+i%5, i)] = input.Source(8 + i%7)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			return nil, err
		}
	}
	source, cc1, err := input.Preprocessed(dir, 40) // the compiler's sparse sets are undefined memory by design: exact code takes its time
	if err != nil {
		return nil, err
	}
	return strings.NewReplacer("{text}", filepath.Join(dir, "text"), "{tree}", tree, "{source}", source, "{cc1}", cc1,
		"{scripts}", filepath.Join(s.root, "testdata/e2e/scripts")), nil
}
