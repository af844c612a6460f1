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
		{"a call of what cannot be read", "e800010000c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1) | xmm(3), 0},
		{"an indirect call reads arguments", "ffd0c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1) | xmm(3), 0},
		{"a call of what reads an argument", "e803000000 31c0 c3 0f58d9 c3", rcx | rbx | rdi | r12 | xmm(1) | xmm(3), 0},
		{"a call of what reads none", "e803000000 31c0 c3 31ff 85ff c3", rcx | rbx | r12, 0},
		{"a call of what calls something", "e803000000 31c0 c3 e8f3000000 c3", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1) | xmm(3), 0},
		{"a call of what jumps anywhere", "e803000000 31c0 c3 ffe7", rax | rcx | rbx | rdi | r12 | xmm(0) | xmm(1) | xmm(3), 0},
		{"a call of what calls itself", "e803000000 31c0 c3 7401 c3 31c9 0f57c0 e8f3ffffff c3", rbx | rdi | rax | r12 | xmm(1) | xmm(3), 0},
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
		cfg := Config{Fetch: func(a guest.Addr) []byte {
			if a < pc || a >= pc+guest.Addr(len(code)) {
				return nil
			}
			return code[a-pc:]
		}}
		tr := &Translator{cfg: cfg}
		o := tr.Outlook(pc, tool.Dirty{Regs: all, Flags: 1})
		got := o.Keep(tool.Dirty{Regs: all, Flags: 1})
		if got.Regs != c.keep || got.Flags != c.flags {
			t.Errorf("%s: keeps %v and flags %#x, want %v and %#x", c.name, got.Regs, got.Flags, c.keep, c.flags)
		}
		// One register after the other is asked for.
		tr = &Translator{cfg: cfg}
		for left := all; left != 0; left &= left - 1 {
			d := tool.Dirty{Regs: left & -left}
			for range 2 {
				if o := tr.Outlook(pc, d); o.Keep(d).Regs != c.keep&d.Regs {
					t.Errorf("%s: keeps %v of %v", c.name, o.Keep(d).Regs, d.Regs)
				}
			}
		}
		tr.cfg.KeepAll = true
		if o := tr.Outlook(pc, tool.Dirty{Regs: all, Flags: 1}); o.Keep(tool.Dirty{Regs: all, Flags: 1}) != (tool.Dirty{Regs: all, Flags: 1}) {
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

// TestTaken: which arguments a function takes that is replaced, stood in for, or may change.
func TestTaken(t *testing.T) {
	const pc, function, other = 0x10000, 0x10000 + 8, 0x10000 + 9
	const rdi = isa.RegSet(1 << guest.RDI)
	code, err := hex.DecodeString("e80300000031c0c3" + "c3" + "0f58c0c3")
	if err != nil {
		t.Fatal(err)
	}
	code = append(code, make([]byte, 64)...)
	for _, c := range []struct {
		name                           string
		hook, plain, stable, redirects bool
		want                           isa.RegSet // of rdi and xmm0
	}{
		{"read as it is", false, false, true, false, 0},
		{"replaced", true, false, true, false, rdi | amd64.Vec(0)},
		{"replaced, with integer arguments", true, true, true, false, rdi},
		{"may change", false, false, false, false, rdi | amd64.Vec(0)},
		{"other code stands in for it", false, false, true, true, amd64.Vec(0)},
	} {
		tr := &Translator{cfg: Config{
			Fetch: func(a guest.Addr) []byte {
				if a < pc || a >= pc+guest.Addr(len(code)) {
					return nil
				}
				return code[a-pc:]
			},
			Hook:     func(a guest.Addr) (int, bool) { return 7, c.hook && a == function },
			Plain:    func(n int) bool { return n == 7 && c.plain },
			Stable:   func(guest.Addr) bool { return c.stable },
			Redirect: func(a guest.Addr) (guest.Addr, bool) { return other, c.redirects && a == function },
		}}
		d := tool.Dirty{Regs: rdi | amd64.Vec(0)}
		o := tr.Outlook(pc, d)
		if got := o.Live.Regs & d.Regs; got != c.want {
			t.Errorf("%s: takes %v, want %v", c.name, got, c.want)
		}
	}
}
