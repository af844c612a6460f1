package jit

import (
	"encoding/hex"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// TestOutlook: what becomes of registers, by the code that follows and the calling convention.
func TestOutlook(t *testing.T) {
	const pc = 0x10000
	const rax, rcx, rbx, rdi, r12 = isa.RegSet(1 << guest.RAX), isa.RegSet(1 << guest.RCX), isa.RegSet(1 << guest.RBX), isa.RegSet(1 << guest.RDI), isa.RegSet(1 << guest.R12)
	xmm := func(n uint8) isa.RegSet { return amd64.Vec(n) }
	all := rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1) | xmm(3) | xmm(9)
	for _, c := range []struct {
		name, code string
		keep       isa.RegSet // of all
		flags      uint32     // of CF
	}{
		{"a return keeps results and what the caller saves nothing of", "c3", rax | rcx | rbx | r12 | xmm(0) | xmm(1), 0},
		{"a call reads arguments", "e800000000c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1) | xmm(3), 0},
		{"overwritten", "31c0 31c9 0f57c0 c3", rbx | r12 | xmm(1), 0},
		{"read before it is overwritten", "01f9 31c9 c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1), 0},
		{"one of two ways reads", "7203 31c9 c3 01ff c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1), 1},
		{"a loop ends", "ebfe", 0, 0},
		{"an indirect jump may read all", "ffe0", all, 1},
		{"flags are killed", "4885c0 c3", rax | rcx | rbx | r12 | xmm(0) | xmm(1), 0},
	} {
		var text []byte
		for _, part := range []byte(c.code) {
			if part != ' ' {
				text = append(text, part)
			}
		}
		code, err := hex.DecodeString(string(text))
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, make([]byte, 64)...)
		tr := &Translator{cfg: Config{Fetch: func(a guest.Addr) []byte {
			if a < pc || a >= pc+guest.Addr(len(code)) {
				return nil
			}
			return code[a-pc:]
		}}}
		o := tr.Outlook(pc)
		got := o.Keep(tool.Dirty{Regs: all, Flags: 1})
		if got.Regs != c.keep || got.Flags != c.flags {
			t.Errorf("%s: keeps %v and flags %#x, want %v and %#x", c.name, got.Regs, got.Flags, c.keep, c.flags)
		}
		tr.cfg.KeepAll = true
		if o := tr.Outlook(pc); o.Keep(tool.Dirty{Regs: all, Flags: 1}) != (tool.Dirty{Regs: all, Flags: 1}) {
			t.Errorf("%s: KeepAll does not", c.name)
		}
	}
}
