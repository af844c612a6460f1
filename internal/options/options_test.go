package options

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// testTool declares options as a tool would.
func testTool(fs *flag.FlagSet) {
	var s string
	var b bool
	var n int
	var set Set
	Enum(fs, &s, "leak-check", "summary", []string{"no", "summary", "yes", "full"}, "look for leaks")
	YesNo(fs, &b, "track-origins", false, "origins")
	Int(fs, &n, "freelist-vol", 20000000, 0, 10000000000, "volume")
	Hex(fs, &n, "malloc-fill", -1, 0, 255, "fill")
	SetOf(fs, &set, "show-leak-kinds", 0, []string{"definite", "indirect", "possible", "reachable"}, "kinds")
}

func parse(t *testing.T, args ...string) (*Core, *Command, error) {
	t.Helper()
	return Parse(args, []string{"HOME=" + t.TempDir()}, "memcheck", testTool)
}

const hint = "\nUse --help for more information or consult the user manual."

// messages are what Valgrind 3.19 says of bad options.
var messages = []struct{ option, want string }{
	{"--foo", "Unknown option: --foo" + hint},
	{"-z", "Unknown option: -z" + hint},
	{"-qq", "Unknown option: -qq" + hint},
	{"-s=yes", "Unknown option: -s=yes" + hint},
	{"--s", "Unknown option: --s" + hint},
	{"-quiet", "Unknown option: -quiet" + hint},
	{"--quiet=yes", "Unknown option: --quiet=yes" + hint},
	{"--verbose=3", "Unknown option: --verbose=3" + hint},
	{"--num-callers", "Unknown option: --num-callers" + hint},
	{"--demangle", "Unknown option: --demangle" + hint},
	{"--leak-check=maybe", "Unknown option: --leak-check=maybe" + hint},
	{"--smc-check=foo", "Unknown option: --smc-check=foo" + hint},
	{"--vgdb=foo", "Unknown option: --vgdb=foo" + hint},
	{"--gen-suppressions=foo", "Unknown option: --gen-suppressions=foo" + hint},
	{"--resync-filter=foo", "Unknown option: --resync-filter=foo" + hint},
	{"--debug-dump=foo", "Unknown option: --debug-dump=foo" + hint},
	{"--memcheck:foo=3", "Unknown option: --foo=3" + hint},
	{"--num-callers=x", "Bad option: --num-callers=x\nInvalid integer value 'x'" + hint},
	{"--num-callers=0x10", "Bad option: --num-callers=0x10\nInvalid integer value '0x10'" + hint},
	{"--num-callers=99999999999999999999", "Bad option: --num-callers=99999999999999999999\nInvalid integer value '99999999999999999999'" + hint},
	{"--num-callers=", "Bad option: --num-callers=\n'--num-callers' argument must be between 1 and 500" + hint},
	{"--num-callers=501", "Bad option: --num-callers=501\n'--num-callers' argument must be between 1 and 500" + hint},
	{"--demangle=", "Bad option: --demangle=\nInvalid boolean value '' (should be 'yes' or 'no')" + hint},
	{"--memcheck:demangle=x", "Bad option: --demangle=x\nInvalid boolean value 'x' (should be 'yes' or 'no')" + hint},
	{"--freelist-vol=-1", "Bad option: --freelist-vol=-1\n'--freelist-vol' argument must be between 0 and 10000000000" + hint},
	{"--malloc-fill=zz", "Bad option: --malloc-fill=zz\nInvalid integer value 'zz'" + hint},
	{"--malloc-fill=0x100", "Bad option: --malloc-fill=0x100\n'--malloc-fill' argument must be between 0 and 255" + hint},
	{"--show-leak-kinds=definite,foo", "Bad option: --show-leak-kinds=definite,foo\ndefinite,foo is an invalid show-leak-kinds set" + hint},
	{"--show-leak-kinds=", "Bad option: --show-leak-kinds=\n is an invalid show-leak-kinds set" + hint},
	{"--sim-hints=none,lax-ioctls", "Bad option: --sim-hints=none,lax-ioctls\nnone,lax-ioctls is an invalid sim-hints set" + hint},
	{"--kernel-variant=x", "Bad option: --kernel-variant=x\nx is an invalid kernel-variant set" + hint},
	{"--vgdb-stop-at=foo", "Bad option: --vgdb-stop-at=foo\nfoo is an invalid vgdb-stop-at set" + hint},
	{"--alignment=17", "Bad option: --alignment=17\nAlignment must be a power of 2 in the range 16..4096." + hint},
	{"--redzone-size=8192", "Bad option: --redzone-size=8192\n'--redzone-size' argument must be between 0 and 4096" + hint},
	{"--aspace-minaddr=12", "Bad option: --aspace-minaddr=12\nInvalid address" + hint},
	{"--aspace-minaddr=0x10", "Bad option: --aspace-minaddr=0x10\nMust be a page aligned address between 0x1000 and 0x200000000" + hint},
	{"--trace-flags=1", "Bad option: --trace-flags=1\n--trace-flags argument must have 8 digits" + hint},
	{"--trace-flags=00000002", "Bad option: --trace-flags=00000002\n--trace-flags argument can only contain 0s and 1s" + hint},
	{"--px-default=x", "Bad option: --px-default=x\nInvalid string 'x' in '--px-default=x'" + hint},
	{"--track-fds=foo", "Bad option: --track-fds=foo\nBad argument, should be 'yes', 'all' or 'no'" + hint},
	{"--fair-sched=foo", "Bad option: --fair-sched=foo\nBad argument, should be 'yes', 'try' or 'no'" + hint},
	{"--require-text-symbol=x", "Bad option: --require-text-symbol=x\nInvalid --require-text-symbol= specification." + hint},
	{"--num-transtab-sectors=0", "Bad option: --num-transtab-sectors=0\n'--num-transtab-sectors' argument must be between 2 and 48" + hint},
	{"--log-socket=foo", "Invalid --log-socket spec of 'foo'"},
	{"--log-socket=127.0.0.1:1", "Invalid --log-socket spec of '127.0.0.1:1'"},
	{"--log-socket=300.0.0.1", "Invalid --log-socket spec of '300.0.0.1'"},
}

func TestMessages(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, r := range messages {
		_, _, err := parse(t, r.option, "true")
		if err == nil {
			t.Errorf("%s: accepted", r.option)
			continue
		}
		var out, msg bytes.Buffer
		status := Finish(err, "valgrind", 7, &out, &msg)
		want := "valgrind: " + strings.ReplaceAll(r.want, "\n", "\nvalgrind: ") + "\n"
		if status != 1 || msg.String() != want || out.Len() != 0 {
			t.Errorf("%s: status %d, stderr\n%swant\n%s", r.option, status, msg.String(), want)
		}
	}
}

// TestMessagesOfValgrind compares the table above with Valgrind where it is installed.
func TestMessagesOfValgrind(t *testing.T) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil || testing.Short() {
		t.Skip("needs Valgrind, for the comparison only")
	}
	t.Chdir(t.TempDir())
	for _, r := range messages {
		cmd := exec.Command(valgrind, r.option, "true")
		cmd.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
		got, err := cmd.CombinedOutput()
		want := "valgrind: " + strings.ReplaceAll(r.want, "\n", "\nvalgrind: ") + "\n"
		if cmd.ProcessState.ExitCode() != 1 || string(got) != want {
			t.Errorf("%s: %v\n%swant\n%s", r.option, err, got, want)
		}
	}
}

// TestLoggedMessages are those that Valgrind gives through its log.
func TestLoggedMessages(t *testing.T) {
	t.Chdir(t.TempDir())
	rows := []struct {
		args []string
		want string
	}{
		{[]string{"--xml=yes"}, "==7== Bad option: --xml=yes, but no XML destination specified\n" +
			"==7== --xml=yes has been specified, but there is no XML output\n" +
			"==7== destination.  You must specify an XML output destination\n" +
			"==7== using --xml-fd, --xml-file or --xml-socket.\n"},
		{[]string{"--xml=yes", "--xml-fd=2", "--gen-suppressions=yes"}, "==7== Bad option: --xml=yes together with --gen-suppressions=yes\n" +
			"==7== When --xml=yes is specified, --gen-suppressions=no\n" +
			"==7== or --gen-suppressions=all is allowed, but not --gen-suppressions=yes.\n"},
	}
	for _, r := range rows {
		_, _, err := parse(t, append(r.args, "true")...)
		var msg bytes.Buffer
		status := Finish(err, "valgrind", 7, &msg, &msg)
		want := r.want + "==7== Use --help for more information or consult the user manual.\n"
		if status != 1 || msg.String() != want {
			t.Errorf("%s: status %d, got\n%swant\n%s", r.args, status, msg.String(), want)
		}
	}
}

// TestAccepted runs through options that real command lines have.
func TestAccepted(t *testing.T) {
	t.Chdir(t.TempDir())
	options := strings.Fields(`-q --quiet -v --verbose -d --tool=memcheck --trace-children=yes --trace-children-skip=a,b
		--child-silent-after-fork=yes --vgdb=no --vgdb=full --vgdb-error=-1 --vgdb-stop-at=all --vgdb-stop-at=startup,exit
		--track-fds=all --time-stamp=yes --log-fd=9 --log-file= --log-socket=127.0.0.1 --log-socket=127.0.0.1:12345
		--demangle=no --num-callers=500 --error-limit=no --error-exitcode=-1 --error-exitcode=256 --error-markers=a
		--show-error-list=no -s --keep-debuginfo=yes --show-below-main=yes --default-suppressions=no --suppressions=
		--gen-suppressions=all --input-fd=3 --dsymutil=yes --max-stackframe=-1 --main-stacksize=1 --alignment=4096
		--redzone-size=3 --xtree-memory=full --xtree-memory-file=x --fullpath-after= --extra-debuginfo-path=
		--debuginfo-server=foo --enable-debuginfod=no --allow-mismatched-debuginfo=yes --smc-check=stack
		--read-inline-info=no --read-var-info=yes --vgdb-poll=0 --vgdb-shadow-registers=yes --vgdb-prefix=/x
		--run-libc-freeres=no --run-cxx-freeres=no --sim-hints=lax-ioctls,fuse-compatible --fair-sched=try
		--kernel-variant=bproc --merge-recursive-frames=3 --num-transtab-sectors=2 --avg-transtab-entry-size=50
		--aspace-minaddr=0x10000 --valgrind-stacksize=8192 --show-emwarns=yes --require-text-symbol=:libc*:malloc
		--soname-synonyms=somalloc=NONE --sigill-diagnostics=no --unw-stack-scan-thresh=100 --unw-stack-scan-frames=0
		--resync-filter=verbose --max-threads=1000 --stats=yes --sanity-level=9 --trace-flags=10000000
		--profile-flags=00000001 --profile-interval=-1 --trace-notbelow=3 --trace-notabove=4 --trace-syscalls=yes
		--trace-signals=yes --trace-symtab=yes --trace-symtab-patt= --trace-cfi=yes --debug-dump=syms
		--debug-dump=line --debug-dump=frames --trace-redir=yes --trace-sched=yes --profile-heap=yes
		--core-redzone-size=1 --wait-for-gdb=no --sym-offsets=yes --progress-interval=3600 --command-line-only=yes
		--vex-iropt-verbosity=9 --vex-iropt-level=0 --vex-iropt-unroll-thresh=400 --vex-guest-max-insns=1
		--vex-guest-chase=no --vex-regalloc-version=2 --vex-iropt-register-updates=allregs-at-each-insn
		--px-default=sp-at-mem-access --px-file-backed=allregs-at-mem-access --dump-error=1 --trace-malloc=yes
		--xtree-compress-strings=no --cachegrind:foo=3 --foo:bar --memcheck:leak-check=full --xml=no
		--malloc-fill=ff --malloc-fill=0xFF --realloc-zero-bytes-frees=no --modify-fds=high --scheduling-quantum=1`)
	for _, o := range options {
		_, cmd, err := parse(t, o, "true", "--foo")
		if err != nil {
			t.Errorf("%s: %v", o, err)
		} else if !reflect.DeepEqual(cmd.Args, []string{"true", "--foo"}) || !reflect.DeepEqual(cmd.Options, []string{o}) {
			t.Errorf("%s: command %q, options %q", o, cmd.Args, cmd.Options)
		}
	}
}

func TestValues(t *testing.T) {
	t.Chdir(t.TempDir())
	c, cmd, err := parse(t, "-v", "-v", "-q", "-d", "--num-callers=30", "--suppressions=a", "--suppressions=b",
		"--error-markers=B,E", "--soname-synonyms=somalloc=NONE", "--log-fd=5", "--log-file=x.%p", "--vgdb-stop-at=exit",
		"--sim-hints=lax-doors", "--trace-flags=01000001", "--memcheck:show-below-main=yes", "--helgrind:num-callers=3", "--", "-x", "y")
	if err != nil {
		t.Fatal(err)
	}
	if c.Verbosity != 2 || c.DebugLevel != 1 || c.NumCallers != 30 || !c.ShowBelowMain || c.MarkBegin != "B" || c.MarkEnd != "E" ||
		!c.SimHints.Has(HintLaxDoors) || c.SimHints.Has(HintLaxIoctls) || c.VGDBStopAt != 2 || !c.SigillDiagnostics ||
		c.TraceFlags != [8]bool{1: true, 7: true} || c.Log != (Sink{Kind: ToFile, Name: "x.%p"}) || !c.ReadInlineInfo || !c.ShowList() {
		t.Errorf("%+v", c)
	}
	if !reflect.DeepEqual(c.Suppressions, []string{"a", "b"}) || !reflect.DeepEqual(cmd.Args, []string{"-x", "y"}) {
		t.Errorf("suppressions %q, command %q", c.Suppressions, cmd.Args)
	}
	if c, _, _ := parse(t, "-q", "true"); c.SigillDiagnostics || !c.Quiet() {
		t.Error("-q leaves the diagnostics of illegal instructions on")
	}
}

func TestPrecedence(t *testing.T) {
	home, cwd := t.TempDir(), t.TempDir()
	t.Chdir(cwd)
	write := func(dir, text string, mode os.FileMode) {
		t.Helper()
		name := filepath.Join(dir, ".valgrindrc")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	write(home, "--num-callers=1 --suppressions='h h' --demangle=no --massif:foo --memcheck:leak-check=no\n--\n", 0o644)
	write(cwd, "--num-callers=3\t--suppressions=c --alignment=32", 0o644)
	env := []string{"HOME=" + home, `VALGRIND_OPTS=--num-callers=2 --suppressions=e"f" --tool=massif --alignment=64`}
	c, cmd, err := Parse([]string{"--suppressions=a", "true"}, env, "memcheck", testTool)
	if err != nil {
		t.Fatal(err)
	}
	if c.NumCallers != 3 || c.Alignment != 32 || c.Demangle || !reflect.DeepEqual(c.Suppressions, []string{"h h", "ef", "c", "a"}) {
		t.Errorf("callers %d, alignment %d, demangle %v, suppressions %q", c.NumCallers, c.Alignment, c.Demangle, c.Suppressions)
	}
	want := []string{"--num-callers=1", "--suppressions=h h", "--demangle=no", "--massif:foo", "--memcheck:leak-check=no",
		"--num-callers=2", "--suppressions=ef", "--tool=massif", "--alignment=64", "--num-callers=3", "--suppressions=c", "--alignment=32", "--suppressions=a"}
	if !reflect.DeepEqual(cmd.Options, want) {
		t.Errorf("options as given: %q", cmd.Options)
	}
	if c, _, err := Parse([]string{"--command-line-only=yes", "true"}, env, "memcheck", testTool); err != nil || c.NumCallers != 12 || c.Suppressions != nil {
		t.Errorf("--command-line-only=yes: %v %v", c, err)
	}
	c, cmd, err = Parse([]string{"--command-line-only=yes", "--exit-on-first-error=yes", "true"}, env, "memcheck", testTool)
	if err != nil || !c.ExitOnFirstError || strings.Join(cmd.Notes, "\n") != "Bad option: --exit-on-first-error=yes\n"+
		"You must define a non nul exit error code, with --error-exitcode=..."+hint {
		t.Errorf("--exit-on-first-error=yes: %v %q", err, cmd.Notes)
	}
	write(cwd, "--foo", 0o666)
	c, cmd, err = Parse([]string{"true"}, env, "memcheck", testTool)
	if err != nil || c.NumCallers != 2 || len(cmd.Notes) != 2 || !strings.HasPrefix(cmd.Notes[0], "./.valgrindrc was not read") {
		t.Errorf("world-writable file: %v %q", err, cmd.Notes)
	}
	write(cwd, "# comment", 0o644)
	if _, _, err = Parse([]string{"true"}, env, "memcheck", testTool); err == nil || err.Error() != "Unknown option: #" {
		t.Errorf("comment in an option file: %v", err)
	}
	env[0] = "HOME=" + cwd
	write(cwd, "-v", 0o644)
	if c, _, err = Parse([]string{"true"}, env, "memcheck", testTool); err != nil || c.Verbosity != 2 {
		t.Errorf("home is the working directory: read %d times, %v", c.Verbosity-1, err)
	}
}

func TestAnswers(t *testing.T) {
	t.Chdir(t.TempDir())
	rows := []struct {
		args          []string
		has, hasNot   string
		status        int
		stderr        bool
		valgrindsOpts string
	}{
		{[]string{"--version"}, "gogrind-" + Version + "\n", "usage", 0, false, ""},
		{[]string{"--foo", "--version"}, "gogrind-" + Version + "\n", "usage", 0, false, ""},
		{nil, "gogrind-" + Version + "\n", "usage", 0, false, "--version"},
		{[]string{"--help"}, "--leak-check=no|summary|yes|full\n", "--trace-sched", 0, false, ""},
		{[]string{"-h", "-h"}, "--trace-sched=no|yes ", "none of this", 0, false, ""},
		{[]string{"--help-debug"}, "--px-default=", "none of this", 0, false, ""},
		{[]string{"--help-dyn-options"}, "--vgdb=no|yes|full", "--log-file", 0, false, ""},
		{nil, "valgrind: no program specified\nvalgrind: Use --help for more information.\n", "", 1, true, ""},
		{[]string{"--foo"}, "valgrind: no program specified\n", "", 1, true, ""},
		{[]string{"--tool=massif", "x"}, "this executable is memcheck", "", 1, true, ""},
	}
	for _, r := range rows {
		_, _, err := Parse(r.args, []string{"VALGRIND_OPTS=" + r.valgrindsOpts}, "memcheck", testTool)
		if err == nil {
			t.Errorf("%q: runs", r.args)
			continue
		}
		var out, msg bytes.Buffer
		status := Finish(err, "valgrind", 7, &out, &msg)
		got := out.String()
		if r.stderr {
			got = msg.String()
		}
		if status != r.status || !strings.Contains(got, r.has) || r.hasNot != "" && strings.Contains(got, r.hasNot) {
			t.Errorf("%q: status %d:\n%s", r.args, status, got)
		}
	}
}

// TestHelpComplete: every option is in some group and says what it does.
func TestHelpComplete(t *testing.T) {
	p := &parser{core: &Core{}, tool: "memcheck"}
	p.declare(testTool)
	grouped := map[string]bool{}
	for _, g := range p.groups {
		for _, n := range g.names {
			grouped[n] = true
		}
	}
	p.fs.VisitAll(func(f *flag.Flag) {
		if !grouped[f.Name] || f.Usage == "" {
			t.Errorf("--%s: group %v, usage %q", f.Name, grouped[f.Name], f.Usage)
		}
	})
	for _, n := range dynamic {
		if p.fs.Lookup(n) == nil {
			t.Errorf("dynamic option %s does not exist", n)
		}
	}
}

func TestExpand(t *testing.T) {
	env := func(n string) (string, bool) { return "v/" + n, n != "NO" }
	rows := []struct{ in, out, err string }{
		{"/a.%p", "/a.42", ""},
		{"a.%p.%n", "/d/a.42.1", ""},
		{"a.%p.%n", "/d/a.42.2", ""},
		{"b%n%n", "/d/b34", ""},
		{"/%q{X}y%%%%p", "/v/Xy%%p", ""},
		{"/%q{X}%p", "/v/X42", ""},
		{"", "", "No filename given"},
		{"%q{FOO", "", "Missing '}' in %q specifier"},
		{"%q{NO}", "", "Environment variable 'NO' is not set"},
		{"%q", "", "Expected '{' after '%q'"},
		{"%qFOO", "", "Expected '{' after '%q'"},
		{"%z", "", "Expected 'p' or 'q' or '%' after '%'"},
		{"a%", "", "Expected 'p' or 'q' or '%' after '%'"},
		{"~/x", "", "Filename begins with '~'\nYou probably expected the shell to expand the '~', but it\n" +
			"didn't.  The rules for '~'-expansion vary from shell to shell.\nYou might have more luck using $HOME instead."},
	}
	x := &Expander{PID: 42, Env: env, Dir: "/d"}
	for _, r := range rows {
		got, err := x.Expand("log-file", r.in)
		msg := ""
		if err != nil {
			msg = err.Error()
		}
		if r.err != "" {
			r.err = "Bad option: --log-file=" + r.in + "\n" + r.err
		}
		if got != r.out || msg != r.err {
			t.Errorf("%q: got %q, %q; want %q, %q", r.in, got, msg, r.out, r.err)
		}
	}
}

// TestExpandChild: the files of other processes than the first have names of their own.
func TestExpandChild(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "there"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	x := &Expander{PID: 42, Dir: dir, Child: true}
	for in, want := range map[string]string{
		"a": dir + "/a.42", "there": dir + "/there.42", "a.%p": dir + "/a.42", "a%%p": dir + "/a%p.42", "a.%n": dir + "/a.1.42", "/dev/null": "/dev/null",
	} {
		if got, err := x.Expand("log-file", in); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestToolOf(t *testing.T) {
	for want, args := range map[string][]string{
		"memcheck":   {"-v", "ls", "--tool=massif"},
		"massif":     {"--tool=massif", "ls"},
		"cachegrind": {"--tool=massif", "--tool=cachegrind", "ls"},
	} {
		if got := ToolOf(args); got != want {
			t.Errorf("%q: %s", args, got)
		}
	}
}

// TestDefaults: what help shows as default can be given.
func TestDefaults(t *testing.T) {
	// Defaults that stand for "not given" and are out of range on purpose.
	absent := map[string]bool{"redzone-size": true, "avg-transtab-entry-size": true, "malloc-fill": true, "show-error-list": true}
	p := &parser{core: &Core{}, tool: "memcheck"}
	p.declare(testTool)
	p.fs.VisitAll(func(f *flag.Flag) {
		if f.DefValue == "" || absent[f.Name] {
			return
		}
		if err := f.Value.Set(f.DefValue); err != nil || f.Value.String() != f.DefValue {
			t.Errorf("--%s=%s: %v, then shown as %s", f.Name, f.DefValue, err, f.Value)
		}
	})
}

// FuzzParse: no command line does more harm than a message.
func FuzzParse(f *testing.F) {
	f.Add("--num-callers=3\x00-v\x00prog\x00-x", "-q '--xml=yes'")
	f.Add("--memcheck:leak-check=no\x00--\x00--foo", "--log-file=%q{X}")
	f.Fuzz(func(t *testing.T, line, opts string) {
		args := strings.Split(line, "\x00")
		c, cmd, err := Parse(args, []string{"VALGRIND_OPTS=" + opts}, "memcheck", testTool)
		if err != nil {
			var out, msg bytes.Buffer
			status := Finish(err, "memcheck", 1, &out, &msg)
			if status == 0 && out.Len() == 0 || status == 1 && !strings.HasSuffix(msg.String(), "\n") || status > 1 {
				t.Fatalf("%q: status %d, %q, %q", args, status, out.String(), msg.String())
			}
			return
		}
		if len(cmd.Args) == 0 || c.NumCallers < 1 || c.NumCallers > 500 || !strings.HasSuffix(line, strings.Join(cmd.Args, "\x00")) {
			t.Fatalf("%q: %+v, %+v", args, c, cmd)
		}
	})
}

// FuzzExpand: names without specifiers stay as they are, and errors name the option.
func FuzzExpand(f *testing.F) {
	f.Add("a.%p.%n.%q{HOME}.%%")
	f.Fuzz(func(t *testing.T, pattern string) {
		x := &Expander{PID: 1, Env: func(n string) (string, bool) { return n, n != "" }}
		got, err := x.Expand("log-file", pattern)
		if err != nil && !strings.HasPrefix(err.Error(), "Bad option: --log-file="+pattern+"\n") {
			t.Fatal(err)
		}
		if err == nil && !strings.Contains(pattern, "%") && got != pattern {
			t.Fatalf("%q: %q", pattern, got)
		}
	})
}

func FuzzSplitWords(f *testing.F) {
	f.Add("-v --x='a b'  \"c\"")
	f.Add("'")
	f.Fuzz(func(t *testing.T, s string) {
		words, err := splitWords(strings.NewReader(s))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.ContainsAny(s, `'"`) && !reflect.DeepEqual(words, append([]string(nil), strings.FieldsFunc(strings.ToValidUTF8(s, "\uFFFD"), func(r rune) bool {
			return strings.ContainsRune(" \t\n\v\f\r", r)
		})...)) && strings.ToValidUTF8(s, "") == s {
			t.Errorf("%q: %q", s, words)
		}
	})
}
