package jit

import (
	"testing"
	"unsafe"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// oneEach counts each instruction by an addition of its own.
type oneEach struct{ definer }

func (oneEach) Instrument(b *tool.Block) {
	for i := range b.Insts {
		b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpCount, Arg: 1, Ptr: counterAddr})
	}
}

// counters are n words at a, which is mapped.
func counters(a guest.Addr, n int) tool.Counters {
	return tool.Counters{Start: a, Values: unsafe.Slice((*uint64)(unsafe.Pointer(&guest.Bytes(a, 8*n)[0])), n)}
}

// clockedMode is translator number i with a clock of the given words.
func (m *machine) clockedMode(t testing.TB, i int, words tool.Counters) *mode {
	md := m.newMode(t, i, "clock", false, nil)
	md.cfg.Clock = words
	return md
}

func total(c tool.Counters) (n uint64) {
	for _, v := range c.Values {
		n += v
	}
	return n
}

// TestClock: random programs, which are translated at places where others were, take as many instructions by the clock as by one
// addition for each.
func TestClock(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	each, clock := counters(counterAddr, 1), counters(counterAddr+64, 8)
	d.modes = []*mode{d.m.newMode(t, 0, "one each", false, oneEach{}), d.m.clockedMode(t, 1, clock)}
	p := &program{d: d}
	p.collect(3000)
	d.cases, d.faults = 0, 0
	compared, differences := 0, 0
	for n := firstCase(t); d.cases < casesWanted(t, 6_000); n++ {
		clear(each.Values)
		clear(clock.Values)
		faults := d.faults
		p.generate(n)
		if msg := p.run(n); msg != "" {
			t.Fatalf("program %d of seed %d at %#x: %s", n, d.seed, p.base, msg)
		}
		if d.faults != faults {
			continue // where it was interrupted, something is lost
		}
		compared++
		if a, b := total(each), total(clock); a != b {
			if differences++; differences < 10 {
				t.Errorf("program %d of seed %d at %#x: %d instructions, %d by the clock", n, d.seed, p.base, a, b)
			}
		}
	}
	st := d.modes[1].Stats()
	t.Logf("%d programs, %d compared, %d differences, %+v", d.cases/3, compared, differences, st)
	if compared < 100 || st.Middles == 0 {
		t.Errorf("%d programs compared, %d entries in the middle", compared, st.Middles)
	}
}

// TestClockLoops: loops in one piece and several, functions, indirect branches.
func TestClockLoops(t *testing.T) {
	tests := []struct {
		name  string
		code  map[int][]byte
		insts uint64
	}{
		{"straight on", map[int][]byte{0: {0xeb, 0x7e}, 0x80: {0xeb, 0x7e}, 0x100: setRAX(1)}, 4},
		// mov $10, %ecx; dec %ecx; jnz; syscall
		{"loop", map[int][]byte{0: {0xb9, 10, 0, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0x0f, 0x05}}, 22},
		// mov $10, %ecx; 5: jmp 0x80; 7: dec %ecx; jnz 5; syscall; 0x80: jmp 7
		{"loop of two pieces", map[int][]byte{0: {0xb9, 10, 0, 0, 0, 0xeb, 0x79, 0xff, 0xc9, 0x75, 0xfa, 0x0f, 0x05}, 0x80: {0xeb, 0x85}}, 42},
		// call 0x100; syscall; 0x100: ret
		{"call", map[int][]byte{0: {0xe8, 0xfb, 0, 0, 0, 0x0f, 0x05}, 0x100: {0xc3}}, 3},
		// mov $0x20000100, %ecx; jmp *%rcx; 0x100: jmp 0x80; 0x80: syscall
		{"indirect jump", map[int][]byte{0: {0xb9, 0, 1, 0, 0x20, 0xff, 0xe1}, 0x100: {0xe9, 0x7b, 0xff, 0xff, 0xff}, 0x80: {0x0f, 0x05}}, 4},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			m := newMachine(t)
			words := counters(counterAddr+64, 1<<8)
			clear(words.Values)
			s := &small{t: t, m: m, md: m.clockedMode(t, 0, words)}
			m.b.Regs.GPR[guest.RSP] = stackBase + stackSize/2
			for at, code := range tc.code {
				m.code(0, at, code)
			}
			for range 2 {
				clear(words.Values)
				s.run(0)
				if n := total(words); n != tc.insts {
					t.Errorf("%d instructions by the clock, not %d", n, tc.insts)
				}
			}
		})
	}
}
