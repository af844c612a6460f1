package heap

import (
	"fmt"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// checker is a tool that wants to know of arguments.
type checker struct{ recorder }

func (c *checker) BadAlign(_ tool.Thread, align, size uint64, wants string, withSize bool) {
	c.say("align %d of %d%s %v", align, size, wants, withSize)
}
func (c *checker) BadSize(_ tool.Thread, fn string) { c.say("size %s", fn) }
func (c *checker) SizeMismatch(_ tool.Thread, b tool.HeapBlock, functions string, size uint64) {
	c.say("%s %d for %d", functions, size, b.Size)
}
func (c *checker) AlignMismatch(_ tool.Thread, b tool.HeapBlock, functions string, align uint64) {
	c.say("%s align %d for %d", functions, align, b.Align)
}

// TestArgs: arguments that do not fit each other or the block.
func TestArgs(t *testing.T) {
	c := &checker{recorder{cfg: tool.HeapConfig{RedZone: 16, Alignment: 16, MallocFill: -1, FreeFill: -1}}}
	arena := &testArena{left: 1 << 30}
	arena.release(t)
	a, err := New(Config{Layout: c.cfg, Arena: arena, Memory: plainMemory{}, Tool: c})
	if err != nil {
		t.Fatal(err)
	}
	th := &thread{id: 1}
	call := func(symbol string, x, y, z uint64) uint64 {
		for _, h := range a.Hooks("") {
			if h.Symbol == symbol {
				th.regs.GPR[guest.RDI], th.regs.GPR[guest.RSI], th.regs.GPR[guest.RDX] = x, y, z
				return h.Do(th, &Args{})
			}
		}
		t.Fatalf("no %s", symbol)
		return 0
	}
	var result [8]byte
	for _, tc := range []struct {
		alloc   string
		x, y, z uint64
		free    string
		u, v    uint64
		want    string
	}{
		{alloc: "memalign", x: 5, y: 10, want: "align 5 of 10 (should be power of 2) false"},
		{alloc: "memalign", x: 32, y: 0, want: "size memalign()"},
		{alloc: "aligned_alloc", x: 32, y: 33, want: "align 32 of 33 (size should be a multiple of alignment) true"},
		{alloc: "aligned_alloc", x: 32, y: 0, want: "size aligned_alloc()"},
		{alloc: "aligned_alloc", x: 32, y: 64},
		{alloc: "posix_memalign", x: uint64(addressOf(result[:])), y: 4, z: 8,
			want: "align 4 of 8 (should be non-zero, a power of 2 and a multiple of sizeof(void*)) false"},
		{alloc: "_Znwm", x: 16, free: "_ZdlPvm", u: 16},
		{alloc: "_Znwm", x: 16, free: "_ZdlPvm", u: 8, want: "new/delete 8 for 16"},
		{alloc: "_Znam", x: 16, free: "_ZdaPvm", u: 8, want: "new[]/delete[] 8 for 16"},
		{alloc: "_Znam", x: 16, free: "_ZdlPvm", u: 8}, // another error
		{alloc: "malloc", x: 16, free: "free_sized", u: 17, want: "malloc/free 17 for 16"},
		{alloc: "malloc", x: 16, free: "free"},
		{alloc: "memalign", x: 64, y: 16, free: "free"},
		{alloc: "_ZnwmSt11align_val_t", x: 16, y: 64, free: "_ZdlPvmSt11align_val_t", u: 16, v: 64},
		{alloc: "_ZnwmSt11align_val_t", x: 16, y: 64, free: "_ZdlPvSt11align_val_t", u: 32, want: "new/delete align 32 for 64"},
		{alloc: "_ZnwmSt11align_val_t", x: 16, y: 64, free: "_ZdlPv", want: "new/delete align 0 for 64"},
		{alloc: "_Znwm", x: 16, free: "_ZdlPvSt11align_val_t", u: 32, want: "new/delete align 32 for 0"},
	} {
		c.log = nil
		p := call(tc.alloc, tc.x, tc.y, tc.z)
		if tc.free != "" {
			call(tc.free, p, tc.u, tc.v)
		}
		var got []string
		for _, l := range c.log {
			if !strings.HasPrefix(l, "alloc ") && !strings.Contains(l, "stacks") && !strings.HasPrefix(l, "mismatch") && !strings.HasPrefix(l, "wrote") {
				got = append(got, l)
			}
		}
		if s := strings.Join(got, "; "); s != tc.want {
			t.Errorf("%s and %s: %q, want %q", fmt.Sprint(tc.alloc, tc.x, tc.y, tc.z), tc.free, s, tc.want)
		}
	}
}

func TestDistance(t *testing.T) {
	r := guest.Range{Start: 100, End: 110}
	for p, want := range map[guest.Addr]uint64{99: 4, 100: 0, 109: 0, 110: 1, 120: 21, 84: 34} {
		if got := distance(p, r); got != want {
			t.Errorf("%d: %d, want %d", p, got, want)
		}
	}
}
