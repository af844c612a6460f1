package e2e

import (
	"strings"
	"testing"
)

// oddRuns are core options that show or change something about a program made for them (testdata/guest/options/odd.c).
var oddRuns = []struct {
	name    string
	argv    []string // the program's
	options []string
	tool    string // "" for all
	status  int
	stdout  string // regular expressions
	stderr  string
}{
	{name: "trace-signals", argv: []string{"signal"}, options: []string{"-q", "--trace-signals=yes"}, stdout: "^handled\nhandled\n$",
		stderr: `(?s)sys_sigaction: sigNo 10, .*delivering signal 10 \(SIGUSR1\):-6 to thread 1\n.*push_signal_frame .*signal_return .*delivering signal 10 \(SIGUSR1\):0 `},
	{name: "trace-sched", argv: []string{"signal"}, options: []string{"-q", "--trace-sched=yes"}, stdout: "^handled\nhandled\n$",
		stderr: `(?s)SCHED\[1\]: begins to run as thread \d+.*SCHED\[1\]: enters system call 1\n.*back from system call 1\n`},
	{name: "max-threads", argv: []string{"threads"}, options: []string{"--max-threads=5"}, status: 1, stdout: "^ttt$",
		stderr: `\nUse --max-threads=INT to specify a larger number of threads\nand rerun valgrind\n`},
	{name: "max-threads enough", argv: []string{"threads"}, options: []string{"-q", "--max-threads=10"}, stdout: "^tttttttt$"},
	{name: "trace-malloc", argv: []string{"threads"}, options: []string{"-q", "--trace-malloc=yes"}, tool: "memcheck", stdout: "^tttttttt$",
		stderr: `--\d+-- calloc\(\d+,\d+\) = 0x[0-9A-F]+\n`},
	{name: "max-threads wrong", argv: []string{"threads"}, options: []string{"--max-threads=-4"}, status: 1,
		stderr: `Bad option: --max-threads=-4\n[a-z]+: Invalid integer value '-4'\n`},
	{name: "show-emwarns", argv: []string{"int80"}, options: []string{"--show-emwarns=yes"}, stdout: `^-38\n$`,
		stderr: `(?s)Emulation warning: unsupported action:\n==\d+==   32-bit system calls fail with ENOSYS\n==\d+==    at 0x[0-9A-F]+: main \(`},
	{name: "progress-interval", argv: []string{"spin"}, options: []string{"-q", "--progress-interval=1"},
		stderr: `^--\d+-- PROGRESS: U 1s, W \d+s, [0-9.]+% CPU, TIn [0-9.]+k, flushes 0, #thr 1\n`},
	{name: "profile-flags", argv: []string{"work"}, options: []string{"-q", "--profile-flags=10000000"},
		stderr: `(?s)<<< BEGIN SB Profile #1 .*Total score = [0-9]+,.*\n +0: \( *\d+ +\d\d\.\d\d%\) +\d+ +\d\d\.\d\d% +0x[0-9a-f]+ main\+\d+\n.*END SB Profile`},
	{name: "profile-flags without code", argv: []string{"work"}, options: []string{"-q", "--profile-flags=00000000"},
		stderr: `(?s)^\n<<< BEGIN SB Profile #1 \(for the entire run\)\n.* main\+\d+\n( *\d+: .*\n)*\n<<<\n<<< END SB Profile #1`},
	{name: "profile-interval", argv: []string{"spin"}, options: []string{"-q", "--profile-flags=10000000", "--profile-interval=1000"},
		stderr: `(?s)BEGIN SB Profile #2 \([0-9,]+ blocks entered\).*begin SB rank 0 =.* main\+\d+\n.*\n  0x[0-9a-f]+: [0-9a-f]+ +[a-z]+`},
	{name: "trace-flags", argv: []string{"work"}, options: []string{"-q", "--trace-flags=10000000", "--trace-notbelow=3", "--trace-notabove=3"},
		stderr: `^--\d+-- fragment 3 at 0x[0-9a-f]+:\n(--\d+--   +0x[0-9a-f]+: .*\n)+$`},
	{name: "dump-error", argv: []string{"ioctl"}, options: []string{"-q", "-s", "--dump-error=1"}, tool: "memcheck",
		stderr: `(?s) in context 1 of 1:\n.*fragment \d+ at 0x[0-9a-f]+:\n--\d+--   0x`},
	{name: "sanity-level", argv: []string{"maps"}, options: []string{"-q", "--sanity-level=3"}, stdout: "^below mapped\n$"},
	{name: "trace-symtab", argv: []string{"work"}, options: []string{"-q", "--trace-symtab=yes", "--trace-symtab-patt=*/odd"},
		stderr: `(?s)^\n------ start ELF OBJECT ------\n------ name = /.*/odd\nsoname = NONE\n.*: txt 0x[0-9a-f]{16} \.\. 0x[0-9a-f]{16} \(\d+\)  main\n.*------ end of \d+ symbols ------\n$`},
	{name: "trace-cfi", argv: []string{"work"}, options: []string{"-q", "--trace-cfi=yes", "--trace-symtab-patt=*/odd"},
		stderr: `^\nFrame rules at runtime addresses of /.*/odd:\n(function at 0x[0-9a-f]+\n(  \[0x[0-9a-f]+ \.\. 0x[0-9a-f]+\]: cfa=.* ra=.*\n)+)+$`},
	{name: "debug-dump syms", argv: []string{"work"}, options: []string{"-q", "--debug-dump=syms", "--trace-symtab-patt=*/odd"},
		stderr: `(?s)^\nSymbols of /.*/odd:\n   Num: .*: [0-9a-f]{16} +\d+ FUNC    GLOBAL main\n`},
	{name: "debug-dump line", argv: []string{"work"}, options: []string{"-q", "--debug-dump=line", "--trace-symtab-patt=*/odd"},
		stderr: `(?s)^\nDecoded line tables of /.*/odd:\n\n/.*/odd\.c:\n.*\nodd\.c +\d+ +0x[0-9a-f]+\n`},
	{name: "debug-dump frames", argv: []string{"work"}, options: []string{"-q", "--debug-dump=frames", "--trace-symtab-patt=*/odd"},
		stderr: `^\nFrame rules of /.*/odd:\nfunction at 0x`},
	{name: "aspace-minaddr", argv: []string{"maps"}, options: []string{"-q", "--aspace-minaddr=0x10000000"}, stdout: "^above refused\n$"},
	{name: "aspace-minaddr not given", argv: []string{"maps"}, options: []string{"-q"}, stdout: "^below mapped\n$"},
	{name: "debug", argv: []string{"signal"}, options: []string{"-q", "-d"}, stdout: "^handled\n",
		stderr: `^--\d+:1: aspacem .*\n--\d+:1: +main /.*/odd is at 0x`},
	{name: "ioctl", argv: []string{"ioctl"}, options: []string{"-q"}, tool: "memcheck", stderr: `ioctl\(generic\) points to unaddressable byte`},
	{name: "lax-ioctls", argv: []string{"ioctl"}, options: []string{"-q", "--sim-hints=lax-ioctls"}, tool: "memcheck"},
	{name: "other hints", argv: []string{"signal"}, stdout: "^handled\nhandled\n$",
		options: []string{"-q", "--sim-hints=no-nptl-pthread-stackcache,fuse-compatible,enable-outer,no-inner-prefix,lax-doors,fallback-llsc"}},
}

func TestOptionEffects(t *testing.T) {
	var exe string
	for _, g := range s.guests(t, "options") {
		if strings.HasPrefix(g.name, "odd/") {
			exe = s.executable(t, g)
		}
	}
	for _, r := range oddRuns {
		for _, tool := range tools() {
			if tool == native || tool == "lackey" || r.tool != "" && r.tool != tool {
				continue
			}
			t.Run(strings.ReplaceAll(r.name, " ", "-")+"/"+tool, func(t *testing.T) {
				got := s.run(t, tool, command{argv: append([]string{exe}, r.argv...), options: r.options, keepLog: true})
				st := start{status: r.status, stdout: r.stdout, stderr: r.stderr}
				s.verdict(t, st.check(got))
			})
		}
	}
}
