package vbits

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/isa/amd64/synth"
)

// Records of testdata/vbits.c.
const (
	vgWords  = 256
	vgData   = dataBase + 0x400
	vgX87    = 17 + 64        // where x87 registers are, behind general registers, flags (behind the instruction, conditions), ymm0-15
	vgRegs   = vgX87 + 16 + 1 // and top of stack and tags, behind the instruction the status word
	vgUnused = guest.RSP
)

type vgCase struct {
	Status, Length uint64
	Code           [16]byte
	In, InV        [vgRegs]uint64
	Mem, MemV      [vgWords]uint64
	OutV           [vgRegs]uint64
	OutMemV        [vgWords]uint64
}

// vgConditions are the conditions whose V bits are compared, one byte of word 16 each: o, c, z, be, s, p, l, le.
var vgConditions = [8]uint8{0, 2, 4, 6, 8, 10, 12, 14}

// TestValgrind compares with Memcheck: on the same cases, no class calls bits undefined that Memcheck knows to be defined, and that are.
// GOGRIND_VBITS_CASES is the number of cases.
func TestValgrind(t *testing.T) {
	for _, p := range []string{"gcc", "valgrind"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skip("needs " + p)
		}
	}
	dir := t.TempDir()
	prog, file := filepath.Join(dir, "vbits"), filepath.Join(dir, "cases")
	if out, err := exec.Command("gcc", "-O1", "-mavx", "-fno-pie", "-no-pie", "-o", prog, "testdata/vbits.c").CombinedOutput(); err != nil {
		t.Skipf("no Valgrind headers: %v\n%s", err, out)
	}
	o := newOracle(t, number(t, "GOGRIND_VBITS_SEED", 1))
	o.locks = true
	var forms []*synth.Form
	for _, f := range o.wanted() {
		if vgForm(f.Row) {
			forms = append(forms, f)
		}
	}
	want := casesWanted(t, 400)
	var cases []*vgCase
	var numbers []uint64
	var buf bytes.Buffer
	for n := number(t, "GOGRIND_VBITS_CASE", 0); len(cases) < want; n++ {
		if c := o.vgCase(n, forms); c != nil {
			cases, numbers = append(cases, c), append(numbers, n)
			binary.Write(&buf, binary.LittleEndian, c)
		}
	}
	if err := os.WriteFile(file, buf.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	crashes := 0
	for {
		// Some encodings make Valgrind itself fail: go on behind them.
		cmd := exec.Command("valgrind", "-q", "--error-limit=no", "--expensive-definedness-checks=yes", "--log-file="+os.DevNull, prog, file)
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		if crashes++; crashes > 20 {
			t.Fatalf("valgrind: %v\n%s", err, out)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(data)
	var all [isa.NumClasses]struct{ cases, ours, theirs, both, missed int }
	ran, locked, mmx, status := 0, 0, 0, make(map[uint64]int)
	shown := make(map[string]int)
	for i, c := range cases {
		if err := binary.Read(r, binary.LittleEndian, c); err != nil {
			t.Fatal(err)
		}
		if c.Status == 98 && testing.Verbose() {
			t.Logf("Valgrind fails with %x", c.Code[:c.Length])
		}
		if c.Status != 0 {
			status[c.Status]++
			continue // Valgrind does not know the instruction
		}
		o.vgCase(numbers[i], forms)
		if msg, ok := o.check(numbers[i], 30); msg != "" || !ok || len(o.m.Uses) != 0 {
			continue
		}
		if unspecified(o) {
			continue
		}
		ran++
		if o.in.Pfx&amd64.PfxLock != 0 {
			locked++
		}
		if onMMX(&o.in) {
			mmx++
		}
		k := &all[o.in.Class()]
		k.cases++
		less := ""
		o.vgCompare(c, func(ours, theirs, changed uint64, where string) {
			k.ours += bits.OnesCount64(ours)
			k.theirs += bits.OnesCount64(theirs)
			k.both += bits.OnesCount64(ours & theirs)
			k.missed += bits.OnesCount64(changed &^ theirs)
			if d := ours &^ theirs &^ changed; d != 0 {
				less += "\n\t" + where
			}
		})
		if less != "" {
			m := o.in.Class().String() + " " + o.in.Mnem()
			if shown[m]++; shown[m] == 1 {
				t.Errorf("%s: less precise than Memcheck:%s%s", o.describe(numbers[i]), less, o.inputs())
			}
		}
	}
	for c, k := range all {
		if k.cases > 0 {
			t.Logf("%-12s %6d cases, undefined bits: ours %7d, Memcheck's %7d, both %7d; Memcheck misses %d", isa.Class(c), k.cases, k.ours,
				k.theirs, k.both, k.missed)
		}
	}
	t.Logf("%d of %d cases ran, %d of them locked, %d of MMX, others by signal: %v; less precise: %v", ran, want, locked, mmx, status, shown)
	// Of one class alone Valgrind may know few, and of x87 most cases find the stack full or empty.
	if ran < want/2 && os.Getenv("GOGRIND_VBITS_ONLY") == "" || ran == 0 {
		t.Error("too few cases ran")
	}
}

// unspecified reports whether Memcheck is no measure: the manuals leave the result open (double shifts of 16 bits by more than that),
// it reports an undefined bit number or mask as an address or condition and goes on with a wrong result (bit tests, masked moves, gathers), or it
// takes 32-bit elements for 16-bit ones (conversions between integers and single floats), clears the upper half where the processor
// keeps it (bsf and bsr of 0, cmpxchg), or knows that the result is the number for a stack that is full or empty.
func unspecified(o *oracle) bool {
	switch o.in.Class() {
	case isa.X87Mov, isa.X87Arith, isa.X87Cmp, isa.X87Cw:
		const stackFault = 1 << 6
		return o.base[recFPSW]&stackFault != 0
	case isa.Cmpxchg:
		return in32bsf(&o.in)
	case isa.Shift:
		return o.in.Map == 1 && o.in.OpSize == 2
	case isa.Bt:
		return o.in.ImmLen == 0
	case isa.Ctz, isa.Clz:
		return in32bsf(&o.in)
	case isa.VMaskmov:
		return true
	case isa.VGather:
		return o.m.kv != 0
	case isa.VCvt:
		return strings.Contains(o.in.Mnem(), "PS2DQ") || strings.Contains(o.in.Mnem(), "DQ2PS")
	}
	return false
}

func onX87(c isa.Class) bool {
	return c == isa.X87Mov || c == isa.X87Arith || c == isa.X87Cmp || c == isa.X87Cw
}

// onMMX reports whether in works on MMX registers, which are the significands of x87 registers.
func onMMX(in *amd64.Inst) bool {
	e := in.Effects()
	return (e.Reads|e.Writes)&amd64.SetX87 != 0 && !onX87(in.Class())
}

func in32bsf(in *amd64.Inst) bool { return in.PP&4 == 0 && in.OpSize == 4 }

// vgForm reports whether Valgrind may know the form and the record of a case is enough for it.
func vgForm(r *amd64.Row) bool {
	switch r.Sem {
	case isa.Stack, isa.State, isa.Defsrc, isa.CtlJcc, isa.CtlJmp, isa.CtlCall, isa.CtlRet, isa.CtlSys, isa.Pushf, isa.Vzero,
		isa.Nop, isa.StrMovs, isa.StrCmps:
		return false
	}
	return r.Attr&amd64.AState == 0
}

// vgCase makes case n, nil when there is none.
func (o *oracle) vgCase(n uint64, forms []*synth.Form) *vgCase {
	if !o.generate(n, forms) {
		return nil
	}
	in := &o.in
	if in.Space != amd64.SpLegacy && in.Space != amd64.SpVEX || in.Seg != amd64.SegNone || in.HasMem && in.Base == amd64.RIP {
		return nil
	}
	if in.Space == amd64.SpLegacy && (in.Map == 0 && in.PP&6 != 0 || in.W != 0 && in.PP&1 != 0 || in.PP == 3 || in.PP == 5) {
		return nil // prefixes without meaning, which Valgrind may refuse
	}
	if in.Space == amd64.SpVEX && in.W != 0 && in.Row.Mask>>6&1 != 0 {
		return nil // W is ignored: Valgrind gives up
	}
	e := in.Effects()
	if (e.Reads|e.Writes)&(amd64.GPR(guest.RSP)|amd64.SetMask|amd64.SetSys) != 0 {
		return nil
	}
	x87, mmx := onX87(in.Class()), onMMX(in)
	if mmx && in.W != 0 && in.Op != 0x6e && in.Op != 0x7e {
		return nil // only movd and movq have two sizes
	}
	if x87 { // the rest of the status word cannot be set
		o.start[recFPSW] &= 7 << 11
		o.v[recFPSW] = 0
	}
	for _, r := range o.mems {
		if r.Start < vgData || r.End > vgData+8*vgWords {
			return nil
		}
	}
	for i := range o.v { // what is not in the record stays defined
		switch {
		case i < recFlags && i != recGPR+guest.RSP, i == recFlags:
		case i >= recVec && i < recVec+16*8 && (i-recVec)%8 < 4:
		case x87 && i >= recST && i < recST+16, mmx && i >= recST && i < recST+16 && (i-recST)%2 == 0:
		case i >= recMem+(vgData-dataBase)/8 && i < recMem+(vgData-dataBase)/8+vgWords:
		default:
			o.v[i] = 0
		}
	}
	o.ctl.mxcsr, o.ctl.fcw = 0x1f80, 0x37f
	c := &vgCase{Status: 100, Length: uint64(in.Len)}
	copy(c.Code[:], o.code)
	fill := func(w *[vgRegs]uint64, mem *[vgWords]uint64, r *record) {
		copy(w[:16], r[recGPR:])
		w[16] = r[recFlags]
		for i := range 16 {
			copy(w[17+4*i:][:4], r[recVec+8*i:])
		}
		copy(w[vgX87:][:16], r[recST:])
		copy(mem[:], r[recMem+(vgData-dataBase)/8:])
	}
	fill(&c.In, &c.Mem, &o.start)
	fill(&c.InV, &c.MemV, &o.v)
	c.In[vgRegs-1] = o.start[recFPSW]>>11&7 | uint64(o.ctl.ftw)<<8
	if mmx {
		c.In[vgRegs-1] |= 1 << 32
	}
	c.In[16] = c.In[16]&^flagD | 0x202 // Valgrind does not clear the direction flag for signal handlers
	return c
}

// vgCompare calls f for all words that were compared, with the V bits of both and the bits that really change.
func (o *oracle) vgCompare(c *vgCase, f func(ours, theirs, changed uint64, where string)) {
	one := func(i int, theirs uint64) {
		ours := o.after[i]
		if i == recFPSW {
			ours &^= 1 << 9 // C1, the direction of rounding, is always 0 there
		}
		if ours|theirs != 0 {
			f(ours, theirs, o.changed[i], fmt.Sprintf("%s: %#x, Memcheck %#x, changes %#x", place(i), ours, theirs, o.changed[i]))
		}
	}
	for i := range 16 {
		if i != vgUnused {
			one(recGPR+i, c.OutV[i])
		}
		for j := range 4 {
			one(recVec+8*i+j, c.OutV[17+4*i+j])
		}
	}
	if onX87(o.in.Class()) {
		for i := range 16 {
			if c.OutV[vgX87+(i|1)] != ^uint64(0) { // not empty
				one(recST+i, c.OutV[vgX87+i])
			}
		}
		one(recFPSW, c.OutV[vgRegs-1])
	}
	if onMMX(&o.in) {
		for i := range 8 {
			one(recST+2*i, c.OutV[vgX87+2*i])
		}
	}
	for i := range vgWords {
		one(recMem+(vgData-dataBase)/8+i, c.OutMemV[i])
	}
	undefined := uint64(o.in.Flags().Undef)
	if c := o.in.Class(); c == isa.Shift || c == isa.Rot {
		undefined |= flagO // but for counts of 1; Memcheck computes what one processor leaves
	}
	for i, cc := range vgConditions {
		_, open := conditionOf(cc, o.base[recFlags], o.m.File.Flags)
		reads := [8]uint64{flagO, flagC, flagZ, flagC | flagZ, flagS, flagP, flagS | flagO, flagS | flagO | flagZ}[i]
		theirs := c.OutV[16] >> (8 * i) & 1
		if open && theirs == 0 && undefined&reads == 0 {
			f(1, 0, uint64(o.decided>>cc&1), "condition "+[8]string{"o", "c", "z", "be", "s", "p", "l", "le"}[i])
		}
	}
}
