package dwarf

// LineRow says that the code of [Low, High) comes from a source line.
type LineRow struct {
	Low, High uint64 // link-time addresses
	Position
}

// Lines calls f for each row of the line tables of all units, those of a unit together and in the order of addresses, until f
// returns false. What is damaged is left out with a warning, as for look-ups. f must not call methods of d.
func (d *Data) Lines(f func(LineRow) bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := map[*lineTable]bool{}
	for _, u := range d.units() {
		t := u.lineTable()
		if t == nil || seen[t] { // units may share one
			continue
		}
		seen[t] = true
		for i := range t.seqs {
			if !t.rows(&t.seqs[i], f) {
				return
			}
		}
	}
}

// rows calls f for each row of s that stands for code, and reports whether to go on.
func (t *lineTable) rows(s *sequence, f func(LineRow) bool) bool {
	for k, r := range s.rows {
		end := s.high
		if k+1 < len(s.rows) {
			end = s.rows[k+1].addr
		}
		if end <= r.addr {
			continue
		}
		x := LineRow{Low: r.addr, High: end}
		x.Line = int(r.line)
		x.Dir, x.File = t.file(uint64(r.file))
		if !f(x) {
			return false
		}
	}
	return true
}
