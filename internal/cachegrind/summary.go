package cachegrind

import (
	"fmt"
	"strings"

	"gogrind/internal/report"
)

// summary prints the totals in the form that scripts know from Valgrind.
func (c *Cachegrind) summary() {
	c.report.Log().Userf("%s", summaryText(c.profile.Events, c.profile.Summary))
}

// totals are the totals by event.
type totals map[string]int64

func (t totals) sum(names ...string) (n int64) {
	for _, e := range names {
		n += t[e]
	}
	return n
}

// summaryText is the summary for the events and their totals.
func summaryText(events []string, counts []int64) string {
	t := totals{}
	for i, e := range events {
		t[e] = counts[i]
	}
	_, caches := t["I1mr"]
	_, branches := t["Bc"]
	var b strings.Builder
	if !caches {
		fmt.Fprintf(&b, "%-15s%s\n", "I refs:", commas(t["Ir"]))
	}
	// Columns are as wide as the largest number that may be in them.
	w1 := len(commas(max(t["Ir"], t.sum("Dr", "Dw"), t.sum("Bc", "Bi"))))
	w2 := len(commas(max(t["Dr"], t["Bc"])))
	w3 := len(commas(max(t["Dw"], t["Bi"])))
	one := func(label string, n int64) { fmt.Fprintf(&b, "%-15s%*s\n", label, w1, commas(n)) }
	pair := func(label string, a, d int64, an, dn string) {
		fmt.Fprintf(&b, "%-15s%*s  (%*s %s + %*s %s)\n", label, w1, commas(a+d), w2, commas(a), an, w3, commas(d), dn)
	}
	rates := func(label string, all, a, d float64) {
		fmt.Fprintf(&b, "%-15s%*.1f%% (%*.1f%%     + %*.1f%%  )\n", label, w1, all, w2, a, w3, d)
	}
	if caches {
		one("I   refs:", t["Ir"])
		one("I1  misses:", t["I1mr"])
		one("LLi misses:", t["ILmr"])
		fmt.Fprintf(&b, "%-15s%*.2f%%\n", "I1  miss rate:", w1, percent(t["I1mr"], t["Ir"]))
		fmt.Fprintf(&b, "%-15s%*.2f%%\n\n", "LLi miss rate:", w1, percent(t["ILmr"], t["Ir"]))
		d, dm, lm := t.sum("Dr", "Dw"), t.sum("D1mr", "D1mw"), t.sum("DLmr", "DLmw")
		pair("D   refs:", t["Dr"], t["Dw"], "rd  ", "wr")
		pair("D1  misses:", t["D1mr"], t["D1mw"], "rd  ", "wr")
		pair("LLd misses:", t["DLmr"], t["DLmw"], "rd  ", "wr")
		rates("D1  miss rate:", percent(dm, d), percent(t["D1mr"], t["Dr"]), percent(t["D1mw"], t["Dw"]))
		rates("LLd miss rate:", percent(lm, d), percent(t["DLmr"], t["Dr"]), percent(t["DLmw"], t["Dw"]))
		b.WriteByte('\n')
		pair("LL refs:", t.sum("I1mr", "D1mr"), t["D1mw"], "rd  ", "wr")
		pair("LL misses:", t.sum("ILmr", "DLmr"), t["DLmw"], "rd  ", "wr")
		rates("LL miss rate:", percent(t.sum("ILmr", "DLmr", "DLmw"), t["Ir"]+d), percent(t.sum("ILmr", "DLmr"), t.sum("Ir", "Dr")),
			percent(t["DLmw"], t["Dw"]))
	}
	if branches {
		b.WriteByte('\n')
		pair("Branches:", t["Bc"], t["Bi"], "cond", "ind")
		pair("Mispredicts:", t["Bcm"], t["Bim"], "cond", "ind")
		fmt.Fprintf(&b, "%-15s%*.1f%% (%*.1f%%     + %*.1f%%   )\n", "Mispred rate:", w1, percent(t.sum("Bcm", "Bim"), t.sum("Bc", "Bi")),
			w2, percent(t["Bcm"], t["Bc"]), w3, percent(t["Bim"], t["Bi"]))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func commas(n int64) string { return report.Commas(uint64(n)) }

// percent is a's part of b in percent; nothing of nothing is 0.
func percent(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) * 100 / float64(b)
}
