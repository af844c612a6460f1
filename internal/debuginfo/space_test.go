package debuginfo

import (
	"bufio"
	"bytes"
	stdelf "debug/elf"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gogrind/internal/guest"
)

func TestBias(t *testing.T) {
	const r, x = uint32(stdelf.PF_R), uint32(stdelf.PF_R | stdelf.PF_X)
	load := uint32(stdelf.PT_LOAD)
	gnu := []segment{{load, r, 0, 0, 0x500, 0x500}, {load, x, 0x1000, 0x1000, 0x800, 0x800}, {load, r, 0x2d00, 0x3d00, 0x300, 0x400}}
	lld := []segment{{load, r, 0, 0, 0x5a0, 0x5a0}, {load, x, 0x5a0, 0x15a0, 0x200, 0x200}, {load, r, 0x7a0, 0x27a0, 0x100, 0x100}}
	fixed := []segment{{load, x, 0, 0x400000, 0x1234, 0x1234}, {load, r, 0x1234, 0x402234, 0x10, 0x10}}
	for _, c := range []struct {
		name               string
		segs               []segment
		addr, size, offset uint64
		want               uint64
		ok                 bool
	}{
		{"text of its own page", gnu, 0x7f0000001000, 0x1000, 0x1000, 0x7f0000000000, true},
		{"first segment", gnu, 0x7f0000000000, 0x1000, 0, 0x7f0000000000, true},
		{"data that shares a page", gnu, 0x7f0000003000, 0x1000, 0x2000, 0x7f0000000000, true},
		{"text and headers in one file page", lld, 0x7f0000001000, 0x1000, 0, 0x7f0000000000, true},
		{"not moved", fixed, 0x400000, 0x2000, 0, 0, true},
		{"beyond all segments", gnu, 0x7f0000000000, 0x1000, 0x9000, 0, false},
		{"no segments", nil, 0x7f0000000000, 0x1000, 0, 0, false},
	} {
		f := elfFile{segs: c.segs}
		if got, ok := f.biasOf(c.addr, c.size, c.offset); got != c.want || ok != c.ok {
			t.Errorf("%s: %#x %v, want %#x %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

// TestMapUnmap follows a library through its life.
func TestMapUnmap(t *testing.T) {
	path := build(t, ".c", inlineC, "gcc", "-g", "-shared", "-fPIC", "-Wl,-soname,libprog.so.1")
	f, err := stdelf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var text *stdelf.Prog
	var span uint64
	for _, p := range f.Progs {
		if p.Type == stdelf.PT_LOAD {
			span = p.Vaddr + p.Memsz
			if p.Flags&stdelf.PF_X != 0 {
				text = p
			}
		}
	}
	const base = 0x7000000000
	s := NewSpace(Options{Warn: func(m string) { t.Error(m) }})
	if s.Map(path, base, span, 0, false) != nil || s.Object(base) != nil {
		t.Error("a mapping that is not executable made an object")
	}
	if s.Map(filepath.Join(t.TempDir(), "none"), base, span, 0, true) != nil || s.Map("/etc/passwd", base, 0x1000, 0, true) != nil {
		t.Error("a file that is no object made one")
	}
	o := s.Map(path, base+guest.Addr(text.Vaddr), text.Filesz, text.Off, true)
	if o == nil || o.Bias != base {
		t.Fatalf("object %+v", o)
	}
	if s.Map(path, base+guest.Addr(text.Vaddr), text.Filesz, text.Off, true) != nil {
		t.Error("the same mapping made another object")
	}
	for _, a := range []guest.Addr{base, base + guest.Addr(text.Vaddr), base + guest.Addr(span) - 1} {
		if s.Object(a) != o {
			t.Errorf("%v is not in the object", a)
		}
	}
	if s.Object(base-1) != nil || s.Object(base+guest.Addr(span).PageUp()) != nil {
		t.Error("the object is too big")
	}
	if o.Soname() != "libprog.so.1" || len(o.BuildID()) != 40 {
		t.Errorf("soname %q, build id %q", o.Soname(), o.BuildID())
	}
	var main Symbol
	o.Symbols(func(y Symbol) bool { main = y; return y.Name != "main" })
	if fr := s.Frames(main.Addr, nil); fr[0].Fn != "main" || fr[0].File != "prog.c" || fr[0].Obj != path {
		t.Errorf("%+v", fr)
	}
	if name := o.SectionAt(main.Addr); name != ".text" {
		t.Errorf("main is in section %q", name)
	}
	// A second copy elsewhere is an object of its own; one on top of the first replaces it.
	two := s.Map(path, 2*base+guest.Addr(text.Vaddr), text.Filesz, text.Off, true)
	three := s.Map(path, base+0x1000+guest.Addr(text.Vaddr), text.Filesz, text.Off, true)
	if two == nil || three == nil || s.Object(2*base) != two || s.Object(base+0x1000) != three || s.Object(base) != nil {
		t.Error("copies")
	}
	if gone, _ := s.Unmap(guest.Range{Start: base, End: base + 0x100000}); len(gone) != 1 || gone[0] != three {
		t.Errorf("gone: %v", gone)
	}
	if fr := s.Frames(main.Addr, nil); fr[0].Fn != "" || fr[0].Obj != "" {
		t.Errorf("after unmapping: %+v", fr)
	}
}

// TestVDSO reads the vDSO from our own memory.
func TestVDSO(t *testing.T) {
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	defer maps.Close()
	for sc := bufio.NewScanner(maps); sc.Scan(); {
		if !strings.HasSuffix(sc.Text(), "[vdso]") {
			continue
		}
		var lo, hi uint64
		if _, err := fmt.Sscanf(sc.Text(), "%x-%x", &lo, &hi); err != nil {
			t.Fatal(err)
		}
		mem, err := os.Open("/proc/self/mem")
		if err != nil {
			t.Fatal(err)
		}
		defer mem.Close()
		image := make([]byte, hi-lo)
		if _, err := mem.ReadAt(image, int64(lo)); err != nil {
			t.Skip(err)
		}
		s := NewSpace(Options{Warn: func(m string) { t.Error(m) }})
		o, err := s.AddMemory("[vdso]", guest.Addr(lo), image)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		o.Symbols(func(y Symbol) bool {
			if y.Type == Func && y.Size > 0 {
				n++
				if fr := s.Frames(y.Addr, nil); fr[0].Fn == "" || y.Addr < guest.Addr(lo) || y.Addr >= guest.Addr(hi) {
					t.Errorf("%+v: %+v", y, fr)
				}
			}
			return true
		})
		if n == 0 || o.Soname() == "" {
			t.Errorf("%d functions, soname %q", n, o.Soname())
		}
		if b, addr := o.Section(".eh_frame"); len(b) == 0 || addr == 0 {
			t.Error("no frame information")
		}
		return
	}
	t.Skip("no vDSO here")
}

// TestDamage damages one part of a file at a time: names and lines of the rest stay, and there is a warning.
func TestDamage(t *testing.T) {
	path := build(t, ".c", inlineC, "gcc", "-g", "-O0", "-static-pie")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := stdelf.NewFile(bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	var main guest.Addr
	syms, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, y := range syms {
		if y.Name == "main" {
			main = guest.Addr(y.Value)
		}
	}
	le := func(v byte) []byte { return []byte{v, v, v, v} }
	for _, c := range []struct {
		section  string
		at       uint64
		bytes    []byte
		fn, file string
		warnings int
	}{
		{".debug_info", 4, le(99), "main", "", 1},             // version of the first unit, ours
		{".debug_line", 4, le(99), "main", "", 1},             // version of the first table
		{".debug_abbrev", 0, le(0), "main", "", 1},            // no abbreviations
		{".debug_rnglists", 0, le(0xff), "main", "prog.c", 0}, // not used by ours
		{".debug_str", 0, le('x'), "main", "prog.c", 0},
	} {
		t.Run(c.section, func(t *testing.T) {
			s := f.Section(c.section)
			if s == nil {
				t.Skip("the compiler writes no such section")
			}
			bad := bytes.Clone(good)
			copy(bad[s.Offset+c.at:], c.bytes)
			p := filepath.Join(t.TempDir(), "prog")
			if err := os.WriteFile(p, bad, 0o644); err != nil {
				t.Fatal(err)
			}
			var warnings []string
			sp := NewSpace(Options{Warn: func(m string) { warnings = append(warnings, m) }})
			if _, err := sp.AddImage(p, 0); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				for a := main; a < main+20; a++ {
					fr := sp.Frames(a, nil)
					if got := fr[len(fr)-1]; got.Fn != c.fn || fr[0].File != c.file {
						t.Fatalf("%+v", fr)
					}
				}
			}
			if len(warnings) != c.warnings {
				t.Errorf("%d warnings: %q", len(warnings), warnings)
			}
		})
	}
}

// TestConcurrency asks from several goroutines while objects come and go.
func TestConcurrency(t *testing.T) {
	path := build(t, ".c", inlineC, "gcc", "-g", "-O2")
	s := NewSpace(Options{Warn: func(m string) { t.Error(m) }})
	o, err := s.AddImage(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := o.Text
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for a := text.Start + guest.Addr(g); a < text.End; a += 5 {
				s.Frames(a, nil)
				s.Frames(a+0x10000000, nil)
				if x := s.Object(a); x != nil {
					x.Soname()
					x.DataSymbol(a)
				}
			}
		})
	}
	for range 20 {
		if _, err := s.AddImage(path, 0x10000000); err != nil {
			t.Error(err)
		}
		s.Unmap(guest.Range{Start: 0x10000000, End: 0x20000000})
	}
	wg.Wait()
}

func TestSource(t *testing.T) {
	f := Frame{Dir: "/tmp/dbg/v", File: "lk.c"}
	for _, c := range []struct {
		after []string
		want  string
	}{
		{nil, "lk.c"},
		{[]string{""}, "/tmp/dbg/v/lk.c"},
		{[]string{"/dbg/"}, "v/lk.c"},
		{[]string{"no"}, "/tmp/dbg/v/lk.c"},
		{[]string{"no", "tmp/"}, "dbg/v/lk.c"},
		{[]string{"tmp/", "v/"}, "dbg/v/lk.c"},
	} {
		s := NewSpace(Options{FullPathAfter: c.after})
		if got := s.Source(f); got != c.want {
			t.Errorf("%q: %q, want %q", c.after, got, c.want)
		}
	}
	if got := NewSpace(Options{FullPathAfter: []string{""}}).Source(Frame{}); got != "" {
		t.Errorf("no file: %q", got)
	}
}

func TestBelowMain(t *testing.T) {
	for fn, want := range map[string]bool{"__libc_start_main": true, "__libc_start_main@@GLIBC_2.34": true, "_start": true,
		"__libc_start_call_main": true, "main": false, "": false, "start": false, "clone": false} {
		if BelowMain(fn) != want {
			t.Errorf("%q: %v", fn, !want)
		}
	}
}

// TestNoSectionHeaders drops the section headers of libraries with each kind of hash table.
func TestNoSectionHeaders(t *testing.T) {
	for _, style := range []string{"sysv", "gnu", "both"} {
		t.Run(style, func(t *testing.T) {
			path := build(t, ".c", inlineC, "gcc", "-shared", "-fPIC", "-O2", "-Wl,--hash-style="+style)
			_, whole := space(t, path)
			want := map[string]Symbol{}
			whole.Symbols(func(y Symbol) bool {
				if y.Dynamic {
					want[y.Name] = y
				}
				return true
			})
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			clear(b[40:48]) // e_shoff
			clear(b[60:64]) // e_shnum, e_shstrndx
			bare := path + ".bare"
			if err := os.WriteFile(bare, b, 0o644); err != nil {
				t.Fatal(err)
			}
			s, o := space(t, bare)
			if !o.Mentions("mai") || o.Mentions("no_such_name") {
				t.Error("names are not found in the table of names")
			}
			got := map[string]Symbol{}
			o.Symbols(func(y Symbol) bool { got[y.Name] = y; return true })
			if len(want) == 0 || !maps.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			if f := s.Frames(want["main"].Addr, nil); f[0].Fn != "main" {
				t.Errorf("%+v", f)
			}
			eh, addr := o.Section(".eh_frame")
			wantEH, wantAddr := whole.Section(".eh_frame")
			if addr != wantAddr || !bytes.HasPrefix(eh, wantEH) {
				t.Errorf(".eh_frame: %d bytes at %#x, want %d at %#x", len(eh), addr, len(wantEH), wantAddr)
			}
		})
	}
}

// TestFunction compares Function with the last of Frames, in code with inlined calls, with a symbol table and without one. With a symbol
// table debug information must not have been read.
func TestFunction(t *testing.T) {
	path := build(t, ".c", inlineC, "gcc", "-g", "-O2")
	stripped := filepath.Join(filepath.Dir(path), "stripped")
	run(t, filepath.Dir(path), "objcopy", "--strip-unneeded", "--keep-section=.debug*", path, stripped)
	for _, file := range []string{path, stripped} {
		s, o := space(t, file)
		named := 0
		for pc := o.Text.Start; pc < o.Text.End; pc += 5 {
			fn, obj := s.Function(pc)
			if fn != "" {
				named++
				if file == path && o.dwDone {
					t.Fatalf("%s: debug information was read for %#x", file, uint64(pc))
				}
			}
			fresh, _ := space(t, file)
			frames := fresh.Frames(pc, nil)
			if last := frames[len(frames)-1]; last.RawFn != fn || last.Obj != obj {
				t.Fatalf("%s: %#x is in %q of %s, Frames says %q of %s", file, uint64(pc), fn, obj, last.RawFn, last.Obj)
			}
			if fn == "" {
				s, _ = space(t, file) // Frames has read it
				o = s.Object(pc)
			}
		}
		if named == 0 {
			t.Errorf("%s: no function has a name", file)
		}
	}
}
