package unwind

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gogrind/internal/debuginfo"
	"gogrind/internal/debuginfo/dwarf"
	"gogrind/internal/guest"
)

// words is memory made of eight-byte words; everything else is unmapped.
type words map[guest.Addr]uint64

func (m words) ReadMem(p []byte, a guest.Addr) int {
	for i := range p {
		at := a + guest.Addr(i)
		w, ok := m[at&^7]
		if !ok {
			return i
		}
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], w)
		p[i] = b[at&7]
	}
	return len(p)
}

func (m words) WriteMem([]byte, guest.Addr) int { return 0 }

// page fills in the rest of the stack's page, which is read as a whole.
func (m words) page(base guest.Addr) words {
	for a := base; a < base+guest.PageSize; a += 8 {
		if _, ok := m[a]; !ok {
			m[a] = 0
		}
	}
	return m
}

// TestWithoutInfo unwinds code that has no frame information.
func TestWithoutInfo(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := debuginfo.NewSpace(debuginfo.Options{})
	o, err := s.AddImage(exe, 0)
	if err != nil {
		t.Fatal(err)
	}
	known := uint64(o.Text.Start) + 0x123 // code of an object
	const jit, st = 0x7000000, 0x10000
	sigret := words{jit + 0x800: binary.LittleEndian.Uint64([]byte("\x48\xc7\xc0\x0f\x00\x00\x00\x0f")), jit + 0x808: 0x05}
	for _, r := range []struct {
		name        string
		rip, sp, bp uint64
		mem         words
		want        []guest.Addr
	}{
		{"frame pointers", jit, st, st + 0x10, words{st + 0x10: st + 0x30, st + 0x18: jit + 1, st + 0x30: 0, st + 0x38: jit + 2}.page(st),
			[]guest.Addr{jit, jit + 1, jit + 2}},
		{"call through a null pointer", 0, st, 0, words{st: known}.page(st), []guest.Addr{0, guest.Addr(known)}},
		{"call to data, in spite of a frame pointer", uint64(o.Text.End) + 0x1000, st, st + 0x10, words{st: known, st + 0x10: st + 0x30, st + 0x18: jit + 1}.page(st),
			[]guest.Addr{o.Text.End + 0x1000, guest.Addr(known), jit + 1}},
		{"wild pc, wild stack", 0x10, 0x20, 0x30, words{}, []guest.Addr{0x10}},
		{"all ones", ^uint64(0), ^uint64(0), ^uint64(7), words{}, []guest.Addr{^guest.Addr(0)}},
		{"frame pointer below the stack pointer", jit, st + 0x20, st, words{st: st + 8, st + 8: jit}.page(st), []guest.Addr{jit}},
		{"frame pointer to itself", jit, st, st + 0x10, words{st + 0x10: st + 0x10, st + 0x18: jit + 5}.page(st), []guest.Addr{jit, jit + 5}},
		{"frame record without a code address", jit, st, st + 0x10, words{st + 0x10: st + 0x30, st + 0x18: st}.page(st),
			[]guest.Addr{jit}},
		{"misaligned frame pointer", jit, st, st + 9, words{}.page(st), []guest.Addr{jit}},
		// ucontext at the stack pointer: rbp at 120, rsp at 160, rip at 168 of it
		{"rt_sigreturn without frame information", jit + 0x800, st, 0, merge(sigret, words{st + 120: st + 0x210, st + 160: st + 0x200,
			st + 168: jit + 0x40, st + 0x210: 0, st + 0x218: jit + 7}.page(st)), []guest.Addr{jit + 0x800, jit + 0x41, jit + 7}},
	} {
		t.Run(r.name, func(t *testing.T) {
			u := New(&Config{Space: s, Mem: r.mem, Code: func(a guest.Addr) bool { return a&^0xfff == jit || o.Text.Contains(a) }})
			regs := guest.Regs{RIP: r.rip}
			regs.GPR[guest.RSP], regs.GPR[guest.RBP] = r.sp, r.bp
			var pcs [16]guest.Addr
			n := u.Unwind(&regs, pcs[:])
			if len(r.want) != n {
				t.Fatalf("got %v, want %v", pcs[:n], r.want)
			}
			for i, w := range r.want {
				if pcs[i] != w {
					t.Errorf("got %v, want %v", pcs[:n], r.want)
					break
				}
			}
		})
	}
}

func merge(a, b words) words {
	for k, v := range a {
		b[k] = v
	}
	return b
}

// TestEval checks operators of expressions one by one.
func TestEval(t *testing.T) {
	u := New(&Config{Mem: words{0x1000: 0x1122334455667788}})
	f := frame{}
	f.r[regRSP], f.r[regRA] = 0x1000, 0x40100b
	for _, r := range []struct {
		expr string
		want uint64
		ok   bool
	}{
		{"\x77\x00", 0x1000, true},                                     // breg7 0
		{"\x77\x00\x06", 0x1122334455667788, true},                     // deref
		{"\x77\x00\x94\x02", 0x7788, true},                             // deref_size 2
		{"\x77\x08\x06", 0, false},                                     // deref of nothing
		{"\x77\x08\x80\x00\x3f\x1a\x3b\x2a\x33\x24\x22", 0x1010, true}, // PLT: rsp + 8 + ((rip & 15) >= 11) << 3
		{"\x35\x33\x1c", 2, true},                                      // 5 - 3
		{"\x35\x33\x16\x1c", ^uint64(1), true},                         // swap
		{"\x38\x32\x1b", 4, true},                                      // 8 / 2
		{"\x38\x30\x1b", 0, false},                                     // 8 / 0
		{"\x39\x34\x1d", 1, true},                                      // 9 % 4
		{"\x39\x30\x1d", 0, false},                                     // 9 % 0
		{"\x31\x1f\x19", 1, true},                                      // abs(-1)
		{"\x31\x20", ^uint64(1), true},                                 // not 1
		{"\x31\x12\x22", 2, true},                                      // dup, plus
		{"\x31\x32\x33\x17\x13", 1, true},                              // 1 2 3 rot: 3 1 2; drop: 3 1
		{"\x31\x32\x14\x22\x22", 4, true},                              // 1 2 over + +
		{"\x31\x32\x33\x15\x02\x22", 4, true},                          // pick 2: 3 + 1
		{"\x31\x23\x81\x01", 130, true},                                // plus_uconst 129
		{"\x09\xff\x34\x26", ^uint64(0), true},                         // -1 shra 4
		{"\x09\xff\x34\x25", 1<<60 - 1, true},                          // -1 shr 4
		{"\x31\x28\x01\x00\x35\x37", 7, true},                          // bra over lit5
		{"\x30\x28\x01\x00\x35\x37\x22", 12, true},
		{"\x2f\xfd\xff", 0, false}, // skip to itself for ever
		{"\x2f\x00\x70", 0, false}, // skip past the end
		{"", 0, false},
		{"\x22", 0, false},     // plus of nothing
		{"\x0e\x01", 0, false}, // constant cut off
		{"\xff", 0, false},
	} {
		got, ok := dwarf.Eval([]byte(r.expr), env{u, &f}, 0, false)
		if ok != r.ok || ok && got != r.want {
			t.Errorf("%x: %#x %v, want %#x %v", r.expr, got, ok, r.want, r.ok)
		}
	}
}

// TestNoAllocation: capturing a stack of code seen before must not allocate.
func TestNoAllocation(t *testing.T) {
	s, ds := runDump(t, "-O2")
	d := &ds[0]
	u := New(&Config{Space: s, Mem: d})
	var pcs [12]guest.Addr
	if n := testing.AllocsPerRun(100, func() { u.Unwind(&d.regs, pcs[:]) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestUnmap: rules of an object that went away are not used any more.
func TestUnmap(t *testing.T) {
	s, ds := runDump(t, "-O2")
	d := &ds[0]
	u := New(&Config{Space: s, Mem: d})
	var pcs [64]guest.Addr
	before := u.Unwind(&d.regs, pcs[:])
	for _, o := range s.Snapshot().Objects() {
		s.Unmap(o.Text)
	}
	if after := u.Unwind(&d.regs, pcs[:]); after >= before {
		t.Errorf("%d entries before, %d after everything was unmapped", before, after)
	}
}

// TestEntry: at the first instruction of a function the return address is on top of the stack, whatever is known of the code.
func TestEntry(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc")
	}
	dir := t.TempDir()
	src, bin := filepath.Join(dir, "a.s"), filepath.Join(dir, "a")
	code := ".globl _start\n.type _start,@function\n_start: nop; nop\n.size _start,2\n"
	if err := os.WriteFile(src, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(gcc, "-nostdlib", "-static", "-o", bin, src).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := debuginfo.NewSpace(debuginfo.Options{})
	o, err := s.AddImage(bin, 0)
	if err != nil {
		t.Fatal(err)
	}
	const st, caller = 0x10000, 0x7000009
	for off, want := range []int{2, 1} {
		u := New(&Config{Space: s, Mem: words{st: caller}.page(st)})
		regs := guest.Regs{RIP: uint64(o.Entry()) + uint64(off)}
		regs.GPR[guest.RSP] = st
		var pcs [4]guest.Addr
		if n := u.Unwind(&regs, pcs[:]); n != want || n > 1 && pcs[1] != caller {
			t.Errorf("at offset %d: %v", off, pcs[:n])
		}
	}
}
