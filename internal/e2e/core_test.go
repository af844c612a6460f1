package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// TestCore: a program that a signal kills leaves a core file of its own, not of the tool, under Valgrind's name for it, and gdb sees
// in it what the program was doing.
func TestCore(t *testing.T) {
	if _, err := exec.LookPath("gdb"); err != nil {
		s.skip(t, "gdb is not installed")
	}
	for _, g := range s.guests(t, "core") {
		exe := s.executable(t, g)
		for _, tool := range tools() {
			if tool == native || tool == "valgrind" {
				continue
			}
			for _, way := range []struct{ options, args, core string }{
				{"", "", `^vgcore\.\d+$`},
				{"--log-file=log.%p", "6", `^log\.\d+\.core\.\d+$`},
			} {
				t.Run(g.name+"/"+tool+way.args, func(t *testing.T) {
					t.Parallel()
					dir := s.dir(t)
					// What the tests take from themselves comes back.
					script := fmt.Sprintf("[ $(ulimit -H -c) != 0 ] && ulimit -c $(ulimit -H -c) && exec %s -q %s %s %s", s.toolPath(tool), way.options, exe, way.args)
					cmd := exec.Command("sh", "-c", script)
					cmd.Dir = dir
					out, _ := cmd.CombinedOutput()
					if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); !ws.Signaled() {
						s.skip(t, "core files are not allowed here")
					}
					core := ""
					files, _ := os.ReadDir(dir)
					for _, f := range files {
						if regexp.MustCompile(way.core).MatchString(f.Name()) {
							core = filepath.Join(dir, f.Name())
						} else if strings.Contains(f.Name(), "core") {
							t.Errorf("a file %s", f.Name())
						}
					}
					if core == "" {
						t.Fatalf("no core file: %v\n%s", files, out)
					}
					if st, err := os.Stat(core); err != nil || st.Sys().(*syscall.Stat_t).Blocks*512 > 16<<20 {
						t.Errorf("the core file: %v", err)
					}
					seen, err := exec.Command("gdb", "-batch", "-nx", "-ex", "bt", "-ex", "p table[5]", "-ex", "p heap[99]", "-ex", "thread apply all bt",
						exe, core).CombinedOutput()
					if err != nil {
						t.Fatalf("gdb: %v\n%s", err, seen)
					}
					for _, want := range []string{`(?s)#\d+ .*crash \(n=3.*#\d+ .*crash \(n=2.*#\d+ .*crash \(n=1.*#\d+ .*main \(`, `\$1 = 7 `, `\$2 = 77 `,
						`in runs \(|runs \(p=`, `in waits \(|waits \(p=`} {
						if !regexp.MustCompile(want).Match(seen) {
							t.Errorf("gdb does not see %q:\n%s", want, seen)
						}
					}
				})
			}
		}
	}
}
