package memcheck

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzIgnoreRanges checks that what is taken can be written again and means the same.
func FuzzIgnoreRanges(f *testing.F) {
	for _, s := range []string{"0x10-0x20", "0x10-0x20,0x40-0x50", "0x-0x1", "10-20", "0x20-0x10", "", ",", "0x1-0xffffffffffffffff", "0x0x1-0x2", "0x_1-0x2", "0x+1-0x2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := New()
		if m.setIgnoreRanges(s) != nil {
			return
		}
		var back []string
		for _, r := range m.opts.ignoreRanges {
			if r.Empty() || r.Len() > maxIgnored {
				t.Errorf("%q gives %v", s, r)
			}
			back = append(back, fmt.Sprintf("%#x-%#x", uint64(r.Start), uint64(r.End)))
		}
		n := New()
		if err := n.setIgnoreRanges(strings.Join(back, ",")); err != nil || fmt.Sprint(n.opts.ignoreRanges) != fmt.Sprint(m.opts.ignoreRanges) {
			t.Errorf("%q gives %v, and that %v, %v", s, m.opts.ignoreRanges, n.opts.ignoreRanges, err)
		}
	})
}

// FuzzIgnoreBelowSP checks the bounds of what is taken.
func FuzzIgnoreBelowSP(f *testing.F) {
	for _, s := range []string{"8192-8189", "1-5", "foo", "-", "5-5", "9999999999-1", "+5-1", "1000001-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := New()
		if m.setIgnoreBelowSP(s) == nil {
			if r := m.opts.ignoreBelowSP; r.Len() < 2 || r.End > maxBelowSP+1 {
				t.Errorf("%q gives %v", s, r)
			}
		}
	})
}
