package vbits

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// area is a state with 4 KB of memory at 0x10000, where rdi points.
type area struct {
	still
	mem, memV [4096]byte
}

func (s *area) Load(p []byte, a guest.Addr)             { copy(p, s.mem[a-0x10000:]) }
func (s *area) LoadV(p []byte, a guest.Addr)            { copy(p, s.memV[a-0x10000:]) }
func (s *area) StoreV(p []byte, a guest.Addr, _ uint32) { copy(s.memV[a-0x10000:], p) }

func (s *area) Component(i int) int { return [8]int{2: 576, 5: 832, 6: 896, 7: 1408}[i] }

func (s *area) step(t *testing.T, m *Machine, code string) {
	t.Helper()
	b, _ := hex.DecodeString(code)
	var in amd64.Inst
	if err := amd64.Decode(b, &in); err != nil {
		t.Fatal(err)
	}
	m.Step(&in, s, s)
	m.Commit()
	if len(m.Uses) != 0 {
		t.Errorf("%s: uses %v", in.Mnem(), m.Uses)
	}
}

// randomFile has undefined bits in all registers that state instructions save.
func randomFile(rng *rand.Rand) (f File) {
	for i := range f.Vec {
		for j := range f.Vec[i] {
			f.Vec[i][j] = rng.Uint64()
		}
	}
	for i := range f.ST {
		f.ST[i] = [2]uint64{rng.Uint64(), rng.Uint64() & 0xffff}
		f.Mask[i] = rng.Uint64()
	}
	f.FPSW = x87Conditions
	return f
}

// parts are the components of a file: x87, SSE, AVX, masks, upper halves of zmm0-15, zmm16-31.
func parts(f *File, mask uint64) (p File) {
	if mask&1 != 0 {
		p.ST, p.FPSW = f.ST, f.FPSW
	}
	for i := range 16 {
		for j := range 8 {
			c := [8]int{1, 1, compAVX, compAVX, compZMMHi, compZMMHi, compZMMHi, compZMMHi}[j]
			if mask>>c&1 != 0 {
				p.Vec[i][j] = f.Vec[i][j]
			}
		}
		if mask>>compHi16&1 != 0 {
			p.Vec[16+i] = f.Vec[16+i]
		}
	}
	if mask>>compMask&1 != 0 {
		p.Mask = f.Mask
	}
	return p
}

// TestState: what is saved and restored has the V bits that it had.
func TestState(t *testing.T) {
	const all = 0xe7
	for _, c := range []struct {
		name, save, restore string
		mask, format        uint64
	}{
		{"fxsave", "0fae07", "0fae0f", 3, 0},
		{"fxsave64", "480fae07", "480fae0f", 3, 0},
		{"fnsave", "dd37", "dd27", 1, 0},
		{"fnsave of 16 bits", "66dd37", "66dd27", 1, 0},
		{"xsave", "0fae27", "0fae2f", all, 0},
		{"xsave of some", "480fae27", "480fae2f", 0x22, 0},
		{"xsavec", "0fc727", "0fae2f", all, compactedFormat | all},
		{"xsavec of some", "480fc727", "480fae2f", 0xc4, compactedFormat | 0xc4},
	} {
		rng := rand.New(rand.NewPCG(1, 2))
		var m Machine
		s := &area{}
		s.regs.GPR[guest.RDI], s.regs.GPR[guest.RAX] = 0x10000, c.mask
		for i := range s.memV {
			s.memV[i] = 0xff
		}
		before := randomFile(rng)
		m.File = before
		m.Changed()
		s.step(t, &m, c.save)
		if c.name[0] == 'x' { // what the processor writes
			binary.LittleEndian.PutUint64(s.mem[xsBV:], c.mask)
			binary.LittleEndian.PutUint64(s.mem[xsComp:], c.format)
		}
		other := randomFile(rng)
		m.File = other
		m.Changed()
		s.step(t, &m, c.restore)
		got, want := parts(&m.File, c.mask), parts(&before, c.mask)
		if got != want {
			t.Errorf("%s: V bits differ after saving and restoring", c.name)
		}
		if got, want := parts(&m.File, all&^c.mask), parts(&other, all&^c.mask); got != want {
			t.Errorf("%s: V bits that were not asked for changed", c.name)
		}
	}
}

// TestInitialState: components that are not in use are defined when they are restored.
func TestInitialState(t *testing.T) {
	var m Machine
	s := &area{}
	s.regs.GPR[guest.RDI], s.regs.GPR[guest.RAX] = 0x10000, 0xe7
	for i := range s.memV {
		s.memV[i] = 0xff
	}
	m.File = randomFile(rand.New(rand.NewPCG(1, 2)))
	binary.LittleEndian.PutUint64(s.mem[xsComp:], compactedFormat|0xe7)
	s.step(t, &m, "0fae2f")
	if m.File != (File{}) || !m.Clean() {
		t.Errorf("undefined: %x", m.File)
	}
}
