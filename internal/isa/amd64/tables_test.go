package amd64

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"gogrind/internal/isa"
)

// TestGenerated: tables_gen.go is what the generator makes of the tables.
func TestGenerated(t *testing.T) {
	src, err := os.ReadFile("types.go")
	if err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(src), "//go:generate go ")
	line, _, _ = strings.Cut(line, "\n")
	out := filepath.Join(t.TempDir(), "tables_gen.go")
	args := strings.Fields(strings.Replace(line, "tables_gen.go", out, 1))
	if msg, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, msg)
	}
	want, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("tables_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("tables_gen.go is out of date: run go generate")
	}
}

// TestRows checks conventions that all rows follow.
func TestRows(t *testing.T) {
	if len(rows) < 2400 {
		t.Errorf("%d rows", len(rows))
	}
	sizes := map[string]int{}
	for i := range rows {
		r := &rows[i]
		sizes[r.Name()]++
		if r.Sem == isa.ClassNone || r.Sem >= isa.NumClasses || r.Ext == ExtNone {
			t.Errorf("%s: class %v, extension %v", r.Name(), r.Sem, r.Ext)
		}
		if strings.ContainsFunc(r.Name(), func(c rune) bool { return !unicode.IsUpper(c) && !unicode.IsDigit(c) && c != '_' }) {
			t.Errorf("mnemonic %q", r.Name())
		}
		mem, vector := 0, false
		for _, d := range r.operands() {
			switch d.Loc {
			case LMR, LM, LMS, LMU, LMN, LMKR, LA, LO:
				mem++
			case LV, LU, LH:
				vector = true
			}
			if d.Acc == 0 || d.Acc&(AccCond|AccCW) != 0 && d.Acc&(AccR|AccW) == 0 {
				t.Errorf("%s: access %#x", r.Name(), d.Acc)
			}
			if (d.Loc == LG || d.Loc == LMR || d.Loc == LV || d.Loc == LMU) && d.WReg == WNone {
				t.Errorf("%s: register without width", r.Name())
			}
		}
		if mem > 1 {
			t.Errorf("%s: %d memory operands", r.Name(), mem)
		}
		// Rules per element need to know the element.
		switch r.Sem {
		case isa.VLaneInt, isa.VLaneFp, isa.VCvt, isa.VCmpeq, isa.VCmpgt, isa.VCmpk, isa.VFpcmpk, isa.VShift, isa.VShiftvar,
			isa.VSatnarrow, isa.VExt, isa.VTrunc, isa.VCount, isa.VGather, isa.VMaskmov, isa.VCompress:
			if vector && (r.Elem == 0 || r.Type == TypeNone) {
				t.Errorf("%s: element size %d, type %d", r.Name(), r.Elem, r.Type)
			}
		}
		if r.Attr&AMx != 0 && r.Ext == ExtBase {
			t.Errorf("%s: general instruction reads MXCSR", r.Name())
		}
	}
	for _, want := range []string{"ADD", "JNLE", "REP_MOVSQ", "FSQRT", "PADDB", "VPADDB", "VPTERNLOGD", "VADDPH", "ENDBR64"} {
		if sizes[want] == 0 {
			t.Errorf("no row for %s", want)
		}
	}
}

// TestClassNames: each class has its own name, and is used.
func TestClassNames(t *testing.T) {
	used := map[isa.Class]bool{}
	for i := range rows {
		used[rows[i].Sem] = true
	}
	names := map[string]bool{}
	for c := isa.Class(1); c < isa.NumClasses; c++ {
		if s := c.String(); s == "" || s == "none" || names[s] {
			t.Errorf("class %d: name %q", c, s)
		}
		names[c.String()] = true
		if !used[c] {
			t.Errorf("no instruction of class %v", c)
		}
	}
}
