package cgannotate

import (
	"fmt"
	"io"
	"os"
	"sort"
	"strings"
)

// classic writes the layout of Valgrind 3.19.
func (v *view) classic(w io.Writer, sources []string) {
	io.WriteString(w, rule)
	for _, d := range v.Desc {
		fmt.Fprintf(w, "%s\n", d)
	}
	auto := "on"
	if !v.set.annotate {
		auto = "off"
	}
	var limits []string
	for _, l := range v.limits {
		limits = append(limits, fmt.Sprint(l))
	}
	fmt.Fprintf(w, "Command:          %s\n", v.Cmd)
	fmt.Fprintf(w, "Data file:        %s\n", strings.Join(v.files, " "))
	fmt.Fprintf(w, "Events recorded:  %s\n", strings.Join(v.Events, " "))
	fmt.Fprintf(w, "Events shown:     %s\n", v.names(v.show))
	fmt.Fprintf(w, "Event sort order: %s\n", v.names(v.sort))
	fmt.Fprintf(w, "Thresholds:       %s\n", strings.Join(limits, " "))
	fmt.Fprintf(w, "Include dirs:     %s\n", strings.Join(v.set.includeDirs(), " "))
	fmt.Fprintf(w, "User annotated:   %s\n", strings.Join(sources, " "))
	fmt.Fprintf(w, "Auto-annotation:  %s\n\n", auto)

	t := v.flat(v.totals)
	t.head(w, "")
	t.row(w, v.totals, "PROGRAM TOTALS", "%5.1f")
	io.WriteString(w, "\n")

	list := make([]entry, 0, len(v.Funcs))
	rows := make([][]int64, 0, len(v.Funcs))
	for _, f := range v.Funcs {
		c := f.Total(len(v.Events))
		list = append(list, entry{name: f.File + ":" + f.Name, counts: c, parts: []entry{{name: f.File}}})
		rows = append(rows, c)
	}
	v.ordered(list)
	for i := range list {
		if !v.reaches(list[i].counts) { // what comes behind may reach a limit of another event, but is not shown
			list = list[:i]
			break
		}
	}
	t = v.flat(rows...)
	t.head(w, "file:function")
	for _, e := range list {
		t.row(w, e.counts, e.name, "%5.2f")
	}
	io.WriteString(w, "\n")
	v.classicSources(w, list, sources)
}

// flat is a table whose columns are wide enough for some rows. Column and percentage are one unit.
type flat struct {
	v      *view
	widths []int // of counts
}

// percWidth is the width of " (12.34%)".
const percWidth = 9

func (v *view) flat(rows ...[]int64) *flat {
	t := &flat{v: v, widths: make([]int, len(v.show))}
	for i, c := range v.show {
		t.widths[i] = 1
		for _, r := range rows {
			t.widths[i] = max(t.widths[i], len(commas(r[c])))
		}
	}
	return t
}

// width is that of column i in full.
func (t *flat) width(i int) int {
	n := t.widths[i]
	if t.v.set.percs {
		n += percWidth
	}
	return max(n, len(t.v.Events[t.v.show[i]]))
}

// head writes the heading of a table between rules.
func (t *flat) head(w io.Writer, label string) {
	io.WriteString(w, rule)
	t.columns(w)
	if label != "" {
		label = " " + label
	}
	fmt.Fprintf(w, "%s\n%s", label, rule)
}

func (t *flat) columns(w io.Writer) {
	for i, c := range t.v.show {
		fmt.Fprintf(w, "%-*s ", t.width(i), t.v.Events[c])
	}
}

// row writes counts, nil for a line without any, and what they belong to. format is that of percentages.
func (t *flat) row(w io.Writer, counts []int64, label, format string) {
	for i, c := range t.v.show {
		s, n := ".", int64(0)
		if counts != nil {
			n = counts[c]
			s = commas(n)
		}
		switch {
		case !t.v.set.percs:
		case n == 0:
			s += strings.Repeat(" ", percWidth)
		default:
			p := t.v.percent(n, c)
			share := fmt.Sprintf(format, p)
			if len(share) > 5 {
				share = fmt.Sprintf("%5.1f", p)
			}
			s += " (" + share + "%)"
		}
		fmt.Fprintf(w, "%*s ", t.width(i), s)
	}
	fmt.Fprintf(w, " %s\n", label)
}

const warning = "@@ WARNING @@ WARNING @@ WARNING @@ WARNING @@ WARNING @@ WARNING @@ WARNING @@\n"

var atRule = strings.Repeat("@", 79) + "\n"

// classicSources writes annotated source files: those asked for, and those of the functions listed.
func (v *view) classicSources(w io.Writer, list []entry, asked []string) {
	type job struct {
		name string
		user bool
	}
	var jobs []job
	seen := map[string]bool{}
	for _, f := range asked {
		jobs = append(jobs, job{f, true})
		seen[f] = true
	}
	if v.set.annotate {
		for _, e := range list {
			if f := e.parts[0].name; !seen[f] && f != "???" {
				seen[f] = true
				jobs = append(jobs, job{f, false})
			}
		}
	}
	if len(jobs) == 0 {
		return
	}
	annotated := make([]int64, len(v.Events))
	var missing []string
	some := false
	dirs := v.set.includeDirs()
	for _, j := range jobs {
		path, dir, ok := findSource(j.name, dirs)
		if !ok {
			missing = append(missing, j.name) // others than chosen ones were looked for before
			continue
		}
		shown := j.name
		if dir != "" {
			shown = dir + " + " + j.name
		}
		kind := "Auto"
		if j.user {
			kind = "User"
		}
		fmt.Fprintf(w, "%s-- %s-annotated source: %s\n%s", rule, kind, shown, rule)
		lines := v.linesOf(j.name)
		if len(lines) == 0 {
			fmt.Fprintf(w, "  No information has been collected for %s\n\n", j.name)
			continue
		}
		some = true
		v.classicSource(w, j.name, path, lines, annotated)
	}
	sort.Strings(missing)
	if len(missing) > 0 {
		fmt.Fprintf(w, "%sThe following files chosen for auto-annotation could not be found:\n%s", rule, rule)
		for _, m := range missing {
			fmt.Fprintf(w, "  %s\n", m)
		}
		io.WriteString(w, "\n")
	}
	if some {
		t := v.flat(annotated)
		t.head(w, "")
		t.row(w, annotated, "events annotated", "%5.2f")
		io.WriteString(w, "\n")
	}
}

// classicSource writes one file and adds what it shows to annotated.
func (v *view) classicSource(w io.Writer, name, path string, lines map[int][]int64, annotated []int64) {
	newer := false
	if src, err := os.Stat(path); err == nil {
		if data, err := os.Stat(v.files[0]); err == nil && src.ModTime().After(data.ModTime()) {
			newer = true
			fmt.Fprintf(w, "%s%s%s@ Source file '%s' is more recent than input file '%s'.\n@ Annotations may not be correct.\n%s\n",
				atRule, warning, atRule, name, v.files[0], atRule)
		}
	}
	var rows [][]int64
	for _, c := range lines {
		rows = append(rows, c)
	}
	t := v.flat(rows...)
	t.columns(w)
	io.WriteString(w, "\n\n")
	text := readSource(path)
	bogus := false
	v.eachShown(w, lines, len(text), func(n int) {
		c := lines[n]
		if n <= len(text) {
			t.row(w, c, text[n-1], "%5.2f")
			add(annotated, c)
			return
		}
		if c != nil {
			t.row(w, c, fmt.Sprintf("<bogus line %d>", n), "%5.2f")
			bogus = true
		}
	})
	io.WriteString(w, "\n")
	if bogus {
		cause := "not sure, sorry"
		if newer {
			cause = fmt.Sprintf("'%s' has changed since information was gathered.", name)
		}
		fmt.Fprintf(w, "%s%s%s@@\n@@ Information recorded about lines past the end of '%s'.\n@@\n@@ Probable cause and solution:\n@@ cause:    %s\n@@\n%s\n",
			atRule, warning, atRule, name, cause, atRule)
	}
	if c := lines[0]; c != nil {
		t.row(w, c, "<counts for unidentified lines in "+name+">", "%5.2f")
		io.WriteString(w, "\n")
	}
}

func add(sum, c []int64) {
	for i, n := range c {
		sum[i] += n
	}
}
