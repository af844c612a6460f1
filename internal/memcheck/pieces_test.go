package memcheck

import (
	"encoding/hex"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
)

// TestPieces: long accesses are reported in the pieces that Memcheck sees; the corpus compares the same with Valgrind.
func TestPieces(t *testing.T) {
	const block = heapBase + 0x40 // 20 bytes
	rows := []struct {
		name   string
		code   string
		kind   isa.AccessKind
		off    guest.Addr
		size   int
		down   bool
		want   string
		errors uint64
	}{
		{"movups load", "0f1006", isa.Load, 7, 16, false, "Invalid read of size 16", 1},
		{"movups store", "0f1106", isa.Store, 0, 16, false, "", 0},
		{"movups store, half", "0f1106", isa.Store, 5, 16, false, "Invalid write of size 8", 1},
		{"movups store, both halves", "0f1106", isa.Store, 16, 16, false, "Invalid write of size 8", 2},
		{"vmovups store", "c5fc1106", isa.Store, 8, 32, false, "Invalid write of size 8", 3},
		{"rep movsb", "f3a4", isa.Load, 10, 13, false, "Invalid read of size 1", 3},
		{"rep movsq", "f348a5", isa.Store, 4, 24, false, "Invalid write of size 8", 1},
		{"rep stosl, down", "f3ab", isa.Store, 0, 32, true, "Invalid write of size 4", 3},
		{"rep stosb, endless", "f3aa", isa.Store, 20, 1 << 20, false, "Invalid write of size 1", maxPieces},
		{"rep lodsq, half outside", "f348ad", isa.Load, 16, 16, false, "Invalid read of size 8", 1},
		{"vpmaskmovd, aligned", "c4e27d8c16", isa.Load, 16, 16, false, "Invalid read of size 4", 3},
		{"fldt", "db2e", isa.Load, 15, 10, false, "Invalid read of size 4", 2},
		{"cmpxchg16b", "f0480fc70e", isa.Modify, 9, 16, false, "Invalid read of size 8", 2},
		{"vpmaskmovd", "c4e27d8c16", isa.Load, 18, 8, false, "Invalid read of size 4", 2},
		{"no code", "", isa.Load, 18, 8, false, "Invalid read of size 8", 1},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m, h, th := start(t)
			h.alloc(m, th, block, 20)
			code, err := hex.DecodeString(row.code)
			if err != nil {
				t.Fatal(err)
			}
			th.regs.RIP = uint64(dataBase)
			if row.code == "" {
				th.regs.RIP = 0x700000
			}
			h.WriteMem(code, dataBase)
			if row.down {
				th.regs.RFlags |= directionFlag
			}
			m.Leave(th, row.kind, block+row.off, row.size)
			if got, _, _ := strings.Cut(h.text(), "\n"); got != row.want {
				t.Errorf("reported %q, want %q", got, row.want)
			}
			if got := h.rep.Counts().Errors; got != row.errors {
				t.Errorf("%d errors, want %d", got, row.errors)
			}
		})
	}
}
