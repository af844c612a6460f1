package massif

import (
	"slices"
	"testing"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

// TestNamedFunctions: --alloc-fn and --ignore-fn name functions as symbols do. What is inlined into one is not looked at, and one that
// something is inlined into is found.
func TestNamedFunctions(t *testing.T) {
	frames := map[guest.Addr][]debuginfo.Frame{
		0x10: {{Fn: "inner", RawFn: "inner"}, {Fn: "outer(int)", RawFn: "_Z5outeri"}},
		0x20: {{Fn: "caller", RawFn: "caller"}},
		0x30: {{Fn: "main", RawFn: "main"}},
	}
	for _, tc := range []struct {
		alloc, ignored string
		want           []guest.Addr
	}{
		{"", "", []guest.Addr{0x10, 0x20, 0x30}},
		{"inner", "inner", []guest.Addr{0x10, 0x20, 0x30}},
		{"outer(int)", "", []guest.Addr{0x20, 0x30}},
		{"", "outer(int)", nil},
		{"outer(int)", "caller", nil},
	} {
		c := newContexts(settings{depth: 30, allocFns: []string{tc.alloc}, ignoreFns: []string{tc.ignored}}, debuginfo.NewSpace(debuginfo.Options{}), false)
		c.frames = frames
		n := c.at([]guest.Addr{0x10, 0x21, 0x31}, false)
		if got := c.list[n].pcs; !slices.Equal(got, tc.want) {
			t.Errorf("--alloc-fn=%s --ignore-fn=%s: context %d is %#x, not %#x", tc.alloc, tc.ignored, n, got, tc.want)
		}
	}
}
