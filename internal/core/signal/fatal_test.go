package signal

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestFatalText(t *testing.T) {
	head := "Process terminating with default action of signal "
	for _, c := range []struct {
		info Info
		core bool
		want []string
	}{
		{FaultInfo(SIGSEGV, 1, 0), false, []string{head + "11 (SIGSEGV)", " Access not within mapped region at address 0x0"}},
		{FaultInfo(SIGSEGV, 1, 0), true, []string{head + "11 (SIGSEGV): dumping core", " Access not within mapped region at address 0x0"}},
		{FaultInfo(SIGSEGV, 2, 0x483c000), false, []string{head + "11 (SIGSEGV)", " Bad permissions for mapped region at address 0x483C000"}},
		{NewInfo(SIGSEGV, SI_KERNEL), false, []string{head + "11 (SIGSEGV)", " General Protection Fault"}},
		{UserInfo(SIGSEGV, SI_USER, 1, 0), false, []string{head + "11 (SIGSEGV)"}},
		{FaultInfo(SIGILL, 1, 0x1092de), false, []string{head + "4 (SIGILL)", " Illegal opcode at address 0x1092DE"}},
		{FaultInfo(SIGILL, 2, 0x1092de), false, []string{head + "4 (SIGILL)", " Illegal opcode at address 0x1092DE"}},
		{FaultInfo(SIGFPE, 1, 0x109000), false, []string{head + "8 (SIGFPE)", " Integer divide by zero at address 0x109000"}},
		{FaultInfo(SIGBUS, 2, 0x483d388), false, []string{head + "7 (SIGBUS)", " Non-existent physical address at address 0x483D388"}},
		{FaultInfo(SIGTRAP, 1, 0x109000), false, []string{head + "5 (SIGTRAP)"}},
		{NewInfo(40, SI_TKILL), false, []string{head + "40 (SIGRT8)"}},
		{NewInfo(SIGIO, SI_USER), false, []string{head + "29 (SIGIO)"}},
	} {
		if got := FatalText(c.info, c.core); !slices.Equal(got, c.want) {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// The same text comes out of Valgrind where it is installed, except for the address, which is taken from there.
func TestFatalTextLikeValgrind(t *testing.T) {
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		t.Skip("no valgrind to compare with")
	}
	exe := filepath.Join(t.TempDir(), "fatal")
	if out, err := exec.Command("gcc", "-O0", "-w", "-o", exe, "testdata/fatal.c").CombinedOutput(); err != nil {
		t.Skipf("gcc: %v\n%s", err, out)
	}
	address := regexp.MustCompile(`address 0x([0-9A-F]+)`)
	for _, c := range []struct {
		how       string
		sig, code int
	}{
		{"null", SIGSEGV, 1}, {"readonly", SIGSEGV, 2}, {"noncanonical", SIGSEGV, SI_KERNEL}, {"pastend", SIGBUS, 2},
		{"divide", SIGFPE, 1}, {"kill", SIGTERM, SI_USER}, {"realtime", 40, SI_TKILL}, {"trap", SIGTRAP, 1},
	} {
		out, err := exec.Command("sh", "-c", "ulimit -c 0; exec "+valgrind+" --tool=none "+exe+" "+c.how).CombinedOutput()
		if err == nil {
			t.Errorf("%s: the program lived", c.how)
		}
		lines := strings.Split(string(out), "\n")
		for i := range lines {
			lines[i] = regexp.MustCompile(`^==\d+== ?`).ReplaceAllString(lines[i], "")
		}
		start := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Process terminating") })
		if start < 0 {
			t.Errorf("%s: %q", c.how, lines)
			continue
		}
		var addr uint64
		if m := address.FindStringSubmatch(string(out)); m != nil {
			addr, _ = strconv.ParseUint(m[1], 16, 64)
		}
		info := FaultInfo(c.sig, int32(c.code), addr)
		got := FatalText(info, false)
		stack := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "   at ") })
		if want := lines[start:stack]; !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", c.how, got, want)
		}
		if hint := StackHint(info, 8388608); len(hint) > 0 {
			if i := slices.Index(lines, hint[0]); i < 0 || !slices.Equal(lines[i:i+len(hint)], hint) {
				t.Errorf("%s: no %q in %q", c.how, hint, lines)
			}
		}
	}
}
