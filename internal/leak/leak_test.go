package leak

import (
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"gogrind/internal/guest"
)

// image is memory at 0x1000 and up.
type image []uint64

const base = 0x1000

func (m image) Words(w []uint64, a guest.Addr) {
	for i := range w {
		w[i] = 0
		if at := uint64(a-base)/8 + uint64(i); at < uint64(len(m)) {
			w[i] = m[at]
		}
	}
}

func (m image) set(a guest.Addr, v guest.Addr) { m[(a-base)/8] = uint64(v) }

// parse makes a heap from lines "name size: pointer pointer+8 ..."; a line "root: ..." are roots, "regs: ..." registers.
// Each block is named by one letter and takes 0x100 bytes of memory.
func parse(t *testing.T, text string) (Input, []string) {
	t.Helper()
	mem := make(image, 0x4000/8)
	in := Input{Reader: mem}
	addr := map[string]guest.Addr{}
	var names []string
	lines := strings.Split(strings.TrimSpace(text), "\n")
	next := guest.Addr(base + 0x1000)
	for _, l := range lines {
		head, _, _ := strings.Cut(strings.TrimSpace(l), ":")
		var name string
		var size uint64
		if n, _ := fmt.Sscanf(head, "%s %d", &name, &size); n == 2 {
			addr[name] = next
			names = append(names, name)
			in.Blocks = append(in.Blocks, Block{Addr: next, Size: size, Stack: uint32(len(names))})
			next += 0x100
		}
	}
	value := func(w string) guest.Addr {
		name, off, _ := strings.Cut(w, "+")
		a, ok := addr[name]
		var n int
		if !ok {
			fmt.Sscanf(name, "%d", &n)
			return guest.Addr(n)
		}
		fmt.Sscanf(off, "%d", &n)
		return a + guest.Addr(n)
	}
	for _, l := range lines {
		head, words, _ := strings.Cut(strings.TrimSpace(l), ":")
		name, _, _ := strings.Cut(head, " ")
		for i, w := range strings.Fields(words) {
			switch name {
			case "root":
				mem.set(base+guest.Addr(8*i), value(w))
			case "regs":
				in.Registers = append(in.Registers, uint64(value(w)))
			default:
				mem.set(addr[name]+guest.Addr(8*i), value(w))
			}
		}
	}
	in.Roots = []guest.Range{{Start: base + 3, End: base + 5}, {Start: base, End: base + 0x800}}
	return in, names
}

func TestSearch(t *testing.T) {
	rows := []struct{ name, heap, want string }{
		{"nothing", "a 10:", "a=definitely lost"},
		{"root", "root: a\na 10:", "a=still reachable"},
		{"register", "regs: a\na 10:", "a=still reachable"},
		{"interior", "root: a+9\na 10:", "a=possibly lost"},
		{"past the end", "root: a+10\na 10:", "a=definitely lost"},
		{"no bytes", "root: a b+1\na 0:\nb 0:", "a=still reachable b=definitely lost"},
		{"interior then start", "root: a+8 a\na 16: b\nb 8:", "a=still reachable b=still reachable"},
		{"start then interior", "root: a a+8\na 16:", "a=still reachable"},
		{"behind interior", "root: a+8\na 16: b\nb 8:", "a=possibly lost b=possibly lost"},
		{"two ways", "root: a+8 c\na 16: b\nb 8:\nc 8: b", "a=possibly lost b=still reachable c=still reachable"},
		{"last word in part", "root: a\na 15: 0 b\nb 8:", "a=still reachable b=definitely lost"},
		{"tree", "a 16: b c\nb 8:\nc 8: d\nd 40:", "a=definitely lost(56) b=indirectly lost c=indirectly lost d=indirectly lost"},
		{"tree upwards", "d 40:\nc 8: d\nb 8:\na 16: b c", "d=indirectly lost c=indirectly lost b=indirectly lost a=definitely lost(56)"},
		{"cycle", "a 16: b\nb 8: c\nc 8: a", "a=definitely lost(16) b=indirectly lost c=indirectly lost"},
		{"self", "a 16: a", "a=definitely lost"},
		{"cycle behind", "a 16: b\nb 8: a\nc 24: a", "a=indirectly lost b=indirectly lost c=definitely lost(24)"},
		{"lost points to reachable", "root: a\na 8:\nb 8: a", "a=still reachable b=definitely lost"},
		{"interior of lost", "a 8: b+4\nb 8:", "a=definitely lost(8) b=indirectly lost"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			in, names := parse(t, row.heap)
			res := Search(in)
			var got []string
			for i, n := range names {
				s := n + "=" + res.Kind[i].String()
				if res.Indirect[i] > 0 {
					s += fmt.Sprintf("(%d)", res.Indirect[i])
				}
				got = append(got, s)
			}
			if g := strings.Join(got, " "); g != row.want {
				t.Errorf("got  %s\nwant %s", g, row.want)
			}
		})
	}
}

func TestHeuristics(t *testing.T) {
	const all = 1<<(NumHeuristics-1) - 1
	rows := []struct {
		name, heap string
		set        Heuristics
		want       Heuristic
		kind       Kind
	}{
		{"string", "root: a+24\na 35: 5 10 0 1", all, StdString, Reachable},
		{"string off", "root: a+24\na 35: 5 10 0 1", all &^ (1 << (StdString - 1)), None, Possible},
		{"string too long", "root: a+24\na 35: 11 10 0 1", all, None, Possible},
		{"string of other size", "root: a+24\na 36: 5 10 0 1", all, None, Possible},
		{"length", "root: a+8\na 28: 20", all, Length64, Reachable},
		{"array", "root: a+8\na 28: 5", all, NewArray, Reachable},
		{"array of none", "root: a+8\na 28: 0", all, None, Possible},
		{"array of others", "root: a+8\na 28: 3", all, None, Possible},
		{"base class", "root: a+16\na 32: 4352 1 4360", all, MultipleInheritance, Reachable},
		{"no base class", "root: a+16\na 32: 4352 1 5000", all, None, Possible},
		{"start too", "root: a+16 a\na 32: 4352 1 4360", all, None, Reachable},
		{"behind interior", "root: b+8\na 28: 5\nb 16: a+8", all, None, Possible},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			in, _ := parse(t, row.heap)
			in.Heuristics = row.set
			// Two vtables at 4352 and 4360, in the roots: zero, then a function.
			in.Reader.(image).set(4352+16, 0x900000)
			in.Data = func(a guest.Addr) bool { return a >= base && a < base+0x800 }
			in.Code = func(a guest.Addr) bool { return a == 0x900000 }
			res := Search(in)
			if res.Kind[0] != row.kind || res.Heuristic[0] != row.want {
				t.Errorf("%v by %v, want %v by %v", res.Kind[0], res.Heuristic[0], row.kind, row.want)
			}
		})
	}
}

// TestModel compares random heaps with what the definitions say.
func TestModel(t *testing.T) {
	for seed := range int64(300) {
		r := rand.New(rand.NewSource(seed))
		n := 1 + r.Intn(40)
		mem := make(image, 0x8000/8)
		in := Input{Reader: mem, Roots: []guest.Range{{Start: base, End: base + 0x100}}}
		at := guest.Addr(base + 0x1000)
		for i := range n {
			size := uint64(r.Intn(64))
			in.Blocks = append(in.Blocks, Block{Addr: at, Size: size, Stack: uint32(i)})
			at += guest.Addr((size+8)&^7) + guest.Addr(8*r.Intn(300/n+1))
		}
		pointer := func() guest.Addr {
			b := &in.Blocks[r.Intn(n)]
			if r.Intn(3) == 0 && b.Size > 0 {
				return b.Addr + guest.Addr(r.Intn(int(b.Size)))
			}
			return b.Addr
		}
		for i := 0; i < 4; i++ {
			if r.Intn(2) == 0 {
				mem.set(base+guest.Addr(8*r.Intn(32)), pointer())
			}
		}
		for _, b := range in.Blocks {
			for o := uint64(0); o+8 <= b.Size; o += 8 {
				if r.Intn(4) == 0 {
					mem.set(b.Addr+guest.Addr(o), pointer())
				}
			}
		}
		check(t, seed, in, Search(in))
	}
}

func check(t *testing.T, seed int64, in Input, res *Result) {
	t.Helper()
	n := len(in.Blocks)
	owner := func(p guest.Addr) int {
		return slices.IndexFunc(in.Blocks, func(b Block) bool { return p >= b.Addr && p < b.end() })
	}
	type edge struct {
		to    int
		start bool
	}
	edges := func(r guest.Range) (out []edge) {
		for a := (r.Start + 7) &^ 7; a+8 <= r.End; a += 8 {
			var w [1]uint64
			in.Reader.Words(w[:], a)
			if i := owner(guest.Addr(w[0])); i >= 0 {
				out = append(out, edge{i, guest.Addr(w[0]) == in.Blocks[i].Addr})
			}
		}
		return out
	}
	closure := func(from []int, ok func(edge) bool) []bool {
		seen := make([]bool, n)
		for len(from) > 0 {
			i := from[0]
			from = from[1:]
			if seen[i] {
				continue
			}
			seen[i] = true
			b := in.Blocks[i]
			for _, e := range edges(guest.Range{Start: b.Addr, End: b.Addr + guest.Addr(b.Size)}) {
				if ok(e) {
					from = append(from, e.to)
				}
			}
		}
		return seen
	}
	var starts, any []int
	for _, e := range edges(in.Roots[0]) {
		any = append(any, e.to)
		if e.start {
			starts = append(starts, e.to)
		}
	}
	every := func(edge) bool { return true }
	reach := closure(starts, func(e edge) bool { return e.start })
	poss := closure(any, every)
	var lost, ind, sum uint64
	for i := range n {
		want := Reachable
		switch {
		case reach[i]:
		case poss[i]:
			want = Possible
		default:
			want = res.Kind[i]
			if want != Definite && want != Indirect {
				t.Fatalf("seed %d: block %d is lost, not %v", seed, i, want)
			}
			lost += in.Blocks[i].Size
			if want == Indirect {
				ind += in.Blocks[i].Size
			}
		}
		if res.Kind[i] != want {
			t.Fatalf("seed %d: block %d is %v, want %v", seed, i, res.Kind[i], want)
		}
		sum += res.Indirect[i]
	}
	if sum != ind {
		t.Fatalf("seed %d: leaders account for %d indirect bytes of %d", seed, sum, ind)
	}
	for i := range n {
		if res.Kind[i] != Definite {
			if res.Indirect[i] != 0 {
				t.Fatalf("seed %d: block %d of kind %v leads %d bytes", seed, i, res.Kind[i], res.Indirect[i])
			}
			continue
		}
		from := closure([]int{i}, every)
		// Whoever points to a leader is one of those it leads. (Who points to one of its followers need not be: blocks
		// are grouped in one pass, as in Valgrind, whose results these must equal.)
		for j := range n {
			if k := res.Kind[j]; j == i || k != Definite && k != Indirect {
				continue
			}
			b := in.Blocks[j]
			direct := slices.ContainsFunc(edges(guest.Range{Start: b.Addr, End: b.Addr + guest.Addr(b.Size)}),
				func(e edge) bool { return e.to == i })
			if direct && !from[j] {
				t.Fatalf("seed %d: block %d leads, but block %d leads to it", seed, i, j)
			}
		}
	}
	for i := range n {
		if res.Kind[i] != Indirect {
			continue
		}
		l := int(res.Leader[i])
		for steps := 0; res.Kind[l] == Indirect && steps <= n; steps++ {
			l = int(res.Leader[l])
		}
		if res.Kind[l] != Definite || !closure([]int{l}, every)[i] {
			t.Fatalf("seed %d: block %d is not led by %d", seed, i, l)
		}
	}
}

func TestRecords(t *testing.T) {
	blocks := []Block{{0x1000, 8, 1}, {0x1010, 8, 2}, {0x1020, 1500, 1}, {0x1030, 16, 3}, {0x1040, 0, 4}, {0x1050, 16, 5}}
	res := &Result{
		Kind:     []Kind{Definite, Definite, Definite, Reachable, Possible, Indirect},
		Indirect: []uint64{0, 16, 0, 0, 0, 0},
	}
	recs := Records(blocks, res, func(s uint32) uint32 { return s }, nil)
	want := []string{
		"0 bytes in 1 blocks are possibly lost in loss record 1 of 5",
		"16 bytes in 1 blocks are still reachable in loss record 2 of 5",
		"16 bytes in 1 blocks are indirectly lost in loss record 3 of 5",
		"24 (8 direct, 16 indirect) bytes in 1 blocks are definitely lost in loss record 4 of 5",
		"1,508 bytes in 2 blocks are definitely lost in loss record 5 of 5",
	}
	for i := range recs {
		if got := recs[i].Text(i+1, len(recs)); i >= len(want) || got != want[i] {
			t.Errorf("record %d: %s", i+1, got)
		}
	}
	if len(recs) != len(want) {
		t.Errorf("%d records", len(recs))
	}
	one := Records(blocks, res, func(uint32) uint32 { return 0 }, nil)
	if len(one) != 4 {
		t.Errorf("all at one place: %d records, want one per kind", len(one))
	}
	before := map[Place]Record{
		{Definite, 9}: {Kind: Definite, Stack: 9, Bytes: 12, Blocks: 2}, {Reachable, 3}: {Kind: Reachable, Stack: 3, Bytes: 10, Blocks: 1},
		{Indirect, 10}: {Kind: Indirect, Stack: 10},
	}
	again := Records(blocks, res, func(s uint32) uint32 { return s }, before)
	if len(again) != 6 || again[1] != (Record{Kind: Definite, Stack: 9}) {
		t.Errorf("with records from before: %+v", again)
	}
	if got := again[1].DeltaText(2, 6, before[Place{Definite, 9}]); got != "0 (-12) bytes in 0 (-2) blocks are definitely lost in loss record 2 of 6" {
		t.Error(got)
	}
	if got := again[2].DeltaText(3, 6, before[Place{Reachable, 3}]); got != "16 (+6) bytes in 1 (+0) blocks are still reachable in loss record 3 of 6" {
		t.Error(got)
	}
	if s := commas(1234567); s != "1,234,567" {
		t.Errorf("commas: %s", s)
	}
}

func TestEmpty(t *testing.T) {
	res := Search(Input{Reader: image{}, Roots: []guest.Range{{Start: base, End: base + 64}}})
	if len(res.Kind) != 0 || res.Scanned != 0 {
		t.Errorf("%+v", res)
	}
}

// million builds a million blocks, each with two pointers to others.
func million() Input {
	const n = 1 << 20
	r := rand.New(rand.NewSource(1))
	mem := make(image, n*12+64)
	in := Input{Reader: mem, Roots: []guest.Range{{Start: base, End: base + 64}}}
	for i := range n {
		in.Blocks = append(in.Blocks, Block{Addr: guest.Addr(base + 512 + i*96), Size: 64})
	}
	for i := range n {
		b := in.Blocks[i].Addr
		mem.set(b, in.Blocks[r.Intn(n)].Addr)
		mem.set(b+16, in.Blocks[r.Intn(n)].Addr)
	}
	mem.set(base, in.Blocks[0].Addr)
	return in
}

func TestMillionBlocks(t *testing.T) {
	in := million()
	begin := time.Now()
	res := Search(in)
	took := time.Since(begin)
	t.Logf("%d blocks, %d bytes: %v", len(in.Blocks), res.Scanned, took)
	lost := 0
	for _, k := range res.Kind {
		if k == Definite {
			lost++
		}
	}
	if res.Kind[0] != Reachable || lost == 0 {
		t.Errorf("first block is %v, %d are definitely lost", res.Kind[0], lost)
	}
	if took > 10*time.Second {
		t.Errorf("a million blocks take %v", took)
	}
}

// TestNested compares where pointers lead among blocks that lie in and across each other with the innermost block, by looking at all.
func TestNested(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	for range 2000 {
		var blocks []Block
		for range 1 + rnd.Intn(6) {
			blocks = append(blocks, Block{Addr: guest.Addr(0x1000 + rnd.Intn(40)), Size: uint64(rnd.Intn(30))})
		}
		slices.SortFunc(blocks, func(a, b Block) int { return cmp.Or(cmp.Compare(a.Addr, b.Addr), cmp.Compare(b.Size, a.Size)) })
		x := newIndex(blocks)
		for p := guest.Addr(0xff0); p < 0x1070; p++ {
			want := -1
			for i := range blocks {
				if b := &blocks[i]; b.Addr <= p && p < b.end() {
					want = i // begins last
				}
			}
			if got := x.find(p); got != want {
				t.Fatalf("%#x in %v: block %d, want %d", p, blocks, got, want)
			}
		}
	}
}
