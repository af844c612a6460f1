package loader

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/core/aspace"
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// compile builds a test program; it skips the test where there is no compiler for it.
func compile(t testing.TB, src string, flags ...string) string {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	out := filepath.Join(t.TempDir(), "prog")
	args := append([]string{"-O1", "-o", out, filepath.Join("testdata", src)}, flags...)
	if msg, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Skipf("gcc %v: %v\n%s", args, err, msg)
	}
	return out
}

// process is a program just after execve, ours or the kernel's.
type process struct {
	maps   []byte
	sp, pc guest.Addr
	read   func(p []byte, a guest.Addr)
}

// native execs under ptrace and looks at the process before its first instruction.
func native(t *testing.T, path string, argv, envv []string) process {
	t.Helper()
	runtime.LockOSThread() // ptrace wants one and the same thread; it is not unlocked, as the tracee depends on it
	cmd := &exec.Cmd{Path: path, Args: argv, Env: envv, SysProcAttr: &unix.SysProcAttr{Ptrace: true}}
	if err := cmd.Start(); err != nil {
		t.Skipf("cannot start %s under ptrace: %v", path, err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	var ws unix.WaitStatus
	if _, err := unix.Wait4(cmd.Process.Pid, &ws, 0, nil); err != nil || !ws.Stopped() {
		t.Skipf("no stop after exec: %v, %v", ws, err)
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(cmd.Process.Pid, &regs); err != nil {
		t.Skip(err)
	}
	dir := fmt.Sprintf("/proc/%d/", cmd.Process.Pid)
	maps, err := os.ReadFile(dir + "maps")
	if err != nil {
		t.Fatal(err)
	}
	mem, err := os.Open(dir + "mem")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mem.Close() })
	return process{maps: maps, sp: guest.Addr(regs.Rsp), pc: guest.Addr(regs.Rip), read: func(p []byte, a guest.Addr) {
		if _, err := mem.ReadAt(p, int64(a)); err != nil {
			t.Fatalf("reading %v of the kernel's process: %v", a, err)
		}
	}}
}

func ours(t *testing.T, path string, argv, envv []string, opt Options) (process, *Image) {
	t.Helper()
	sp := testSpace(t)
	im, err := Load(sp, path, argv, envv, opt)
	if err != nil {
		t.Fatal(err)
	}
	return process{maps: sp.ProcMaps(), sp: im.SP, pc: im.Entry, read: func(p []byte, a guest.Addr) {
		if n := sp.ReadMem(p, a); n != len(p) {
			t.Fatalf("reading %d bytes at %v: only %d", len(p), a, n)
		}
	}}, im
}

// testSpace is a guest's address space in the test's process, gone with the test.
func testSpace(t testing.TB) *aspace.Space {
	sp := aspace.New(aspace.Default(false))
	t.Cleanup(func() {
		sp.Each(func(m aspace.Mapping) bool {
			if err := sp.Munmap(m.Start, m.Len()); err != nil {
				t.Error(err)
			}
			return true
		})
	})
	return sp
}

func (p process) word(a guest.Addr) uint64 {
	var b [8]byte
	p.read(b[:], a)
	return binary.LittleEndian.Uint64(b[:])
}

func (p process) str(a uint64) string {
	var s []byte
	for b := []byte{0}; ; a++ {
		if p.read(b, guest.Addr(a)); b[0] == 0 {
			return string(s)
		}
		s = append(s, b[0])
	}
}

// contents are what the first stack says, with addresses that are comparable between processes.
type contents struct {
	argv, env []string
	// strings are the distances of all strings from the end of the stack, in the order argv, env, AT_EXECFN.
	strings  []guest.Addr
	auxTypes []uint64
	aux      map[uint64]uint64
	execFn   string
	platform string
}

func (p process) contents(t *testing.T) contents {
	t.Helper()
	c := contents{aux: make(map[uint64]uint64)}
	if p.sp%16 != 0 {
		t.Errorf("stack pointer %v is not aligned", p.sp)
	}
	end := p.stackEnd(t)
	argc := p.word(p.sp)
	a := p.sp + 8
	list := func() (out []string) {
		for ; p.word(a) != 0; a += 8 {
			out = append(out, p.str(p.word(a)))
			c.strings = append(c.strings, end-guest.Addr(p.word(a)))
		}
		a += 8
		return out
	}
	c.argv = list()
	c.env = list()
	if int(argc) != len(c.argv) {
		t.Errorf("argc %d, %d arguments", argc, len(c.argv))
	}
	for ; ; a += 16 {
		typ, val := p.word(a), p.word(a+8)
		c.aux[typ] = val
		switch typ {
		case 33, 27, 28: // AT_SYSINFO_EHDR, AT_RSEQ_*: the package comment says why not
			continue
		}
		c.auxTypes = append(c.auxTypes, typ)
		if typ == atNull {
			break
		}
	}
	c.execFn, c.platform = p.str(c.aux[atExecFn]), p.str(c.aux[atPlatform])
	c.strings = append(c.strings, end-guest.Addr(c.aux[atExecFn]))
	p.read(make([]byte, 16), guest.Addr(c.aux[atRandom]))
	return c
}

type mapLine struct {
	start, end guest.Addr
	perm       string
	off        uint64
	path       string
}

func (l mapLine) String() string { return fmt.Sprintf("%v-%v %s %#x", l.start, l.end, l.perm, l.off) }

func (p process) lines(t *testing.T) (out []mapLine) {
	t.Helper()
	sc := bufio.NewScanner(bytes.NewReader(p.maps))
	for sc.Scan() {
		var l mapLine
		var dev string
		var ino uint64
		if _, err := fmt.Sscanf(sc.Text(), "%x-%x %s %x %s %d", &l.start, &l.end, &l.perm, &l.off, &dev, &ino); err != nil {
			t.Fatalf("%q: %v", sc.Text(), err)
		}
		if f := strings.Fields(sc.Text()); len(f) > 5 {
			l.path = f[5]
		}
		out = append(out, l)
	}
	return out
}

func (p process) stackEnd(t *testing.T) guest.Addr {
	t.Helper()
	for _, l := range p.lines(t) {
		if l.path == "[stack]" {
			return l.end
		}
	}
	t.Fatalf("no stack in\n%s", p.maps)
	return 0
}

// image are the mappings of a file and the anonymous ones that follow it, relative to base.
func (p process) image(t *testing.T, path string, base guest.Addr) (out []mapLine) {
	t.Helper()
	var end guest.Addr
	for _, l := range p.lines(t) {
		if l.path == path || l.path == "" && l.start == end {
			end = l.end
			l.path = ""
			l.start -= base
			l.end -= base
			out = append(out, l)
		}
	}
	return out
}

func (p process) start(t *testing.T, path string) guest.Addr {
	t.Helper()
	for _, l := range p.lines(t) {
		if l.path == path {
			return l.start
		}
	}
	t.Fatalf("no %s in\n%s", path, p.maps)
	return 0
}

// checkSame compares what the kernel and Load make of a program.
func checkSame(t *testing.T, path string, argv, envv []string) {
	t.Helper()
	k := native(t, path, argv, envv)
	o, im := ours(t, path, argv, envv, Options{})
	kc, oc := k.contents(t), o.contents(t)
	for _, x := range []struct {
		what      string
		got, want any
	}{
		{"arguments", oc.argv, kc.argv},
		{"Image.Argv", im.Argv, kc.argv},
		{"environment", oc.env, kc.env},
		{"places of strings", oc.strings, kc.strings},
		{"AT_EXECFN", oc.execFn, kc.execFn},
		{"AT_PLATFORM", oc.platform, kc.platform},
		{"order of the auxiliary vector", oc.auxTypes, kc.auxTypes},
	} {
		if fmt.Sprintf("%q", x.got) != fmt.Sprintf("%q", x.want) {
			t.Errorf("%s: %q, kernel %q", x.what, x.got, x.want)
		}
	}

	kBase, oBase := k.start(t, im.Path), o.start(t, im.Path)
	relative := map[uint64]bool{atPhdr: true, atEntry: true}
	pointer := map[uint64]bool{atBase: true, atRandom: true, atExecFn: true, atPlatform: true}
	for _, typ := range kc.auxTypes {
		got, want := oc.aux[typ], kc.aux[typ]
		if relative[typ] {
			got, want = got-uint64(oBase), want-uint64(kBase)
		}
		if got != want && !pointer[typ] {
			t.Errorf("auxiliary entry %d: %#x, kernel %#x", typ, got, want)
		}
	}
	same := func(path string, kb, ob guest.Addr) {
		got, want := o.image(t, path, ob), k.image(t, path, kb)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\n   got %v\nkernel %v", path, got, want)
		}
		for _, l := range want { // contents, bss included
			if l.perm[0] != 'r' {
				continue
			}
			// Nobody looks at gigabytes of bss; its ends are what can be wrong.
			for _, part := range []guest.Range{{Start: l.start, End: min(l.end, l.start+1<<20)}, {Start: l.end - pageSize, End: l.end}} {
				a, b := make([]byte, part.Len()), make([]byte, part.Len())
				o.read(a, part.Start+ob)
				k.read(b, part.Start+kb)
				if !bytes.Equal(a, b) {
					t.Errorf("%s: contents of %v differ", path, l)
				}
			}
		}
	}
	same(im.Path, kBase, oBase)
	kEntry := k.pc - kBase
	if im.Interp != "" {
		kb, ob := guest.Addr(kc.aux[atBase]), guest.Addr(oc.aux[atBase])
		same(im.InterpPath, kb, ob)
		kBase, oBase, kEntry = kb, ob, k.pc-kb
	} else if oc.aux[atBase] != kc.aux[atBase] {
		t.Errorf("AT_BASE is %#x, kernel %#x", oc.aux[atBase], kc.aux[atBase])
	}
	if o.pc-oBase != kEntry {
		t.Errorf("entry at %v of the image, kernel %v", o.pc-oBase, kEntry)
	}
	kx, ox := k.stackPerm(t), o.stackPerm(t)
	if kx != ox {
		t.Errorf("stack is %s, kernel %s", ox, kx)
	}
}

func (p process) stackPerm(t *testing.T) string {
	for _, l := range p.lines(t) {
		if l.path == "[stack]" {
			return l.perm
		}
	}
	return "none"
}

var (
	someArgs = []string{"name of mine", "", "second argument", strings.Repeat("long ", 1000)}
	someEnv  = []string{"PATH=/bin", "EMPTY=", "NOEQUALS", "LAST=x"}
)

// TestAgainstKernel loads programs of all shapes and compares with what execve makes of them.
func TestAgainstKernel(t *testing.T) {
	for _, x := range []struct {
		name, src string
		flags     []string
	}{
		{"pie", "prog.c", []string{"-pie", "-fPIE"}},
		// The test itself is at 0x400000, where fixed programs usually are.
		{"fixed", "prog.c", []string{"-no-pie", "-Wl,-Ttext-segment=0x30000000"}},
		{"static", "prog.c", []string{"-static", "-Wl,-Ttext-segment=0x30000000"}},
		{"static-pie", "prog.c", []string{"-static-pie", "-fPIE"}},
		{"old alignment", "prog.c", []string{"-pie", "-fPIE", "-Wl,-z,max-page-size=0x200000"}},
		{"text with headers", "prog.c", []string{"-pie", "-fPIE", "-Wl,-z,noseparate-code"}},
		{"executable stack", "prog.c", []string{"-Wl,-z,execstack"}},
		{"no library", "bare.c", []string{"-nostdlib", "-static", "-no-pie", "-Wl,-Ttext-segment=0x30000000"}},
		{"all in one segment", "bare.c", []string{"-nostdlib", "-static", "-no-pie", "-Wl,-N", "-Wl,-Ttext-segment=0x30000000"}},
		{"own interpreter name", "prog.c", []string{"-Wl,--dynamic-linker=/lib64/../lib64/ld-linux-x86-64.so.2"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			checkSame(t, compile(t, x.src, x.flags...), someArgs, someEnv)
		})
	}
	for _, path := range []string{"/bin/ls", "/usr/bin/python3", "/usr/bin/perl", "/lib64/ld-linux-x86-64.so.2"} {
		t.Run(path, func(t *testing.T) {
			f, err := os.Open(path)
			if err != nil {
				t.Skip(err)
			}
			defer f.Close()
			if h, err := readHeader(f); err != nil || !h.dynamic {
				t.Skip("not position-independent, so its place is the test's own")
			}
			checkSame(t, path, someArgs, someEnv)
		})
	}
}

// TestOddSegmentsAgainstKernel loads programs with program headers as no linker makes them.
func TestOddSegmentsAgainstKernel(t *testing.T) {
	prog := compile(t, "bare.c", "-nostdlib", "-static", "-no-pie", "-Wl,-Ttext-segment=0x30000000")
	image, err := os.ReadFile(prog)
	if err != nil {
		t.Fatal(err)
	}
	h, err := parseHeader(bytes.NewReader(image), int64(len(image)))
	if err != nil {
		t.Fatal(err)
	}
	bss := slices.IndexFunc(h.phdrs, func(p phdr) bool { return p.kind == ptLoad && p.memSize > p.fileSize })
	if bss < 0 {
		t.Fatal("no bss")
	}
	p := h.phdrs[bss]
	for _, x := range []struct {
		name  string
		spoil func(b []byte) // b is the program header with the bss
	}{
		{"bss not writable", func(b []byte) { b[4] = pfR }},
		{"bss executable", func(b []byte) { b[4] = pfR | pfX }},
		{"bss only", func(b []byte) { binary.LittleEndian.PutUint64(b[32:], 0) }},
		{"bss ends in its first page", func(b []byte) { binary.LittleEndian.PutUint64(b[40:], p.fileSize+3) }},
		{"no bss", func(b []byte) { binary.LittleEndian.PutUint64(b[40:], p.fileSize) }},
		{"no memory", func(b []byte) { clear(b[32:48]) }},
		{"odd alignment", func(b []byte) { b[48] = 3 }},
	} {
		t.Run(x.name, func(t *testing.T) {
			odd := slices.Clone(image)
			x.spoil(odd[h.phoff+uint64(bss)*phdrSize:])
			path := filepath.Join(t.TempDir(), "prog")
			if err := os.WriteFile(path, odd, 0o755); err != nil {
				t.Fatal(err)
			}
			checkSame(t, path, someArgs, someEnv)
		})
	}
}

// TestCorruptImages loads programs with random damage in their headers: they are refused in one line, or are in place.
func TestCorruptImages(t *testing.T) {
	image, err := os.ReadFile(compile(t, "prog.c", "-pie", "-fPIE"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "prog")
	r := rand.New(rand.NewSource(1))
	loaded := 0
	for i := range 400 {
		b := slices.Clone(image)
		for range 1 + r.Intn(4) {
			at := 16 + r.Intn(ehdrSize+13*phdrSize-16)
			b[at] = []byte{0, 1, 0xff, byte(r.Intn(256)), b[at] ^ 1<<r.Intn(8)}[r.Intn(5)]
		}
		if r.Intn(4) == 0 {
			b = b[:r.Intn(len(b))]
		}
		if err := os.WriteFile(path, b, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			im, err := Load(testSpace(t), path, someArgs, someEnv, Options{})
			if err != nil {
				if e, ok := err.(*Error); !ok || strings.Contains(e.Error(), "\n") || e.ExitCode() < 126 || e.ExitCode() > 127 {
					t.Errorf("%T %v", err, err)
				}
				return
			}
			loaded++
			if !im.Stack.Contains(im.SP) || im.Image.Empty() {
				t.Errorf("image %v, stack pointer %v", im.Image, im.SP)
			}
		})
	}
	if loaded == 0 || loaded == 400 {
		t.Errorf("%d of 400 were loaded: the damage does not test anything", loaded)
	}
}

func TestScriptsAgainstKernel(t *testing.T) {
	prog := compile(t, "prog.c")
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := write("one", "#!"+prog+" -a  -b \t\nrest")
	for _, path := range []string{
		one,
		write("two", "#! "+one+"\targument of two\n"),
		write("plain", "#!"+prog+"\n"),
		write("no newline", "#!"+prog+" x"),
		write("only blanks after", "#!"+prog+"  \t "),
		write("zero", "#!"+prog+" a\x00b c\n"),
		write("long", "#!"+prog+" "+strings.Repeat("y", 500)+"\n"),
		write("carriage", "#!"+prog+" -w\r\n"),
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Run("arguments", func(t *testing.T) { checkSame(t, path, someArgs, someEnv) })
			t.Run("none", func(t *testing.T) { checkSame(t, path, nil, []string{}) })
		})
	}
}

// TestErrorsAgainstKernel compares refusals with execve's and with a shell's exit status.
func TestErrorsAgainstKernel(t *testing.T) {
	prog := compile(t, "prog.c")
	image, err := os.ReadFile(prog)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	patch := func(name string, at int, b ...byte) string {
		c := slices.Clone(image)
		copy(c[at:], b)
		return write(name, c, 0o755)
	}
	script := func(name, text string) string { return write(name, []byte(text), 0o755) }
	interp := bytes.Index(image, []byte("/lib64/ld-linux-x86-64.so.2"))
	nested := prog
	var chain []string
	for i := range 7 {
		nested = script(fmt.Sprint("nested", i), "#!"+nested+"\n")
		chain = append(chain, nested)
	}
	for _, path := range append(chain,
		filepath.Join(dir, "missing"),
		filepath.Join(prog, "below a file"),
		dir,
		"/dev/null",
		write("not executable", image, 0o644),
		write("empty", nil, 0o755),
		write("short", image[:40], 0o755),
		write("binary", []byte{1, 2, 3, 0, 0}, 0o755),
		script("text", "echo hello\n"),
		script("no interpreter", "#!/no/such/file\n"),
		script("interpreter is a directory", "#!/tmp\n"),
		script("nothing after", "#!\n"),
		script("blanks after", "#!  \t \n"),
		script("endless name", "#!/"+strings.Repeat("x", 400)+"\n"),
		patch("other machine", 18, 183),
		patch("object file", 16, 1),
		patch("no headers", 56, 0, 0),
		patch("odd header size", 54, 32),
		patch("headers beyond the end", 32, 0, 0, 0, 0, 1),
		patch("missing interpreter", interp, []byte("/lib64/no")...),
		patch("interpreter is text", interp, []byte("/etc/passwd\x00")...),
		patch("interpreter is a directory, too", interp, []byte("/etc\x00")...),
	) {
		name := strings.TrimPrefix(path, dir+"/")
		want := (&exec.Cmd{Path: path, Args: []string{"x"}, Env: someEnv}).Run()
		var got error
		t.Run("load", func(t *testing.T) { // which takes the space down again
			_, got = Load(testSpace(t), path, []string{"x"}, someEnv, Options{})
		})
		wantErrno, gotErrno := errnoOf(want), errnoOf(got)
		if gotErrno != wantErrno {
			t.Errorf("%s: %v (%q), kernel %v", name, gotErrno, got, wantErrno)
		}
		if got == nil {
			continue
		}
		t.Log(got)
		if strings.Contains(got.Error(), "\n") || !strings.HasPrefix(got.Error(), path+": ") {
			t.Errorf("%s: %q is not one line with the program's name", name, got)
		}
		// A shell runs what execve calls ENOEXEC and looks like text; its status is the script's then.
		if gotErrno == unix.ENOEXEC {
			continue
		}
		bash := exec.Command("bash", "-c", `"$0"`, path)
		bash.Run()
		wantCode := bash.ProcessState.ExitCode()
		if name == "no interpreter" {
			wantCode = 126 // Valgrind's, and that of older shells
		}
		if code := got.(*Error).ExitCode(); code != wantCode {
			t.Errorf("%s: exit code %d, want %d", name, code, wantCode)
		}
	}
}
