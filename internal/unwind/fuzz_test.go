package unwind

import (
	"debug/elf"
	"os"
	"testing"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

// everywhere is memory in which every read succeeds.
type everywhere struct{}

func (everywhere) ReadMem(p []byte, a guest.Addr) int {
	for i := range p {
		p[i] = byte(a) + byte(i)*13
	}
	return len(p)
}

func (everywhere) WriteMem([]byte, guest.Addr) int { return 0 }

// FuzzCFI compiles arbitrary frame information and applies every rule in it.
func FuzzCFI(f *testing.F) {
	exe, err := os.Executable()
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range []string{exe, "/lib64/ld-linux-x86-64.so.2"} {
		if e, err := elf.Open(path); err == nil {
			for _, name := range []string{".eh_frame", ".debug_frame"} {
				if s := e.Section(name); s != nil {
					if b, err := s.Data(); err == nil {
						f.Add(b[:min(len(b), 2000)], name == ".debug_frame")
					}
				}
			}
			e.Close()
		}
	}
	// a common entry and a function with expressions
	f.Add([]byte("\x14\x00\x00\x00\x00\x00\x00\x00\x01zR\x00\x01\x78\x10\x01\x03\x0c\x07\x08\x90\x01\x00\x00"+
		"\x18\x00\x00\x00\x1c\x00\x00\x00\x00\x10\x00\x00\x00\x01\x00\x00\x00\x0f\x03\x77\x08\x06\x41\x16\x06\x02\x77\x00"), false)
	space := debuginfo.NewSpace(debuginfo.Options{})
	f.Fuzz(func(t *testing.T, b []byte, debug bool) {
		tab, _ := Compile(Section{Data: b, Addr: 0x400000, Debug: debug})
		if tab == nil {
			return
		}
		u := New(&Config{Space: space, Mem: everywhere{}})
		u.snap = space.Snapshot()
		for i := range tab.fdes {
			start := tab.base + uint64(tab.starts[i])
			for off := uint64(0); off < uint64(tab.fdes[i].size) && off < 64; off += 3 {
				if r, _ := tab.Find(start + off); r != nil {
					fr := frame{exact: true}
					u.step(r, &fr, true)
				}
			}
		}
	})
}
