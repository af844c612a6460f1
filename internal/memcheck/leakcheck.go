package memcheck

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"gogrind/internal/guest"
	"gogrind/internal/leak"
	"gogrind/internal/report"
	"gogrind/internal/stack"
	"gogrind/internal/tool"
)

// deltaMode says which loss records of a leak check are shown, compared with the check before.
type deltaMode uint8

const (
	deltaAny       deltaMode = iota // all, without comparison
	deltaIncreased                  // those that grew
	deltaChanged                    // those that grew or shrank
)

// leakSummary are the numbers of the LEAK SUMMARY.
type leakSummary struct {
	kind       [leak.NumKinds]leak.Total
	heuristic  [leak.NumHeuristics]leak.Total
	suppressed leak.Total
}

// leakRequest is VALGRIND_DO_LEAK_CHECK and its relatives.
func (m *Memcheck) leakRequest(t tool.Thread, args [5]uint64) {
	mode := deltaAny
	if args[1] <= uint64(deltaChanged) {
		mode = deltaMode(args[1])
	}
	m.host.StopOthers(t, func() { m.leakCheck(t.ID(), m.query(args[0] == 0, mode)) })
}

// leakCheck searches for leaks and reports them as found by a thread, as q asks. The guest must not run.
func (m *Memcheck) leakCheck(thread int, q leakQuery) {
	log := m.log()
	blocks, heapRanges := m.leakBlocks()
	if len(blocks) == 0 {
		if m.loud() {
			log.Userf("All heap blocks were freed -- no leaks are possible\n\n")
		}
		return
	}
	chatty := m.core.Verbosity > 1 && m.loud()
	if chatty {
		log.Userf("Searching for pointers to %s not-freed blocks", report.Commas(uint64(len(blocks))))
	}
	in := leak.Input{
		Blocks: blocks, Roots: m.leakRoots(heapRanges), Reader: &definedWords{m: m},
		Heuristics: leak.Heuristics(q.heuristics),
	}
	m.host.Threads(func(t tool.Thread) bool {
		in.Registers = append(in.Registers, t.Regs().GPR[:]...)
		return true
	})
	maps := m.mappings()
	in.Code = func(a guest.Addr) bool { mp := findMapping(maps, a); return mp != nil && mp.Prot&guest.Exec != 0 }
	in.Data = func(a guest.Addr) bool {
		mp := findMapping(maps, a)
		return mp != nil && mp.Prot&guest.Read != 0 && !mp.Tool
	}
	res := leak.Search(in)
	if chatty {
		log.Userf("Checked %s bytes\n\n", report.Commas(res.Scanned))
	}

	same := m.resolution()
	m.mu.Lock()
	before, beforeSum := m.lastRecords, m.lastLeaks
	m.mu.Unlock()
	records := leak.Records(blocks, res, same, before)
	var sum leakSummary
	for i := range blocks {
		if h := res.Heuristic[i]; h != leak.None {
			sum.heuristic[h].Add(blocks[i].Size, 1)
		}
	}
	var tree leakTree
	if q.tree != "" {
		tree = leakTree{m.newTree(leakEvents), map[uint32]int{}}
	}
	now := make(map[leak.Place]leak.Record, len(records))
	from := q.firstShown(records, func(r *leak.Record) leak.Record { return before[leak.Place{Kind: r.Kind, Stack: same(r.Stack)}] })
	for i := range records {
		r := &records[i]
		k := leak.Place{Kind: r.Kind, Stack: same(r.Stack)}
		now[k] = *r
		old := before[k]
		suppressed := m.reportRecord(thread, r, i+1, len(records), &q, old, i >= from)
		if !suppressed {
			tree.add(m, r, &old)
		}
		if suppressed {
			sum.suppressed.Add(r.Bytes, r.Blocks)
		} else {
			sum.kind[r.Kind].Add(r.Bytes, r.Blocks)
		}
	}
	if tree.Tree != nil {
		m.writeTree(tree.Tree, "leak", q.treeOption, q.tree)
	}
	m.mu.Lock()
	m.lastRecords, m.lastLeaks = now, sum
	m.search = &lastSearch{blocks, res, records, same, q, before}
	m.mu.Unlock()
	if m.loud() {
		log.Userf("%s", m.leakSummaryText(&sum, &beforeSum, &q))
	}
	m.report.LeakSummary(sum.data())
}

// data is the summary for renderings other than the log.
func (s *leakSummary) data() report.LeakSummary {
	amount := func(t leak.Total) report.Amount { return report.Amount(t) }
	d := report.LeakSummary{
		Definite: amount(s.kind[leak.Definite]), Indirect: amount(s.kind[leak.Indirect]), Possible: amount(s.kind[leak.Possible]),
		Reachable: amount(s.kind[leak.Reachable]), Suppressed: amount(s.suppressed),
	}
	for h := leak.None + 1; h < leak.NumHeuristics; h++ {
		if s.heuristic[h].Blocks > 0 {
			d.Heuristics = append(d.Heuristics, report.Heuristic{Kind: h.String(), Amount: amount(s.heuristic[h])})
		}
	}
	return d
}

// asks reports whether single records are wanted and r, which was old in the search before, differs from it as it is to.
func (q *leakQuery) asks(r, old *leak.Record) bool {
	grew := r.Bytes > old.Bytes || r.Indirect > old.Indirect || r.Blocks > old.Blocks
	shrank := r.Bytes < old.Bytes || r.Indirect < old.Indirect || r.Blocks < old.Blocks
	switch q.mode {
	case deltaIncreased:
		return q.full && grew
	case deltaChanged:
		return q.full && (grew || shrank)
	}
	return q.full && r.Blocks > 0
}

// firstShown is the index of the first record that is shown when their number has a limit: the largest, which come last, are.
func (q *leakQuery) firstShown(records []leak.Record, old func(*leak.Record) leak.Record) int {
	left := q.limit
	for i := len(records) - 1; i >= 0 && q.limit > 0; i-- {
		before := old(&records[i])
		if !q.show.Has(int(records[i].Kind)) || !q.asks(&records[i], &before) {
			continue
		}
		if left--; left == 0 {
			return i
		}
	}
	return 0
}

// text is what is said of record number n of of, which was old in the search before.
func (q *leakQuery) text(r *leak.Record, n, of int, old leak.Record) string {
	if q.mode == deltaAny {
		return r.Text(n, of)
	}
	return r.DeltaText(n, of, old)
}

// reportRecord reports record number n of of, and says whether it is suppressed. Without inLimit it is only counted.
func (m *Memcheck) reportRecord(thread int, r *leak.Record, n, of int, q *leakQuery, old leak.Record, inLimit bool) bool {
	text := q.text(r, n, of, old)
	asked := q.asks(r, &old)
	f := &report.Finding{
		Kind: leakXML[r.Kind], SuppKind: "Leak", Thread: thread, Text: text, Stack: r.Stack,
		LeakKind:    1 << (leak.Definite - r.Kind), // suppressions have the kinds in the opposite order
		LeakedBytes: r.Total(), LeakedBlocks: r.Blocks,
	}
	return m.report.Unique(f, inLimit && q.tree == "" && asked && q.show.Has(int(r.Kind)), asked && q.count.Has(int(r.Kind)))
}

// leakXML are the kinds of findings, by kind of leak.
var leakXML = [leak.NumKinds]string{"Leak_StillReachable", "Leak_PossiblyLost", "Leak_IndirectlyLost", "Leak_DefinitelyLost"}

// leakSummaryText is the LEAK SUMMARY with what follows it. Differences to the summary before are shown when mode asks.
func (m *Memcheck) leakSummaryText(sum, before *leakSummary, q *leakQuery) string {
	full, mode := q.full, q.mode
	total := func(now, then leak.Total) string {
		if mode == deltaAny {
			return fmt.Sprintf("%s bytes in %s blocks", report.Commas(now.Bytes), report.Commas(now.Blocks))
		}
		return fmt.Sprintf("%s bytes in %s blocks", leak.Delta(now.Bytes, then.Bytes), leak.Delta(now.Blocks, then.Blocks))
	}
	var b strings.Builder
	b.WriteString("LEAK SUMMARY:\n")
	for _, k := range []leak.Kind{leak.Definite, leak.Indirect, leak.Possible, leak.Reachable} {
		fmt.Fprintf(&b, "%18s: %s\n", k.String(), total(sum.kind[k], before.kind[k]))
	}
	any := false
	for h := leak.None + 1; h < leak.NumHeuristics; h++ {
		if sum.heuristic[h] == (leak.Total{}) && (mode == deltaAny || before.heuristic[h] == (leak.Total{})) {
			continue
		}
		if !any {
			fmt.Fprintf(&b, "%21s of which reachable via heuristic:\n", "")
			any = true
		}
		fmt.Fprintf(&b, "%23s %-19s: %s\n", "", h.String(), total(sum.heuristic[h], before.heuristic[h]))
	}
	fmt.Fprintf(&b, "%18s: %s\n", "suppressed", total(sum.suppressed, before.suppressed))
	lost := sum.kind[leak.Definite].Blocks + sum.kind[leak.Indirect].Blocks + sum.kind[leak.Possible].Blocks
	switch {
	case q.monitor && !full && lost+sum.kind[leak.Reachable].Blocks > 0:
		b.WriteString("To see details of leaked memory, give 'full' arg to leak_check\n")
	case !full && lost+sum.kind[leak.Reachable].Blocks > 0:
		b.WriteString("Rerun with --leak-check=full to see details of leaked memory\n")
	case full && q.tree == "" && sum.kind[leak.Reachable].Blocks > 0 && !q.show.Has(kindReachable):
		b.WriteString("Reachable blocks (those to which a pointer was found) are not shown.\n")
		if q.monitor {
			b.WriteString("To see them, add 'reachable any' args to leak_check\n")
		} else {
			b.WriteString("To see them, rerun with: --leak-check=full --show-leak-kinds=all\n")
		}
	}
	b.WriteString("\n")
	return b.String()
}

// resolution maps a stack to a number that stacks share when --leak-resolution takes them for the same.
func (m *Memcheck) resolution() func(uint32) uint32 {
	depth := map[string]int{"low": stack.Low, "med": stack.Med}[m.opts.leakResolution]
	if depth == 0 {
		return func(id uint32) uint32 {
			if m.stacks.Era(stack.ID(id)) == 0 {
				return id
			}
			// Code that was unloaded and loaded again at the same place.
			return uint32(m.stacks.Intern(m.stack(id)))
		}
	}
	return func(id uint32) uint32 {
		pcs := m.stack(id)
		return uint32(m.stacks.Intern(pcs[:min(len(pcs), depth)]))
	}
}

// leakBlocks are the blocks to search for, ascending by address, and the ranges of those that lie outside of the heap. Of a
// heap block that a custom allocator divides only the pieces count.
func (m *Memcheck) leakBlocks() (blocks []leak.Block, outside []guest.Range) {
	m.mu.Lock()
	pieces := slices.Clone(m.custom)
	h := m.host.Heap()
	if len(pieces) == 0 && (h == nil || h.Stats().LiveBlocks == 0) {
		m.mu.Unlock()
		return nil, nil // Valgrind does not look at pools alone
	}
	for _, p := range m.pools {
		pieces = append(pieces, p.blocks...)
	}
	m.mu.Unlock()
	slices.SortFunc(pieces, func(a, b tool.HeapBlock) int { return cmp.Compare(a.Addr, b.Addr) })
	inHeap := make([]bool, len(pieces))
	if h != nil {
		i := 0
		h.Live(func(b tool.HeapBlock) bool {
			for i < len(pieces) && pieces[i].Addr < b.Addr {
				i++
			}
			divided := false
			for j := i; j < len(pieces) && pieces[j].Addr < b.Addr+guest.Addr(b.Size); j++ {
				inHeap[j], divided = true, true
			}
			if !divided {
				blocks = append(blocks, leak.Block{Addr: b.Addr, Size: b.Size, Stack: m.keptAlloc(b.Alloc)})
			}
			return true
		})
	}
	for i, p := range pieces {
		blocks = append(blocks, leak.Block{Addr: p.Addr, Size: p.Size, Stack: m.keptAlloc(p.Alloc)})
		if !inHeap[i] {
			outside = append(outside, p.Range())
		}
	}
	if len(pieces) > 0 {
		slices.SortStableFunc(blocks, func(a, b leak.Block) int {
			return cmp.Or(cmp.Compare(a.Addr, b.Addr), cmp.Compare(b.Size, a.Size))
		})
	}
	return blocks, outside
}

// leakRoots are the readable mappings that are or were writable and are no heap, without what lies below stack pointers and without
// custom blocks.
func (m *Memcheck) leakRoots(holes []guest.Range) []guest.Range {
	maps := m.mappings()
	m.host.Threads(func(t tool.Thread) bool {
		s, sp := t.Stack(), guest.Addr(t.Regs().GPR[guest.RSP])
		// Other memory may hold more than the stack of a coroutine.
		mp := findMapping(maps, sp)
		if mp != nil && mp.Stack && s.Contains(sp) && sp-s.Start > stackRedZone {
			holes = append(holes, guest.Range{Start: s.Start, End: sp - stackRedZone})
		}
		return true
	})
	slices.SortFunc(holes, func(a, b guest.Range) int { return cmp.Compare(a.Start, b.Start) })
	var roots []guest.Range
	for _, mp := range maps {
		if mp.Tool || mp.Prot&guest.Read == 0 || mp.Prot&guest.Write == 0 && !mp.Stored || strings.HasPrefix(mp.Path, "/dev/") {
			continue
		}
		r := mp.Range
		for _, h := range holes {
			if h.End <= r.Start || h.Start >= r.End {
				continue
			}
			if h.Start > r.Start {
				roots = append(roots, guest.Range{Start: r.Start, End: h.Start})
			}
			r.Start = min(h.End, r.End)
		}
		if !r.Empty() {
			roots = append(roots, r)
		}
	}
	return roots
}

// mappings are those of the guest, ascending.
func (m *Memcheck) mappings() (maps []tool.Mapping) {
	m.host.Mappings(func(mp tool.Mapping) bool {
		maps = append(maps, mp)
		return true
	})
	return maps
}

func findMapping(maps []tool.Mapping, a guest.Addr) *tool.Mapping {
	i, ok := slices.BinarySearchFunc(maps, a, func(mp tool.Mapping, a guest.Addr) int {
		switch {
		case mp.End <= a:
			return -1
		case mp.Start > a:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return &maps[i]
}

// definedWords reads memory for the search: words that aren't wholly accessible and defined hold no pointers.
type definedWords struct {
	m            *Memcheck
	data, shadow []byte
}

// Words implements leak.Reader.
func (d *definedWords) Words(w []uint64, a guest.Addr) {
	n := len(w) * 8
	if n > len(d.data) {
		d.data, d.shadow = make([]byte, n), make([]byte, n)
	}
	data, sh := d.data[:n], d.shadow[:n]
	mem := d.m.host.Memory()
	for at := 0; at < n; {
		got := mem.ReadMem(data[at:], a+guest.Addr(at))
		at += got
		if at == n {
			break
		}
		// The rest of a page that can't be read holds nothing.
		next := min(n, int((a+guest.Addr(at)+1).PageUp()-a))
		clear(data[at:next])
		at = next
	}
	d.m.shadow.Load(sh, a)
	for i := range w {
		w[i] = 0
		if binary.LittleEndian.Uint64(sh[i*8:]) == 0 {
			w[i] = binary.LittleEndian.Uint64(data[i*8:])
		}
	}
}
