package memcheck

import (
	"os"
	"os/exec"
	"testing"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

// TestOfGo: what Go's linker made is told from what others made.
func TestOfGo(t *testing.T) {
	m, h, _ := start(t)
	h.symbols = debuginfo.NewSpace(debuginfo.Options{})
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	rows := []struct {
		path string
		bias uint64
		want bool
	}{{self, 0, true}, {sh, 0x100000000, false}}
	for _, row := range rows {
		obj, err := h.symbols.AddImage(row.path, row.bias)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time it is known
			if got := m.ofGo(obj.Entry()); got != row.want {
				t.Errorf("%s: %v", row.path, got)
			}
		}
	}
	if m.ofGo(guest.Addr(1)) {
		t.Error("no object is Go's")
	}
}
