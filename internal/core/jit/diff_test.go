package jit

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
)

// left out names the instructions that the differential test does not run, by reason.
var leftOut = map[string]string{
	"results differ from run to run":                                  "RDTSC RDTSCP RDPMC RDPRU RDPID RDRAND RDSEED CPUID XSAVEOPT XSAVEOPT64 XSAVEC XSAVEC64 XSAVES XSAVES64 XGETBV",
	"enters the kernel or the hypervisor":                             "SYSCALL SYSENTER INT VMCALL VMMCALL VMFUNC",
	"refused by the translator: far transfers and loads of fs and gs": "CALL_FAR JMP_FAR RET_FAR IRET IRETD IRETQ LFS LGS",
	"changes segment bases, which guest and test share natively":      "WRFSBASE WRGSBASE",
	"changes what memory is accessible":                               "WRPKRU ENQCMD",
	"transactions: always aborted by the translator":                  "XBEGIN XEND XABORT XTEST",
	"waits":                       "UMWAIT TPAUSE UMONITOR MWAITX MONITORX MWAIT MONITOR HLT",
	"kernel emulates it and logs": "SGDT SIDT SLDT SMSW STR",
	"restores state from memory that a test would have to make up": "XRSTORS XRSTORS64",
}

var skipped = func() map[string]bool {
	m := make(map[string]bool)
	for _, names := range leftOut {
		for _, n := range strings.Fields(names) {
			m[n] = true
		}
	}
	return m
}()

// differ is the differential test of single instructions.
type differ struct {
	m     *machine
	pool  pool
	forms []*form
	modes []*mode
	seed  uint64

	in            amd64.Inst
	code          []byte
	loc, off      int
	pc            uint64
	s             state
	target        uint64 // of a control transfer, 0 for none
	acc           []amd64.Access
	ev            seen
	want, got     result
	terms         []uint64
	cases, faults int
	poison        uint64 // shadow byte that is made undefined, 0 for none
}

func newDiffer(t testing.TB, seed uint64) *differ {
	m := newMachine(t)
	d := &differ{m: m, seed: seed, pool: newPool(seed), terms: make([]uint64, 2)}
	for _, f := range forms() {
		if !skipped[f.row.Name()] {
			d.forms = append(d.forms, f)
		}
	}
	d.modes = []*mode{
		m.newMode(t, 0, "plain", false, nil),
		m.newMode(t, 1, "shadow", true, nil),
		m.newMode(t, 2, "checks", true, &everything{}),
	}
	return d
}

// generate makes case n.
func (d *differ) generate(n uint64) bool {
	rng := rand.New(rand.NewPCG(d.seed, n))
	fm := d.forms[rng.IntN(len(d.forms))]
	code := fm.randomEncoding(rng, &d.in)
	if code == nil || !d.usable() {
		return false
	}
	d.code = append(d.code[:0], code...)
	d.loc = rng.IntN(3)
	d.off = rng.IntN(codeSize - 512)
	d.pc = codeAt[d.loc] + uint64(d.off)
	d.s.random(rng, d.pool, dataAt[d.loc])
	if !d.address(rng) {
		return false
	}
	if !d.control(rng) {
		return false
	}
	// Operands have been changed: decode again.
	if amd64.Decode(d.code, &d.in) != nil || int(d.in.Len) != len(d.code) || d.in.Row != fm.row {
		return false
	}
	if !d.special(rng) {
		return false
	}
	d.poison = 0
	d.acc = d.in.MemAccesses(d.acc)
	if len(d.acc) > 0 && rng.IntN(4) == 0 {
		a := &d.acc[rng.IntN(len(d.acc))]
		if ea, ok := d.checked(a); ok && a.Size > 0 {
			d.poison = ea + uint64(rng.IntN(int(a.Size)))
		}
	}
	return true
}

// usable leaves out forms of instructions that skipped does not name.
func (d *differ) usable() bool {
	in := &d.in
	if in.Space != amd64.SpLegacy {
		return true
	}
	if in.Row.Cf != amd64.CfNone && in.Pfx&amd64.Pfx66 != 0 {
		return false // near branches with 66: vendors differ, the decoder does as Intel says
	}
	switch {
	case in.Map == 0 && in.Op == 0x8e: // mov to segment register: fs and gs are refused
		return in.ModRM>>3&7 < 4
	case in.Map == 1 && (in.Op == 0xa1 || in.Op == 0xa9): // pop fs, pop gs
		return false
	}
	return true
}

// wild are addresses that fault: below everything, holes, kernel space, not canonical.
var wild = [...]uint64{0x10, 0x28000000, 0xffffffff80000010, 0xffff800000000000, 0x8000000000000000, 0x0000800000000008, 0x123456789abcdef0}

// pick chooses an address for an operand.
func (d *differ) pick(rng *rand.Rand, size int) uint64 {
	u := rng.Uint64()
	switch {
	case u&63 == 0:
		return d.s.win - uint64(rng.IntN(size+8)) // at the lower edge
	case u&63 == 1:
		return d.s.win + winSize - uint64(rng.IntN(size+8)) // towards the read-only page
	case u&63 == 2:
		return d.s.win + winSize + uint64(rng.IntN(0x1000-size))
	case u&63 == 3:
		return d.s.win + winSize + 0x1000 - uint64(rng.IntN(size+8))
	case u&127 == 4:
		if d.in.Seg >= amd64.SegFS {
			return wild[rng.IntN(2)] // AMD checks the offset too for being canonical
		}
		return wild[rng.IntN(len(wild))]
	case u&3 == 1: // any alignment
		return d.s.win + 0x300 + uint64(rng.IntN(0x200))
	}
	return d.s.win + 0x300 + uint64(rng.IntN(8)*64)
}

// address chooses where memory operands are and sets registers and displacements accordingly.
func (d *differ) address(rng *rand.Rand) bool {
	in, s := &d.in, &d.s
	d.acc = in.MemAccesses(d.acc)
	size := 1
	for i := range d.acc {
		a := &d.acc[i]
		size = max(size, int(a.Size))
		seg := uint64(0)
		if in.Seg == amd64.SegFS {
			seg = uint64(d.m.a.Addr())
		} else if in.Seg == amd64.SegGS {
			seg = s.gsBase
		}
		switch a.Addr {
		case amd64.AddrRSI:
			s.gpr[guest.RSI] = d.pick(rng, int(a.Size)) - seg
		case amd64.AddrRDI:
			if in.Row.Sem != isa.VMaskmov {
				seg = 0
			}
			s.gpr[guest.RDI] = d.pick(rng, int(a.Size)) - seg
		case amd64.AddrRAX:
			s.gpr[guest.RAX] = d.pick(rng, 64) - seg
		case amd64.AddrXlat:
			s.gpr[guest.RBX] = d.pick(rng, 256) - s.gpr[guest.RAX]&255 - seg
		case amd64.AddrRBP:
			s.gpr[guest.RBP] = stackBase + stackSize/2 + uint64(rng.IntN(32)*8)
		case amd64.AddrPush, amd64.AddrPop:
			if rng.IntN(24) == 0 {
				d.badStack(rng)
			}
		case amd64.AddrReg:
			s.gpr[a.Reg] = d.pick(rng, 64)
		}
		if in.ASize == 4 {
			for _, r := range []int{guest.RSI, guest.RDI, guest.RAX, guest.RBX} {
				if a.Addr != amd64.AddrModRM && a.Addr != amd64.AddrPush && a.Addr != amd64.AddrPop && s.gpr[r] > 1<<32 && seg == 0 && d.loc == 2 {
					return false // not expressible
				}
			}
		}
	}
	if in.Class() == isa.StrMovs || in.Class() == isa.StrCmps || in.Pfx&(amd64.PfxF2|amd64.PfxF3) != 0 && !in.HasMem && in.Space == amd64.SpLegacy {
		s.gpr[guest.RCX] = uint64(rng.IntN(20))
	}
	if in.Row.Imm == amd64.IwIb { // enter
		s.gpr[guest.RBP] = stackBase + stackSize/2 + uint64(rng.IntN(32)*8)
	}
	if !in.HasMem {
		return true
	}
	if in.Class() == isa.Bt && in.ImmLen == 0 {
		r := in.ModRM>>3&7 | in.Rex<<1&8
		if r == in.Base || r == in.Index {
			return false // an address as bit number reaches anything
		}
		s.gpr[r] = uint64(rng.IntN(4096)) - 2048
	}
	return d.setEA(rng, d.pick(rng, size))
}

// badStack puts the stack pointer where a push or pop faults, or may fault. Returns get an address without any access: they also
// write below the stack pointer, and find it in the return plane (DESIGN.md, "Why a return plane?").
func (d *differ) badStack(rng *rand.Rand) {
	sp := &d.s.gpr[guest.RSP]
	switch {
	case d.in.Row.Cf == amd64.CfRet:
		*sp = d.s.win - 0x800 + uint64(rng.IntN(64))
	case rng.IntN(2) == 0:
		*sp = wild[rng.IntN(len(wild))]
	default:
		*sp = d.pick(rng, 16)
	}
}

// setEA makes ea the address of the operand, as far as its form can express it.
func (d *differ) setEA(rng *rand.Rand, ea uint64) bool {
	in, s := &d.in, &d.s
	seg, disp := uint64(0), uint64(in.Disp)
	switch in.Seg {
	case amd64.SegFS:
		seg = uint64(d.m.a.Addr())
		if in.Base >= 16 && in.Index == amd64.NoReg || in.ASize == 4 {
			ea = seg + fsArea + 0x200 + uint64(rng.IntN(0x200))
		}
	case amd64.SegGS:
		seg = s.gsBase
	}
	put := func(x uint64) bool { // a new displacement
		if in.DispLen != 4 {
			return false
		}
		binary.LittleEndian.PutUint32(d.code[in.DispOff:], uint32(x))
		return in.ASize == 4 && x <= 0xffffffff || int64(int32(x)) == int64(x)
	}
	off := ea - seg
	if in.ASize == 4 && off > 0xffffffff {
		off = uint64(dataLow) + 0x300 + uint64(rng.IntN(0x200)) // cannot be expressed: another window, where nothing is stored
		if s.win != dataLow && rng.IntN(2) == 0 {
			off = s.win & 0xffffffff
		}
		return d.readsOnly() && d.setRegs(rng, off, disp, put)
	}
	return d.setRegs(rng, off, disp, put)
}

// readsOnly reports whether the instruction stores nothing; what it stores in a window of other cases is not compared.
func (d *differ) readsOnly() bool {
	for i := range d.acc {
		if d.acc[i].Kind != isa.Load {
			return false
		}
	}
	return true
}

func (d *differ) setRegs(rng *rand.Rand, off, disp uint64, put func(uint64) bool) bool {
	in, s := &d.in, &d.s
	switch {
	case in.Row.Imm == amd64.IO:
		for i := 0; i < int(in.DispLen); i++ {
			d.code[int(in.DispOff)+i] = byte(off >> (8 * i))
		}
		return true
	case in.Base == amd64.RIP:
		x := off - (d.pc + uint64(len(d.code)))
		if in.ASize == 4 {
			x = uint64(int64(int32(x)))
		}
		return put(x)
	}
	if in.DispLen == 4 && in.Base < 16 && rng.IntN(4) > 0 {
		disp = uint64(int64(rng.IntN(0x800) - 0x400))
		binary.LittleEndian.PutUint32(d.code[in.DispOff:], uint32(disp))
	}
	vsib := in.Row.Attr&(amd64.AVsibX|amd64.AVsibY|amd64.AVsibZ) != 0
	if vsib {
		d.vsib(rng)
	}
	hasIndex := in.Index != amd64.NoReg && !vsib
	switch {
	case in.Base < 16 && hasIndex && in.Base == in.Index:
		q := off - disp
		k := uint64(in.Scale) + 1
		if q%k != 0 {
			q -= q % k
		}
		s.gpr[in.Base] = q / k
	case in.Base < 16 && hasIndex:
		x := uint64(rng.IntN(64)) - 16
		s.gpr[in.Index] = x
		s.gpr[in.Base] = off - disp - x*uint64(in.Scale)
	case in.Base < 16:
		s.gpr[in.Base] = off - disp
	case hasIndex:
		q := off - disp
		if int64(int32(off)) == int64(off) && rng.IntN(2) == 0 {
			x := uint64(rng.IntN(8))
			s.gpr[in.Index] = x
			return put(off - x*uint64(in.Scale))
		}
		s.gpr[in.Index] = q / uint64(in.Scale)
	default:
		return put(off)
	}
	if in.ASize == 4 && rng.IntN(2) == 0 {
		// Upper halves do not count.
		if in.Base < 16 && in.Base != guest.RSP {
			s.gpr[in.Base] ^= rng.Uint64() << 32
		}
	}
	return true
}

// vsib puts small indices into the vector register that has them.
func (d *differ) vsib(rng *rand.Rand) {
	x := make([]byte, xsUsed)
	copy(x, d.s.xs)
	n := int(d.in.Index)
	// Where the parts of register n are: components 1, 2 and 6 for 0-15, 7 for 16-31 (offsets of cpuid leaf 0xd).
	var parts [][2]int
	if n < 16 {
		parts = [][2]int{{160 + 16*n, 16}, {576 + 16*n, 16}, {1152 - 256 + 32*n, 32}}
	} else {
		parts = [][2]int{{1408 + 64*(n-16), 64}}
	}
	step := 4
	if d.in.Op&1 != 0 {
		step = 8
	}
	for _, p := range parts {
		for i := 0; i < p[1]; i += step {
			v := uint64(int64(rng.IntN(0x100) - 0x40))
			if step == 4 {
				binary.LittleEndian.PutUint32(x[p[0]+i:], uint32(v))
			} else {
				binary.LittleEndian.PutUint64(x[p[0]+i:], v)
			}
		}
	}
	d.s.xs = x
}

// control sets the target of a control transfer: the second terminator.
func (d *differ) control(rng *rand.Rand) bool {
	in := &d.in
	d.target = 0
	target := d.pc + 64 + uint64(rng.IntN(32))
	set := func() { d.target = target }
	switch {
	case in.Row.Imm == amd64.IJb || in.Row.Imm == amd64.IJz:
		set()
		rel := target - (d.pc + uint64(in.Len))
		for i := 0; i < int(in.ImmLen); i++ {
			d.code[int(in.ImmOff)+i] = byte(rel >> (8 * i))
		}
	case in.Row.Cf == amd64.CfRet:
		set()
		d.s.pokes = append(d.s.pokes, poke{d.s.gpr[guest.RSP], binary.LittleEndian.AppendUint64(nil, target)})
	case in.Row.Cf == amd64.CfCall || in.Row.Cf == amd64.CfJmp:
		set()
		if in.HasMem {
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], target)
			ea := d.ea()
			if !writable(ea, 8) && (stackLike(ea) || stackLike(ea+7)) || ea-uint64(d.m.a.Addr()) < fsArea {
				return false // what is there would be jumped to
			}
			d.s.pokes = append(d.s.pokes, poke{ea, b[:]})
		} else {
			d.s.gpr[in.ModRM&7|in.Rex<<3&8] = target
		}
	}
	if in.Op&^3 == 0xe0 && in.Row.Imm == amd64.IJb {
		d.s.gpr[guest.RCX] = uint64(rng.IntN(3))
	}
	return true
}

// special sets inputs that instructions need to be of any use, or to be harmless.
func (d *differ) special(rng *rand.Rand) bool {
	var b [8]byte
	switch d.in.Mnem() {
	case "POPF", "POPFQ":
		// No trap flag and no alignment checks, which would hit Go's code.
		sp := d.s.gpr[guest.RSP]
		x := rng.Uint64()&^(1<<8|1<<18|1<<14) | 2
		binary.LittleEndian.PutUint64(b[:], x)
		d.s.pokes = append(d.s.pokes, poke{sp, b[:]})
	case "FXRSTOR", "FXRSTOR64", "XRSTOR", "XRSTOR64":
		x := make([]byte, xsUsed)
		copy(x, d.pool.slice(rng, xsUsed))
		copy(x, d.s.head[:])
		clear(x[xsHeader : xsHeader+64])
		x[xsHeader] = byte(rng.Uint32()) & 0xe7
		clear(x[416:512])
		ea := d.ea()
		d.s.pokes = append(d.s.pokes, poke{ea, x[:min(xsUsed, int(max(0, int64(d.s.win+winSize-ea))))]})
		return d.components()
	case "XSAVE", "XSAVE64":
		return d.components()
	}
	return true
}

// components restricts the state components asked for to those that contexts have.
func (d *differ) components() bool {
	d.s.gpr[guest.RAX] &= 0xe7
	return d.in.Base != guest.RAX && d.in.Index != guest.RAX
}

// ea is the address of the ModRM operand.
func (d *differ) ea() uint64 {
	in, s := &d.in, &d.s
	disp := in.Disp
	if in.DispLen == 4 && in.Row.Imm != amd64.IO {
		disp = int64(int32(binary.LittleEndian.Uint32(d.code[in.DispOff:]))) // may have been changed
	}
	x := uint64(disp)
	switch {
	case in.Base == amd64.RIP:
		x += d.pc + uint64(len(d.code))
	case in.Base < 16:
		x += s.gpr[in.Base]
	}
	if in.Index != amd64.NoReg && in.Row.Attr&(amd64.AVsibX|amd64.AVsibY|amd64.AVsibZ) == 0 {
		x += s.gpr[in.Index] * uint64(in.Scale)
	}
	if in.ASize == 4 {
		x &= 0xffffffff
	}
	switch in.Seg {
	case amd64.SegFS:
		x += uint64(d.m.a.Addr())
	case amd64.SegGS:
		x += s.gsBase
	}
	return x
}

// run runs the case everywhere and returns a description of the first difference, "" for none.
func (d *differ) run() string {
	m, s := d.m, &d.s
	fsBase := uint64(m.a.Addr())
	m.code(d.loc, d.off, d.code)
	d.terms[0] = d.pc + uint64(len(d.code))
	m.terminator(d.loc, d.off+len(d.code), 0)
	if d.target != 0 {
		d.terms[1] = d.target
		m.terminator(d.loc, int(d.target-codeAt[d.loc]), 1)
	}
	s.restore(fsBase)
	s.load(m.a, fsBase)
	end, err := m.native(d.pc, s.gsBase, d.terms)
	if err != nil {
		return err.Error()
	}
	d.want.stop = end
	d.want.take(m.a, s, fsBase)
	d.hide(&d.want)
	d.cases++
	if end.sig != 0 {
		d.faults++
	}
	for _, md := range d.modes {
		if msg := d.compare(md, fsBase); msg != "" {
			return md.name + ": " + msg
		}
	}
	return ""
}

func (d *differ) compare(md *mode, fsBase uint64) string {
	m, s := d.m, &d.s
	annotated := md.cfg.Tool != nil
	s.restore(fsBase)
	s.load(m.b, fsBase)
	gs := fsBase
	if md.shadow {
		gs = guest.ShadowDistance
		if annotated {
			d.defineShadow()
			clear(bytesAt(counterAddr, 8))
		}
	}
	refused := md.refused
	d.ev.checks = d.ev.checks[:0]
	end, err := m.translated(md, d.pc, gs, &d.ev)
	if err == ErrFull {
		m.clearPlanes()
		md.Flush()
		return d.compare(md, fsBase)
	}
	md.Discard(guest.Range{Start: guest.Addr(d.pc), End: guest.Addr(d.pc + 160)})
	if err != nil {
		return err.Error()
	}
	if md.refused != refused {
		if end.sig != int(unix.SIGILL) || end.rip != d.pc {
			return "a refused instruction ends " + end.String()
		}
		return ""
	}
	d.got.stop = end
	d.got.take(m.b, s, fsBase)
	d.hide(&d.got)
	d.planeFault()
	if annotated && end.sig != 0 {
		// Annotations may use flags that the instruction is about to overwrite.
		dead := uint64(d.in.Effects().FlagsKilled)
		d.got.flags = d.got.flags&^dead | d.want.flags&dead
	}
	if msg := d.want.diff(&d.got, s); msg != "" {
		return msg
	}
	if !annotated {
		return ""
	}
	counted := binary.LittleEndian.Uint64(bytesAt(counterAddr, 8))
	if want := uint64(2); end.sig == 0 && counted != want || end.sig != 0 && counted != 1 { // the instruction and the end
		return fmt.Sprintf("%d instructions counted", counted)
	}
	return d.checksSeen()
}

// planeFault: a return whose stack slot is inaccessible faults in the return plane, or, when the plane's page serves a neighbour
// too, below the slot. What kind of mapping the slot has, the scheduler finds out, which is not part of these tests.
func (d *differ) planeFault() {
	if d.in.Row.Cf == amd64.CfRet && d.got.sig == int(unix.SIGSEGV) && d.want.sig == int(unix.SIGSEGV) {
		d.got.code, d.got.err = d.want.code, d.want.err
		if d.got.addr == d.want.addr-8 {
			d.got.addr = d.want.addr
		}
	}
}

// hide clears what may differ.
func (d *differ) hide(r *result) {
	in := &d.in
	if in.Row.Cf == amd64.CfRet {
		// A return uses the 8 bytes below the stack pointer (DESIGN.md, "Why a return plane?").
		r.hide(&d.s, d.s.gpr[guest.RSP]-8, 8)
	}
	if !in.HasMem || in.Row.Attr&amd64.AState == 0 && in.Class() != isa.State {
		return
	}
	ea := d.ea()
	switch in.Mnem() { // x87 instruction and operand pointer in memory
	case "FNSTENV", "FNSAVE":
		if in.OpSize == 2 {
			r.hide(&d.s, ea+6, 8)
		} else {
			r.hide(&d.s, ea+12, 16)
		}
	case "FXSAVE", "FXSAVE64":
		r.hide(&d.s, ea+6, 18)
	case "XSAVE", "XSAVE64":
		r.hide(&d.s, ea+6, 18)
		r.hide(&d.s, ea+xsHeader, 8)
	}
}

func (d *differ) describe(n uint64) string {
	return fmt.Sprintf("case %d of seed %d: %s %x at %#x", n, d.seed, d.in.Mnem(), d.code, d.pc)
}

// casesWanted is the number of cases: a short form by default, GOGRIND_CASES for the long one.
func casesWanted(t testing.TB, short int) int {
	if v := os.Getenv("GOGRIND_CASES"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return short
}

// firstCase is the number of the case to begin with: GOGRIND_CASE, 0 by default.
func firstCase(t testing.TB) uint64 {
	if v := os.Getenv("GOGRIND_CASE"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 0
}

// seedWanted is the seed of the random tests, 1 by default.
func seedWanted(t testing.TB) uint64 {
	if v := os.Getenv("GOGRIND_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 1
}

// TestDifferential runs random instructions with random state natively and translated and compares all that a program can
// see. GOGRIND_CASES=10000000 is the long form, GOGRIND_SEED another seed, GOGRIND_CASE=n
// GOGRIND_CASES=1 runs case n alone.
func TestDifferential(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	first, want := firstCase(t), casesWanted(t, 100_000)
	rows := make(map[*amd64.Row]bool)
	bad := make(map[string]int)
	start, differences := time.Now(), 0
	for n := first; d.cases < want; n++ {
		if !d.generate(n) {
			continue
		}
		rows[d.in.Row] = true
		msg := d.run()
		if msg == "" {
			continue
		}
		differences++
		if bad[d.in.Mnem()]++; bad[d.in.Mnem()] <= 2 && differences < 200 {
			t.Errorf("%s: %s%s", d.describe(n), msg, d.hostCode(msg))
		}
	}
	refused := 0
	for _, md := range d.modes {
		refused += md.refused
	}
	excluded := make(map[string]int)
	for _, f := range forms() {
		for reason, list := range leftOut {
			if slices.Contains(strings.Fields(list), f.row.Name()) {
				excluded[reason]++
			}
		}
	}
	for reason, n := range excluded {
		t.Logf("left out: %d rows: %s (%s)", n, reason, leftOut[reason])
	}
	for _, f := range d.forms {
		if !rows[f.row] {
			t.Logf("never run: %s, %d of its encodings are known", f.row.Name(), f.seen)
		}
	}
	names := make([]string, 0, len(bad))
	for n, c := range bad {
		names = append(names, fmt.Sprintf("%s:%d", n, c))
	}
	slices.Sort(names)
	t.Logf("%d cases in %v, %d rows of %d, %d ended in a fault, %d translations refused, %d differences %v", d.cases,
		time.Since(start).Round(time.Second), len(rows), len(d.forms), d.faults, refused, differences, names)
}

// hostCode is the translation of the case in the mode that msg starts with.
func (d *differ) hostCode(msg string) string {
	var b strings.Builder
	for _, md := range d.modes {
		if !strings.HasPrefix(msg, md.name+":") {
			continue
		}
		md.cfg.Trace = func(_ guest.Addr, lines []Line) {
			for _, l := range lines {
				fmt.Fprintf(&b, "  %x -> %x\n", l.Code, l.Host)
			}
		}
		md.Entry(guest.Addr(d.pc))
		md.cfg.Trace = nil
		md.Discard(guest.Range{Start: guest.Addr(d.pc), End: guest.Addr(d.pc + 160)})
	}
	return b.String()
}
