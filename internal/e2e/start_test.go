package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A start is a command line of a tool that does not get as far as running a program, or only changes what is said.
type start struct {
	name   string
	args   []string // {dir} is a directory with the files that startFiles makes, {tool} the tool's name
	env    []string
	status int
	stdout string // regular expressions, "" for no output
	stderr string
}

// said is a message line as the tools prefix them before the log is set up.
const said = `(?m)^(valgrind|nulgrind|memcheck): `

const hint = `\n[a-z]+: Use --help for more information or consult the user manual.\n$`

// banner is what a log begins with.
const banner = `^==\d+== (Nulgrind, the minimal Valgrind tool|Memcheck, a memory error detector)\n(==\d+== .*\n)+==\d+== Command: `

var starts = []start{
	{name: "missing", args: []string{"no-such-program"}, status: 127, stderr: said + `no-such-program: command not found\n`},
	{name: "missing path", args: []string{"./no/such"}, status: 127, stderr: said + `./no/such: No such file or directory\n`},
	{name: "not executable", args: []string{"{dir}/plain"}, status: 126, stderr: said + `.*/plain: Permission denied\n`},
	{name: "directory", args: []string{"{dir}"}, status: 126, stderr: said + `.*: is a directory\n`},
	{name: "32 bit", args: []string{"{dir}/class32"}, status: 126, stderr: said + `.*class32.*\n`},
	{name: "other machine", args: []string{"{dir}/arm64"}, status: 126, stderr: said + `.*arm64.*\n`},
	{name: "truncated", args: []string{"{dir}/truncated"}, status: 126, stderr: said + `.*truncated.*\n`},
	{name: "no interpreter", args: []string{"{dir}/nointerp"}, status: 127, stderr: said + `.*nointerp.*\n`},
	{name: "script without interpreter", args: []string{"{dir}/orphan"}, status: 126, stderr: said + `.*/orphan: bad interpreter: No such file or directory\n`},
	{name: "dash", args: []string{"-", "true"}, status: 1, stderr: said + `Unknown option: -` + hint},
	{name: "log to nowhere", args: []string{"--log-fd=-1", "sh", "-c", "exit 3"}, status: 3},
	{name: "script", args: []string{"-q", "{dir}/script", "a", "b c"}, status: 3, stdout: `^/.*/script a b c 2\n$`},
	{name: "script of script", args: []string{"-q", "{dir}/outer", "x"}, status: 3, stdout: `/script opt .*/outer x 3\n$`},
	{name: "nothing", status: 1, stderr: said + `no program specified\n`},
	{name: "unknown option", args: []string{"--no-such-option", "true"}, status: 1, stderr: said + `Unknown option: --no-such-option` + hint},
	{name: "bad number", args: []string{"--num-callers=x", "true"}, status: 1,
		stderr: said + `Bad option: --num-callers=x\n[a-z]+: Invalid integer value 'x'` + hint},
	{name: "version", args: []string{"--version"}, stdout: `^(valgrind|gogrind)-\d+\.\d+`},
	{name: "help", args: []string{"--help"}, stdout: `(?s)usage: .*--log-file`},
	{name: "banner", args: []string{"true"}, stderr: banner + `true\n==\d+== \n`},
	{name: "quiet", args: []string{"-q", "true"}},
	{name: "own name", args: []string{"--tool={tool}", "-q", "true"}},
	{name: "prefixed option", args: []string{"--{tool}:num-callers=5", "--othertool:whatever=1", "-q", "true"}},
	{name: "internal option", args: []string{"--num-transtab-sectors=8", "--sanity-level=1", "-q", "true"}},
	{name: "log on stdout", args: []string{"--log-fd=1", "true"}, stdout: banner},
	{name: "VALGRIND_OPTS", args: []string{"true"}, env: []string{"VALGRIND_OPTS=-q"}},
	{name: "program's own options", args: []string{"-q", "echo", "--version", "-q"}, stdout: `^--version -q\n$`},
	{name: "end of options", args: []string{"-q", "--", "echo", "x"}, stdout: `^x\n$`},
	{name: "path look-up", args: []string{"-q", "helper"}, env: []string{"PATH={dir}:/bin:/usr/bin"}, status: 9},
	{name: "verbose", args: []string{"-v", "true"}, stderr: banner},
}

func TestStart(t *testing.T) {
	dir := startFiles(t)
	for _, st := range starts {
		for _, tool := range tools() {
			if tool == native {
				continue
			}
			t.Run(strings.ReplaceAll(st.name, " ", "-")+"/"+tool, func(t *testing.T) {
				r := strings.NewReplacer("{dir}", dir, "{tool}", tool)
				c := command{keepLog: true}
				for _, a := range st.args {
					c.options = append(c.options, r.Replace(a))
				}
				for _, e := range st.env {
					c.env = append(c.env, r.Replace(e))
				}
				s.verdict(t, st.check(s.run(t, tool, c)))
			})
		}
	}
}

func (st start) check(got result) error {
	if got.timedOut {
		return fmt.Errorf("timed out%s", tail(got))
	}
	if got.status != st.status {
		return fmt.Errorf("exit status %d, want %d\nstdout: %s%s", got.status, st.status, got.stdout, tail(got))
	}
	for _, part := range []struct{ name, pattern, text string }{
		{"stdout", st.stdout, got.stdout},
		{"stderr", st.stderr, got.stderr},
	} {
		if part.pattern == "" {
			if part.text != "" {
				return fmt.Errorf("%s is not empty: %q", part.name, part.text)
			}
		} else if ok, err := regexp.MatchString(part.pattern, part.text); err != nil || !ok {
			return fmt.Errorf("%s is %q, want a match of %q %v", part.name, part.text, part.pattern, err)
		}
	}
	return nil
}

// startFiles makes programs that cannot be started, and scripts that can.
func startFiles(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	sh, err := os.ReadFile("/bin/true")
	if err != nil {
		t.Fatal(err)
	}
	changed := func(offset int, b ...byte) string {
		c := append([]byte(nil), sh...)
		copy(c[offset:], b)
		return string(c)
	}
	for _, f := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"plain", string(sh), 0o644},
		{"class32", changed(4, 1), 0o755},      // EI_CLASS = ELFCLASS32
		{"arm64", changed(18, 183, 0), 0o755},  // e_machine = EM_AARCH64
		{"truncated", string(sh[:100]), 0o755}, // in the middle of the program headers
		{"nointerp", strings.Replace(string(sh), "/lib64/ld-linux", "/lib64/no-linux", 1), 0o755},
		{"script", "#!/bin/sh\necho $0 $* $#\nexit 3\n", 0o755},
		{"outer", "#!" + dir + "/script opt\n", 0o755},
		{"orphan", "#!/nonexistent/sh\n", 0o755},
		{"helper", "#!/bin/sh\nexit 9\n", 0o755},
	} {
		path := filepath.Join(dir, f.name)
		if err := os.WriteFile(path, []byte(f.text), f.mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestLogFile: %p, %q and %% in names of log files, and that a log holds nothing but lines with the prefix.
func TestLogFile(t *testing.T) {
	for _, tool := range tools() {
		if tool == native {
			continue
		}
		t.Run(tool, func(t *testing.T) {
			dir := t.TempDir()
			r := s.run(t, tool, command{
				argv: []string{"true"}, options: []string{"--log-file=" + dir + "/%p-%q{KIND}-%%.log"}, env: []string{"KIND=e2e"}, keepLog: true,
			})
			s.verdict(t, checkLog(r, dir))
		})
	}
}

func checkLog(r result, dir string) error {
	if r.status != 0 || r.stdout != "" || r.stderr != "" {
		return fmt.Errorf("status %d, stdout %q, stderr %q", r.status, r.stdout, r.stderr)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(names) != 1 {
		return fmt.Errorf("log files: %q %v", names, err)
	}
	m := regexp.MustCompile(`^(\d+)-e2e-%\.log$`).FindStringSubmatch(filepath.Base(names[0]))
	if m == nil {
		return fmt.Errorf("log file is named %s", names[0])
	}
	text, err := os.ReadFile(names[0])
	if err != nil {
		return err
	}
	prefix := "==" + m[1] + "== "
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, prefix) {
			return fmt.Errorf("line %q of the log does not begin with %q", line, prefix)
		}
	}
	for _, want := range []string{"Command: true\n", "Parent PID: " + fmt.Sprint(os.Getpid()) + "\n"} {
		if !strings.Contains(string(text), prefix+want) {
			return fmt.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
	return nil
}

// TestStatic: what scripts/build makes needs nothing beside it.
func TestStatic(t *testing.T) {
	if _, err := exec.LookPath("readelf"); err != nil {
		s.skip(t, "readelf is not installed")
	}
	for _, tool := range tools() {
		if tool == native || tool == "valgrind" {
			continue
		}
		out, err := exec.Command("readelf", "-lW", s.toolPath(tool)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if strings.Contains(string(out), "INTERP") || strings.Contains(string(out), "DYNAMIC") {
			t.Errorf("%s is not statically linked:\n%s", tool, out)
		}
	}
}

// TestPlainBuild: a tool built without the flags of scripts/build says how to build it, and runs position-independent
// programs all the same.
func TestPlainBuild(t *testing.T) {
	for _, tool := range tools() {
		if tool == native || tool == "valgrind" {
			continue
		}
		t.Run(tool, func(t *testing.T) {
			exe := filepath.Join(t.TempDir(), tool)
			build := exec.Command("go", "build", "-o", exe, "./cmd/"+tool)
			build.Dir = s.root
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("go build: %v\n%s", err, out)
			}
			log := filepath.Join(t.TempDir(), "log")
			r := s.run(t, native, command{argv: []string{exe, "--log-file=" + log, "/bin/echo", "works"}})
			var err error
			switch {
			case !strings.Contains(r.stderr, "scripts/build"):
				err = fmt.Errorf("does not say how to build: stderr %q", r.stderr)
			case r.status != 0 || r.stdout != "works\n":
				err = fmt.Errorf("status %d, stdout %q, want \"works\"%s", r.status, r.stdout, tail(r))
			}
			s.verdict(t, err)
		})
	}
}
