package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Reports speak of accesses as Memcheck sees them, which is not always what the instruction set calls one access: an element
// of a string or masked instruction, and 8 bytes of a longer store, are each looked at alone.

// maxPieces bounds how many errors one instruction makes: rep stos may miss by megabytes.
const maxPieces = 1000

// invalid reports access r of the instruction that t is at, some of whose bytes may not be accessed.
func (m *Memcheck) invalid(t tool.Thread, kind isa.AccessKind, r guest.Range) {
	unit := m.unit(t, kind, r)
	if unit >= r.Len() {
		m.badAccess(t, kind, r.Start, int(r.Len()))
		return
	}
	var bad []guest.Range
	for at := r.Start; at < r.End && len(bad) < maxPieces; {
		first, is := m.shadow.FirstNoAccess(guest.Range{Start: at, End: r.End})
		if m.belowSP(t, r) {
			first, is = at, true // all of it is wrong
		}
		if !is {
			break
		}
		at = first - (first-r.Start)%guest.Addr(unit)
		p := guest.Range{Start: at, End: min(at+guest.Addr(unit), r.End)}
		at = p.End
		if kind != isa.Load || !m.partly(t, p) {
			bad = append(bad, p)
		}
	}
	for i := range bad {
		p := bad[i]
		if t.Regs().RFlags&directionFlag != 0 {
			p = bad[len(bad)-1-i]
		}
		m.badAccess(t, kind, p.Start, int(p.Len()))
	}
}

// directionFlag is DF: string instructions go down.
const directionFlag = 1 << 10

// Sizes of pieces.
const (
	storePiece = 8 // longer stores
	x87Piece   = 4 // 80-bit numbers: 4, 4 and 2 bytes
	x87Size    = 10
)

// unit is the size of the pieces that access r is reported in.
func (m *Memcheck) unit(t tool.Thread, kind isa.AccessKind, r guest.Range) uint64 {
	var code [15]byte // the longest instruction
	var in amd64.Inst
	n := m.host.Memory().ReadMem(code[:], guest.Addr(t.Regs().RIP))
	if amd64.Decode(code[:n], &in) == nil {
		var buf [4]amd64.Access
		for _, a := range in.MemAccesses(buf[:0]) {
			switch {
			case a.Kind&kind == 0:
			case a.Elem != 0:
				return uint64(a.Elem)
			case a.Addr == amd64.AddrRSI || a.Addr == amd64.AddrRDI:
				return uint64(a.Size)
			case a.Kind == isa.Modify && r.Len() > storePiece: // cmpxchg16b
				return storePiece
			}
		}
	}
	switch {
	case r.Len() == x87Size:
		return x87Piece
	case kind == isa.Store && r.Len() > storePiece:
		return storePiece
	}
	return r.Len()
}
