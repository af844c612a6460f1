// Package leak finds out which heap blocks a program has lost: from registers and memory that is no heap it follows
// pointers from block to block.
//
// A block is still reachable when a chain of pointers to starts of blocks leads to it, possibly lost when a pointer into
// the middle of a block is needed, and lost otherwise. Of the lost blocks, those that other lost blocks point to are
// indirectly lost; the others lead them and are definitely lost. The package knows nothing of shadow memory, stacks' names
// or reports: the caller says what to read, and prints what comes out.
//
// A Search is used by one goroutine; the guest must not run meanwhile.
package leak

import (
	"math/bits"
	"sort"

	"gogrind/internal/guest"
)

// Kind is how a block was lost, or not. Its order is that of loss records of equal size.
type Kind uint8

// The kinds.
const (
	Reachable Kind = iota
	Possible
	Indirect
	Definite
	NumKinds
)

func (k Kind) String() string {
	return [...]string{"still reachable", "possibly lost", "indirectly lost", "definitely lost"}[k]
}

// Block is a live heap block.
type Block struct {
	Addr  guest.Addr
	Size  uint64
	Stack uint32 // where it was allocated
}

// end is the first address after b. A block of no bytes can be pointed to like one of one byte.
func (b *Block) end() guest.Addr { return b.Addr + guest.Addr(max(b.Size, 1)) }

// Reader reads guest memory for the search.
type Reader interface {
	// Words reads len(w) words from a, which is a multiple of 8. A word that may not be read, or whose contents are
	// not known, is given as 0.
	Words(w []uint64, a guest.Addr)
}

// Input is what a search works on.
type Input struct {
	Blocks     []Block       // ascending by address; of two at one address the larger one first
	Roots      []guest.Range // memory that isn't heap
	Registers  []uint64
	Reader     Reader
	Heuristics Heuristics
	// Code and Data tell mappings apart for the multiple inheritance heuristic: Code reports whether a is executable,
	// Data whether it is readable memory that is no heap.
	Code, Data func(a guest.Addr) bool
}

// Result says what became of each block, in the order of Input.Blocks.
type Result struct {
	Kind      []Kind
	Indirect  []uint64    // of a Definite block: bytes of the blocks lost with it
	Leader    []int32     // of an Indirect block: the block through which it was found to be lost
	Heuristic []Heuristic // of a Reachable block: what made an interior pointer count, 0 if none was needed
	Scanned   uint64      // bytes looked at
}

// state is what is known of a block during the search.
type state uint8

const (
	unreached state = iota // also: leads lost blocks
	possible
	reachable
	indirect
)

type search struct {
	in    Input
	index index
	state []state
	todo  []int32 // blocks to be scanned
	res   *Result
	buf   []uint64
}

// bufWords is how much is read at a time: 32 KB stay in the first-level cache.
const bufWords = 4096

// Search classifies all blocks.
func Search(in Input) *Result {
	n := len(in.Blocks)
	s := &search{
		in: in, index: newIndex(in.Blocks), state: make([]state, n), buf: make([]uint64, bufWords),
		res: &Result{
			Kind: make([]Kind, n), Indirect: make([]uint64, n), Leader: make([]int32, n), Heuristic: make([]Heuristic, n),
		},
	}
	if n > 0 {
		for _, r := range in.Roots {
			s.scan(r, func(p guest.Addr) { s.reach(p, true) })
		}
		for _, v := range in.Registers {
			s.reach(guest.Addr(v), true)
		}
		s.follow()
		s.group()
	}
	for i, st := range s.state {
		s.res.Kind[i] = [...]Kind{unreached: Definite, possible: Possible, reachable: Reachable, indirect: Indirect}[st]
	}
	return s.res
}

// scan calls f for each word in r that may be a pointer to a block.
func (s *search) scan(r guest.Range, f func(guest.Addr)) {
	a := (r.Start + 7) &^ 7
	end := r.End &^ 7
	lo, span := s.index.lo, s.index.hi-s.index.lo
	for a < end {
		n := min(uint64(end-a)/8, bufWords)
		w := s.buf[:n]
		s.in.Reader.Words(w, a)
		s.res.Scanned += n * 8
		for _, v := range w {
			if v-uint64(lo) < uint64(span) {
				f(guest.Addr(v))
			}
		}
		a += guest.Addr(n * 8)
	}
}

// reach notes a pointer p found in a root or in a block; definite says that the way to it went over starts of blocks.
func (s *search) reach(p guest.Addr, definite bool) {
	i := s.index.find(p)
	if i < 0 {
		return
	}
	start := p == s.in.Blocks[i].Addr
	if s.state[i] == reachable {
		if start && definite {
			s.res.Heuristic[i] = None
		}
		return
	}
	h := None
	if definite && !start {
		h = s.heuristic(p, &s.in.Blocks[i])
	}
	switch {
	case definite && (start || h != None):
		s.state[i], s.res.Heuristic[i] = reachable, h
		s.todo = append(s.todo, int32(i))
	case s.state[i] == unreached:
		s.state[i] = possible
		s.todo = append(s.todo, int32(i))
	}
}

// follow scans reached blocks until there is nothing new.
func (s *search) follow() {
	for len(s.todo) > 0 {
		i := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		b := &s.in.Blocks[i]
		definite := s.state[i] == reachable
		s.scan(guest.Range{Start: b.Addr, End: b.Addr + guest.Addr(b.Size)}, func(p guest.Addr) { s.reach(p, definite) })
	}
}

// group divides unreached blocks into leaders and those that are lost with them. A leader that a later leader points to
// comes to be indirectly lost, with all its followers.
func (s *search) group() {
	for i := range s.state {
		if s.state[i] != unreached {
			continue
		}
		leader := int32(i)
		s.todo = append(s.todo, leader)
		for len(s.todo) > 0 {
			j := s.todo[len(s.todo)-1]
			s.todo = s.todo[:len(s.todo)-1]
			b := &s.in.Blocks[j]
			s.scan(guest.Range{Start: b.Addr, End: b.Addr + guest.Addr(b.Size)}, func(p guest.Addr) {
				k := s.index.find(p)
				if k < 0 || s.state[k] != unreached || int32(k) == leader {
					return
				}
				s.state[k] = indirect
				s.res.Leader[k] = leader
				s.res.Indirect[leader] += s.in.Blocks[k].Size + s.res.Indirect[k]
				s.res.Indirect[k] = 0
				s.todo = append(s.todo, int32(k))
			})
		}
	}
}

// index finds the block that an address lies in; of blocks that lie in each other, as areas that an allocator of the guest's divides,
// the innermost. The address range of the heap is cut into equal pieces, each with the
// first block that ends in it or later, so that few steps of a binary search remain.
type index struct {
	blocks []Block // disjoint: the blocks, or what of each is in no other
	owner  []int32 // the blocks that they are of, nil if they are the blocks themselves
	lo, hi guest.Addr
	shift  uint
	first  []int32
}

// maxPieces bounds the table to 16 MB.
const maxPieces = 4 << 20

func newIndex(blocks []Block) index {
	if len(blocks) == 0 {
		return index{}
	}
	blocks, owner := flatten(blocks)
	x := index{blocks: blocks, owner: owner}
	x.lo, x.hi = blocks[0].Addr, blocks[len(blocks)-1].end()
	// A piece holds about one block, if the table allows it.
	span := uint64(x.hi - x.lo)
	x.shift = uint(max(4, bits.Len64(span/uint64(len(blocks)))))
	for span>>x.shift >= maxPieces {
		x.shift++
	}
	x.first = make([]int32, span>>x.shift+2)
	i := 0
	for p := range x.first {
		at := x.lo + guest.Addr(uint64(p)<<x.shift)
		for i < len(blocks) && blocks[i].end() <= at {
			i++
		}
		x.first[p] = int32(i)
	}
	return x
}

// find returns the block that p points into, -1 if there's none.
func (x *index) find(p guest.Addr) int {
	if p < x.lo || p >= x.hi {
		return -1
	}
	piece := uint64(p-x.lo) >> x.shift
	i, j := int(x.first[piece]), int(x.first[piece+1])
	// The block sought is the first that ends after p: it is in [i, j].
	if j-i > 4 {
		i += sort.Search(j-i, func(k int) bool { return x.blocks[i+k].end() > p })
	} else {
		for i < j && x.blocks[i].end() <= p {
			i++
		}
	}
	if i == len(x.blocks) || p < x.blocks[i].Addr || p >= x.blocks[i].end() {
		return -1
	}
	if x.owner != nil {
		return int(x.owner[i])
	}
	return i
}

// flatten cuts blocks into what lies in no other block that begins later. owner says which block a piece is of; it is nil if there
// was nothing to cut.
func flatten(blocks []Block) (pieces []Block, owner []int32) {
	nested := false
	for i := 1; i < len(blocks) && !nested; i++ {
		nested = blocks[i-1].end() > blocks[i].Addr
	}
	if !nested {
		return blocks, nil
	}
	var open []int // the blocks around, outermost first
	at := blocks[0].Addr
	upTo := func(a guest.Addr) { // a piece of the innermost one
		if at < a {
			pieces = append(pieces, Block{Addr: at, Size: uint64(a - at)})
			owner = append(owner, int32(open[len(open)-1]))
			at = a
		}
	}
	closeTo := func(a guest.Addr) {
		for len(open) > 0 && blocks[open[len(open)-1]].end() <= a {
			upTo(blocks[open[len(open)-1]].end())
			open = open[:len(open)-1]
		}
	}
	for i := range blocks {
		closeTo(blocks[i].Addr)
		if len(open) > 0 {
			upTo(blocks[i].Addr)
		}
		at = blocks[i].Addr
		open = append(open, i)
	}
	closeTo(guest.MaxAddr)
	return pieces, owner
}
