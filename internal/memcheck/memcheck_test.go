package memcheck

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"testing"

	"gogrind/internal/debuginfo"
	"gogrind/internal/debuginfo/dwarf"
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
)

func TestAccesses(t *testing.T) {
	const block = heapBase + 0x1000
	alloc := "   at 0x500001: malloc (vg_replace_malloc.c:1)\n   by 0x400107: make (prog.c:7)\n   by 0x400105: main (prog.c:5)\n"
	free := "   at 0x500002: free (vg_replace_malloc.c:2)\n   by 0x400109: use (prog.c:9)\n   by 0x400105: main (prog.c:5)\n"
	here := "   at 0x400109: use (prog.c:9)\n   by 0x400105: main (prog.c:5)\n"
	rows := []struct {
		name  string
		args  []string
		kind  isa.AccessKind
		addr  guest.Addr
		size  int
		freed bool
		want  string
	}{
		{name: "inside", kind: isa.Load, addr: block + 2, size: 8},
		{name: "after", kind: isa.Store, addr: block + 10, size: 1,
			want: "Invalid write of size 1\n" + here + " Address " + at(block+10) + " is 0 bytes after a block of size 10 alloc'd\n" + alloc + "\n"},
		{name: "over the end", kind: isa.Load, addr: block + 9, size: 4,
			want: "Invalid read of size 4\n" + here + " Address " + at(block+9) + " is 9 bytes inside a block of size 10 alloc'd\n" + alloc + "\n"},
		{name: "before", kind: isa.Load, addr: block - 1, size: 1,
			want: "Invalid read of size 1\n" + here + " Address " + at(block-1) + " is 1 bytes before a block of size 10 alloc'd\n" + alloc + "\n"},
		{name: "modify", kind: isa.Modify, addr: block + 8, size: 8, // one error, twice
			want: "Invalid read of size 8\n" + here + " Address " + at(block+8) + " is 8 bytes inside a block of size 10 alloc'd\n" + alloc + "\n"},
		{name: "after free", kind: isa.Load, addr: block + 3, size: 1, freed: true,
			want: "Invalid read of size 1\n" + here + " Address " + at(block+3) + " is 3 bytes inside a block of size 10 free'd\n" + free +
				" Block was alloc'd at\n" + alloc + "\n"},
		{name: "after free, without its stack", args: []string{"--keep-stacktraces=alloc"}, kind: isa.Load, addr: block + 3, size: 1, freed: true,
			want: "Invalid read of size 1\n" + here + " Address " + at(block+3) + " is 3 bytes inside a block of size 10 free'd\n   at 0x0: ???\n" +
				" Block was alloc'd at\n" + alloc + "\n"},
		{name: "after free, without any stack", args: []string{"--keep-stacktraces=none"}, kind: isa.Load, addr: block + 3, size: 1, freed: true,
			want: "Invalid read of size 1\n" + here + " Address " + at(block+3) + " is 3 bytes inside a block of size 10 free'd\n   at 0x0: ???\n\n"},
		{name: "behind, without its stack", args: []string{"--keep-stacktraces=free"}, kind: isa.Load, addr: block + 10, size: 1,
			want: "Invalid read of size 1\n" + here + " Address " + at(block+10) + " is 0 bytes after a block of size 10 alloc'd\n   at 0x0: ???\n\n"},
		{name: "partial word", kind: isa.Load, addr: block + 8, size: 8},
		{name: "partial half", kind: isa.Load, addr: block + 8, size: 4},
		{name: "partial short", kind: isa.Load, addr: block + 9, size: 2,
			want: "Invalid read of size 2\n" + here + " Address " + at(block+9) + " is 9 bytes inside a block of size 10 alloc'd\n" + alloc + "\n"},
		{name: "partial word, strict", args: []string{"--partial-loads-ok=no"}, kind: isa.Load, addr: block + 8, size: 8,
			want: "Invalid read of size 8\n" + here + " Address " + at(block+8) + " is 8 bytes inside a block of size 10 alloc'd\n" + alloc + "\n"},
		{name: "word outside", kind: isa.Load, addr: block + 16, size: 8,
			want: "Invalid read of size 8\n" + here + " Address " + at(block+16) + " is 6 bytes after a block of size 10 alloc'd\n" + alloc + "\n"},
		{name: "wild", kind: isa.Load, addr: 8, size: 4,
			want: "Invalid read of size 4\n" + here + " Address 0x8 is not stack'd, malloc'd or (recently) free'd\n\n"},
		{name: "below sp", kind: isa.Store, addr: stackTop - 0x1200, size: 8,
			want: "Invalid write of size 8\n" + here + " Address " + at(stackTop-0x1200) + " is on thread 1's stack\n 512 bytes below stack pointer\n\n"},
		{name: "below sp, an aligned load", kind: isa.Load, addr: stackTop - 0x1200, size: 8,
			want: "Invalid read of size 8\n" + here + " Address " + at(stackTop-0x1200) + " is on thread 1's stack\n 512 bytes below stack pointer\n\n"},
		{name: "red zone", kind: isa.Store, addr: stackTop - 0x1080, size: 8},
		{name: "ignored below sp", args: []string{"--ignore-range-below-sp=1024-129"}, kind: isa.Store, addr: stackTop - 0x1200, size: 8},
		{name: "not ignored below sp", args: []string{"--ignore-range-below-sp=511-129"}, kind: isa.Store, addr: stackTop - 0x1200, size: 8,
			want: "Invalid write of size 8\n" + here + " Address " + at(stackTop-0x1200) + " is on thread 1's stack\n 512 bytes below stack pointer\n\n"},
		{name: "ignored range", args: []string{"--ignore-ranges=0x0-0x10,0x20-0x30"}, kind: isa.Store, addr: 0x28, size: 8},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m, h, th := start(t, row.args...)
			h.alloc(m, th, block, 10)
			if row.freed {
				h.free(m, th, block)
			}
			m.Leave(th, row.kind, row.addr, row.size)
			h.expect(row.want)
		})
	}
}

// TestSettle: what options say about each other.
func TestSettle(t *testing.T) {
	const noEffect = "Warning: --freelist-big-blocks value 5 has no effect\nas it is >= to --freelist-vol value 5\n"
	rows := []struct {
		args      string
		xml       bool
		verbosity int
		want      string
		leakCheck string
	}{
		{"--leak-check=no", false, 1, "", "no"},
		{"--leak-check=no", true, 1, "", "full"},
		{"--freelist-vol=5 --freelist-big-blocks=5", false, 1, noEffect, "summary"},
		{"--freelist-vol=5 --freelist-big-blocks=5", false, 0, "", "summary"},
		{"--freelist-vol=6 --freelist-big-blocks=5", false, 1, "", "summary"},
		{"--workaround-gcc296-bugs=yes", false, 1,
			"Warning: --workaround-gcc296-bugs=yes is deprecated.\nWarning: Instead use: --ignore-range-below-sp=1024-1\n\n", "summary"},
	}
	for _, row := range rows {
		t.Run(fmt.Sprintf("%s/%v/%d", row.args, row.xml, row.verbosity), func(t *testing.T) {
			m, h, _ := start(t, strings.Fields(row.args)...)
			before := len(h.text())
			h.opt.XML, h.opt.Verbosity = row.xml, row.verbosity
			m.settle()
			if got := h.text()[before:]; got != row.want || m.opts.leakCheck != row.leakCheck {
				t.Errorf("leak check %s, says %q, want %s and %q", m.opts.leakCheck, got, row.leakCheck, row.want)
			}
		})
	}
}

// TestStackPlaces: what is said of addresses on the stack, with and without --read-var-info=yes.
func TestStackPlaces(t *testing.T) {
	const sp = stackTop - 0x1000
	rows := []struct {
		name string
		args []string
		addr guest.Addr
		want string
	}{
		{name: "frame", addr: sp + 0x60, want: " Address " + at(sp+0x60) + " is on thread 1's stack\n in frame #1, created by ???\n\n"},
		{name: "above all frames", addr: sp + 0x500, want: " Address " + at(sp+0x500) + " is on thread 1's stack\n\n"},
		{name: "variable", args: []string{"vars"}, addr: sp + 0x61,
			want: " Location " + at(sp+0x61) + " is 1 byte inside local var \"x\"\n declared at prog.c:3, in frame #1 of thread 1\n\n"},
		{name: "part of a variable", args: []string{"vars"}, addr: sp + 0x72,
			want: " Location " + at(sp+0x72) + " is 2 bytes inside y[4].z,\n declared at prog.c:4, in frame #1 of thread 1\n\n"},
		{name: "no variable", args: []string{"vars"}, addr: sp + 0x90,
			want: " Address " + at(sp+0x90) + " is on thread 1's stack\n in frame #1, created by ???\n\n"},
		{name: "below", args: []string{"vars"}, addr: sp - 136, want: " Address " + at(sp-136) + " is on thread 1's stack\n 136 bytes below stack pointer\n\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m, h, th := start(t)
			h.opt.ReadVarInfo = row.args != nil
			h.frames = []guest.Addr{sp + 0x48, sp + 0x208}
			h.locals = map[guest.Range]debuginfo.Variable{
				{Start: sp + 0x60, End: sp + 0x64}: {Name: "x", Position: dwarf.Position{File: "prog.c", Line: 3}},
				{Start: sp + 0x70, End: sp + 0x78}: {Name: "y", Path: "[4].z", Position: dwarf.Position{File: "prog.c", Line: 4}},
			}
			m.BadFree(th, "free", row.addr, tool.HeapBlock{}, false)
			if !strings.HasSuffix(h.text(), row.want) {
				t.Errorf("log lacks %q:\n%s", row.want, h.text())
			}
		})
	}
}

func TestOnceEach(t *testing.T) {
	m, h, th := start(t)
	for range 5 {
		m.Leave(th, isa.Load, 8, 4)
	}
	if c := h.rep.Counts(); c.Errors != 5 || c.Contexts != 1 {
		t.Errorf("%+v", c)
	}
	if n := strings.Count(h.text(), "Invalid read"); n != 1 {
		t.Errorf("shown %d times", n)
	}
}

func TestFrees(t *testing.T) {
	const block = heapBase + 0x2000
	m, h, th := start(t)
	b := h.alloc(m, th, block, 8)
	th.pcs = freePCs
	m.BadFree(th, "free", block+4, tool.HeapBlock{}, false)
	m.MismatchedFree(th, "free", tool.KindMalloc, b)
	m.FishySize(th, "malloc", "size", -8)
	th.pcs = []guest.Addr{0x500002, 0x400106}
	m.BadFree(th, "free", dataBase+5, tool.HeapBlock{}, false)
	alloc := "   at 0x500001: malloc (vg_replace_malloc.c:1)\n   by 0x400107: make (prog.c:7)\n   by 0x400105: main (prog.c:5)\n"
	free := "   at 0x500002: free (vg_replace_malloc.c:2)\n   by 0x400109: use (prog.c:9)\n   by 0x400105: main (prog.c:5)\n"
	h.expect("Invalid free() / delete / delete[] / realloc()\n" + free +
		" Address " + at(block+4) + " is 4 bytes inside a block of size 8 alloc'd\n" + alloc + "\n" +
		"Mismatched free() / delete / delete []\n" + free +
		" Address " + at(block) + " is 0 bytes inside a block of size 8 alloc'd\n" + alloc + "\n" +
		"Argument 'size' of function malloc has a fishy (possibly negative) value: -8\n" + free + "\n" +
		"Invalid free() / delete / delete[] / realloc()\n" +
		"   at 0x500002: free (vg_replace_malloc.c:2)\n   by 0x400105: main (prog.c:5)\n" +
		" Address " + at(dataBase+5) + " is in a rw- mapped file /bin/prog segment\n\n")
}

func TestMismatchedFreesHidden(t *testing.T) {
	m, h, th := start(t, "--show-mismatched-frees=no")
	m.MismatchedFree(th, "free", tool.KindMalloc, h.alloc(m, th, heapBase+64, 8))
	h.expect("")
}

func TestKernel(t *testing.T) {
	const block = heapBase + 0x3000
	tail := "\n   at 0x400109: use (prog.c:9)\n   by 0x400105: main (prog.c:5)\n Address " + at(block+10) +
		" is 0 bytes after a block of size 10 alloc'd\n   at 0x500001: malloc (vg_replace_malloc.c:1)\n" +
		"   by 0x400107: make (prog.c:7)\n   by 0x400105: main (prog.c:5)\n\n"
	rows := []struct {
		name string
		run  func(m *Memcheck, h *fakeHost, th *fakeThread)
		want string
	}{
		{"read in bounds", func(m *Memcheck, h *fakeHost, th *fakeThread) {
			m.BeforeRead(th, "write", "write(buf)", guest.Range{Start: block, End: block + 10})
		}, ""},
		{"read", func(m *Memcheck, h *fakeHost, th *fakeThread) {
			m.BeforeRead(th, "write", "write(buf)", guest.Range{Start: block + 4, End: block + 20})
		}, "Syscall param write(buf) points to unaddressable byte(s)" + tail},
		{"write", func(m *Memcheck, h *fakeHost, th *fakeThread) {
			m.BeforeWrite(th, "read", "read(buf)", guest.Range{Start: block, End: block + 11})
			m.AfterWrite(th, guest.Range{Start: block, End: block + 11})
			if v := m.shadow.At(block + 10); v != shadow.NoAccess {
				h.t.Errorf("the byte after the block became %#x", v)
			}
		}, "Syscall param read(buf) points to unaddressable byte(s)" + tail},
		{"wrapping length", func(m *Memcheck, h *fakeHost, th *fakeThread) {
			m.BeforeRead(th, "write", "write(buf)", guest.Range{Start: block, End: block - 1})
		}, "Syscall param write(buf) points to unaddressable byte(s)" + tail},
		{"string", func(m *Memcheck, h *fakeHost, th *fakeThread) {
			h.WriteMem([]byte("name\x00"), block)
			m.BeforeReadString(th, "open", "open(filename)", block)
		}, ""},
		{"string without end", func(m *Memcheck, h *fakeHost, th *fakeThread) {
			h.WriteMem([]byte("0123456789ab\x00"), block)
			m.BeforeReadString(th, "open", "open(filename)", block)
		}, "Syscall param open(filename) points to unaddressable byte(s)" + tail},
		{"string nowhere", func(m *Memcheck, h *fakeHost, th *fakeThread) {
			m.BeforeReadString(th, "open", "open(filename)", 0x10)
		}, "Syscall param open(filename) points to unaddressable byte(s)\n   at 0x400109: use (prog.c:9)\n" +
			"   by 0x400105: main (prog.c:5)\n Address 0x10 is not stack'd, malloc'd or (recently) free'd\n\n"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m, h, th := start(t)
			h.alloc(m, th, block, 10)
			row.run(m, h, th)
			h.expect(row.want)
		})
	}
}

func TestJump(t *testing.T) {
	m, h, th := start(t)
	th.regs.RIP = 0x10
	m.Fault(th, sigSEGV, 1, 0x10)
	m.Fault(th, sigSEGV, 1, 0x20)           // a data access: was checked before
	m.Fault(th, sigSEGV, 2, dataBase+0x100) // mapped, not executable
	h.expect("Jump to the invalid address stated on the next line\n   at 0x400109: use (prog.c:9)\n" +
		"   by 0x400105: main (prog.c:5)\n Address 0x10 is not stack'd, malloc'd or (recently) free'd\n\n")
}

func TestMappings(t *testing.T) {
	m, _, _ := start(t)
	r := guest.Range{Start: dataBase + 2*areaSize, End: dataBase + 3*areaSize}
	check := func(what string, want byte) {
		t.Helper()
		for _, a := range []guest.Addr{r.Start, r.Start + 0x5123, r.End - 1} {
			if v := m.shadow.At(a); v != want {
				t.Errorf("%s: shadow of %v is %#x, want %#x", what, a, v, want)
			}
		}
	}
	m.Mapped(tool.Mapping{Range: r, Prot: guest.Read})
	check("readable", shadow.Defined)
	m.Mapped(tool.Mapping{Range: r})
	check("reserved", shadow.NoAccess)
	m.Protected(r, guest.Read|guest.Write)
	check("made accessible", shadow.Defined)
	m.Protected(r, 0)
	check("protected again", shadow.Defined)
	to := guest.Range{Start: r.Start + 4*areaSize, End: r.End + 5*areaSize}
	m.shadow.MakeNoAccess(guest.Range{Start: r.Start + 0x5000, End: r.Start + 0x5001})
	m.Moved(r, to)
	check("moved away", shadow.NoAccess)
	if v := m.shadow.At(to.Start + 0x5000); v != shadow.NoAccess {
		t.Errorf("state did not move along: %#x", v)
	}
	r = guest.Range{Start: to.Start + 0x6000, End: to.End}
	check("moved", shadow.Defined)
	m.Unmapped(to)
	check("unmapped", shadow.NoAccess)
	huge := guest.Range{Start: dataBase + 1<<36, End: dataBase + 1<<40}
	m.Mapped(tool.Mapping{Range: huge})
	m.Protected(guest.Range{Start: huge.Start + 1<<20, End: huge.Start + 2<<20}, guest.Read)
	r = guest.Range{Start: huge.Start + 1<<20, End: huge.Start + 2<<20}
	check("piece of a reservation", shadow.Defined)
	m.Unmapped(huge)
	check("reservation gone", shadow.NoAccess)
}

func TestStackMoved(t *testing.T) {
	m, _, th := start(t)
	sp := stackTop - 0x1000
	frame := guest.Range{Start: sp - 0x400 - 128, End: sp - 128}
	check := func(when string) {
		t.Helper()
		for _, a := range []guest.Addr{frame.Start, frame.Start + 0x200, frame.End - 1} {
			if v := m.shadow.At(a); v != shadow.Undefined {
				t.Errorf("%s: %v is %#x", when, a, v)
			}
		}
		if v := m.shadow.At(frame.Start - 1); v != shadow.Defined {
			t.Errorf("%s: too much has changed: %#x", when, v)
		}
	}
	m.shadow.MakeDefined(guest.Range{Start: frame.Start - 16, End: sp})
	m.StackMoved(th, sp, sp-0x400)
	check("taken")
	m.shadow.MakeDefined(frame)
	m.StackMoved(th, sp-0x400, sp)
	check("given back")
}

// bigStack is a thread with a stack of 100 MB.
type bigStack struct{ fakeThread }

func (*bigStack) Stack() guest.Range {
	return guest.Range{Start: dataBase + 1<<36, End: dataBase + 1<<36 + 100<<20}
}

func TestBelowStack(t *testing.T) {
	m, _, _ := start(t)
	var th bigStack
	r := th.Stack()
	m.Mapped(tool.Mapping{Range: r, Prot: guest.Read | guest.Write})
	defer m.Unmapped(r)
	sp := r.End - 4096
	th.regs.GPR[guest.RSP] = uint64(sp)
	m.belowStack(&th)
	low := sp - stackRedZone - stackMarked
	for a, want := range map[guest.Addr]byte{
		sp - stackRedZone: shadow.Defined, sp - stackRedZone - 1: shadow.Undefined, low: shadow.Undefined, low - 1: shadow.Defined,
		sp - 20<<20: shadow.Undefined, r.Start: shadow.Defined,
	} {
		if got := m.shadow.At(a); got != want {
			t.Errorf("%v: %#x, want %#x", a, got, want)
		}
	}
	if !m.shadow.Backed(r) {
		t.Error("the stack has lost shadow pages")
	}
	th.regs.GPR[guest.RSP] = uint64(dataBase)
	m.belowStack(&th) // on no stack that is known: nothing to mark
	if got := m.shadow.At(dataBase - 1); got != shadow.NoAccess {
		t.Errorf("%#x", got)
	}
}

func TestInstrument(t *testing.T) {
	rows := []struct {
		name string
		code []byte
		want string
	}{
		{"mov (%rdi),%rax", []byte{0x48, 0x8b, 0x07}, "check0"},
		{"mov %rax,(%rdi)", []byte{0x48, 0x89, 0x07}, "check0"},
		{"add %eax,(%rdi)", []byte{0x01, 0x07}, "check0"},
		{"movsb", []byte{0xa4}, "check0 check1"},
		{"push %rax", []byte{0x50}, "define0 stack"},
		{"pop %rax", []byte{0x58}, "check0 stack"},
		{"mov 8(%rsp),%rax", []byte{0x48, 0x8b, 0x44, 0x24, 0x08}, "check0"},
		{"mov %rax,8(%rsp)", []byte{0x48, 0x89, 0x44, 0x24, 0x08}, "define0"},
		{"mov -0x90(%rsp),%rax", []byte{0x48, 0x8b, 0x84, 0x24, 0x70, 0xff, 0xff, 0xff}, "check0"},
		{"mov (%rsp,%rcx),%al", []byte{0x8a, 0x04, 0x0c}, "check0"},
		{"sub $8,%rsp", []byte{0x48, 0x83, 0xec, 0x08}, "stack"},
		{"lea (%rdi),%rax", []byte{0x48, 0x8d, 0x07}, ""},
		{"leave", []byte{0xc9}, "check0 stack"},
		{"ret", []byte{0xc3}, "return stack"},
		{"nop", []byte{0x90}, ""},
	}
	m, _, _ := start(t)
	for _, row := range rows {
		var in amd64.Inst
		if err := amd64.Decode(row.code, &in); err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		b := tool.Block{Insts: []tool.Inst{{Code: row.code, Inst: &in, Mem: in.MemAccesses(nil), Written: in.WrittenGPRs()}}}
		m.Instrument(&b)
		var got []string
		for _, a := range b.Anns {
			s := map[tool.Op]string{tool.OpCheck: "check", tool.OpDefine: "define", tool.OpStack: "stack", tool.OpReturn: "return"}[a.Op]
			if a.Op != tool.OpStack && a.Op != tool.OpReturn {
				s += string(rune('0' + a.Mem))
			}
			got = append(got, s)
		}
		if g := strings.Join(got, " "); g != row.want {
			t.Errorf("%s: %q, want %q", row.name, g, row.want)
		}
	}
}

func TestFlags(t *testing.T) {
	rows := []struct {
		args string
		err  string // part of the message, "" when accepted
		ok   func(o *settings) bool
	}{
		{"--leak-check=full", "", func(o *settings) bool { return o.leakCheck == "full" }},
		{"--leak-check=foo", "Unknown option", nil},
		{"--leak-resolution=med", "", func(o *settings) bool { return o.leakResolution == "med" }},
		{"--show-leak-kinds=definite,reachable", "", func(o *settings) bool { return o.showKinds == 1<<kindDefinite|1<<kindReachable }},
		{"--show-leak-kinds=definite,foo", "definite,foo is an invalid show-leak-kinds set", nil},
		{"--errors-for-leak-kinds=none", "", func(o *settings) bool { return o.errorKinds == 0 }},
		{"--errors-for-leak-kinds=", " is an invalid errors-for-leak-kinds set", nil},
		{"--show-reachable=yes", "", func(o *settings) bool { return o.showKinds == 15 }},
		{"--show-possibly-lost=no", "", func(o *settings) bool { return o.showKinds == 1<<kindDefinite }},
		{"--show-reachable=x", "Invalid boolean value 'x' (should be 'yes' or 'no')", nil},
		{"--freelist-vol=-1", "'--freelist-vol' argument must be between 0 and 10000000000", nil},
		{"--freelist-vol=abc", "Invalid integer value 'abc'", nil},
		{"--malloc-fill=0xAB", "", func(o *settings) bool { return o.mallocFill == 0xab }},
		{"--free-fill=100", "'--free-fill' argument must be between 0 and 255", nil},
		{"--ignore-ranges=0x10-0x20,0x40-0x50", "", func(o *settings) bool { return len(o.ignoreRanges) == 2 && o.ignoreRanges[1].End == 0x50 }},
		{"--ignore-ranges=0x100-0x10", "--ignore-ranges: invalid syntax, or end <= start in range", nil},
		{"--ignore-ranges=10-20", "--ignore-ranges: invalid syntax, or end <= start in range", nil},
		{"--ignore-range-below-sp=8192-8189", "", func(o *settings) bool {
			return o.ignoreBelowSP.Contains(8192) && o.ignoreBelowSP.Contains(8189) && !o.ignoreBelowSP.Contains(8188)
		}},
		{"--ignore-range-below-sp=1-5", "invalid offsets (the first must be larger): 1 and 5", nil},
		{"--ignore-range-below-sp=foo", "invalid syntax.  Expected", nil},
		{"--track-origins=yes --undef-value-errors=no", "--track-origins=yes has no effect when --undef-value-errors=no.", nil},
		{"--keep-stacktraces=none", "", func(o *settings) bool { return o.keepStacks == "none" }},
		{"--leak-check-heuristics=stdstring,newarray", "", func(o *settings) bool { return o.heuristics == 5 }},
	}
	for _, row := range rows {
		m := New()
		fs := flag.NewFlagSet("memcheck", flag.ContinueOnError)
		fs.SetOutput(io.Discard)
		m.Flags(fs)
		err := fs.Parse(strings.Fields(row.args))
		switch {
		case row.err == "" && err != nil:
			t.Errorf("%s: %v", row.args, err)
		case row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)):
			t.Errorf("%s: error %v, want %q", row.args, err, row.err)
		case row.ok != nil && !row.ok(&m.opts):
			t.Errorf("%s: settings %+v", row.args, m.opts)
		}
	}
}
