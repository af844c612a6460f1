package jit

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// killRAX is xor %eax, %eax before setRAX: flags are dead at its start.
func killRAX(n byte) []byte { return append([]byte{0x31, 0xc0}, setRAX(n)...) }

// TestSlotJump jumps through a word that changes, to code that changes.
func TestSlotJump(t *testing.T) {
	const word = dataLow + 0x10
	set := func(off uint64) { binary.LittleEndian.PutUint64(bytesAt(word, 8), codeLow+off) }
	for _, tc := range []struct {
		name   string
		before []byte
		filled bool // to the target at 0x100
		target func(byte) []byte
	}{
		{"entry", nil, true, killRAX},
		{"entry with endbr64", []byte{0xf3, 0x0f, 0x1e, 0xfa}, true, killRAX},
		{"flags live at the target", nil, false, setRAX},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newSmall(t)
			jump := append(append([]byte(nil), tc.before...), 0xff, 0x25)
			jump = binary.LittleEndian.AppendUint32(jump, uint32(word-codeLow-len(jump)-4))
			s.m.code(0, 0, jump)
			s.m.code(0, 0x100, tc.target(1))
			s.m.code(0, 0x200, tc.target(2))
			expect := func(want uint64) {
				t.Helper()
				for range slotTries + 1 {
					if rax, _ := s.run(0); rax != want {
						t.Fatalf("rax is %d, not %d", rax, want)
					}
				}
				if msg := s.md.invariants(); msg != "" {
					t.Fatal(msg)
				}
			}
			if set(0x100); !tc.filled {
				expect(1)
				if len(s.md.slots) != 0 {
					t.Error("a slotJump to where flags are live")
				}
				return
			}
			filled := func() uint32 {
				sl := &s.md.slots[len(s.md.slots)-1]
				if !sl.settled {
					t.Fatalf("not settled after %d executions", sl.tries)
				}
				return binary.LittleEndian.Uint32(s.md.hot.buf[sl.imm:])
			}
			set(0x100)
			expect(1)
			if got, want := filled(), uint32(codeLow+0x100); got != want {
				t.Errorf("compares with %#x, not %#x", got, want)
			}
			set(0x200)
			expect(2)
			set(0x100)
			expect(1)
			s.change(0x100, tc.target(3)...)
			expect(3)
			s.change(0, jump...)
			set(0x200)
			expect(2)
			if got, want := filled(), uint32(codeLow+0x200); got != want {
				t.Errorf("translated anew it compares with %#x, not %#x", got, want)
			}
		})
	}
}

// TestSlotUnmapped jumps through a word that is not there: the translator looks at it, too.
func TestSlotUnmapped(t *testing.T) {
	for _, word := range []uint64{dataLow - 0x10000, 0x10} {
		s := newSmall(t)
		jump := binary.LittleEndian.AppendUint32([]byte{0xff, 0x25}, uint32(word-codeLow-6))
		s.m.code(0, 0, jump)
		if f := s.md.flagsAt(codeLow); f.live != arithFlags {
			t.Errorf("%#x: flags %#x are live in front of the jump, want all", word, f.live)
		}
		for range slotTries + 1 {
			st, err := s.m.translated(s.md, codeLow, uint64(s.m.a.Addr()), &seen{})
			if err != nil || st.sig != int(unix.SIGSEGV) || st.addr != word || st.rip != codeLow {
				t.Fatalf("%#x: %+v, %v", word, st, err)
			}
		}
	}
}
