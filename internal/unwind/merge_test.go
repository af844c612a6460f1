package unwind

import (
	"slices"
	"testing"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

// TestMerge leaves out cycles of calls (--merge-recursive-frames).
func TestMerge(t *testing.T) {
	const a, b, c, d = 0x7000100, 0x7000200, 0x7000300, 0x7000400
	for _, r := range []struct {
		name  string
		merge int
		calls []guest.Addr // return addresses, innermost first
		want  []guest.Addr
	}{
		{"none", 0, []guest.Addr{a, a, a, b}, []guest.Addr{a, a, a, b}},
		{"itself", 1, []guest.Addr{c, a, a, a, b}, []guest.Addr{c, a, b}},
		{"two, too long", 1, []guest.Addr{a, b, a, b, c}, []guest.Addr{a, b, a, b, c}},
		{"two", 2, []guest.Addr{a, b, a, b, a, c}, []guest.Addr{a, c}},
		{"two and a half", 2, []guest.Addr{a, b, a, b, c}, []guest.Addr{a, b, c}},
		{"one in two", 2, []guest.Addr{a, a, b, b, a, c}, []guest.Addr{a, c}},
		{"three", 3, []guest.Addr{a, b, c, a, b, c, d}, []guest.Addr{a, b, c, d}},
		{"at the end of the buffer", 1, []guest.Addr{a, a, a, a, a, a, b, c, d, d, d}, []guest.Addr{a, b, c, d}},
	} {
		t.Run(r.name, func(t *testing.T) {
			const pc, st = 0x7000000, 0x10000
			mem := words{}
			for i, ra := range r.calls {
				mem[guest.Addr(st+16*i)], mem[guest.Addr(st+16*i+8)] = uint64(st+16*i+16), uint64(ra)
			}
			u := New(&Config{Space: debuginfo.NewSpace(debuginfo.Options{}), Mem: mem.page(st), Merge: r.merge})
			regs := guest.Regs{RIP: pc}
			regs.GPR[guest.RSP], regs.GPR[guest.RBP] = st, st
			var pcs [6]guest.Addr
			n := u.Unwind(&regs, pcs[:])
			if want := append([]guest.Addr{pc}, r.want...); !slices.Equal(pcs[:n], want) {
				t.Errorf("got %v, want %v", pcs[:n], want)
			}
		})
	}
}
