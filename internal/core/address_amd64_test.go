package core

import (
	"encoding/hex"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// text is guest memory from address 0x1000 on.
type text string

func (m text) ReadMem(p []byte, a guest.Addr) int {
	if a < 0x1000 || a >= 0x1000+guest.Addr(len(m)) {
		return 0
	}
	return copy(p, m[a-0x1000:])
}

func (m text) WriteMem([]byte, guest.Addr) int { return 0 }

// TestSearched counts the rounds of repeated string comparisons.
func TestSearched(t *testing.T) {
	const memory = text("abcabdxx........")
	rows := []struct {
		name, code         string
		rax, rcx, rsi, rdi uint64
		down               bool
		want               int
	}{
		{"repne scasb finds", "f2ae", 'x', 100, 0, 0x1000, false, 7},
		{"repne scasb, count", "f2ae", 'x', 4, 0, 0x1000, false, 4},
		{"repne scasb, no count", "f2ae", 'x', 0, 0, 0x1000, false, 0},
		{"repne scasb runs out of memory", "f2ae", 'y', 100, 0, 0x1000, false, 17},
		{"repe scasb", "f3ae", '.', 100, 0, 0x1008, false, 9},
		{"repe cmpsb differs", "f3a6", 0, 100, 0x1000, 0x1003, false, 3},
		{"repne cmpsw", "f266a7", 0, 3, 0x1000, 0x1002, false, 3},
		{"repne scasb, down", "f2ae", 'a', 100, 0, 0x1005, true, 3},
		{"repne scasl", "f2af", '.'<<24 | '.'<<16 | '.'<<8 | '.', 100, 0, 0x1000, false, 3},
		{"scasb", "ae", 'x', 100, 0, 0x1000, false, 0},
		{"rep movsb", "f3a4", 0, 100, 0x1000, 0x1000, false, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			code, err := hex.DecodeString(row.code)
			if err != nil {
				t.Fatal(err)
			}
			var in amd64.Inst
			if err := amd64.Decode(code, &in); err != nil {
				t.Fatal(err)
			}
			var r guest.Regs
			r.GPR[guest.RAX], r.GPR[guest.RCX], r.GPR[guest.RSI], r.GPR[guest.RDI] = row.rax, row.rcx, row.rsi, row.rdi
			if row.down {
				r.RFlags |= direction
			}
			if got := searched(&in, &r, memory); got != row.want {
				t.Errorf("%d rounds, want %d", got, row.want)
			}
		})
	}
}
