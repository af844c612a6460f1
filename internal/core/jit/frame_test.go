package jit

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// definer is a tool that has stores to the own stack frame defined and all other accesses checked.
type definer struct{ everything }

func (definer) Instrument(b *tool.Block) {
	for i := range b.Insts {
		x := &b.Insts[i]
		for k, a := range x.Mem {
			op := tool.OpCheck
			if a.Kind == isa.Store && (a.Addr == amd64.AddrPush || x.Base == guest.RSP && x.Disp >= 0) {
				op = tool.OpDefine
			}
			if x.Row.Cf != amd64.CfRet {
				b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: op, Mem: k})
			}
		}
		if x.Written>>guest.RSP&1 != 0 {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpStack})
		}
	}
}

// hexText is code in hexadecimal digits, blanks between them, with a system call behind it.
func hexText(t testing.TB, base uint64, digits string) *text {
	t.Helper()
	code, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	code = append(code, 0x0f, 0x05)
	return &text{base, append(code, bytes.Repeat([]byte{0x90}, 64)...)}
}

// TestFrame counts the checks of traces that load from the stack what they may have stored there.
func TestFrame(t *testing.T) {
	const base = 0x20000000
	for _, tc := range []struct {
		name   string
		code   string
		checks int
	}{
		{"push, pop", "53 5b", 0},
		{"pop alone", "5b", 1},
		{"pop of a caller's", "53 5b 5d", 1},
		{"two pushes, two pops", "53 55 5d 5b", 0},
		{"store, load", "48 89 44 24 08  48 8b 5c 24 08", 0},
		{"store, load of a part", "48 89 44 24 08  8b 5c 24 0c", 0},
		{"store of a part, load", "89 44 24 08  48 8b 5c 24 08", 1},
		{"store, load beside it", "48 89 44 24 08  48 8b 5c 24 09", 1},
		{"store, load with an index", "48 89 44 24 08  48 8b 5c 04 08", 1},
		{"store, load below a new frame", "48 89 44 24 08  48 83 ec 10  48 8b 5c 24 18", 0},
		{"released and loaded again", "53  48 83 c4 08  48 83 ec 08  5b", 1},
		{"released by pop, and loaded", "53 5b  48 8b 44 24 f8", 1},
		{"stack pointer aligned", "53  48 83 e4 f0  5b", 1},
		{"stack pointer set", "53  48 89 ec  5b", 1},
		{"call between", "53  e8 00 01 00 00  5b", 1},
		{"jump out between", "53  0f 84 00 01 00 00  5b", 0},
		{"jump to the load", "74 01  53  5b", 1},
		{"jump back to the load", "53  5b  75 fd", 1},
		{"copied to", "53  f3 a4  5b", 3},
		{"pop to memory", "53  8f 04 24  5b", 1},
	} {
		tr := hexText(t, base, tc.code).translator(t, definer{})
		before := tr.checks.n
		if _, err := tr.Entry(base); err != nil {
			t.Fatal(err)
		}
		if n := int(tr.checks.n - before); n != tc.checks {
			t.Errorf("%s: %d checks, want %d", tc.name, n, tc.checks)
		}
	}
}
