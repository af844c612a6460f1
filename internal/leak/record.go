package leak

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Record is a loss record: the blocks of one kind that were allocated at one place.
type Record struct {
	Kind     Kind
	Stack    uint32 // of the first block
	Bytes    uint64 // of the blocks themselves
	Indirect uint64 // of the blocks lost with them
	Blocks   uint64
}

// Total is the size by which records are ordered.
func (r *Record) Total() uint64 { return r.Bytes + r.Indirect }

// Text is the record's line, when it is number n of of.
func (r *Record) Text(n, of int) string {
	var size string
	if r.Indirect > 0 {
		size = fmt.Sprintf("%s (%s direct, %s indirect)", commas(r.Total()), commas(r.Bytes), commas(r.Indirect))
	} else {
		size = commas(r.Bytes)
	}
	return fmt.Sprintf("%s bytes in %s blocks are %s in loss record %s of %s",
		size, commas(r.Blocks), r.Kind, commas(uint64(n)), commas(uint64(of)))
}

// DeltaText is as Text, with the differences to the record before.
func (r *Record) DeltaText(n, of int, before Record) string {
	size := Delta(r.Total(), before.Total())
	if r.Indirect > 0 || before.Indirect > 0 {
		size = fmt.Sprintf("%s (%s direct, %s indirect)", size, Delta(r.Bytes, before.Bytes), Delta(r.Indirect, before.Indirect))
	}
	return fmt.Sprintf("%s bytes in %s blocks are %s in loss record %s of %s",
		size, Delta(r.Blocks, before.Blocks), r.Kind, commas(uint64(n)), commas(uint64(of)))
}

// Delta is now with its difference to before: "12 (+4)".
func Delta(now, before uint64) string {
	if now < before {
		return fmt.Sprintf("%s (-%s)", commas(now), commas(before-now))
	}
	return fmt.Sprintf("%s (+%s)", commas(now), commas(now-before))
}

// commas writes n with a comma between groups of three digits.
func commas(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Place identifies a record from one search to the next.
type Place struct {
	Kind  Kind
	Stack uint32 // what the stacks of its blocks share
}

// Records merges blocks into records, smallest first. place maps a block's stack to what stacks must share to be one
// place (--leak-resolution). A record of the search before stays once more, with no blocks, when nothing is left of it.
func Records(blocks []Block, res *Result, place func(stack uint32) uint32, before map[Place]Record) []Record {
	at := make(map[Place]int, len(before))
	var recs []Record
	for k, r := range before {
		if r.Blocks == 0 {
			continue
		}
		at[k] = len(recs)
		recs = append(recs, Record{Kind: r.Kind, Stack: r.Stack})
	}
	for i := range blocks {
		k := Place{res.Kind[i], place(blocks[i].Stack)}
		j, ok := at[k]
		if !ok {
			j = len(recs)
			at[k] = j
			recs = append(recs, Record{Kind: k.Kind, Stack: blocks[i].Stack})
		}
		r := &recs[j]
		r.Bytes += blocks[i].Size
		r.Indirect += res.Indirect[i]
		r.Blocks++
	}
	slices.SortStableFunc(recs, func(a, b Record) int {
		return cmp.Or(
			cmp.Compare(a.Total(), b.Total()),
			cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Blocks, b.Blocks),
			cmp.Compare(a.Stack, b.Stack),
		)
	})
	return recs
}

// Total is a number of bytes and blocks.
type Total struct{ Bytes, Blocks uint64 }

// Add adds a record's blocks.
func (t *Total) Add(bytes, blocks uint64) {
	t.Bytes += bytes
	t.Blocks += blocks
}
