package jit

import (
	"encoding/hex"
	"strings"
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
		{"a return keeps results and what the caller may know of", "c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1), 0},
		{"a call reads arguments", "e800000000c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1) | xmm(3), 0},
		{"overwritten", "31c0 31c9 0f57c0 c3", rbx | rdi | r12 | xmm(1), 0},
		{"read before it is overwritten", "01f9 31c9 c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1), 0},
		{"one of two ways reads", "7203 31c9 c3 01ff c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1), 1},
		{"a loop ends", "ebfe", 0, 0},
		{"an indirect jump may read all", "ffe0", all, 1},
		{"flags are killed", "4885c0 c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1), 0},
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

// TestReadBehind: what is read behind a call, by what the function does that is called.
func TestReadBehind(t *testing.T) {
	const pc, call = 0x10000, "e804000000 90 ffd0 c3 " // the function follows
	const rdi, rsi, r11 = isa.RegSet(1 << guest.RDI), isa.RegSet(1 << guest.RSI), isa.RegSet(1 << guest.R11)
	hook := guest.Addr(0)
	for _, c := range []struct {
		name, code string
		ret        guest.Addr
		want       isa.RegSet // of rdi, rsi and r11
	}{
		{"does nothing", call + "c3", pc + 5, rdi | rsi | r11},
		{"changes a register", call + "31f6 c3", pc + 5, rdi | r11},
		{"changes one on one of two ways", call + "7202 31f6 c3", pc + 5, rdi | r11},
		{"calls another", call + "e801000000 c3 31ff c3", pc + 5, rsi | r11},
		{"goes on in another", call + "eb01 c3 4531db c3", pc + 5, rdi | rsi},
		{"calls itself", call + "7201 c3 ebfb", pc + 5, rdi | rsi | r11},
		{"calls anything", call + "ffd0 c3", pc + 5, 0},
		{"is too long", call + strings.Repeat("90", quietLength) + "c3", pc + 5, 0},
		{"is in the system", call + "0f05 c3", pc + 5, 0},
		{"cannot be read", "e800010000", pc + 5, 0},
		{"is replaced", call + "90 c3", pc + 5, 0},
		{"indirect call", call + "c3", pc + 8, 0},
		{"no call", call + "c3", pc, 0},
	} {
		code, err := hex.DecodeString(strings.ReplaceAll(c.code, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		hook = 0
		if c.name == "is replaced" {
			hook = pc + 9
		}
		tr := &Translator{cfg: Config{
			Fetch: func(a guest.Addr) []byte {
				if a < pc || a >= pc+guest.Addr(len(code)) {
					return nil
				}
				return code[a-pc:]
			},
			Hook: func(a guest.Addr) (int, bool) { return 0, a == hook },
		}}
		if got := tr.ReadBehind(c.ret) & (rdi | rsi | r11); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
