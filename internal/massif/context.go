package massif

import (
	"slices"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/stack"
)

// allocFns are the functions that are taken for allocation functions without --alloc-fn.
var allocFns = []string{
	"malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc", "valloc", "pvalloc",
	"__builtin_new", "__builtin_vec_new",
	"operator new(unsigned)", "operator new[](unsigned)",
	"operator new(unsigned long)", "operator new[](unsigned long)",
	"operator new(unsigned, std::nothrow_t const&)", "operator new[](unsigned, std::nothrow_t const&)",
	"operator new(unsigned long, std::nothrow_t const&)", "operator new[](unsigned long, std::nothrow_t const&)",
	"operator new(unsigned long, std::align_val_t)", "operator new[](unsigned long, std::align_val_t)",
	"operator new(unsigned long, std::align_val_t, std::nothrow_t const&)",
	"operator new[](unsigned long, std::align_val_t, std::nothrow_t const&)",
}

// context is a place in the program together with the calls that led to it.
type context struct {
	// pcs are the addresses of the calls, innermost first, without allocation functions; only the innermost may be
	// the address of something else than a call.
	pcs []guest.Addr
	sum
	all   sum // all that was ever allocated
	first int // number of the context among those that ever allocated, in order of their first allocation; 0: never
}

// sum is an amount of memory.
type sum struct{ bytes, blocks uint64 }

// contexts are all allocating contexts. The caller of its methods holds Massif.mu.
type contexts struct {
	depth   int
	below   bool // --show-below-main
	alloc   map[string]bool
	ignored map[string]bool
	symbols *debuginfo.Space

	raw    *stack.Interner // stacks as captured
	byRaw  []int32         // number of the context by raw stack, 0 when not known
	seen   *stack.Interner // stacks of contexts
	list   []context       // by number; 0 is not used, and stands for ignored allocations
	places int             // contexts that ever allocated
	names  map[guest.Addr]name
	ends   map[guest.Addr]end
	frames map[guest.Addr][]debuginfo.Frame // of code that was unloaded
}

// name is what the function at an address is.
type name struct{ alloc, ignored bool }

// end is what the function at an address, with all that is inlined into it, is.
type end struct{ main, starter bool }

func newContexts(o settings, symbols *debuginfo.Space, below bool) contexts {
	c := contexts{
		depth: o.depth, below: below, symbols: symbols,
		alloc: map[string]bool{}, ignored: map[string]bool{},
		raw: stack.NewInterner(), seen: stack.NewInterner(), list: make([]context, 1),
		names: map[guest.Addr]name{}, ends: map[guest.Addr]end{}, frames: map[guest.Addr][]debuginfo.Frame{},
	}
	for _, n := range append(slices.Clone(allocFns), o.allocFns...) {
		c.alloc[n] = true
	}
	for _, n := range o.ignoreFns {
		c.ignored[n] = true
	}
	return c
}

// at is the number of the context of a stack as the host captures it. inside says that its first entry is an address in a
// replaced function, which is no part of the context.
func (c *contexts) at(pcs []guest.Addr, inside bool) int {
	if inside && len(pcs) > 0 {
		pcs = pcs[1:]
	}
	id := int(c.raw.Intern(pcs))
	if id < len(c.byRaw) && c.byRaw[id] != 0 {
		return int(c.byRaw[id]) - 1
	}
	n := c.resolve(pcs, inside)
	for len(c.byRaw) <= id {
		c.byRaw = append(c.byRaw, 0)
	}
	c.byRaw[id] = int32(n) + 1
	return n
}

// resolve makes the context of a stack that wasn't seen before.
func (c *contexts) resolve(raw []guest.Addr, calls bool) int {
	pcs := make([]guest.Addr, len(raw))
	for i, pc := range raw {
		if i > 0 || calls {
			pc--
		}
		pcs[i] = pc
	}
	for len(pcs) > 1 && c.name(pcs[0]).alloc {
		pcs = pcs[1:]
	}
	if len(pcs) > 0 && c.name(pcs[0]).ignored {
		return 0
	}
	pcs = pcs[:min(len(pcs), c.depth)]
	if !c.below {
		pcs = c.upToMain(pcs)
	}
	if len(pcs) == 0 {
		pcs = []guest.Addr{0} // nobody knows: memory that was there before the program ran
	}
	id := int(c.seen.Intern(pcs))
	for len(c.list) <= id {
		c.list = append(c.list, context{})
	}
	c.list[id].pcs = pcs
	return id
}

// upToMain cuts pcs after main, or after the outermost function that calls main.
func (c *contexts) upToMain(pcs []guest.Addr) []guest.Addr {
	end := len(pcs)
	for i := len(pcs) - 1; i >= 0; i-- {
		e := c.end(pcs[i])
		if e.main {
			return pcs[:i+1]
		}
		if e.starter {
			end = i + 1
		}
	}
	return pcs[:end]
}

// name looks at the function at pc. What is inlined into it has no call of its own that could be left out; Valgrind looks at symbols, too.
func (c *contexts) name(pc guest.Addr) name {
	if n, ok := c.names[pc]; ok {
		return n
	}
	fn := debuginfo.Demangle(c.function(pc))
	n := name{alloc: c.alloc[fn], ignored: c.ignored[fn]}
	c.names[pc] = n
	return n
}

// end looks at the function at pc.
func (c *contexts) end(pc guest.Addr) end {
	if e, ok := c.ends[pc]; ok {
		return e
	}
	raw := c.function(pc)
	e := end{main: raw == "main", starter: debuginfo.BelowMain(raw)}
	c.ends[pc] = e
	return e
}

// function is the name, as the linker has it, of the function at pc with all that is inlined into it. Symbol tables tell: until the end
// nothing has need for debug information.
func (c *contexts) function(pc guest.Addr) string {
	if f, ok := c.frames[pc]; ok {
		return f[len(f)-1].RawFn
	}
	raw, _ := c.symbols.Function(pc)
	return raw
}

// resolved are the frames at pc.
func (c *contexts) resolved(pc guest.Addr) []debuginfo.Frame {
	if f, ok := c.frames[pc]; ok {
		return f
	}
	return c.symbols.Frames(pc, nil)
}

// unloading keeps the names of the code in r, which is about to go.
func (c *contexts) unloading(r guest.Range) {
	for i := range c.list {
		for _, pc := range c.list[i].pcs {
			if r.Contains(pc) {
				c.frames[pc] = c.resolved(pc)
			}
		}
	}
}

// add notes an allocation in context n.
func (c *contexts) add(n int, bytes uint64) {
	x := &c.list[n]
	if x.first == 0 {
		c.places++
		x.first = c.places
	}
	x.bytes += bytes
	x.blocks++
	x.all.bytes += bytes
	x.all.blocks++
}

// remove notes that a block of context n is gone.
func (c *contexts) remove(n int, bytes uint64) {
	x := &c.list[n]
	x.bytes -= bytes
	x.blocks--
}

// cut notes that a part of a block of context n is gone.
func (c *contexts) cut(n int, bytes uint64) {
	x := &c.list[n]
	x.bytes -= bytes
	if x.bytes == 0 {
		x.blocks = 0
	}
}

// detail says how much memory every context had at one moment.
type detail struct {
	live []live // ascending by context
	// places is the number of contexts that had allocated by then: those without memory count, too.
	places int
}

// live is the memory of one context.
type live struct {
	ctx int32
	sum
}

// capture is the detail of now.
func (c *contexts) capture() *detail {
	n := 0
	for i := range c.list {
		if c.list[i].blocks != 0 {
			n++
		}
	}
	d := &detail{live: make([]live, 0, n), places: c.places}
	for i := range c.list {
		if x := &c.list[i]; x.blocks != 0 {
			d.live = append(d.live, live{int32(i), x.sum})
		}
	}
	return d
}

// sums are the amounts by number of context, of n contexts.
func (d *detail) sums(n int) []sum {
	out := make([]sum, n)
	for _, l := range d.live {
		out[l.ctx] = l.sum
	}
	return out
}

// order are the numbers of all contexts that ever allocated, sorted by addresses, so that those with calls in common are
// neighbours.
func (c *contexts) order() []int32 {
	out := make([]int32, 0, len(c.list))
	for i := range c.list {
		if c.list[i].first != 0 {
			out = append(out, int32(i))
		}
	}
	slices.SortFunc(out, func(a, b int32) int { return slices.Compare(c.list[a].pcs, c.list[b].pcs) })
	return out
}
