package dwarf

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// seed compiles a file with the given flags and returns its debug sections in the order of fuzzSections.
func seed(f testing.TB, flags ...string) [][]byte {
	f.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		f.Skip("gcc is not installed")
	}
	dir := f.TempDir()
	src, out := filepath.Join(dir, "prog.c"), filepath.Join(dir, "prog")
	const text = "struct { char c[3]; int i[4]; } v; static inline __attribute__((always_inline)) int g(int x) { return x * 3; }\n" +
		"int f(int x) { if (x) return g(x); return g(x + 1); }\n"
	if err := os.WriteFile(src, []byte(text), 0o644); err != nil {
		f.Fatal(err)
	}
	if b, err := exec.Command("gcc", append(flags, "-O2", "-shared", "-nostdlib", "-o", out, src)...).CombinedOutput(); err != nil {
		f.Fatalf("%v\n%s", err, b)
	}
	e, err := elf.Open(out)
	if err != nil {
		f.Fatal(err)
	}
	defer e.Close()
	var all [][]byte
	for _, n := range fuzzSections {
		var b []byte
		if s := e.Section(n); s != nil {
			if b, err = s.Data(); err != nil {
				f.Fatal(err)
			}
		}
		all = append(all, b)
	}
	return all
}

var fuzzSections = []string{".debug_info", ".debug_abbrev", ".debug_line", ".debug_ranges", ".debug_rnglists", ".debug_aranges",
	".debug_str", ".debug_line_str", ".debug_loc", ".debug_loclists"}

// FuzzDWARF looks addresses up in arbitrary sections.
func FuzzDWARF(f *testing.F) {
	for _, v := range []string{"-gdwarf-2", "-gdwarf-4", "-gdwarf-5"} {
		s := seed(f, v)
		f.Add(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9])
	}
	f.Fuzz(func(t *testing.T, info, abbrev, line, ranges, rnglists, aranges, str, lineStr, loc, locLists []byte) {
		secs := map[string][]byte{}
		for i, b := range [][]byte{info, abbrev, line, ranges, rnglists, aranges, str, lineStr, loc, locLists} {
			secs[fuzzSections[i]] = b
		}
		d := New(Source{Section: func(n string) (Contents, error) { return Bytes(secs[n]), nil }, Warn: func(error) {}})
		p := New(Source{Section: func(n string) (Contents, error) { return &stingy{all: secs[n]}, nil }, Warn: func(error) {}})
		for pc := uint64(0xff0); pc < 0x1040; pc += 5 {
			whole, _ := d.Lookup(pc, true, nil)
			if parts, _ := p.Lookup(pc, true, nil); !slices.Equal(whole, parts) {
				t.Fatalf("%#x: %v, read in parts %v", pc, whole, parts)
			}
			d.Global(pc + 0x3000)
			d.Local(pc, 0, pc+64, noFrame{})
		}
	})
}

// FuzzLine decodes arbitrary line programs.
func FuzzLine(f *testing.F) {
	for _, v := range []string{"-gdwarf-2", "-gdwarf-4", "-gdwarf-5"} {
		f.Add(seed(f, v)[2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		d := New(Source{Section: func(n string) (Contents, error) {
			if n == ".debug_line" {
				return Bytes(b), nil
			}
			return nil, nil
		}, Warn: func(error) {}})
		u := &unit{data: d, addrSize: 8, version: 5}
		lt, err := u.parseLine(0, "/dir", true)
		if lt == nil {
			if err == nil {
				t.Error("no table and no error")
			}
			return
		}
		for i := range lt.seqs {
			s := &lt.seqs[i]
			if s.low >= s.high {
				t.Errorf("sequence %#x-%#x", s.low, s.high)
			}
			lt.position(s.low)
			lt.position(s.high - 1)
		}
	})
}

// FuzzPackage reads arbitrary package indexes.
func FuzzPackage(f *testing.F) {
	f.Add([]byte("\x05\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00ABCDEFGH\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := New(Source{Section: func(n string) (Contents, error) {
			if n == ".debug_cu_index" {
				return Bytes(b), nil
			}
			return Bytes(make([]byte, 64)), nil
		}, Warn: func(error) {}})
		if p := d.Package(0x4847464544434241); p != nil {
			p.section(".debug_info")
		}
	})
}
