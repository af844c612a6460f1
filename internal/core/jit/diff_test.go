package jit

import (
	"encoding/binary"
	"fmt"
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
	"gogrind/internal/isa/amd64/synth"
)

// leftOut names the instructions that the differential test does not run, by reason.
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
	forms []*synth.Form
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
	poison        poison
}

// poison is shadow that is not 0 before the instruction.
type poison struct {
	start uint64
	n     int
	mark  byte
}

func newDiffer(t testing.TB, seed uint64) *differ {
	m := newMachine(t)
	d := &differ{m: m, seed: seed, pool: newPool(seed), terms: make([]uint64, 2)}
	for _, f := range synth.Forms() {
		if !skipped[f.Row.Name()] {
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
	for _, f := range synth.Forms() {
		for reason, list := range leftOut {
			if slices.Contains(strings.Fields(list), f.Row.Name()) {
				excluded[reason]++
			}
		}
	}
	for reason, n := range excluded {
		t.Logf("left out: %d rows: %s (%s)", n, reason, leftOut[reason])
	}
	for _, f := range d.forms {
		if !rows[f.Row] {
			t.Logf("never run: %s, %d of its encodings are known", f.Row.Name(), f.Seen)
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
