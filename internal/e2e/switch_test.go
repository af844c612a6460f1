package e2e

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gogrind/internal/isa/amd64/synth"
)

// switchModes are ways to run code in which memcheck must find the same V bits as where it steps every instruction.
var switchModes = []struct {
	name   string
	env    []string
	alarms string // argument for signals all the time
	every  int    // of so many batches, one runs in this mode
}{
	{"normal", nil, "", 1},
	{"small", []string{"GOGRIND_CODECACHE=300000"}, "", 3},
	{"signals", nil, "300", 3},
	{"chaos", []string{"GOGRIND_CHAOS=1"}, "", 5},
	{"origins", []string{}, "", 4},
}

const switchBatch = 40

// TestSwitch: a switch between fast, dirty and stepped code at any instruction loses no V bit. Random sequences of instructions
// (moves, arithmetic, vectors, jumps, loops, calls, string instructions) run from registers and memory with random undefined bits.
// Values and V bits of all registers and of the memory afterwards, and the errors reported, must be those that stepping every
// instruction gives; values also those of a native run. What fails is shrunk to the instructions that matter.
//
// GOGRIND_SWITCH_CASES=100000 is the long form, GOGRIND_SWITCH_SEED another seed, GOGRIND_SWITCH_CASE=n runs case n alone,
// GOGRIND_SWITCH_MODE=normal,chaos these modes.
func TestSwitch(t *testing.T) {
	tool := faultTool(t)
	if tool == "valgrind" {
		s.skip(t, "Valgrind has one version of code")
	}
	w := newSwitcher(t, tool)
	start := time.Now()
	seed, wanted := envNumber(t, "GOGRIND_SWITCH_SEED", 1), envNumber(t, "GOGRIND_SWITCH_CASES", 240)
	first := uint64(0)
	if os.Getenv("GOGRIND_SWITCH_CASE") != "" {
		first, wanted = envNumber(t, "GOGRIND_SWITCH_CASE", 0), 1
	}
	done, faulted := 0, 0
	for n := first; n < first+wanted; n += switchBatch {
		var cases []*switchCase
		for i := n; i < min(n+switchBatch, first+wanted); i++ {
			cases = append(cases, newSwitchCase(seed, i, &w.forms))
		}
		all := len(cases)
		cases = w.sane(cases)
		faulted += all - len(cases)
		done += len(cases)
		for k, mode := range switchModes {
			if only := os.Getenv("GOGRIND_SWITCH_MODE"); only != "" {
				if !slices.Contains(strings.Split(only, ","), mode.name) {
					continue
				}
			} else if wanted > 1 && (n/switchBatch+uint64(k))%uint64(mode.every) != 0 {
				continue
			}
			w.mode = k
			if msg := w.compare(cases); msg != "" {
				w.explain(cases, msg)
				if w.failures++; w.failures >= 5 {
					t.Fatalf("too many failures; %d cases", done)
				}
				break
			}
		}
	}
	t.Logf("%d cases and %d that fault natively, %d runs in %v", done, faulted, w.runs, time.Since(start).Round(time.Second))
	if wanted > 100 && done < int(wanted)*3/4 {
		t.Errorf("only %d of %d cases run natively", done, wanted)
	}
}

func envNumber(t *testing.T, name string, or uint64) uint64 {
	v := os.Getenv(name)
	if v == "" {
		return or
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("$%s: %v", name, err)
	}
	return n
}

// switcher runs cases.
type switcher struct {
	t        *testing.T
	tool     string
	program  string
	file     string
	forms    [vectorKinds]switchForms
	mode     int // of switchModes
	runs     int
	failures int
}

func newSwitcher(t *testing.T, tool string) *switcher {
	w := &switcher{t: t, tool: tool, file: filepath.Join(t.TempDir(), "cases")}
	w.program = s.executable(t, s.guests(t, "switch")[0])
	w.forms = switchFormsOf()
	w.probe()
	return w
}

// A switchResult is what a case leaves in one round: values and V bits of both areas.
type switchResult []byte

const switchResultSize = 8 + 4*switchArea

func (r switchResult) signal() uint64    { return binary.LittleEndian.Uint64(r) }
func (r switchResult) values() []byte    { return r[8:][:2*switchArea] }
func (r switchResult) undefined() []byte { return r[8+2*switchArea:] }

// run runs cases in order under tool and returns results by case and round, and the log.
func (w *switcher) run(tool string, cases []*switchCase, order []byte, env []string, alarms string, options ...string) ([]switchResult, string, error) {
	w.runs++
	if err := os.WriteFile(w.file, switchFile(cases, order), 0o600); err != nil {
		w.t.Fatal(err)
	}
	c := command{argv: []string{w.program, w.file}, env: env, options: append(options, "--error-limit=no", "--leak-check=no")}
	if alarms != "" {
		c.argv = append(c.argv, alarms)
	}
	r := s.run(w.t, tool, c)
	var list []switchResult
	for out := []byte(r.stdout); len(out) >= switchResultSize; out = out[switchResultSize:] {
		list = append(list, switchResult(out[:switchResultSize]))
	}
	if r.status != 0 || len(list) != len(cases)*len(order) {
		return nil, "", fmt.Errorf("%s: status %d, timed out %v, %d results%s", tool, r.status, r.timedOut, len(list), tail(r))
	}
	return list, switchNoise.ReplaceAllString(r.log, ""), nil
}

// switchNoise is what differs in logs: process numbers and arguments.
var switchNoise = regexp.MustCompile(`(?m)^==\d+== ?(Command: .*|Parent PID: .*)?`)

// probe leaves out forms that the processor does not have, or that fault here for another reason.
func (w *switcher) probe() {
	var cases []*switchCase
	var names []string
	for k := range vectorKinds {
		c := newSwitchCase(1, uint64(k), &w.forms)
		m := &maker{rng: rand.New(rand.NewPCG(1, uint64(k))), kind: k}
		for _, fm := range w.forms[k].all {
			for range 3 {
				if p := m.form(fm, 100); p != nil {
					one := *c
					one.kind, one.pieces = k, []*piece{p}
					cases = append(cases, &one)
					names = append(names, fm.Row.Name()+fmt.Sprint(fm.Row.NOps, k))
				}
			}
		}
	}
	bad := make(map[string]bool)
	usable := make(map[string]bool)
	list, _, err := w.run(native, cases, switchOrder[:1], nil, "")
	if err != nil {
		w.t.Fatal(err)
	}
	for i, r := range list {
		usable[names[i]] = true
		if r.signal() != 0 {
			bad[names[i]] = true
		}
	}
	for k := range vectorKinds {
		drop := func(fm *synth.Form) bool {
			name := fm.Row.Name() + fmt.Sprint(fm.Row.NOps, k)
			return bad[name] || !usable[name]
		}
		w.forms[k] = switchForms{slices.DeleteFunc(slices.Clone(w.forms[k].common), drop), slices.DeleteFunc(slices.Clone(w.forms[k].all), drop)}
	}
	w.t.Logf("instructions: %d with SSE, %d with AVX, %d with AVX-512", len(w.forms[0].all), len(w.forms[1].all), len(w.forms[2].all))
}

// sane returns the cases that run natively without a fault, and give the same twice.
func (w *switcher) sane(cases []*switchCase) (good []*switchCase) {
	if len(cases) == 0 {
		return nil
	}
	one, _, err := w.run(native, cases, switchOrder, nil, "")
	if err != nil {
		w.t.Fatal(err)
	}
	two, _, err := w.run(native, cases, switchOrder, nil, "")
	if err != nil {
		w.t.Fatal(err)
	}
	rounds := len(switchOrder)
	for i, c := range cases {
		ok := true
		for k := i * rounds; k < (i+1)*rounds; k++ {
			if one[k].signal() != 0 {
				ok = false
			} else if string(one[k]) != string(two[k]) {
				w.t.Errorf("gives different results natively: %v", c)
				ok = false
				break
			}
		}
		if ok {
			good = append(good, c)
		}
	}
	return good
}

// compare runs cases in the mode and by steps alone, and describes the first difference, "" if there is none.
func (w *switcher) compare(cases []*switchCase) string {
	if len(cases) == 0 {
		return ""
	}
	mode := &switchModes[w.mode]
	var options []string
	if mode.name == "origins" {
		options = []string{"--track-origins=yes"}
	}
	exact, wantLog, err := w.run(w.tool, cases, switchOrder, []string{"GOGRIND_EXACT=only,keep"}, "", options...)
	if err != nil {
		return err.Error()
	}
	// Random code does not keep to the calling convention, which says what nobody will read.
	got, gotLog, err := w.run(w.tool, cases, switchOrder, append([]string{"GOGRIND_EXACT=keep"}, mode.env...), mode.alarms, options...)
	if err != nil {
		return err.Error()
	}
	natively, _, err := w.run(native, cases, switchOrder, nil, "")
	if err != nil {
		return err.Error()
	}
	for i := range exact {
		if d := differentBytes(natively[i].values(), exact[i].values(), nil); d != "" {
			return fmt.Sprintf("round %d: values, natively and stepped:%s", i%len(switchOrder), d)
		}
		if d := differentBytes(natively[i].values(), got[i].values(), nil); d != "" {
			return fmt.Sprintf("round %d: values, natively and %s:%s", i%len(switchOrder), mode.name, d)
		}
		if d := differentBytes(exact[i].undefined(), got[i].undefined(), exact[i].values()); d != "" {
			return fmt.Sprintf("round %d: undefined bits, stepped and %s:%s", i%len(switchOrder), mode.name, d)
		}
	}
	if d := firstDifference(wantLog, gotLog); d != "" {
		return "errors " + d
	}
	return ""
}

// differentBytes describes where a and b, both areas, differ; values are shown if they are given.
func differentBytes(a, b, values []byte) string {
	if string(a) == string(b) {
		return ""
	}
	var out strings.Builder
	n := 0
	for i := 0; i < len(a); i += 8 {
		x, y := binary.LittleEndian.Uint64(a[i:]), binary.LittleEndian.Uint64(b[i:])
		if x == y {
			continue
		}
		if n++; n > 6 {
			continue
		}
		fmt.Fprintf(&out, "\n\t%s: %#x, %#x", switchPlace(i), x, y)
		if values != nil {
			fmt.Fprintf(&out, " (lost %d bits, added %d; value %#x)", bits.OnesCount64(x&^y), bits.OnesCount64(y&^x), binary.LittleEndian.Uint64(values[i:]))
		}
	}
	fmt.Fprintf(&out, "\n\t%d words", n)
	return out.String()
}

// switchPlace names offset i of both areas.
func switchPlace(i int) string {
	area := "memory"
	if i >= switchArea {
		i, area = i-switchArea, "register"
	}
	switch {
	case area == "memory" && i >= atMem:
		return fmt.Sprintf("%#x(%%rbp)", i-atMem-memSize/2)
	case i < atFlags:
		return fmt.Sprintf("%s r%d", area, i/8)
	case i < atMask:
		return area + " flags"
	case i < atMask+64:
		return fmt.Sprintf("%s k%d", area, (i-atMask)/8)
	case i >= atVec && i < atX87:
		return fmt.Sprintf("%s vec%d[%d]", area, (i-atVec)/64, i/8%8)
	}
	return fmt.Sprintf("%s +%d", area, i)
}

// explain finds a case that fails alone, or the fewest that fail together, and the pieces of it that matter. msg says how cases
// failed.
func (w *switcher) explain(cases []*switchCase, msg string) {
	w.t.Helper()
	mode := &switchModes[w.mode]
	tries := 1
	if mode.alarms != "" || len(mode.env) > 0 {
		tries = 8 // what the clock decides does not fail every time
	}
	fails := func(list []*switchCase) bool {
		for range tries {
			if m := w.compare(list); m != "" {
				msg = m
				return true
			}
		}
		return false
	}
	for size := len(cases) / 2; size > 0; size = min(size/2, len(cases)/2) {
		found := false
		for i := 0; i < len(cases) && !found; i += size {
			if part := cases[i:min(i+size, len(cases))]; fails(part) {
				cases, found = part, true
			}
		}
		if !found {
			break
		}
	}
	if len(cases) > 1 {
		w.t.Errorf("mode %s: cases %d to %d of seed %d fail together: %s", mode.name, cases[0].n, cases[len(cases)-1].n, cases[0].seed, msg)
		return
	}
	c := *cases[0]
	c.shrink(func() bool {
		good := w.sane([]*switchCase{&c})
		return len(good) > 0 && fails(good)
	})
	w.t.Errorf("mode %s: %s\n%v", mode.name, msg, &c)
}

// shrink leaves out pieces as long as the case fails.
func (c *switchCase) shrink(fails func() bool) {
	less := func(list *[]*piece) {
		for size := max(len(*list)/2, 1); ; size /= 2 {
			for i := len(*list) - size; i >= 0; i -= size {
				old := *list
				*list = slices.Delete(slices.Clone(old), i, i+size)
				if !fails() {
					*list = old
				}
				i = min(i, len(*list))
			}
			if size <= 1 {
				return
			}
		}
	}
	less(&c.pieces)
	for i, p := range c.pieces {
		if p.sub != nil {
			q := *p
			c.pieces[i] = &q
			less(&q.sub)
		}
	}
}
