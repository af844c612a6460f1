package massif

import (
	"bufio"
	"fmt"
	"strings"
	"testing"

	"gogrind/internal/guest"
)

// names of the tests' code: 0x20 has a call inlined.
func testNames(pc guest.Addr) []string {
	if pc == 0x20 {
		return []string{"inner (a.c:1)", "outer (a.c:2)"}
	}
	return []string{fmt.Sprintf("f%x (a.c:%d)", uint64(pc), pc)}
}

func TestTree(t *testing.T) {
	leaves := []leaf{
		{[]guest.Addr{0x10, 0x100}, 500},
		{[]guest.Addr{0x10, 0x101}, 3},
		{[]guest.Addr{0x10, 0x102, 0x200}, 4},
		{[]guest.Addr{0x20, 0x100}, 300},
		{[]guest.Addr{0x20, 0x101}, 300},
		{[]guest.Addr{0x30}, 50},
		{[]guest.Addr{0x31}, 5},
		{[]guest.Addr{0x32}, 0},
		{[]guest.Addr{0x40}, 20},
	}
	const rest = "below massif's threshold"
	for _, c := range []struct {
		name      string
		leaves    []leaf
		threshold float64
		want      string
	}{
		{"threshold", leaves, 1, `n5: 1182 root
 n1: 600 0x20: inner (a.c:1)
  n2: 600 0x20: outer (a.c:2)
   n0: 300 0x100: f100 (a.c:256)
   n0: 300 0x101: f101 (a.c:257)
 n2: 507 0x10: f10 (a.c:16)
  n0: 500 0x100: f100 (a.c:256)
  n0: 7 in 2 places, all ` + rest + ` (1.00%)
 n0: 50 0x30: f30 (a.c:48)
 n0: 20 0x40: f40 (a.c:64)
 n0: 5 in 2 places, all ` + rest + ` (1.00%)
`},
		{"one place", leaves[:2], 1, `n1: 503 root
 n2: 503 0x10: f10 (a.c:16)
  n0: 500 0x100: f100 (a.c:256)
  n0: 3 in 1 place, ` + rest + ` (1.00%)
`},
		{"all shown", leaves[5:8], 0, `n3: 55 root
 n0: 50 0x30: f30 (a.c:48)
 n0: 5 0x31: f31 (a.c:49)
 n0: 0 0x32: f32 (a.c:50)
`},
		{"nothing", nil, 1, "n0: 0 root\n"},
	} {
		var total uint64
		for _, l := range c.leaves {
			total += l.bytes
		}
		var b strings.Builder
		w := bufio.NewWriter(&b)
		tr := tree{w: w, threshold: c.threshold, names: testNames}
		tr.write("root", c.leaves, total)
		w.Flush()
		if b.String() != c.want {
			t.Errorf("%s:\n%swant:\n%s", c.name, b.String(), c.want)
		}
	}
}
