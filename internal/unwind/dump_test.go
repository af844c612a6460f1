package unwind

import "testing"

// TestRows: the rows of a library are in order, cover what look-ups find, and say the same.
func TestRows(t *testing.T) {
	tab := compileFile(t, "/lib/x86_64-linux-gnu/libc.so.6")
	n, last := 0, Row{}
	tab.Rows(func(r Row) bool {
		n++
		if r.End <= r.Start || r.Start < r.Function || r.Start < last.Start {
			t.Errorf("row %+v behind %+v", r, last)
		}
		for _, pc := range []uint64{r.Start, r.End - 1} {
			if found, _ := tab.Find(pc); found != r.Rule {
				t.Errorf("%#x: row %v, found %v", pc, r.Rule, found)
			}
		}
		last = r
		return !t.Failed()
	})
	if n < tab.Functions() {
		t.Errorf("%d rows of %d functions", n, tab.Functions())
	}
	(*Table)(nil).Rows(func(Row) bool { t.Error("a row of nothing"); return true })
}

func TestRuleText(t *testing.T) {
	rows := []struct {
		r    Rule
		want string
	}{
		{Rule{cfaReg: regRSP, cfaOff: 16, ra: regRule{kind: atOffset, off: -8},
			regs: []savedReg{{regRBP, regRule{kind: atOffset, off: -16}}, {12, regRule{kind: inReg, off: 3}}, {40, regRule{kind: undefined}}}},
			"cfa=rsp+16 ra=*(cfa-8) rbp=*(cfa-16) r12=rbx r40=undefined"},
		{Rule{cfaExpr: []byte{0x77, 8}, end: true}, "cfa=expression(7708) ra=none"},
		{Rule{cfaReg: regRBP, signal: true, ra: regRule{kind: atExpr, expr: []byte{0x30}},
			regs: []savedReg{{0, regRule{kind: isOffset, off: 4}}, {1, regRule{kind: isExpr, expr: []byte{0x31}}}, {2, regRule{kind: same}}}},
			"cfa=rbp+0 ra=*expression(30) rax=cfa+4 rdx=expression(31) rcx=same signal frame"},
	}
	for _, row := range rows {
		if got := row.r.String(); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}
