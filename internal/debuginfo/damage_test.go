package debuginfo

import (
	"debug/elf"
	"os"
	"strings"
	"testing"
)

// TestDamagedOnce: an object with damaged debug information gets one message, and its symbols are still there.
func TestDamagedOnce(t *testing.T) {
	path := seedObject(t)
	e, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	sec := *e.Section(".debug_info")
	e.Close()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := sec.Offset + 12; i < sec.Offset+sec.Size; i++ {
		b[i] = 0xff
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	var damaged, rest []string
	s := NewSpace(Options{
		Warn:    func(m string) { rest = append(rest, m) },
		Damaged: func(object, m string) { damaged = append(damaged, object+"|"+m) },
	})
	o, err := s.AddImage(path, 0x400000)
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	o.Symbols(func(y Symbol) bool {
		for a := y.Addr; a < y.Addr+4; a++ {
			if f := s.Frames(a, nil); f[len(f)-1].Fn == y.Name && y.Type == Func {
				names++
			}
		}
		return true
	})
	if len(damaged) != 1 || !strings.HasPrefix(damaged[0], path+"|unit at ") {
		t.Errorf("messages %q, then %q", damaged, rest)
	}
	if names == 0 {
		t.Error("no names")
	}
}
