package jit

import (
	"bytes"
	"testing"
)

// TestLead: the call that makes its target be translated goes to a second half in front of it, any other one to its own; when the
// target changes it finds the new one; a function that calls itself does so without a jump.
func TestLead(t *testing.T) {
	s := newSmall(t)
	s.m.code(0, 0, []byte{0xe8, 0xfb, 0, 0, 0, 0x0f, 0x05})    // call 0x100; syscall
	s.m.code(0, 0x80, []byte{0xe8, 0x7b, 0, 0, 0, 0x0f, 0x05}) // call 0x100; syscall
	f := func(n byte) []byte { return []byte{0xb8, n, 0, 0, 0, 0xc3} }
	s.m.code(0, 0x100, f(1))
	leading := func() (n int) {
		for i := range s.md.calls.n {
			if s.md.calls.at(uint32(i)).leads {
				n++
			}
		}
		return n
	}
	for round := byte(1); round < 4; round++ {
		for _, from := range []uint64{0, 0x80, 0, 0x80} {
			if rax, end := s.run(from); rax != uint64(round) || end != from+5 {
				t.Fatalf("round %d from %#x: rax is %d at %#x", round, from, rax, end)
			}
		}
		if n := leading(); n != 1 {
			t.Errorf("round %d: %d calls go to a second half in front of their target", round, n)
		}
		s.change(0x100, f(round+1)...)
		if n := leading(); n != 0 {
			t.Errorf("round %d: %d calls go to one that is gone", round, n)
		}
	}

	// rcx = 3, 2, 1: add $2, %eax; dec %ecx; jz over; call back; ret
	rec := []byte{0x83, 0xc0, 2, 0xff, 0xc9, 0x74, 5, 0xe8, 0xf4, 0xff, 0xff, 0xff, 0xc3}
	s.m.code(0, 0x200, append([]byte{0x31, 0xc0, 0xb9, 3, 0, 0, 0, 0xe8, 0xf4, 0, 0, 0}, 0x0f, 0x05)) // xor eax, eax; mov $3, ecx; call 0x300
	s.m.code(0, 0x300, rec)
	for range 2 {
		if rax, end := s.run(0x200); rax != 6 || end != 0x20c {
			t.Fatalf("recursion: rax is %d at %#x", rax, end)
		}
	}
	fr := s.md.frags.at(s.md.byPC.get(codeLow + 0x300))
	code := s.md.hot.buf[fr.start:fr.hotEnd]
	at := bytes.IndexByte(code[fr.body-fr.start:], 0xe8) + int(fr.body-fr.start)
	if want := -(at + 5); fr.start == fr.body || int(int32(code[at+1])|int32(code[at+2])<<8|int32(code[at+3])<<16|int32(code[at+4])<<24) != want {
		t.Errorf("the function does not call what is right in front of it: % x", code)
	}
}
