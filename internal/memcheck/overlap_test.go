package memcheck

import "testing"

func TestOverlap(t *testing.T) {
	m, h, th := start(t)
	m.Overlap(th, "memcpy", 0x1004, 0x1000, 10)
	m.Overlap(th, "memcpy", 0x2004, 0x2000, 8) // the same place again
	m.Overlap(th, "strcpy", 0x1004, 0x1000, -1)
	m.Overlap(th, "strncpy", 0x1004, 0x1000, 0)
	want := ""
	for _, args := range []string{"memcpy(0x1004, 0x1000, 10)", "strcpy(0x1004, 0x1000)", "strncpy(0x1004, 0x1000, 0)"} {
		want += "Source and destination overlap in " + args + "\n" + undefinedHere + "\n"
	}
	h.expect(want)
	if c := h.rep.Counts(); c.Errors != 4 || c.Contexts != 3 {
		t.Errorf("%+v", c)
	}
}
