package e2e

import (
	"os/exec"
	"testing"
)

// TestLayout: circumstances in which the kernel lays mappings out from the bottom up, which takes the place of the guest's
// memory. The program sees them as they are.
func TestLayout(t *testing.T) {
	for _, tool := range tools() {
		if tool == native || tool == "valgrind" {
			continue
		}
		for _, c := range []struct{ name, script, want string }{
			{"unlimited stack", `ulimit -S -s unlimited; exec "$0" -q /bin/sh -c 'ulimit -s; env | grep -c GOGRIND'`, "unlimited\n0\n"},
			{"old personality", `exec setarch -L "$0" -q /bin/cat /proc/self/personality`, "00200000\n"},
			{"limited address space", `ulimit -S -v 4000000; exec "$0" -q /bin/sh -c 'ulimit -v; ulimit -H -v; env | grep -c GOGRIND'`, "4000000\nunlimited\n0\n"},
			{"limit handed on", `ulimit -S -v 4000000; exec "$0" -q --trace-children=yes /bin/sh -c 'sh -c "ulimit -v; env | grep -c GOGRIND"; :'`, "4000000\n0\n"},
			{"low limits", `ulimit -S -v 50000; ulimit -S -d 40000; exec "$0" -q /bin/sh -c 'ulimit -v; ulimit -d'`, "50000\n40000\n"},
			{"few files", `ulimit -n 32; exec "$0" -q /bin/sh -c 'ulimit -n'`, "32\n"},
			{"too few files", `ulimit -n 31; exec "$0" -q /bin/true`, tool + ": the limit of open files (ulimit -n) is 31, and 32 are needed\n"},
			{"ignored signal", `ulimit -S -s unlimited; trap "" USR1; exec "$0" -q /bin/sh -c 'kill -USR1 $$; echo alive'`, "alive\n"},
		} {
			t.Run(tool+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				out, err := exec.Command("/bin/sh", "-c", c.script, s.toolPath(tool)).CombinedOutput()
				if string(out) != c.want {
					t.Errorf("%q, want %q (%v)", out, c.want, err)
				}
			})
		}
	}
}
