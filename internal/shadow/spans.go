package shadow

import "sort"

// span is a half-open interval of shadow addresses.
type span struct{ s, e uint64 }

// spans is a sorted list of disjoint intervals that do not touch.
type spans []span

// search returns the index of the first span that ends after a.
func (l spans) search(a uint64) int {
	return sort.Search(len(l), func(i int) bool { return l[i].e > a })
}

// covers reports whether all of [s, e) is in l.
func (l spans) covers(s, e uint64) bool {
	if e <= s {
		return true
	}
	i := l.search(s)
	return i < len(l) && l[i].s <= s && e <= l[i].e
}

// within calls f for the parts of l inside [s, e) in ascending order until f returns false.
func (l spans) within(s, e uint64, f func(s, e uint64) bool) {
	for i := l.search(s); i < len(l) && l[i].s < e; i++ {
		a, b := max(s, l[i].s), min(e, l[i].e)
		if a < b && !f(a, b) {
			return
		}
	}
}

// gaps returns the parts of [s, e) that are not in l.
func (l spans) gaps(s, e uint64) []span {
	var out []span
	l.within(s, e, func(a, b uint64) bool {
		if s < a {
			out = append(out, span{s, a})
		}
		s = b
		return true
	})
	if s < e {
		out = append(out, span{s, e})
	}
	return out
}

// add puts [s, e) into l, joining it with what it touches.
func (l *spans) add(s, e uint64) {
	if e <= s {
		return
	}
	i := sort.Search(len(*l), func(i int) bool { return (*l)[i].e >= s })
	j := i
	for j < len(*l) && (*l)[j].s <= e {
		s, e = min(s, (*l)[j].s), max(e, (*l)[j].e)
		j++
	}
	l.splice(i, j, span{s, e})
}

// remove takes [s, e) out of l.
func (l *spans) remove(s, e uint64) {
	if e <= s {
		return
	}
	i := l.search(s)
	j := i
	var rest []span
	for j < len(*l) && (*l)[j].s < e {
		if (*l)[j].s < s {
			rest = append(rest, span{(*l)[j].s, s})
		}
		if (*l)[j].e > e {
			rest = append(rest, span{e, (*l)[j].e})
		}
		j++
	}
	l.splice(i, j, rest...)
}

// splice replaces elements i to j by with.
func (l *spans) splice(i, j int, with ...span) {
	tail := append([]span(nil), (*l)[j:]...)
	*l = append(append((*l)[:i], with...), tail...)
}
