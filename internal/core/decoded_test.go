package core

import (
	"testing"

	"gogrind/internal/guest"
)

// TestDecoded: the cache hands out what was decoded before, and only as long as the code is the same.
func TestDecoded(t *testing.T) {
	var c decodedCache
	load := []byte{0x8b, 0x07, 0x90, 0x90, 0x90} // mov (%rdi),%eax
	store := []byte{0x88, 0x07}                  // mov %al,(%rdi)
	first := c.get(0x1000, load)
	if first == nil || first.inst.Len != 2 || len(first.access) != 1 || first.access[0].Size != 4 {
		t.Fatalf("decoded %+v", first)
	}
	if again := c.get(0x1000, load); again != first {
		t.Error("decoded a second time")
	}
	load[2] = 0xcc // behind the instruction
	if again := c.get(0x1000, load); again != first {
		t.Error("decoded a second time for what follows")
	}
	if d := c.get(0x1000, store); d == nil || d.access[0].Size != 1 {
		t.Errorf("other code: %+v", d)
	}
	if d := c.get(0x1000, load[:1]); d != nil {
		t.Errorf("half an instruction: %+v", d)
	}
	for i := range guest.Addr(4 * decodedSlots) {
		if d := c.get(0x2000+i, load); d == nil || d.pc != 0x2000+i {
			t.Fatalf("at %#x: %+v", 0x2000+i, d)
		}
	}
	if n := testing.AllocsPerRun(100, func() { c.get(0x2000+4*decodedSlots-1, load) }); n != 0 {
		t.Errorf("%v allocations for what is known", n)
	}
}
