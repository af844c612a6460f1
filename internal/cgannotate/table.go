package cgannotate

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"gogrind/internal/cgfile"
)

// view is a profile with what is to be shown of it.
type view struct {
	*cgfile.Profile
	set    *settings
	show   []int // columns, as indices of events
	sort   []int
	limits []float64 // percent, one for each of sort
	totals []int64
	files  []string // that the profile is made of
}

// newView resolves the names of events.
func newView(p *cgfile.Profile, s *settings, files []string) (*view, error) {
	v := &view{Profile: p, set: s, totals: p.Summary, files: files}
	find := func(option string, names []string) ([]int, error) {
		if names == nil {
			all := make([]int, len(p.Events))
			for i := range all {
				all[i] = i
			}
			return all, nil
		}
		var cols []int
		for _, n := range names {
			i := indexOf(p.Events, n)
			if i < 0 {
				return nil, fmt.Errorf("%s event `%s' did not appear in input", option, n)
			}
			cols = append(cols, i)
		}
		return cols, nil
	}
	var err error
	if v.show, err = find("--show", s.show); err != nil {
		return nil, err
	}
	if v.sort, err = find("--sort", s.sort); err != nil {
		return nil, err
	}
	v.limits = make([]float64, len(v.sort))
	for i := range v.limits {
		switch {
		case s.limits != nil:
			v.limits[i] = s.limits[i]
		case i == 0:
			v.limits[i] = s.threshold
		default:
			v.limits[i] = 100 // no function counts for its share of this event
		}
	}
	return v, nil
}

func indexOf(l []string, s string) int {
	for i, x := range l {
		if x == s {
			return i
		}
	}
	return -1
}

// names are the events of the columns cols.
func (v *view) names(cols []int) string {
	var n []string
	for _, c := range cols {
		n = append(n, v.Events[c])
	}
	return strings.Join(n, " ")
}

// percent is n's share of the total of event col.
func (v *view) percent(n int64, col int) float64 {
	if v.totals[col] == 0 {
		return 0
	}
	return float64(n) * 100 / float64(v.totals[col])
}

// important reports whether counts are of interest to the layout of 3.21: the share of the first sort event decides.
func (v *view) important(counts []int64) bool {
	c := v.sort[0]
	return v.totals[c] != 0 && abs(v.percent(counts[c], c)) >= v.limits[0]
}

// reaches reports whether counts reach one of the limits.
func (v *view) reaches(counts []int64) bool {
	for i, c := range v.sort {
		if abs(v.percent(counts[c], c)) >= v.limits[i] {
			return true
		}
	}
	return false
}

func abs(x float64) float64 { return max(x, -x) }

// before compares counts by the sort events: larger ones come first.
func (v *view) before(a, b []int64) bool {
	for _, c := range v.sort {
		if x, y := magnitude(a[c]), magnitude(b[c]); x != y {
			return x > y
		}
	}
	return false
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// entry is something with counts that is listed under a name.
type entry struct {
	name   string
	counts []int64
	parts  []entry
}

// ordered sorts entries, largest first; the rest of the order is by name, so that it is always the same.
func (v *view) ordered(l []entry) []entry {
	sort.Slice(l, func(i, j int) bool {
		if v.before(l[i].counts, l[j].counts) {
			return true
		}
		return !v.before(l[j].counts, l[i].counts) && l[i].name < l[j].name
	})
	return l
}

// commas writes n with a comma between groups of three digits.
func commas(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if s[0] == '-' {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

const rule = "--------------------------------------------------------------------------------\n"

// marker is the line around gaps in annotated source.
func marker(line int) string { return fmt.Sprintf("-- line %d %s\n", line, strings.Repeat("-", 40)) }

func sortByName(l []entry) { sort.Slice(l, func(i, j int) bool { return l[i].name < l[j].name }) }
