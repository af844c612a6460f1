package report

import "strings"

// ShowLast writes the finding that was seen last once more, and reports whether there is one.
func (r *Reporter) ShowLast() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	es := r.recent()
	if len(es) == 0 {
		return false
	}
	var b strings.Builder
	r.appendEntry(&b, es[0])
	r.log.Print(User, b.String())
	return true
}

// ShowAll writes all findings and the summary, as at the end with -s.
func (r *Reporter) ShowAll() {
	r.mu.Lock()
	defer r.mu.Unlock()
	line := r.counts.summaryLine()
	if es := r.rarest(); len(es) > 0 {
		r.log.Userf("%s", line)
		r.printList(es)
	}
	r.log.Userf("%s", line)
}
