package report

import (
	"fmt"
	"strings"
)

// Amount is a number of bytes in a number of blocks.
type Amount struct{ Bytes, Blocks uint64 }

// HeapSummary is how much heap memory was used.
type HeapSummary struct {
	InUse                Amount // at exit
	Allocs, Frees, Bytes uint64 // in all; Bytes were allocated
}

// LeakSummary is the result of a search for leaks.
type LeakSummary struct {
	Definite, Indirect, Possible, Reachable, Suppressed Amount
	Heuristics                                          []Heuristic // parts of Reachable
}

// Heuristic is what was reachable by one way of guessing.
type Heuristic struct {
	Kind string // as in --leak-check-heuristics
	Amount
}

// Summarizer is a Sink that also takes the tool's summaries.
type Summarizer interface {
	HeapSummary(HeapSummary)
	LeakSummary(LeakSummary)
}

// HeapSummary gives s to the sink. The text log has a form of its own, which is the tool's.
func (r *Reporter) HeapSummary(s HeapSummary) {
	if sink, ok := r.cfg.Sink.(Summarizer); ok {
		sink.HeapSummary(s)
	}
}

// LeakSummary gives s to the sink.
func (r *Reporter) LeakSummary(s LeakSummary) {
	if sink, ok := r.cfg.Sink.(Summarizer); ok {
		sink.LeakSummary(s)
	}
}

// HeapSummary implements Summarizer, from protocol 6 on.
func (x *XML) HeapSummary(s HeapSummary) {
	if x.protocol < 6 || x.shared {
		return
	}
	x.put(fmt.Sprintf("<heap_summary>\n  <memory_in_use_at_exit>\n    <bytes>%d</bytes>\n    <blocks>%d</blocks>\n  </memory_in_use_at_exit>\n"+
		"  <total_heap_usage>\n    <allocs>%d</allocs>\n    <frees>%d</frees>\n    <bytes_allocated>%d</bytes_allocated>\n"+
		"  </total_heap_usage>\n</heap_summary>\n\n<all_heap_blocks_freed>%t</all_heap_blocks_freed>\n\n",
		s.InUse.Bytes, s.InUse.Blocks, s.Allocs, s.Frees, s.Bytes, s.InUse.Blocks == 0))
}

// LeakSummary implements Summarizer, from protocol 6 on.
func (x *XML) LeakSummary(s LeakSummary) {
	if x.protocol < 6 || x.shared {
		return
	}
	var b strings.Builder
	b.WriteString("<leak_summary>\n")
	part := func(name string, a Amount, inside string) {
		fmt.Fprintf(&b, "  <%s>\n    <bytes>%d</bytes>\n    <in_blocks>%d</in_blocks>\n%s  </%s>\n", name, a.Bytes, a.Blocks, inside, name)
	}
	part("definitely_lost", s.Definite, "")
	part("indirectly_lost", s.Indirect, "")
	part("possibly_lost", s.Possible, "")
	var h strings.Builder
	for _, x := range s.Heuristics {
		fmt.Fprintf(&h, "    <reachable_heuristic>\n      <kind>%s</kind>\n      <bytes>%d</bytes>\n      <blocks>%d</blocks>\n    </reachable_heuristic>\n",
			escape(x.Kind), x.Bytes, x.Blocks)
	}
	part("still_reachable", s.Reachable, h.String())
	part("suppressed", s.Suppressed, "")
	b.WriteString("</leak_summary>\n\n")
	x.put(b.String())
}
