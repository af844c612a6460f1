package unwind

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/stack"
)

// TestSteps changes all of a stack and of the registers but for what Steps says, which must change nothing, and then each of the
// values that it says, which must change something where it is a return address.
func TestSteps(t *testing.T) {
	for _, flags := range []string{"-O0", "-O2", "-O2 -fomit-frame-pointer", "-O3 -fno-omit-frame-pointer", "-O2 -static"} {
		t.Run(flags, func(t *testing.T) {
			s, ds := runDump(t, strings.Fields(flags)...)
			rng := rand.New(rand.NewPCG(1, 2))
			told := 0
			for i := range ds {
				d := &ds[i]
				u := New(&Config{Space: s, Mem: d})
				var pcs, again [64]guest.Addr
				n := u.Unwind(&d.regs, pcs[:])
				steps, ok := u.Steps()
				if !ok {
					continue
				}
				told++
				steps = slices.Clone(steps)
				sp := d.regs.GPR[guest.RSP]
				fixed := map[uint64]bool{}
				rbp := false
				for _, st := range steps {
					switch st.From {
					case stack.RelativeRBP:
						rbp = true
						if d.regs.GPR[guest.RBP]-sp != st.Value {
							t.Errorf("stop %d: rbp is %#x, not what %+v says", d.kind, d.regs.GPR[guest.RBP], st)
						}
					default:
						v, ok := u.read64(sp + uint64(st.Offset))
						if st.From == stack.RelativeWord {
							v -= sp
						}
						if !ok || v != st.Value {
							t.Errorf("stop %d: %+v reads %#x", d.kind, st, v)
						}
						fixed[sp+uint64(st.Offset)] = true
					}
				}
				other := *d
				other.stack = slices.Clone(d.stack)
				for at := 0; at+8 <= len(d.stack); at += 8 {
					if !fixed[uint64(d.base)+uint64(at)] {
						binary.LittleEndian.PutUint64(other.stack[at:], rng.Uint64())
					}
				}
				for r := range other.regs.GPR {
					if r != guest.RSP && (r != guest.RBP || !rbp) {
						other.regs.GPR[r] = rng.Uint64()
					}
				}
				u = New(&Config{Space: s, Mem: &other})
				if m := u.Unwind(&other.regs, again[:]); m != n || again != pcs {
					t.Errorf("stop %d: %v with another stack, was %v", d.kind, again[:m], pcs[:n])
				}
				for k, st := range steps {
					if st.From != stack.Word {
						continue
					}
					at := int(sp + uint64(st.Offset) - uint64(d.base))
					other.stack[at+1] ^= 0x10
					u = New(&Config{Space: s, Mem: &other})
					m := u.Unwind(&other.regs, again[:])
					if got, ok := u.Steps(); m == n && again == pcs || ok && len(got) > k && slices.Equal(got, steps) {
						t.Errorf("stop %d: return address %+v may change", d.kind, st)
					}
					other.stack[at+1] ^= 0x10
				}
				u.Forget()
				if _, ok := u.Steps(); ok {
					t.Error("steps are not forgotten")
				}
			}
			if told < 4 {
				t.Errorf("only %d of %d stacks can be told by their words", told, len(ds))
			}
		})
	}
}
