package cgannotate

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// grouped writes the layout of Valgrind 3.21 and later.
func (v *view) grouped(w io.Writer, invocation, sources []string) {
	section(w, "Metadata")
	on := "on"
	if !v.set.annotate {
		on = "off"
	}
	fmt.Fprintf(w, "Invocation:       %s\n", strings.Join(invocation, " "))
	for _, d := range v.Desc {
		fmt.Fprintf(w, "%s\n", d)
	}
	fmt.Fprintf(w, "Command:          %s\n", v.Cmd)
	fmt.Fprintf(w, "Events recorded:  %s\n", strings.Join(v.Events, " "))
	fmt.Fprintf(w, "Events shown:     %s\n", v.names(v.show))
	fmt.Fprintf(w, "Event sort order: %s\n", v.names(v.sort))
	fmt.Fprintf(w, "Threshold:        %v%%\n", v.set.threshold)
	fmt.Fprintf(w, "Annotation:       %s\n\n", on)

	section(w, "Summary")
	t := v.columns(false)
	t.see(v.totals, nil)
	t.head(w, "")
	io.WriteString(w, "\n")
	t.row(w, "", v.totals, nil, "PROGRAM TOTALS")
	io.WriteString(w, "\n")

	files := v.groups(func(file, fn string) (string, string) { return file, fn })
	v.list(w, "File:function", '<', files)
	v.list(w, "Function:file", '>', v.groups(func(file, fn string) (string, string) { return fn, file }))
	if v.set.annotate {
		v.sources(w, files, sources)
	}
}

func section(w io.Writer, title string) { fmt.Fprintf(w, "%s-- %s\n%s", rule, title, rule) }

// groups sums up functions by file, or files by function: split returns group and part.
func (v *view) groups(split func(file, fn string) (group, part string)) []entry {
	at := map[string]int{}
	var l []entry
	for _, f := range v.Funcs {
		g, p := split(f.File, f.Name)
		i, ok := at[g]
		if !ok {
			i = len(l)
			at[g] = i
			l = append(l, entry{name: g, counts: make([]int64, len(v.Events))})
		}
		c := f.Total(len(v.Events))
		add(l[i].counts, c)
		l[i].parts = append(l[i].parts, entry{name: p, counts: c})
	}
	for i := range l {
		v.ordered(l[i].parts)
	}
	return v.ordered(l)
}

// list writes the important groups with their important parts; mark is the character in front of a group.
func (v *view) list(w io.Writer, title string, mark byte, groups []entry) {
	section(w, title+" summary")
	t := v.columns(true)
	running := make([]int64, len(v.Events))
	cumulative := func(g *entry) []int64 {
		add(running, g.counts)
		return append([]int64(nil), running...)
	}
	var shown []entry
	var sums [][]int64
	for _, g := range groups {
		if !v.important(g.counts) {
			continue
		}
		sum := cumulative(&g)
		var parts []entry
		if len(g.parts) > 1 {
			for _, p := range g.parts {
				if v.important(p.counts) {
					parts = append(parts, p)
					t.see(p.counts, nil)
				}
			}
			g.name += ":"
		} else {
			g.name += ":" + g.parts[0].name
		}
		g.parts = parts
		t.see(g.counts, sum)
		shown, sums = append(shown, g), append(sums, sum)
	}
	io.WriteString(w, "  ")
	t.head(w, " "+strings.ToLower(title))
	io.WriteString(w, "\n")
	for i, g := range shown {
		t.row(w, string(mark)+" ", g.counts, sums[i], g.name)
		for _, p := range g.parts {
			t.row(w, "  ", p.counts, nil, "  "+p.name)
		}
		io.WriteString(w, "\n")
	}
}

// columns are columns whose counts and percentages have widths of their own.
type columns struct {
	v          *view
	cumulative bool
	counts     []int
	shares     []int // width of percentages with brackets, 0 without any
}

func (v *view) columns(cumulative bool) *columns {
	return &columns{v, cumulative, make([]int, len(v.show)), make([]int, len(v.show))}
}

// share is the text of the percentages of n and of the running sum.
func (t *columns) share(n int64, running []int64, col int) string {
	if !t.v.set.percs || n == 0 && running == nil {
		return ""
	}
	if t.v.totals[col] == 0 {
		return "(n/a)"
	}
	s := fmt.Sprintf("(%.1f%%", t.v.percent(n, col))
	if running != nil {
		s += fmt.Sprintf(", %4.1f%%", t.v.percent(running[col], col))
	}
	return s + ")"
}

// see makes the columns wide enough for a row.
func (t *columns) see(counts, running []int64) {
	for i, c := range t.v.show {
		t.counts[i] = max(t.counts[i], len(commas(counts[c])))
		t.shares[i] = max(t.shares[i], len(t.padded(t.share(counts[c], running, c), running)))
	}
}

// cumulativeTail is the width of ", 12.3%", what the percentages of a group have and those of its parts lack.
const cumulativeTail = 7

// padded leaves room behind the percentages of a part.
func (t *columns) padded(s string, running []int64) string {
	if s != "" && t.cumulative && running == nil {
		s += strings.Repeat(" ", cumulativeTail)
	}
	return s
}

func (t *columns) width(i int) int {
	n := t.counts[i]
	if t.shares[i] > 0 {
		n += 1 + t.shares[i]
	}
	return max(n, len(t.v.Events[t.v.show[i]]))
}

func (t *columns) head(w io.Writer, label string) {
	for i, c := range t.v.show {
		e := t.v.Events[c]
		fmt.Fprintf(w, "%s%s ", e, strings.Repeat("_", t.width(i)-len(e)))
	}
	fmt.Fprintf(w, "%s\n", label)
}

// row writes a row; counts nil stands for a line without any.
func (t *columns) row(w io.Writer, indent string, counts, running []int64, label string) {
	io.WriteString(w, indent)
	for i, c := range t.v.show {
		s := "."
		share := ""
		if counts != nil {
			s = commas(counts[c])
			share = t.padded(t.share(counts[c], running, c), running)
		}
		cell := fmt.Sprintf("%*s", t.counts[i], s)
		if t.shares[i] > 0 {
			cell += fmt.Sprintf(" %*s", t.shares[i], share)
		}
		fmt.Fprintf(w, "%-*s ", t.width(i), cell)
	}
	fmt.Fprintf(w, " %s\n", label)
}

// What becomes of the counts of a file in the annotation summary.
const (
	annotatedLines = iota
	annotatedNoLine
	differing
	unreadable
	belowThreshold
	unknownFile
	numFates
)

var fates = [numFates]string{
	"  annotated: files known & above threshold & readable, line numbers known",
	"  annotated: files known & above threshold & readable, line numbers unknown",
	"unannotated: files known & above threshold & two or more non-identical",
	"unannotated: files known & above threshold & unreadable ",
	"unannotated: files known & below threshold",
	"unannotated: files unknown",
}

// sources writes the annotated files, in order of their names, and what part of the whole they are. more are files that were
// asked for by name.
func (v *view) sources(w io.Writer, files []entry, more []string) {
	var sums [numFates][]int64
	for i := range sums {
		sums[i] = make([]int64, len(v.Events))
	}
	asked := map[string]bool{}
	for _, m := range more {
		asked[m] = true
	}
	var names []entry
	for _, f := range files {
		switch {
		case f.name == "???" || f.name == "":
			add(sums[unknownFile], f.counts)
		case !v.important(f.counts) && !asked[f.name]:
			add(sums[belowThreshold], f.counts)
		default:
			names = append(names, entry{name: f.name, counts: f.counts})
		}
	}
	sortByName(names)
	for _, f := range names {
		section(w, "Annotated source file: "+f.name)
		path, _, ok := findSource(f.name, v.set.includeDirs())
		if ok {
			_, err := os.ReadFile(path)
			ok = err == nil
		}
		if !ok {
			fmt.Fprintf(w, "Unannotated because one or more of these original files are unreadable:\n- %s\n\n", f.name)
			add(sums[unreadable], f.counts)
			continue
		}
		v.groupedSource(w, f.name, path, &sums)
	}
	section(w, "Annotation summary")
	t := v.columns(false)
	for _, s := range sums {
		t.see(s, nil)
	}
	t.head(w, "")
	io.WriteString(w, "\n")
	for i, s := range sums {
		t.row(w, "", s, nil, fates[i])
	}
	io.WriteString(w, "\n")
}

func (v *view) groupedSource(w io.Writer, name, path string, sums *[numFates][]int64) {
	lines := v.linesOf(name)
	text := readSource(path)
	if src, err := os.Stat(path); err == nil {
		for _, f := range v.files {
			if data, err := os.Stat(f); err == nil && src.ModTime().After(data.ModTime()) {
				fmt.Fprintf(w, "%s@@ WARNING: source file '%s' is newer than the data file '%s'.\n@@ Annotations may not be correct.\n%s\n",
					atRule, name, f, atRule)
			}
		}
	}
	t := v.columns(false)
	for _, c := range lines {
		t.see(c, nil)
	}
	t.head(w, "")
	io.WriteString(w, "\n")
	if c := lines[0]; c != nil {
		add(sums[annotatedNoLine], c)
		t.row(w, "", c, nil, "<unknown (line 0)>")
		io.WriteString(w, "\n")
	}
	bogus := false
	v.eachShown(w, lines, len(text), func(n int) {
		c := lines[n]
		switch {
		case n <= len(text):
			t.row(w, "", c, nil, text[n-1])
		case c != nil:
			t.row(w, "", c, nil, fmt.Sprintf("<bogus line %d>", n))
			bogus = true
		}
		if c != nil {
			add(sums[annotatedLines], c)
		}
	})
	io.WriteString(w, "\n")
	if bogus {
		fmt.Fprintf(w, "%s@@ WARNING: the data has lines beyond the end of '%s'.\n%s\n", atRule, name, atRule)
	}
}
