package loader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/core/aspace"
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

func errnoOf(err error) unix.Errno {
	var e unix.Errno
	errors.As(err, &e)
	return e
}

// elfFile makes a small well-formed ELF file: one segment with everything, and an interpreter if it is not empty.
func elfFile(interp string) []byte {
	le := binary.LittleEndian
	phnum := 1
	if interp != "" {
		phnum = 2
	}
	b := make([]byte, ehdrSize+phnum*phdrSize)
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], etDyn)
	le.PutUint16(b[18:], machineX86_64)
	le.PutUint64(b[24:], 0x78) // entry
	le.PutUint64(b[32:], ehdrSize)
	le.PutUint16(b[54:], phdrSize)
	le.PutUint16(b[56:], uint16(phnum))
	if interp != "" {
		at := len(b)
		b = append(b, interp...)
		b = append(b, 0)
		p := b[ehdrSize+phdrSize:]
		le.PutUint32(p, ptInterp)
		le.PutUint64(p[8:], uint64(at))
		le.PutUint64(p[32:], uint64(len(interp)+1))
	}
	p := b[ehdrSize:]
	le.PutUint32(p, ptLoad)
	le.PutUint32(p[4:], pfR|pfX)
	le.PutUint64(p[32:], uint64(len(b)))
	le.PutUint64(p[40:], uint64(len(b)))
	le.PutUint64(p[48:], pageSize)
	return b
}

func TestParseHeader(t *testing.T) {
	good := elfFile("/lib/ld.so")
	h, err := parseHeader(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	if !h.dynamic || h.interp != "/lib/ld.so" || h.entry != 0x78 || len(h.phdrs) != 2 || h.execStack {
		t.Errorf("header is %+v", h)
	}
	const load = ehdrSize
	const interp = ehdrSize + phdrSize
	le := binary.LittleEndian
	for _, x := range []struct {
		name  string
		spoil func(b []byte) []byte
		want  string
	}{
		{"32 bits", func(b []byte) []byte { b[4] = 1; b[18] = machineI386; return b }, "32-bit ELF file"},
		{"unknown class", func(b []byte) []byte { b[4] = 7; return b }, "unknown class"},
		{"big-endian", func(b []byte) []byte { b[5] = 2; b[18], b[19] = 0, 22; return b }, "for machine 22"},
		{"arm64", func(b []byte) []byte { b[18] = machineAArch64; return b }, "for AArch64"},
		{"core file", func(b []byte) []byte { b[16] = 4; return b }, "of type 4"},
		{"cut in the header", func(b []byte) []byte { return b[:50] }, "truncated ELF header"},
		{"cut in the program headers", func(b []byte) []byte { return b[:100] }, "no program headers"},
		{"cut in the segment", func(b []byte) []byte { return b[:len(b)-1] }, "reaches beyond the end"},
		{"too many headers", func(b []byte) []byte { b[56], b[57] = 0xff, 0xff; return b }, "65535 program headers"},
		{"headers at the end of numbers", func(b []byte) []byte { le.PutUint64(b[32:], ^uint64(7)); return b }, "no program headers"},
		{"no segment", func(b []byte) []byte { b[load] = 4; return b }, "no segment"},
		{"file larger than memory", func(b []byte) []byte { le.PutUint64(b[load+40:], 3); return b }, "exceeds memory size"},
		{"kernel address", func(b []byte) []byte { le.PutUint64(b[load+16:], 0xffffffff80000000); return b }, "out of range"},
		{"address wraps", func(b []byte) []byte { le.PutUint64(b[load+40:], ^uint64(0)); return b }, "out of range"},
		{"offset not congruent", func(b []byte) []byte { le.PutUint64(b[load+16:], 0x1001); return b }, "does not fit"},
		{"offset wraps", func(b []byte) []byte { le.PutUint64(b[load+8:], ^uint64(0xfff)); return b }, "does not fit"},
		{"empty interpreter", func(b []byte) []byte { b[interp+32] = 1; return b }, "interpreter name of 1 bytes"},
		{"long interpreter", func(b []byte) []byte { le.PutUint64(b[interp+32:], 5000); return b }, "interpreter name of 5000"},
		{"interpreter elsewhere", func(b []byte) []byte { le.PutUint64(b[interp+8:], 1<<40); return b }, "no interpreter name"},
		{"interpreter unfinished", func(b []byte) []byte { b[interp+32]--; return b }, "without end"},
	} {
		b := x.spoil(slices.Clone(good))
		_, err := parseHeader(bytes.NewReader(b), int64(len(b)))
		if err == nil || !strings.Contains(err.Error(), x.want) || errnoOf(err) != unix.ENOEXEC {
			t.Errorf("%s: %v, want ENOEXEC with %q", x.name, err, x.want)
		}
	}
}

// FuzzHeader: whatever a file says, its headers are refused or describe segments that can be laid out without overflow.
func FuzzHeader(f *testing.F) {
	f.Add(elfFile(""))
	f.Add(elfFile("/lib64/ld-linux-x86-64.so.2"))
	if b, err := os.ReadFile("/bin/true"); err == nil {
		f.Add(b[:min(len(b), 4096)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := parseHeader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			if e := errnoOf(err); e != unix.ENOEXEC {
				t.Errorf("refused with %v", e)
			}
			return
		}
		lo, hi, align := h.span()
		if lo >= hi || hi > addrLimit+pageSize || align < pageSize || align&(align-1) != 0 {
			t.Errorf("extent %v-%v, alignment %#x", lo, hi, align)
		}
		for _, p := range h.phdrs {
			if p.kind != ptLoad {
				continue
			}
			m := &placed{}
			start, end := m.pages(p)
			if start < lo || end > hi || p.fileSize > p.memSize || p.fileSize > 0 && p.off+p.fileSize > uint64(len(b)) {
				t.Errorf("segment %+v does not fit %v-%v", p, lo, hi)
			}
		}
		if strings.IndexByte(h.interp, 0) >= 0 || len(h.interp) >= pathMax {
			t.Errorf("interpreter %q", h.interp)
		}
	})
}

func FuzzScript(f *testing.F) {
	for _, s := range []string{"#!/bin/sh\n", "#! /usr/bin/env python3 -u \n", "#!", "#!/x\x00y z\n", "#!" + strings.Repeat("a ", 200)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var head [headSize]byte
		copy(head[:], b)
		interp, arg, hasArg, err := parseScript(head[:])
		if err != nil {
			if err != unix.ENOEXEC || interp != "" || arg != "" || hasArg {
				t.Errorf("%q, %q, %v, %v", interp, arg, hasArg, err)
			}
			return
		}
		if interp == "" || strings.ContainsAny(interp, " \t\n\x00") || strings.ContainsAny(arg, "\n\x00") || !hasArg && arg != "" {
			t.Errorf("interpreter %q, argument %q", interp, arg)
		}
	})
}

func writeFile(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLookup(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, dir, "a/tool", "", 0o644)
	b := writeFile(t, dir, "b/tool", "", 0o755)
	writeFile(t, dir, "c/tool", "", 0o755)
	writeFile(t, dir, "a/dir/x", "", 0o755)
	writeFile(t, dir, "a/plain", "", 0o644)
	path := "PATH=" + dir + "/a:" + dir + "/missing:" + dir + "/b:" + dir + "/c"
	for _, x := range []struct {
		name, want string
		env        []string
		errno      unix.Errno
		code       int
		text       string
	}{
		{name: "tool", env: []string{"X=1", path, "PATH=/second"}, want: b},
		{name: "./tool", env: []string{path}, want: "./tool"},
		{name: "dir", env: []string{path}, errno: unix.ENOENT, code: 127, text: "dir: command not found"},
		{name: "nothing", env: []string{path}, errno: unix.ENOENT, code: 127, text: "nothing: command not found"},
		{name: "plain", env: []string{path}, errno: unix.EACCES, code: 126, text: "plain: Permission denied"},
		{name: "", env: []string{path}, errno: unix.ENOENT, code: 127, text: ": command not found"},
		{name: "sh", env: nil, want: "/bin/sh"},
	} {
		got, err := Lookup(x.name, x.env)
		if got != x.want || errnoOf(err) != x.errno {
			t.Errorf("Lookup(%q) = %q, %v; want %q, %v", x.name, got, err, x.want, x.errno)
			continue
		}
		if err != nil && (err.Error() != x.text || err.(*Error).ExitCode() != x.code) {
			t.Errorf("Lookup(%q): %q, exit code %d; want %q, %d", x.name, err, err.(*Error).ExitCode(), x.text, x.code)
		}
	}
}

func TestShellFallback(t *testing.T) {
	dir := t.TempDir()
	text := writeFile(t, dir, "text", "echo hello\n", 0o755)
	empty := writeFile(t, dir, "empty", "", 0o755)
	binary := writeFile(t, dir, "binary", "\x01\x00\x02", 0o755)
	script := writeFile(t, dir, "script", "#!"+text+"\n", 0o755)
	for _, x := range []struct {
		path string
		on   bool
		want []string
	}{
		{text, true, []string{"/bin/sh", text, "arg"}},
		{text, false, nil},
		{empty, true, []string{"/bin/sh", empty, "arg"}},
		{script, true, []string{"/bin/sh", text, script, "arg"}},
		{binary, true, nil},
	} {
		c, err := resolve(x.path, []string{"zero", "arg"}, Options{ShellFallback: x.on})
		if x.want == nil {
			if errnoOf(err) != unix.ENOEXEC {
				t.Errorf("%s: %v, want ENOEXEC", x.path, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", x.path, err)
			continue
		}
		c.file.Close()
		if !slices.Equal(c.argv, x.want) {
			t.Errorf("%s: arguments %q, want %q", x.path, c.argv, x.want)
		}
	}
}

func TestStackOptions(t *testing.T) {
	var random [16]byte
	copy(random[:], "sixteen bytes...")
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &lim); err != nil {
		t.Fatal(err)
	}
	usual := uint64(unlimitedStack)
	if lim.Cur != unix.RLIM_INFINITY {
		usual = lim.Cur
	}
	for _, x := range []struct{ ask, want uint64 }{
		{0, usual}, {1 << 20, 1 << 20}, {1, minStack}, {minStack + 1, minStack + pageSize}, {1 << 40, maxStack},
	} {
		if got := (&Options{MainStackSize: x.ask}).stackSize(); got != x.want {
			t.Errorf("stackSize(%d) = %d, want %d", x.ask, got, x.want)
		}
	}
	sp := testSpace(t)
	im, err := Load(sp, "/bin/true", []string{"true"}, nil, Options{
		MainStackSize: 1 << 20, Random: &random, Auxv: []uint64{atHWCAP, 0x1234, atSecure, 0, atNull, 0},
	})
	if err != nil {
		t.Fatal(err)
	}
	if im.Stack.Len() != 1<<20 || !im.Stack.Contains(im.SP) || im.Stack.End != sp.Config().Stack.End {
		t.Errorf("stack %v, pointer %v", im.Stack, im.SP)
	}
	aux := make(map[uint64]uint64)
	for i := 0; i < len(im.Auxv); i += 2 {
		aux[im.Auxv[i]] = im.Auxv[i+1]
	}
	if _, ok := aux[atHWCAP2]; ok || aux[atHWCAP] != 0x1234 {
		t.Errorf("vector %v does not follow the host's", im.Auxv)
	}
	got := make([]byte, 16)
	if sp.ReadMem(got, guest.Addr(aux[atRandom])) != 16 || !bytes.Equal(got, random[:]) {
		t.Errorf("AT_RANDOM points to %q", got)
	}
	args := make([]byte, im.Args.Len())
	if sp.ReadMem(args, im.Args.Start); string(args) != "true\x00" {
		t.Errorf("Args holds %q", args)
	}
}

func TestArgumentLimits(t *testing.T) {
	long := strings.Repeat("x", maxArgLen-1)
	many := slices.Repeat([]string{long[:100000]}, 100)
	for _, x := range []struct {
		name string
		argv []string
		env  []string
		size uint64
		want unix.Errno
	}{
		{"longest", []string{long}, nil, 8 << 20, 0},
		{"too long", []string{long + "x"}, nil, 8 << 20, unix.E2BIG},
		{"too long in the environment", nil, []string{long + "x"}, 8 << 20, unix.E2BIG},
		{"2 MB less pointers", many[:20], nil, 8 << 20, 0},
		{"above 2 MB", many[:21], nil, 8 << 20, unix.E2BIG},
		{"more stack takes more", many, nil, 64 << 20, 0},
	} {
		t.Run(x.name, func(t *testing.T) {
			_, err := Load(testSpace(t), "/bin/true", x.argv, x.env, Options{MainStackSize: x.size})
			if errnoOf(err) != x.want {
				t.Errorf("%v, want %v", err, x.want)
			}
		})
	}
}

// TestInterpreterPlace: the interpreter goes to its usual place, or elsewhere in reach when that is taken.
func TestInterpreterPlace(t *testing.T) {
	for _, taken := range []bool{false, true} {
		t.Run(fmt.Sprintf("taken=%v", taken), func(t *testing.T) {
			sp := testSpace(t)
			if taken {
				const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED
				if _, err := sp.Mmap(interpBase, pageSize, unix.PROT_READ, flags, -1, 0); err != nil {
					t.Fatal(err)
				}
			}
			im, err := Load(sp, "/bin/true", []string{"true"}, nil, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !taken && im.InterpBase != interpBase {
				t.Errorf("interpreter at %v, want %v", im.InterpBase, interpBase)
			}
			if low := sp.Config().Low[0]; taken && !low.Covers(im.InterpImage) {
				t.Errorf("interpreter at %v, not in %v", im.InterpImage, low)
			}
		})
	}
}

// TestSegmentInToolSpace: a program linked to where the tool is gets a clear answer.
func TestSegmentInToolSpace(t *testing.T) {
	prog := compile(t, "bare.c", "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext-segment=0x58000000")
	cfg := aspace.Default(false)
	cfg.Tool = aspace.Default(true).Tool
	_, err := Load(aspace.New(cfg), prog, []string{"x"}, nil, Options{})
	if err == nil || !strings.Contains(err.Error(), "0x58000000 cannot be mapped") || err.(*Error).ExitCode() != 126 {
		t.Errorf("Load: %v", err)
	}
}
