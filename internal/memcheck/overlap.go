package memcheck

import (
	"fmt"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
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

// WantsCopied implements tool.OverlapWatcher.
func (m *Memcheck) WantsCopied() bool { return m.opts.origins }

// Copied implements tool.OverlapWatcher. Where source and destination overlap, origins may be those of neighbours.
func (m *Memcheck) Copied(t tool.Thread, dst, src guest.Addr, n uint64) {
	x := registersOf(t)
	if x == nil {
		return
	}
	const word = guest.TagWord
	var v [word]byte
	for i := guest.Addr(0); uint64(i) < n; {
		k := min(word-int((dst+i)%word), int(n-uint64(i)))
		if m.shadow.LoadV(v[:k], dst+i); v != [word]byte{} {
			if id := m.origins.load(x, src+i, k); id != 0 {
				m.shadow.StoreV(dst+i, v[:k], id)
			}
			v = [word]byte{}
		}
		i += guest.Addr(k)
	}
}

// Filling implements tool.OverlapWatcher.
func (m *Memcheck) Filling(r guest.Range) { m.shadow.Fill(r) }

// Copying implements tool.OverlapWatcher.
func (m *Memcheck) Copying(r guest.Range, src guest.Addr) { m.shadow.FillFrom(r, src) }

// ownAccess reports whether the memory access of in, at pc, is one of our replacements of string functions that are looked at by
// the replacement itself.
func (m *Memcheck) ownAccess(pc guest.Addr, in *amd64.Inst) bool {
	return (in.Seg == amd64.SegDS || in.Seg == amd64.SegGS) && m.ownCode.Contains(pc)
}
