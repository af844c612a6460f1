package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	describing = regexp.MustCompile(`^( Address | Location | in frame | declared | a global | \d+ bytes below |Thread )`)
	anyAddress = regexp.MustCompile(`0x[0-9a-fA-F]+`)
	// How many calls lead from a waiting function to the system call is the C library's.
	frameNumber = regexp.MustCompile(`frame #\d+`)
)

// descriptions are the lines of a log that describe addresses and threads.
func descriptions(log, exe string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		text := logPrefix.ReplaceAllString(line, "")
		if describing.MatchString(text) {
			text = anyAddress.ReplaceAllString(text, "0xA")
			b.WriteString(frameNumber.ReplaceAllString(strings.ReplaceAll(text, exe, "EXE"), "frame #N"))
		}
	}
	return b.String()
}

// TestDescriptions: addresses are described as Valgrind does, with and without --read-var-info=yes. What it says is stored; where it
// is installed, the store is checked, too.
func TestDescriptions(t *testing.T) {
	tool := faultTool(t)
	for _, g := range s.guests(t, "report") {
		if filepath.Base(g.file) != "describe.c" {
			continue
		}
		for name, option := range map[string]string{"symbols": "--read-var-info=no", "variables": "--read-var-info=yes"} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				exe := s.executable(t, g)
				c := command{argv: []string{exe}, options: []string{option, "--undef-value-errors=no", "--leak-check=no"}}
				file := filepath.Join(s.root, "testdata/e2e", "describe-"+name+".txt")
				if _, err := exec.LookPath("valgrind"); err == nil {
					want := descriptions(s.run(t, "valgrind", c).log, exe)
					if *updateFlag {
						if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
							t.Fatal(err)
						}
					}
					if stored, err := os.ReadFile(file); err != nil || string(stored) != want {
						t.Errorf("%v: stored\n%s\nValgrind says\n%s", err, stored, want)
					}
				}
				want, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				if got := descriptions(s.run(t, tool, c).log, exe); got != string(want) {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		}
	}
}
