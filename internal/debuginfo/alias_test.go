package debuginfo

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gogrind/internal/guest"
)

// TestAliasesAgainstValgrind compares the choice among symbols at one address with Valgrind's trace of its own choices,
// for all of libc.
func TestAliasesAgainstValgrind(t *testing.T) {
	if _, err := exec.LookPath("valgrind"); err != nil {
		t.Skip("valgrind is not installed")
	}
	if _, err := os.Stat(libcPath); err != nil {
		t.Skip("no libc at the usual place")
	}
	out, err := exec.Command("valgrind", "--tool=none", "--trace-symtab=yes", "--trace-symtab-patt=*libc.so.6", "/bin/true").CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	// A symbol is traced with its link-time address, then with its run-time address.
	bias := uint64(0)
	shown := regexp.MustCompile(`(?s)raw symbol[^\n]*FUN : svma (0x[0-9a-f]+)[^\n]*\n +rec\(t\)[^\n]*val (0x[0-9a-f]+)`).FindStringSubmatch(string(out))
	if shown == nil {
		t.Fatal("no symbols in the trace")
	}
	linked, _ := strconv.ParseUint(shown[1], 0, 64)
	loaded, _ := strconv.ParseUint(shown[2], 0, 64)
	bias = loaded - linked
	winners, losers := map[uint64]map[string]bool{}, map[uint64]map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^sym at (0x[0-9a-f]+): prefer '([^']*)' to '([^']*)'$`).FindAllStringSubmatch(string(out), -1) {
		a, _ := strconv.ParseUint(m[1], 0, 64)
		if winners[a] == nil {
			winners[a], losers[a] = map[string]bool{}, map[string]bool{}
		}
		winners[a][m[2]], losers[a][m[3]] = true, true
	}
	_, o := space(t, libcPath)
	n := 0
	for a, ws := range winners {
		for w := range ws {
			if losers[a][w] {
				continue
			}
			y := o.function(guest.Addr(a - bias))
			if y == nil {
				if p, _, ok := o.DataSymbol(guest.Addr(a - bias)); ok {
					y = &p
				}
			}
			if y == nil {
				t.Errorf("%#x: none, valgrind %s", a-bias, w)
			} else if got := y.Name + y.Version; got != w {
				t.Errorf("%#x: %s, valgrind %s (against %v)", a-bias, got, w, losers[a])
			}
			n++
		}
	}
	if n < 500 {
		t.Errorf("only %d choices compared in %d lines", n, strings.Count(string(out), "\n"))
	}
}
