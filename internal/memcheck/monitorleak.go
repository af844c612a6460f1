package memcheck

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gogrind/internal/guest"
	"gogrind/internal/leak"
	"gogrind/internal/options"
	"gogrind/internal/tool"
)

// leakQuery is what a leak search is to show.
type leakQuery struct {
	full       bool // single records
	mode       deltaMode
	show       options.Set // kinds of records to show
	count      options.Set // kinds that count as errors
	heuristics options.Set
	limit      int  // largest number of records to show; 0: all
	monitor    bool // a command asks, not an option or request
	// tree is the file name pattern of the tree that is written instead of records, "" for none; treeOption is the option that
	// messages about the name blame.
	tree, treeOption string
}

// query is the search that options ask for.
func (m *Memcheck) query(full bool, mode deltaMode) leakQuery {
	return leakQuery{full: full, mode: mode, show: m.opts.showKinds, count: m.opts.errorKinds, heuristics: m.opts.heuristics}
}

// monitorLeaks is leak_check. Options say nothing about it, and what it finds is no error.
func (m *Memcheck) monitorLeaks(t tool.Thread, args []string) {
	q := leakQuery{full: true, mode: deltaIncreased, show: defaultKinds, monitor: true}
	for i := 0; i < len(args); i++ {
		next := func() string {
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		w, ok := m.choice(args[i:], "full", "summary", "xtleak", "kinds", "reachable", "possibleleak", "definiteleak", "heuristics",
			"increased", "changed", "any", "unlimited", "limited")
		if !ok {
			return
		}
		switch w {
		case "full":
			q.full, q.tree = true, ""
		case "summary":
			q.full, q.tree = false, ""
		case "xtleak":
			q.full, q.tree, q.treeOption = true, "xtleak.kcg.%p.%n", "xtleak"
		case "kinds":
			if q.show, ok = bitsOf(next(), leakKindNames); !ok {
				m.log().Raw("missing or malformed leak kinds set\n")
				return
			}
		case "reachable":
			q.show = 1<<len(leakKindNames) - 1
		case "possibleleak":
			q.show = defaultKinds | 1<<kindIndirect
		case "definiteleak":
			q.show = 1 << kindDefinite
		case "heuristics":
			if q.heuristics, ok = bitsOf(next(), heuristicNames); !ok {
				m.log().Raw("missing or malformed heuristics set\n")
				return
			}
		case "increased":
			q.mode = deltaIncreased
		case "changed":
			q.mode = deltaChanged
		case "any":
			q.mode = deltaAny
		case "unlimited":
			q.limit = 0
		case "limited":
			if q.limit, ok = m.positive(next()); !ok {
				return
			}
		}
	}
	m.host.StopOthers(t, func() { m.leakCheck(t.ID(), q) })
}

// positive reads a number that is not 0.
func (m *Memcheck) positive(w string) (int, bool) {
	n, err := parseNumber(w)
	if err != nil || n == 0 || n > 1<<31-1 {
		m.log().Raw("missing or malformed integer value\n")
		return 0, false
	}
	return int(n), true
}

// bitsOf reads a list of names, "all" or "none" as a set.
func bitsOf(list string, names []string) (set options.Set, ok bool) {
	switch list {
	case "all":
		return 1<<len(names) - 1, true
	case "none":
		return 0, true
	}
	for _, w := range strings.Split(list, ",") {
		i := slices.Index(names, w)
		if i < 0 {
			return 0, false
		}
		set |= 1 << i
	}
	return set, true
}

// lastSearch is the result of a leak search, for block_list.
type lastSearch struct {
	blocks  []leak.Block
	res     *leak.Result
	records []leak.Record
	place   func(uint32) uint32
	query   leakQuery
	before  map[leak.Place]leak.Record // those of the search before
}

// record is the number of the record that block i belongs to.
func (s *lastSearch) record(i int) int {
	for n := range s.records {
		if s.in(&s.records[n], i) {
			return n + 1
		}
	}
	return 0
}

// in reports whether block i belongs to record r.
func (s *lastSearch) in(r *leak.Record, i int) bool {
	return s.res.Kind[i] == r.Kind && s.place(s.blocks[i].Stack) == s.place(r.Stack)
}

// monitorBlocks is block_list.
func (m *Memcheck) monitorBlocks(args []string) {
	m.mu.Lock()
	s := m.search
	m.mu.Unlock()
	if s == nil {
		m.log().Raw("no leak search done yet\n")
		return
	}
	if len(args) == 0 {
		m.log().Raw("expecting integer or slice <from>..<to>\n")
		return
	}
	lo, hi, both := strings.Cut(args[0], "..")
	from, err := strconv.Atoi(lo)
	to := from
	if both && err == nil {
		to, err = strconv.Atoi(hi)
	}
	if err != nil {
		m.log().Raw("invalid integer or slice <from>..<to>\n")
		return
	}
	limit := 0
	var heuristics options.Set
	for i := 1; i < len(args); i++ {
		next := func() string {
			if i++; i < len(args) {
				return args[i]
			}
			return ""
		}
		w, ok := m.choice(args[i:], "unlimited", "limited", "heuristics")
		switch w {
		case "unlimited":
			limit = 0
		case "limited":
			limit, ok = m.positive(next())
		case "heuristics":
			if heuristics, ok = bitsOf(next(), heuristicNames); !ok {
				m.log().Raw("missing or malformed heuristics set\n")
			}
		}
		if !ok {
			return
		}
	}
	if from < 1 || to < from || to > len(s.records) {
		m.log().Raw("invalid loss record nr\n")
		return
	}
	for n := from; n <= to; n++ {
		r := &s.records[n-1]
		old := s.before[leak.Place{Kind: r.Kind, Stack: s.place(r.Stack)}]
		m.report.Message(0, s.query.text(r, n, len(s.records), old), m.stack(r.Stack))
		left := limit
		for i := range s.blocks {
			h := s.res.Heuristic[i]
			if !s.in(r, i) || heuristics != 0 && (h == leak.None || !heuristics.Has(int(h)-1)) {
				continue
			}
			with := ""
			if h != leak.None {
				with = " found via heuristic " + h.String()
			}
			m.log().Userf("0x%X[%d]%s", uint64(s.blocks[i].Addr), s.blocks[i].Size, with)
			if r.Kind == leak.Definite && s.res.Indirect[i] > 0 {
				m.lostWith(s, i, 1)
			}
			if left--; left == 0 {
				break
			}
		}
	}
}

// lostWith shows the blocks that were lost with block i.
func (m *Memcheck) lostWith(s *lastSearch, i, level int) {
	for j := range s.blocks {
		if s.res.Kind[j] == leak.Indirect && s.res.Leader[j] == int32(i) {
			m.log().Userf("%*s0x%X[%d] indirect loss record %d", 2*level, "", uint64(s.blocks[j].Addr), s.blocks[j].Size, s.record(j))
			m.lostWith(s, j, level+1)
		}
	}
}

// monitorTree is xtmemory.
func (m *Memcheck) monitorTree(t tool.Thread, args []string) {
	name := "xtmemory.kcg.%p.%n"
	if len(args) > 0 {
		name = args[0]
	}
	m.host.StopOthers(t, func() { m.memoryTree("xtmemory", name) })
}

// whoPointsAt shows the words that point to r's start, or into r if that is longer than a byte.
func (m *Memcheck) whoPointsAt(t tool.Thread, r guest.Range) {
	switch {
	case r.Start == 0:
		m.log().Raw("Cannot search who points at 0x0\n")
		return
	case r.Len() == 1:
		m.log().Userf("Searching for pointers to %#x", uint64(r.Start))
	default:
		m.log().Userf("Searching for pointers pointing in %d bytes from %#x", r.Len(), uint64(r.Start))
	}
	m.host.StopOthers(t, func() {
		blocks, heap := m.leakBlocks()
		areas := m.leakRoots(heap)
		for i := range blocks {
			areas = append(areas, guest.Range{Start: blocks[i].Addr, End: blocks[i].Addr + guest.Addr(blocks[i].Size)})
		}
		words := &definedWords{m: m}
		buf := make([]uint64, guest.PageSize/8)
		for _, area := range areas {
			for a := (area.Start + 7) &^ 7; a+8 <= area.End; {
				w := buf[:min(len(buf), int((area.End-a)/8))]
				words.Words(w, a)
				for i, v := range w {
					if p := guest.Addr(v); v != 0 && r.Contains(p) {
						at := a + guest.Addr(8*i)
						m.log().Userf("*%#x %s", uint64(at), pointing("points", "at ", p, r.Start))
						m.Describe(t, at)
					}
				}
				a += guest.Addr(8 * len(w))
			}
		}
		m.host.Threads(func(th tool.Thread) bool {
			for i, v := range th.Regs().GPR {
				if r.Contains(guest.Addr(v)) {
					m.log().Userf("tid %d register %s %s", th.ID(), registerNames[i], pointing("pointing", "", guest.Addr(v), r.Start))
				}
			}
			return true
		})
	})
}

// pointing says where pointer p points, seen from start; at follows the verb of an interior pointer.
func pointing(verb, at string, p, start guest.Addr) string {
	if p == start {
		return fmt.Sprintf("%s at %#x", verb, uint64(p))
	}
	return fmt.Sprintf("interior %s %s%d bytes inside %#x", verb, at, p-start, uint64(start))
}
