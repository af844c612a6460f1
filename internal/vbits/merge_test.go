package vbits

import (
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// steps is a state for a few instructions of moves and logic, which exec runs.
type steps struct {
	still
	mem, memV [64]byte // at address 0x1000
}

func (s *steps) at(a guest.Addr) int { return int(a-0x1000) & 63 }

func (s *steps) Load(p []byte, a guest.Addr)             { copy(p, s.mem[s.at(a):]) }
func (s *steps) LoadV(p []byte, a guest.Addr)            { copy(p, s.memV[s.at(a):]) }
func (s *steps) StoreV(p []byte, a guest.Addr, _ uint32) { copy(s.memV[s.at(a):], p) }

// exec runs the code, mov, xor and and of 4 bytes, and follows V bits.
func (s *steps) exec(t *testing.T, m *Machine, code string) {
	t.Helper()
	b, err := hex.DecodeString(code)
	if err != nil {
		t.Fatal(err)
	}
	for in := new(amd64.Inst); len(b) > 0; b = b[in.Len:] {
		if err := amd64.Decode(b, in); err != nil {
			t.Fatal(err)
		}
		m.Step(in, s, s)
		m.Commit()
		s.regs.RIP += uint64(in.Len)
		ops := in.Operands(nil)
		get := func(o *amd64.Operand) uint32 {
			switch o.Kind {
			case amd64.OpMem:
				return uint32(le(s.mem[s.at(guest.Addr(in.Address(&s.regs.GPR, 0, 0, 0))):][:4]))
			case amd64.OpImm:
				return uint32(in.Imm)
			}
			return uint32(s.regs.GPR[o.Num])
		}
		x, y := get(&ops[0]), get(&ops[1])
		switch in.Mnem() {
		case "MOV":
			x = y
		case "XOR":
			x ^= y
		case "AND":
			x &= y
		default:
			t.Fatal(in.Mnem())
		}
		if ops[0].Kind == amd64.OpMem {
			var w [8]byte
			putBits(w[:], uint64(x))
			copy(s.mem[s.at(guest.Addr(in.Address(&s.regs.GPR, 0, 0, 0))):][:4], w[:])
		} else {
			s.regs.GPR[ops[0].Num] = uint64(x)
		}
	}
}

// TestBitFieldMerge: a field of bits 4-11 is stored by the exclusive ors that LLVM makes of it. The rest keeps its V bits.
func TestBitFieldMerge(t *testing.T) {
	for _, c := range []struct{ name, code string }{
		// rdi points at the old word, esi is the new value, the result is in memory.
		{"old in register", "8b07 31c6 81e6f00f0000 31f0 8907"},
		{"result in the other", "8b07 31c6 81e6f00f0000 31c6 8937"},
		{"all in memory", "3337 81e6f00f0000 3137"},
		{"loaded twice", "8b07 31f0 25f00f0000 3307 8907"},
		{"mask in register", "8b07 b9f00f0000 31c6 21f1 31c8 8907"},
		{"copied", "8b07 89c2 31f2 81e2f00f0000 31d0 8907"},
	} {
		rng := rand.New(rand.NewPCG(5, 5))
		for range 200 {
			var m Machine
			var s steps
			old, oldV := rng.Uint32(), rng.Uint32()|1
			s.regs.GPR[guest.RSI], s.regs.GPR[guest.RDI] = uint64(rng.Uint32()), 0x1000
			m.File.GPR[guest.RSI] = uint64(rng.Uint32() & rng.Uint32() &^ 0x30)
			newV := uint32(m.File.GPR[guest.RSI])
			putBits(s.mem[:], uint64(old))
			putBits(s.memV[:], uint64(oldV))
			s.exec(t, &m, strings.ReplaceAll(c.code, " ", ""))
			const field = 0xff0
			if got, want := uint32(le(s.memV[:4])), oldV&^field|newV&field; got != want {
				t.Fatalf("%s: V bits %#x, want %#x (old %#x, new %#x)", c.name, got, want, oldV, newV)
			}
		}
	}
}

// TestNoMerge: what is not such a merge has the V bits of both operands.
func TestNoMerge(t *testing.T) {
	for _, c := range []struct{ name, code string }{
		{"another value", "31c6 81e6f00f0000 31f1"}, // ecx ^= (esi ^ eax) & mask
		{"overwritten", "31c6 89de 31f0"},           // esi = ebx
		{"too old", "31c6 " + strings.Repeat("90", 80) + " 31f0"},
	} {
		var m Machine
		var s steps
		s.regs.GPR = [16]uint64{guest.RAX: 5, guest.RCX: 9, guest.RSI: 77, guest.RBX: 5}
		m.File.GPR = [16]uint64{guest.RAX: 0xff, guest.RCX: 0xff0, guest.RSI: 0xf, guest.RBX: 0xf0f}
		code := strings.ReplaceAll(c.code, " ", "")
		for {
			var in amd64.Inst
			b, _ := hex.DecodeString(code)
			if err := amd64.Decode(b, &in); err != nil {
				t.Fatal(err)
			}
			if len(b) == int(in.Len) { // the last one
				ops := in.Operands(nil)
				want := m.File.GPR[ops[0].Num] | m.File.GPR[ops[1].Num]
				m.Step(&in, &s, &s)
				m.Commit()
				if got := m.File.GPR[ops[0].Num]; got != want {
					t.Errorf("%s: V bits %#x, want %#x", c.name, got, want)
				}
				break
			}
			if in.Mnem() == "NOP" {
				m.Step(&in, &s, &s)
				m.Commit()
				s.regs.RIP++
			} else {
				s.exec(t, &m, code[:2*in.Len])
			}
			code = code[2*in.Len:]
		}
	}
}

// TestMergeOverwrittenUnseen: code that nobody stepped has written to the register since it was a merge.
func TestMergeOverwrittenUnseen(t *testing.T) {
	var m Machine
	var s steps
	s.regs.GPR = [16]uint64{guest.RAX: 5, guest.RSI: 77}
	m.File.GPR = [16]uint64{guest.RAX: 0xff}
	s.exec(t, &m, "31c6"+"81e6ff000000") // esi = (esi ^ eax) & 0xff
	s.regs.GPR[guest.RSI], m.File.GPR[guest.RSI] = 3, 0
	s.exec(t, &m, "31f0") // eax ^= esi
	if got := m.File.GPR[guest.RAX]; got != 0xff {
		t.Errorf("V bits %#x, want 0xff", got)
	}
}
