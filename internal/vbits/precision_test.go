package vbits

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64/synth"
)

// definedness is the document that publishes what TestPrecision measures.
const definedness = "../../docs/definedness.md"

// tolerated are the percentage points by which another processor, with other rows, may be less precise; a class that is published as
// exact must be.
const tolerated = 10

// TestPrecision measures, for each class, how many result bits the rules call undefined though no choice of the undefined input bits
// changes them. Cases have at most 6 undefined bits, and all choices are run. Flags that the manuals call undefined do not count.
//
// GOGRIND_VBITS_UPDATE=1 writes the table of docs/definedness.md. With -v
// the first imprecise cases of each class are shown.
func TestPrecision(t *testing.T) {
	o := newOracle(t, number(t, "GOGRIND_VBITS_SEED", 1))
	o.few = true
	byClass := make(map[isa.Class][]*synth.Form)
	for _, f := range o.wanted() {
		byClass[f.Row.Sem] = append(byClass[f.Row.Sem], f)
	}
	published := readPrecision(t)
	update := os.Getenv("GOGRIND_VBITS_UPDATE") != ""
	want := casesWanted(t, 100)
	var table strings.Builder
	for _, c := range slices.Sorted(maps.Keys(byClass)) {
		k := o.measure(t, c, byClass[c], want)
		rate := 100 * float64(k.never) / float64(max(k.undefined, 1))
		was, ok := published[c.String()]
		if !update && (!ok || was == 0 && k.never > 0 || rate > was+tolerated) {
			t.Errorf("%s: %.2f%% of the undefined bits never change, published are %.2f%%: %v", c, rate, was, k.row)
		}
		if !update && k.noUse > 0 {
			t.Errorf("%s: %d of %d conditions reported as undefined never change", c, k.noUse, k.uses)
		}
		fmt.Fprintf(&table, "| %s | %d | %d | %d | %.2f |%s |\n", c, k.cases, k.undefined, k.never, rate, worst(k.row))
		t.Logf("%-12s %.2f%% of %d in %d cases, %d of %d conditions:%s", c, rate, k.undefined, k.cases, k.noUse, k.uses, worst(k.row))
	}
	if update {
		writePrecision(t, table.String())
	}
}

// measure runs cases of class c.
func (o *oracle) measure(t *testing.T, c isa.Class, forms []*synth.Form, want int) *classCount {
	k := &o.counts[c]
	shown := 0
	for n, tried := uint64(c)<<32, 0; k.cases < want && tried < 20*want; n++ {
		tried++
		if !o.generate(n, forms) {
			continue
		}
		before := k.never
		if msg, _ := o.check(n, 0); msg != "" {
			t.Errorf("%s:%s", o.describe(n), msg)
			break
		}
		if k.never > before && testing.Verbose() && shown < 3 {
			shown++
			t.Logf("%s:%s", o.describe(n), o.overdone())
		}
	}
	return k
}

// worst are the mnemonics with most of the bits that never change.
func worst(rows map[string]int) (s string) {
	names := slices.SortedFunc(maps.Keys(rows), func(a, b string) int {
		if rows[a] != rows[b] {
			return rows[b] - rows[a]
		}
		return strings.Compare(a, b)
	})
	for _, n := range names[:min(4, len(names))] {
		s += " " + n
	}
	return s
}

// overdone lists bits that the rules call undefined and that no choice changed.
func (o *oracle) overdone() (s string) {
	for i := range o.after {
		if v := o.claimed(i) &^ o.changed[i]; v != 0 {
			s += fmt.Sprintf("\n\t%s: before %#x v %#x, after %#x v %#x; bits %#x never change", place(i), o.start[i], o.v[i],
				o.base[i], o.after[i], v)
		}
	}
	return s + o.inputs()
}

var precisionRow = regexp.MustCompile(`(?m)^\| ([a-z0-9.]+) \| \d+ \| \d+ \| \d+ \| ([0-9.]+) \|`)

// readPrecision are the published percentages by class.
func readPrecision(t *testing.T) map[string]float64 {
	text, err := os.ReadFile(definedness)
	if err != nil {
		t.Fatal(err)
	}
	m := make(map[string]float64)
	for _, f := range precisionRow.FindAllStringSubmatch(string(text), -1) {
		if m[f[1]], err = strconv.ParseFloat(f[2], 64); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// writePrecision replaces the rows of the table.
func writePrecision(t *testing.T, rows string) {
	text, err := os.ReadFile(definedness)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), "|---|---|---|---|---|---|\n")
	if !ok {
		t.Fatalf("%s has no table", definedness)
	}
	for strings.HasPrefix(rest, "|") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	if err := os.WriteFile(definedness, []byte(head+"|---|---|---|---|---|---|\n"+rows+rest), 0o666); err != nil {
		t.Fatal(err)
	}
}
