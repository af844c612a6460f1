package e2e

import (
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	pid = `==\d+== `
	// saidBy is what a tool puts in front of messages before the log is set up.
	saidBy = `(?m)^[a-z]+: `
)

// optionStarts are core options: what each does to output and status, or that it is taken. What a program does is not changed
// by any of them.
var optionStarts = []start{
	{name: "time stamp", args: []string{"--time-stamp=yes", "true"}, stderr: `^==00:00:00:00\.\d{3} \d+== [A-Z]`},
	{name: "verbose", args: []string{"-v", "--num-callers=7", "true"},
		stderr: `(?s)Command: true\n==\d+== \n--\d+-- Valgrind options:\n(--\d+--    --basic-counts=no\n)?--\d+--    -v\n--\d+--    --num-callers=7\n--\d+-- Contents of /proc/version:\n--\d+--   Linux.*Reading syms from /`},
	{name: "verbose undone", args: []string{"-v", "-q", "true"}, stderr: `Command: true\n==\d+== \n==\d+== \n`},
	{name: "debug", args: []string{"-d", "true"}, stderr: `Command: true\n`},
	{name: "log file without name", args: []string{"--log-file=", "true"}, status: 1,
		stderr: `^` + pid + `Bad option: --log-file=\n` + pid + `No filename given\n` + pid + `Use --help`},
	{name: "log file without variable", args: []string{"--log-file=%q{NOPE}", "true"}, status: 1,
		stderr: `^` + pid + `Bad option: --log-file=%q\{NOPE\}\n` + pid + `Environment variable 'NOPE' is not set\n`},
	{name: "log file in no directory", args: []string{"--log-file=/nonexistent/x", "true"}, status: 1,
		stderr: saidBy + `Cannot create log file '/nonexistent/x': No such file or directory\n`},
	{name: "bad socket", args: []string{"--log-socket=foo", "true"}, status: 1, stderr: saidBy + `Invalid --log-socket spec of 'foo'\n`},
	{name: "closed descriptor", args: []string{"--log-fd=9", "true"}, stderr: `failed to move log file descriptor into safe range, using stderr\n`},
	{name: "symbol that is required", args: []string{"-q", "--require-text-symbol=:libc.so*:mal?oc", "true"}},
	{name: "symbol that is missing", args: []string{"-q", "--require-text-symbol=:libc.so*:nosuch*", "true"}, status: 1,
		stderr: `(?s)soname\nvalgrind:     libc\.so\.6\nvalgrind: .*\nvalgrind:     nosuch\*\n`},
	{name: "stack size", args: []string{"-q", "--main-stacksize=16777216", "bash", "-c", "exit 4"}, status: 4},
	{name: "variant of the kernel", args: []string{"-q", "--kernel-variant=bproc,android-no-hw-tls", "true"}},
	{name: "no such variant", args: []string{"--kernel-variant=foo", "true"}, status: 1, stderr: saidBy + `foo is an invalid kernel-variant set\n`},
	{name: "hints", args: []string{"-q", "--sim-hints=lax-ioctls,fuse-compatible,no-nptl-pthread-stackcache", "true"}},
	{name: "no such hint", args: []string{"--sim-hints=foo", "true"}, status: 1, stderr: saidBy + `foo is an invalid sim-hints set\n`},
	{name: "fair scheduling", args: []string{"-q", "--fair-sched=try", "true"}},
	{name: "fair scheduling, wrong", args: []string{"--fair-sched=x", "true"}, status: 1, stderr: `Bad argument, should be 'yes', 'try' or 'no'`},
	{name: "threads", args: []string{"-q", "--max-threads=5", "true"}},
	{name: "debugger", args: []string{"-q", "--vgdb=full", "--vgdb-error=7", "--vgdb-stop-at=none", "--vgdb-prefix=/x", "true"}},
	{name: "traces", args: []string{"-q", "--trace-signals=no", "--trace-sched=no", "--trace-symtab=no", "--trace-cfi=no", "true"}},
	{name: "children", args: []string{"-q", "--trace-children=yes", "--trace-children-skip=*/false", "sh", "-c", "/bin/true; /bin/false; exit 5"}, status: 5},
	{name: "other tool's", args: []string{"-q", "--othertool:foo=bar", "true"}},
	{name: "command line only", args: []string{"--command-line-only=yes", "true"}, env: []string{"VALGRIND_OPTS=-q"}, stderr: `Command: true\n`},
	{name: "stack out of range", args: []string{"--aspace-minaddr=0x10", "true"}, status: 1, stderr: `Must be a page aligned address between`},
	{name: "statistics", args: []string{"-q", "--stats=yes", "true"}, stderr: `^--\d+-- jit: `},
	{name: "system calls", args: []string{"-q", "--trace-syscalls=yes", "true"}, stderr: `sys_exit_group`},
}

func TestOptions(t *testing.T) {
	for _, st := range optionStarts {
		for _, tool := range tools() {
			if tool == native {
				continue
			}
			t.Run(strings.ReplaceAll(st.name, " ", "-")+"/"+tool, func(t *testing.T) {
				args := st.args
				if tool == "lackey" {
					args = append([]string{"--basic-counts=no"}, args...) // what it counts is not what this test looks at
				}
				s.verdict(t, st.check(s.run(t, tool, command{options: args, env: st.env, keepLog: true})))
			})
		}
	}
}

// TestLogSocket lets the tool write its log to a socket, as Valgrind does: without the parent's process id, which files have.
func TestLogSocket(t *testing.T) {
	for _, tool := range tools() {
		if tool == native {
			continue
		}
		t.Run(tool, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			log := make(chan string, 1)
			go func() {
				c, err := l.Accept()
				if err != nil {
					log <- err.Error()
					return
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(*limitFlag))
				text, err := io.ReadAll(c)
				if err != nil {
					log <- err.Error()
					return
				}
				log <- string(text)
			}()
			got := s.run(t, tool, command{argv: []string{"sh", "-c", "exit 6"}, options: []string{"--log-socket=" + l.Addr().String()}, keepLog: true})
			l.Close() // if nobody has come
			text := <-log
			if ok, _ := regexp.MatchString(`^==\d+== [A-Z].*\n(==\d+== .*\n)+==\d+== Command: sh -c exit\\ 6\n==\d+== \n`, text); !ok || got.status != 6 {
				t.Errorf("status %d, on the socket %q", got.status, text)
			}
			if strings.Contains(text, "Parent PID") || got.stderr != "" {
				t.Errorf("on the socket %q, on stderr %q", text, got.stderr)
			}
		})
	}
}
