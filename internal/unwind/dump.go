package unwind

import (
	"fmt"
	"strings"
)

// Row says that Rule holds for the pcs of [Start, End), which are part of the function at Function. Addresses are link-time ones.
type Row struct {
	Function   uint64
	Start, End uint64
	Rule       *Rule
}

// Rows calls f for each row of each function, in the order of addresses, until it returns false.
func (t *Table) Rows(f func(Row) bool) {
	if t == nil {
		return
	}
	for i := range t.fdes {
		e, start := &t.fdes[i], t.base+uint64(t.starts[i])
		rows := e.rows.Load()
		if rows == nil {
			rows = t.compile(e, start)
		}
		for k, r := range *rows {
			end := start + uint64(e.size)
			if k+1 < len(*rows) {
				end = start + uint64((*rows)[k+1].off)
			}
			if !f(Row{start, start + uint64(r.off), end, r.rule}) {
				return
			}
		}
	}
}

// regNames are the DWARF numbers of amd64's registers (System V ABI, figure 3.36).
var regNames = [...]string{"rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp",
	"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "ra"}

func regName(n int64) string {
	if n >= 0 && n < int64(len(regNames)) {
		return regNames[n]
	}
	return fmt.Sprintf("r%d", n)
}

// String is the rule in words: "cfa=rsp+16 ra=*(cfa-8) rbp=*(cfa-16)". Registers that keep their values are left out.
func (r *Rule) String() string {
	var b strings.Builder
	if r.cfaExpr != nil {
		fmt.Fprintf(&b, "cfa=expression(%x)", r.cfaExpr)
	} else {
		fmt.Fprintf(&b, "cfa=%s%+d", regName(int64(r.cfaReg)), r.cfaOff)
	}
	if r.end {
		b.WriteString(" ra=none")
	} else {
		fmt.Fprintf(&b, " ra=%s", r.ra.text())
	}
	for _, s := range r.regs {
		fmt.Fprintf(&b, " %s=%s", regName(int64(s.reg)), s.text())
	}
	if r.signal {
		b.WriteString(" signal frame")
	}
	return b.String()
}

func (g regRule) text() string {
	switch g.kind {
	case same:
		return "same"
	case atOffset:
		return fmt.Sprintf("*(cfa%+d)", g.off)
	case isOffset:
		return fmt.Sprintf("cfa%+d", g.off)
	case inReg:
		return regName(g.off)
	case atExpr:
		return fmt.Sprintf("*expression(%x)", g.expr)
	case isExpr:
		return fmt.Sprintf("expression(%x)", g.expr)
	}
	return "undefined"
}
