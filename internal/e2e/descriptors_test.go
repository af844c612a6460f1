package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// descriptorGuest is the program that the tests of --track-fds and --modify-fds run.
func descriptorGuest(t *testing.T) string {
	t.Helper()
	for _, g := range s.guests(t, "options") {
		if strings.HasPrefix(g.name, "descriptors/") {
			return s.executable(t, g)
		}
	}
	t.Fatal("no guest program of this name")
	return ""
}

// descriptorReport is the part of a log about descriptors, without what differs from run to run: process ids, addresses, ports,
// and where the directory of the run is. What a process inherits is left out: Valgrind shows its log's descriptor among that.
func descriptorReport(log string) string {
	for _, r := range []struct{ pattern, by string }{
		{`(?m)^[=-]+\d+[=-]+ ?`, ""},
		{`0x[0-9A-F]+`, "ADDR"},
		{`(127\.0\.0\.1|\[::1\]):\d+`, "$1:PORT"},
		{`/\S*/(file)\b`, "$1"},
		{`FILE DESCRIPTORS: \d+ open`, "FILE DESCRIPTORS: N open"},
		{`(?m)^Open .*\n +<inherited from parent>\n\n`, ""},
		{`(?m)^(Open \w+ (?:socket|descriptor)) \d+`, "$1 N"}, // Valgrind's log takes a number of the program's
	} {
		log = regexp.MustCompile(r.pattern).ReplaceAllString(log, r.by)
	}
	_, after, found := strings.Cut(log, "FILE DESCRIPTORS")
	if !found {
		return log
	}
	report, _, _ := strings.Cut(after, "\nHEAP SUMMARY")
	return strings.TrimSpace(report)
}

// TestTrackFDs compares the list of open descriptors with Valgrind's.
func TestTrackFDs(t *testing.T) {
	if _, err := os.Stat(s.toolPath("valgrind")); err != nil {
		s.skip(t, "valgrind is not installed")
	}
	exe := descriptorGuest(t)
	for _, how := range []string{"yes", "all"} {
		c := command{argv: []string{exe}, options: []string{"--track-fds=" + how, "--read-inline-info=yes"}}
		want := descriptorReport(s.run(t, "valgrind", c).log)
		if !strings.Contains(want, "AF_INET socket") {
			t.Fatalf("Valgrind says %q", want)
		}
		for _, tool := range tools() {
			if tool == native || tool == "lackey" {
				continue
			}
			t.Run(how+"/"+tool, func(t *testing.T) {
				if d := firstDifference(want, descriptorReport(s.run(t, tool, c).log)); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

// TestFDWarnings compares what is said of impossible descriptors with Valgrind, and shows the findings of --track-fds=bad.
func TestFDWarnings(t *testing.T) {
	exe := descriptorGuest(t)
	for _, tool := range tools() {
		if tool != "memcheck" {
			continue
		}
		got := s.run(t, tool, command{argv: []string{exe, "misuse"}, options: []string{"--track-fds=bad"}})
		for _, want := range []string{
			"Warning: invalid file descriptor -1 in syscall close()", "Warning: invalid file descriptor -1 in syscall dup2()",
			`(?s)File descriptor 4 was closed already.*Previously closed\n.*Originally opened\n`,
			"File descriptor 4 is already closed", "Invalid file descriptor 777", "ERROR SUMMARY: 4 errors from 4 contexts",
		} {
			if !regexp.MustCompile(strings.NewReplacer("()", `\(\)`).Replace(want)).MatchString(got.log) {
				t.Errorf("no %q in the log:\n%s", want, got.log)
			}
		}
		if _, err := os.Stat(s.toolPath("valgrind")); err != nil {
			s.skip(t, "valgrind is not installed")
		}
		warnings := regexp.MustCompile(`Warning: invalid file.*`)
		want := warnings.FindAllString(s.run(t, "valgrind", command{argv: []string{exe, "misuse"}}).log, -1)
		if d := firstDifference(strings.Join(want, "\n"), strings.Join(warnings.FindAllString(got.log, -1), "\n")); d != "" || len(want) == 0 {
			t.Errorf("%d warnings: %s", len(want), d)
		}
	}
}

// TestModifyFDs: descriptors come from the top, and the standard ones stay where they are with "yes".
func TestModifyFDs(t *testing.T) {
	exe := descriptorGuest(t)
	for _, tool := range tools() {
		if tool == native {
			continue
		}
		for _, tc := range []struct{ how, script, want string }{
			{"high", exe, `^\d{3,} \d{3,} \d{3,}\n$`},
			{"yes", exe, `^\d{3,} \d{3,} \d{3,}\n$`},
			{"no", exe, `^\d \d \d\d\n$`},
			{"yes", "exec <&-; read x <file; echo $x; exec <file; read x; echo $x", "^text\ntext\n$"},
		} {
			t.Run(tc.how+"/"+tool, func(t *testing.T) {
				start := `ulimit -n 1024; echo text >file; exec "$0" --log-file=/dev/null --modify-fds="$1" bash -c "$2"`
				if tc.script == exe {
					start = strings.Replace(start, "bash -c ", "", 1)
				}
				got := s.run(t, native, command{argv: []string{"bash", "-c", start, s.toolPath(tool), tc.how, tc.script}})
				if ok, _ := regexp.MatchString(tc.want, got.stdout); !ok || got.status != 0 {
					t.Errorf("status %d, stdout %q%s", got.status, got.stdout, tail(got))
				}
			})
		}
	}
}
