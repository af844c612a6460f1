package vbits

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/isa/amd64/synth"
)

// check runs the case: the rules, the instruction, and the instruction again with other values in undefined bits. It returns how
// the rules are wrong, "" when they are not. ran is false when the case shows nothing, because the instruction faults.
func (o *oracle) check(n uint64, runs int) (msg string, ran bool) {
	rng := rand.New(rand.NewPCG(o.seed^99, n))
	o.install()
	o.base = o.start
	ctl := o.ctl
	end, sig, err := o.n.run(o.pc, &o.base, &ctl)
	if err != nil {
		return err.Error(), true
	}
	if sig != 0 {
		return "", false
	}
	o.v.file(&o.m.File)
	o.m.Changed()
	o.after = o.v
	o.m.Step(&o.in, o, o)
	o.m.Commit()
	o.after.setFile(&o.m.File)

	condition := false
	for _, u := range o.m.Uses {
		if u.Kind != UseCondition {
			return "", true // anything may happen
		}
		condition = true
	}
	if condition && (o.in.Row.Cf != amd64.CfJcc) {
		return "", true
	}
	clear(o.changed[:])
	o.decided = 0
	branched := false
	flips := o.flips(rng, runs)
	for f := range flips {
		o.other = o.start
		ctl := o.ctl
		if !o.flip(rng, f, flips) {
			continue
		}
		o.flipped++
		end2, sig, err := o.n.run(o.pc, &o.other, &ctl)
		switch {
		case err != nil:
			return err.Error(), true
		case o.in.Class() == isa.Nop && sig != 0: // cache control at an undefined address: Valgrind is silent too
			continue
		case sig != 0 && o.in.Row.Attr&amd64.AAlign != 0 && o.in.AAA != 0: // only the other mask accesses the unaligned operand
			continue
		case sig == int(unix.SIGSEGV) || sig == int(unix.SIGBUS):
			return fmt.Sprintf("another choice of undefined bits faults with signal %d, and nothing was reported", sig), true
		case sig != 0: // divide error, floating-point exception
			continue
		}
		if end2 != end {
			branched = true
			if !condition {
				return "another choice of undefined bits branches the other way, and nothing was reported", true
			}
			continue
		}
		if o.in.Class() == isa.Cmpxchg && o.in.Op == 0xc7 && (o.base[recFlags]^o.other[recFlags])&flagZ != 0 {
			continue // the comparison is called defined, see cmpxchgPair
		}
		if msg := o.compare(); msg != "" {
			return msg, true
		}
	}
	c := &o.counts[o.in.Class()]
	if condition {
		c.uses++
		if !branched {
			c.noUse++
		}
	}
	if o.few {
		o.count(c)
	}
	return "", true
}

// count adds the precision of the case, of which all choices were run, to c.
func (o *oracle) count(c *classCount) {
	c.cases++
	never := 0
	for i := range o.after {
		v := o.claimed(i)
		c.undefined += bits.OnesCount64(v)
		never += bits.OnesCount64(v &^ o.changed[i])
	}
	c.never += never
	if never > 0 {
		if c.row == nil {
			c.row = make(map[string]int)
		}
		c.row[o.in.Mnem()] += never
	}
}

// claimed are the bits of word i that the rules call undefined, as far as that says something: not what was undefined before and is not
// touched, and not flags that the manuals call undefined.
func (o *oracle) claimed(i int) uint64 {
	v := o.after[i]
	if o.base[i] == o.start[i] {
		v &^= o.v[i]
	}
	if i == recFlags {
		v &= flagsArith &^ uint64(o.in.Flags().Undef)
	}
	return v
}

// compare adds what differs between base and other to changed and describes bits that the rules call defined.
func (o *oracle) compare() string {
	bad := ""
	for i := range o.base {
		d := o.base[i] ^ o.other[i]
		if d == 0 {
			continue
		}
		switch i {
		case recFPSW:
			d &= x87Conditions
		case recFlags:
			d &= flagsArith | flagD
			for cc := uint8(0); cc < 16; cc += 2 {
				a, _ := conditionOf(cc, o.base[i], 0)
				b, _ := conditionOf(cc, o.other[i], 0)
				o.decided |= uint16(bit(a != b)) << cc
			}
		}
		o.changed[i] |= d
		if miss := d &^ o.after[i]; miss != 0 {
			bad += fmt.Sprintf("\n\t%s: before %#x v %#x, after %#x v %#x; bits %#x change", place(i), o.start[i], o.v[i],
				o.base[i], o.after[i], miss)
		}
	}
	if bad != "" {
		bad += o.inputs()
	}
	return bad
}

// inputs lists undefined inputs.
func (o *oracle) inputs() string {
	var b strings.Builder
	for i, n := 0, 0; i < recWords && n < 24; i++ {
		if o.v[i] != 0 {
			n++
			fmt.Fprintf(&b, "\n\tin %s = %#x, v %#x", place(i), o.start[i], o.v[i])
		}
	}
	if len(o.m.Uses) > 0 {
		fmt.Fprintf(&b, "\n\tuses %v", o.m.Uses)
	}
	return b.String()
}

// flips is how many choices of undefined bits are run.
func (o *oracle) flips(rng *rand.Rand, runs int) int {
	if !o.few {
		return runs
	}
	n := 0
	for _, v := range o.v {
		n += bits.OnesCount64(v)
	}
	return 1 << n
}

// flip makes other a start with other values in undefined bits; it reports false if there are none.
func (o *oracle) flip(rng *rand.Rand, f, flips int) bool {
	if o.few {
		if f == 0 {
			return false
		}
		for i, v := range o.v {
			for ; v != 0; v &= v - 1 {
				if f&1 != 0 {
					o.other[i] ^= v & -v
				}
				f >>= 1
			}
		}
		return true
	}
	some := false
	kind := f % 4
	words := 0
	for _, v := range o.v {
		words += int(bit(v != 0))
	}
	if words == 0 {
		return false
	}
	one := rng.IntN(words)
	for i, v := range o.v {
		if v == 0 {
			continue
		}
		x := v
		switch kind {
		case 1:
			x &= rng.Uint64()
		case 2: // one word
			if one != 0 {
				x = 0
			} else if rng.IntN(2) == 0 {
				x &= 1 << rng.IntN(64)
			}
			one--
		case 3:
			x &= rng.Uint64() & rng.Uint64() & rng.Uint64()
		}
		o.other[i] ^= x
		some = some || x != 0
	}
	return some
}

// casesWanted is the number of cases: a short form by default, GOGRIND_VBITS_CASES for the long one.
func casesWanted(t testing.TB, short int) int {
	v := os.Getenv("GOGRIND_VBITS_CASES")
	if v == "" {
		return short
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func number(t testing.TB, name string, or uint64) uint64 {
	v := os.Getenv(name)
	if v == "" {
		return or
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wanted are the forms to test: all, or those of the classes and mnemonics in GOGRIND_VBITS_ONLY (a class ending in "." stands for
// all that begin so).
func (o *oracle) wanted() []*synth.Form {
	only := strings.Fields(os.Getenv("GOGRIND_VBITS_ONLY"))
	if len(only) == 0 {
		return o.forms
	}
	var l []*synth.Form
	for _, f := range o.forms {
		c := f.Row.Sem.String()
		if slices.ContainsFunc(only, func(s string) bool {
			return c == s || strings.HasSuffix(s, ".") && strings.HasPrefix(c, s) || f.Row.Name() == s
		}) {
			l = append(l, f)
		}
	}
	return l
}

// TestOracle: no output bit that depends on an undefined input bit is called defined. Random instructions of all rows run from random
// states, then again with undefined bits flipped; what changes must be undefined by the rules.
//
// GOGRIND_VBITS_CASES=10000000 is the long form, GOGRIND_VBITS_SEED another seed, GOGRIND_VBITS_CASE=n GOGRIND_VBITS_CASES=1 runs case
// n alone, GOGRIND_VBITS_ONLY="alu. VPADDB" these classes and mnemonics.
func TestOracle(t *testing.T) {
	o := newOracle(t, number(t, "GOGRIND_VBITS_SEED", 1))
	forms := o.wanted()
	if os.Getenv("GOGRIND_VBITS_ONLY") == "" {
		forms = slices.DeleteFunc(slices.Clone(forms), func(f *synth.Form) bool { return rules[f.Row.Sem] == nil })
	}
	want := casesWanted(t, 60_000)
	bad := make(map[string]int)
	rows := make(map[*amd64.Row]bool)
	cases, faults, shown := 0, 0, 0
	start := time.Now()
	for n := number(t, "GOGRIND_VBITS_CASE", 0); cases < want; n++ {
		if !o.generate(n, forms) {
			continue
		}
		cases++
		msg, ran := o.check(n, 4)
		if !ran {
			faults++
			continue
		}
		rows[o.in.Row] = true
		if msg == "" {
			continue
		}
		k := o.in.Class().String() + " " + o.in.Mnem()
		if bad[k]++; bad[k] == 1 && shown < 60 {
			shown++
			t.Errorf("%s:%s", o.describe(n), msg)
		}
	}
	t.Logf("%d cases and %d runs in %v, %d rows of %d, %d faulted", cases, o.flipped, time.Since(start).Round(time.Second), len(rows),
		len(forms), faults)
	if len(bad) > 0 {
		t.Errorf("wrong: %v", bad)
	}
	unknown := make(map[isa.Class]uint64)
	for c, n := range o.m.Unknown {
		if n > 0 {
			unknown[isa.Class(c)] = n
		}
	}
	t.Logf("without a rule: %v", unknown)
}
