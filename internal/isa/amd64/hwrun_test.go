package amd64

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"gogrind/internal/isa"
)

// A case of TestHardware is one run of an instruction.
type hwCase struct {
	in   *Inst
	sets *hwSets
	kind hwKind
	code []byte
	init hwRec
	res  hwRec
	base int // index of the run of kind hwBase to compare with
	size int // hwFits, hwExceeds: declared size
	wr   bool
	reg  int // hwReenc: scratch register
}

type hwKind int

const (
	hwShort   hwKind = iota // the last byte is missing: must fault on fetch
	hwLength                // must not fault on fetch
	hwBase                  // a run with random state
	hwInputs                // the same with all registers changed that are not declared read
	hwFlags                 // the same with all flags changed that are not declared read
	hwReenc                 // the same with the memory operand replaced by [reg]
	hwFits                  // the operand ends at the end of mapped memory: must not fault
	hwExceeds               // one byte further: must fault, in the declared direction
)

// TestHardware runs random encodings of all forms on the CPU and checks lengths, what they read and write, sizes and
// directions of memory operands, and that re-encoding keeps their meaning.
func TestHardware(t *testing.T) {
	h := newHW(t)
	variants := 2
	if long() {
		variants = 40
	}
	rng := rand.New(rand.NewSource(7))
	b := &hwBuilder{h: h, rng: rng, f: findings{}}
	for _, code := range encodings(t, rng, variants) {
		in := new(Inst)
		if Decode(code, in) == nil && !skipped(in) && !in.near16() {
			b.cases(in, code)
		}
	}
	recs := make([]hwRec, len(b.l))
	for i := range b.l {
		b.l[i].res = b.l[i].init.clone().setCode(b.l[i].code)
		recs[i] = b.l[i].res
	}
	h.run(t, recs)

	runs := map[hwKind]int{}
	ran, undef := map[*Row]bool{}, map[*Row]string{}
	for i := range b.l {
		if c := &b.l[i]; c.kind != hwLength {
			continue
		} else if c.res.sig() == 4 {
			undef[c.in.Row] = fmt.Sprintf("%x", c.code)
		} else {
			ran[c.in.Row] = true
		}
	}
	for i := range b.l {
		// An undefined opcode may fault before all of it is fetched.
		if c := &b.l[i]; ran[c.in.Row] && b.check(c) {
			runs[c.kind]++
		}
	}
	lacks, exts := 0, map[string]int{}
	for r, ex := range undef {
		if ran[r] { // some encodings of the form run and others do not
			b.f.add("accepted but undefined "+r.Name(), ex)
		} else {
			lacks++
			exts[r.Ext.String()]++
		}
	}
	t.Logf("%d runs; %d forms ran, %d are undefined on this CPU", len(b.l), len(ran), lacks)
	t.Logf("not verified here: %v", exts)
	t.Logf("checked: %d lengths, %d input and %d flag sets, %d re-encodings, %d sizes", runs[hwShort]+runs[hwLength],
		runs[hwInputs], runs[hwFlags], runs[hwReenc], runs[hwFits]+runs[hwExceeds])
	if len(ran) < 1000 || runs[hwInputs] < 1000 {
		t.Error("too few forms ran: the oracle does not work")
	}
	b.f.report(t, hwAllowed)
}

// near16 reports whether AMD takes the operand of the near branch as 16 bits and Intel does not.
func (in *Inst) near16() bool { return in.Row.Cf != CfNone && in.Pfx&Pfx66 != 0 && in.W == 0 }

// hwAllowed explains the deviations that are no errors, by prefix.
var hwAllowed = map[string]string{
	"vector result depends on undeclared input EXTRQ":   "upper half is undefined",
	"vector result depends on undeclared input INSERTQ": "upper half is undefined",
	"length UD":                "some CPUs fault before they fetch ModRM",
	"no completion":            "faults for its random operands",
	"refused":                  "high-byte register",
	"completion differs ENTER": "reads frame pointers for its random nesting",
}

type hwBuilder struct {
	h   *hw
	rng *rand.Rand
	f   findings
	l   []hwCase
}

func (b *hwBuilder) add(c hwCase) int {
	b.l = append(b.l, c)
	return len(b.l) - 1
}

// cases makes all runs of one encoding.
func (b *hwBuilder) cases(in *Inst, code []byte) {
	s := setsOf(in)
	st := b.h.randomState(b.rng)
	bitString := in.Row.Sem == isa.Bt && in.HasMem && in.ImmLen == 0
	if bitString {
		reg := in.ModRM>>3&7 | in.Rex<<1&8
		if reg == in.Base || reg == in.Index {
			return // the address would choose the bit
		}
		st.setG(int(reg), uint64(b.rng.Intn(512)))
	}
	c := hwCase{in: in, sets: &s}
	if c.code, c.init = b.place(in, code, st, hwMid); c.code == nil {
		return
	}
	if len(code) > 1 {
		c.kind = hwShort
		short := c
		short.code = c.code[:len(code)-1]
		b.add(short)
	}
	c.kind = hwLength
	b.add(c)
	if in.Row.Cf != CfNone {
		return
	}
	c.kind = hwBase
	c.base = b.add(c)

	// All that is not declared as input gets other values.
	other := b.h.randomState(b.rng)
	for i := range 16 {
		other.setG(i, other.g(i)&^s.readG[i]|c.init.g(i)&s.readG[i])
	}
	for i := range 32 {
		for j := range 64 {
			if s.readZ[i]>>j&1 != 0 {
				other.z(i)[j] = c.init.z(i)[j]
			}
		}
	}
	for i := range 8 {
		if s.readK[i] {
			other.set(hwK+8*i, c.init.k(i))
		}
		if s.x87 || s.readMM[i] {
			copy(other.st(i), c.init.st(i))
		}
	}
	read := uint64(s.eff.FlagsRead)
	if s.eff.FlagsWritten != s.eff.FlagsKilled {
		read |= uint64(s.eff.FlagsWritten &^ s.eff.FlagsKilled)
	}
	other.set(hwFl, other.fl()&^read|c.init.fl()&read)
	copy(other.mem(), c.init.mem())
	x := c
	x.kind, x.init = hwInputs, other
	b.add(x)

	x = c
	x.kind, x.init = hwFlags, c.init.clone()
	x.init.set(hwFl, (c.init.fl()^0x8d5)&^read|c.init.fl()&read)
	b.add(x)

	if !in.HasMem || in.Row.Attr&AVsibX != 0 || bitString || in.Row.Sem == isa.Lea {
		return
	}
	b.reencode(c, st)
	b.sizes(c, code, st)
}

// reencode adds a run with the memory operand replaced by a free register.
func (b *hwBuilder) reencode(c hwCase, st hwRec) {
	scratch := -1
	for range 50 {
		if r := b.rng.Intn(16); r != 0 && c.sets.readG[r] == 0 && c.sets.writeG[r] == 0 {
			scratch = r
			break
		}
	}
	if scratch < 0 {
		return
	}
	in := new(Inst)
	if Decode(c.code, in) != nil {
		return
	}
	x := c
	var err error
	if x.code, err = ReplaceMem(nil, c.code, in, uint8(scratch)); err != nil {
		b.f.add("refused "+in.Mnem(), fmt.Sprintf("%x: %v", c.code, err))
		return
	}
	x.kind, x.reg, x.init = hwReenc, scratch, c.init.clone()
	x.init.setG(scratch, hwMid)
	b.add(x)
}

// sizes adds runs with the operand at the end of memory.
func (b *hwBuilder) sizes(c hwCase, code []byte, st hwRec) {
	var a Access
	for _, x := range c.in.MemAccesses(nil) {
		if x.Addr == AddrModRM && x.Elem == 0 {
			a = x
		}
	}
	if a.Size == 0 {
		return
	}
	c.size, c.wr = int(a.Size), a.Kind&isa.Store != 0
	for _, k := range []hwKind{hwFits, hwExceeds} {
		ea := uint64(hwDataEnd - c.size)
		if k == hwExceeds {
			ea++
		}
		c.kind = k
		if c.code, c.init = b.place(c.in, code, st, ea); c.code != nil {
			b.add(c)
		}
	}
}

// place returns copies of code and state such that the explicit memory operand is at ea, and implicit ones at
// addresses near hwMid; nil if that cannot be.
func (b *hwBuilder) place(in *Inst, code []byte, st hwRec, ea uint64) ([]byte, hwRec) {
	code, st = bytes.Clone(code), st.clone()
	implicit := false
	for _, d := range in.Row.operands() {
		switch d.Loc {
		case LPush, LPop:
			st.setG(4, hwMid)
			st.setG(5, hwMid+64)
			implicit = true
		case LImem:
			if d.Arg == ImReg {
				return nil, nil // two operands, one of them in any register
			}
			st.setG(7, hwMid)
			st.setG(6, hwMid+64)
			st.setG(5, hwMid)
			st.setG(1, uint64(b.rng.Intn(3)))
			if d.Arg == ImRAX {
				st.setG(0, hwMid)
			}
			st.setG(3, hwMid-st.g(0)&0xff)
			implicit = true
		}
	}
	if !in.HasMem {
		return code, st
	}
	if implicit && (in.Base == 4 || in.Base == 5) || in.Seg == SegFS {
		return nil, nil
	}
	if in.Row.Imm == IO {
		for i := range int(in.DispLen) {
			code[int(in.DispOff)+i] = byte(ea >> (8 * i))
		}
		return code, st
	}
	base, index, scale := int(in.Base), int(in.Index), uint64(in.Scale)
	if in.Row.Attr&AVsibX != 0 {
		clear(st.z(index))
		index = NoReg
	}
	rest := ea // what base and index registers or displacement must make up
	if base != RIP && base != NoReg {
		rest -= uint64(in.Disp)
	}
	if index != NoReg && index != base {
		v := uint64(b.rng.Intn(8))
		st.setG(index, v)
		rest -= v * scale
	}
	switch {
	case base == RIP:
		binary.LittleEndian.PutUint32(code[in.DispOff:], uint32(ea-hwCodeEnd))
	case base == NoReg:
		binary.LittleEndian.PutUint32(code[in.DispOff:], uint32(rest))
	case base == index:
		if rest%(scale+1) != 0 || int64(rest) < 0 {
			return nil, nil
		}
		st.setG(base, rest/(scale+1))
	default:
		st.setG(base, rest)
	}
	return code, st
}

// check compares the result of c with what the tables say. It reports whether there was something to compare.
func (b *hwBuilder) check(c *hwCase) bool {
	r := c.res
	mn := c.in.Mnem()
	ex := fmt.Sprintf("%x", c.code)
	add := func(kind, more string) { b.f.add(kind+" "+mn, ex+" "+more) }
	base := &b.l[c.base]
	switch c.kind {
	case hwShort:
		if !r.fetch() {
			add("length", fmt.Sprintf("ends early, signal %d", r.sig()))
		}
		return true
	case hwLength:
		if r.fetch() {
			add("length", "needs more bytes")
		}
		return true
	case hwBase:
		if !r.done() && r.sig() != 4 {
			add("no completion", fmt.Sprintf("signal %d, rip %x, cr2 %x, err %x", r.sig(), r.rip(), r.cr2(), r.err()))
		}
		return false
	case hwFits:
		if r.sig() == 11 && r.cr2()>>12 == hwDataEnd>>12 {
			add("larger", fmt.Sprintf("than %d bytes", c.size))
		}
		return true
	case hwExceeds:
		switch {
		case r.done():
			add("smaller", fmt.Sprintf("than %d bytes", c.size))
		case r.sig() == 11 && r.cr2()>>12 == hwDataEnd>>12 && (r.err()&2 != 0) != c.wr:
			add("direction", fmt.Sprintf("table says write %v", c.wr))
		}
		return true
	}
	if base.res.done() != r.done() {
		if base.res.sig() != 8 {
			add("completion differs", fmt.Sprintf("from %x, signals %d and %d", base.code, base.res.sig(), r.sig()))
		}
		return false
	}
	if !r.done() {
		return false
	}
	switch c.kind {
	case hwReenc:
		b.checkSame(c, base.res, add)
	case hwFlags:
		if d := (r.fl() ^ base.res.fl()) & uint64(c.sets.eff.FlagsKilled); d != 0 {
			add("killed flags "+flagString(uint32(d))+" keep their value:", "")
		}
	case hwInputs:
		b.checkSets(c, base, add)
	}
	return true
}

// checkSame: re-encoded instructions have the same result, but for the scratch register.
func (b *hwBuilder) checkSame(c *hwCase, want hwRec, add func(kind, more string)) {
	got := c.res.clone()
	got.setG(c.reg, want.g(c.reg))
	fl := c.in.Flags()
	defined := 0x8d5 &^ uint64(fl.Undef)
	if !bytes.Equal(got[hwG:hwFl], want[hwG:hwFl]) || !bytes.Equal(got[hwK:hwMXCSR+4], want[hwK:hwMXCSR+4]) ||
		(got.fl()^want.fl())&defined != 0 || !bytes.Equal(got.mem(), want.mem()) {
		add("re-encoded result differs", fmt.Sprintf("from %x", b.l[c.base].code))
	}
}

// checkSets: nothing changes that is not declared as written, and what is written does not depend on what is not
// declared as read.
func (b *hwBuilder) checkSets(c, base *hwCase, add func(kind, more string)) {
	s := c.sets
	x, y := base.res, c.res
	for i := range 16 {
		w := s.writeG[i]
		if (x.g(i)^base.init.g(i))&^w != 0 || (y.g(i)^c.init.g(i))&^w != 0 {
			add("undeclared register write", gprNames[i])
		}
		// An unchanged register is a conditional write that did not happen.
		if (x.g(i)^y.g(i))&w != 0 && !(x.g(i) == base.init.g(i) && y.g(i) == c.init.g(i)) {
			add("register result depends on undeclared input", gprNames[i])
		}
		if (x.g(i) != base.init.g(i) || y.g(i) != c.init.g(i)) && !s.eff.Writes.Has(GPR(uint8(i))) {
			add("Effects misses a write", gprNames[i])
		}
	}
	for i := range 32 {
		same := bytes.Equal(x.z(i), base.init.z(i)) && bytes.Equal(y.z(i), c.init.z(i))
		if !same && !s.eff.Writes.Has(Vec(uint8(i))) {
			add("Effects misses a write", fmt.Sprint("vector ", i))
		}
		for j := range 64 {
			switch w := s.writeZ[i]>>j&1 != 0; {
			case !w && (x.z(i)[j] != base.init.z(i)[j] || y.z(i)[j] != c.init.z(i)[j]):
				add("undeclared vector write", fmt.Sprintf("%d byte %d", i, j))
			case w && x.z(i)[j] != y.z(i)[j] && !same:
				add("vector result depends on undeclared input", fmt.Sprintf("%d byte %d", i, j))
			default:
				continue
			}
			break
		}
	}
	for i := range 8 {
		switch {
		case !s.writeK[i] && (x.k(i) != base.init.k(i) || y.k(i) != c.init.k(i)):
			add("undeclared mask write", fmt.Sprint(i))
		case s.writeK[i] && x.k(i) != y.k(i):
			add("mask result depends on undeclared input", fmt.Sprint(i))
		}
		if s.x87 {
			continue
		}
		switch xs, ys, xi := x.st(i)[:8], y.st(i)[:8], base.init.st(i)[:8]; {
		case s.writeMM[i] && !bytes.Equal(xs, ys):
			add("MMX result depends on undeclared input", fmt.Sprint(i))
		case !s.writeMM[i] && !bytes.Equal(xs, xi):
			add("undeclared MMX write", fmt.Sprint(i))
		}
	}
	const all = 0xcd5
	written := uint64(s.eff.FlagsWritten)
	if d := ((x.fl() ^ base.init.fl()) | (y.fl() ^ c.init.fl())) &^ written & all; d != 0 {
		add("undeclared flag write "+flagString(uint32(d)), "")
	}
	undef := uint64(c.in.Flags().Undef)
	if d := (x.fl() ^ y.fl()) & written &^ undef & all; d != 0 {
		add("flag depends on undeclared input "+flagString(uint32(d)), "")
	}
	switch {
	case s.store && !bytes.Equal(x.mem(), y.mem()):
		add("memory result depends on undeclared input", "")
	case !s.store && (!bytes.Equal(x.mem(), base.init.mem()) || !bytes.Equal(y.mem(), c.init.mem())):
		add("undeclared store", "")
	}
	if (x.mxcsr() != 0x1f80 || y.mxcsr() != 0x1f80) && c.in.Row.Attr&AMx == 0 && !strings.Contains(c.in.Mnem(), "LDMXCSR") {
		add("undeclared MXCSR write", "")
	}
}
