package memcheck

import (
	"fmt"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Overlap implements tool.OverlapWatcher.
func (m *Memcheck) Overlap(t tool.Thread, fn string, dst, src guest.Addr, size int64) {
	text := fmt.Sprintf("Source and destination overlap in %s(%#x, %#x", fn, uint64(dst), uint64(src))
	if size >= 0 {
		text += fmt.Sprintf(", %d", size)
	}
	f := m.finding(t, "Overlap", "Overlap", text+")")
	f.Key = "Overlap in " + fn
	m.report.Report(f)
}
