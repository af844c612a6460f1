// Package redir keeps which guest functions are replaced: it looks for their symbols in objects as these are mapped, and tells
// the translator at which addresses a hook or other guest code stands in for guest code.
//
// It does not run hooks (sched) and does not know what they do (heap). All methods are safe for concurrent use; Table.mu is a
// leaf lock.
package redir

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

// Spec says which function is replaced.
type Spec struct {
	Symbol string
	// Matches reports whether the symbol is replaced in the object with this soname ("" for none).
	Matches func(soname string) bool
	// Do is what the hook's owner wants to get back when the hook runs.
	Do any
	// To is the guest function that runs in place of this one; 0 for a hook.
	To guest.Addr
	// Indirect is Matches for an indirect function (STT_GNU_IFUNC), nil if those are not replaced. The symbol's address is then
	// that of the function which chooses; the hook there has Resolver set.
	Indirect func(soname string) bool

	order int // of two specs for one address the first one given counts
	repl  *Replacement
}

// Hook is a function that is replaced at one address.
type Hook struct {
	Addr   guest.Addr
	Object string
	Spec   *Spec
	// Resolver says that the function at Addr returns the address of the one that is replaced: the hook is to return Spec.To.
	Resolver bool
}

// Table is the active set.
type Table struct {
	mu    sync.RWMutex
	specs map[string][]*Spec // by symbol; immutable after New
	hooks []Hook             // by number; an entry stays when its object goes, as translations may name it
	at    map[guest.Addr]int
	maybe [1 << (maybeBits - 6)]atomic.Uint64 // has a bit for each address that is or was in at: most questions need no lock
	own   []*Spec                             // replacements that objects of the guest bring along, in the order in which they came
	trace func(format string, args ...any)
}

// New makes a table for specs. trace, if not nil, gets a line for each function found (--trace-redir=yes).
func New(specs []Spec, trace func(format string, args ...any)) *Table {
	t := &Table{specs: make(map[string][]*Spec), at: make(map[guest.Addr]int), trace: trace}
	for i := range specs {
		specs[i].order = i
		t.specs[specs[i].Symbol] = append(t.specs[specs[i].Symbol], &specs[i])
	}
	return t
}

// SetTrace changes what New was given as trace.
func (t *Table) SetTrace(trace func(format string, args ...any)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trace = trace
}

// Add stands spec in at address a, whatever is there.
func (t *Table) Add(a guest.Addr, spec *Spec) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(Hook{Addr: a, Spec: spec})
}

func (t *Table) add(h Hook) {
	if _, ok := t.at[h.Addr]; ok {
		return
	}
	t.at[h.Addr] = len(t.hooks)
	w, bit := maybe(h.Addr)
	t.maybe[w].Or(bit)
	t.hooks = append(t.hooks, h)
}

const maybeBits = 16

// maybe is the place of a's bit in Table.maybe.
func maybe(a guest.Addr) (word, bit uint64) {
	h := uint64(a) * 0x9e3779b97f4a7c15 >> (64 - maybeBits) // multiplicative hashing by the golden ratio
	return h >> 6, 1 << (h & 63)
}

// known reports whether something may be replaced at pc.
func (t *Table) known(pc guest.Addr) bool {
	w, bit := maybe(pc)
	return t.maybe[w].Load()&bit != 0
}

// Scan looks for the functions in a newly mapped object and calls found for each one that is replaced from now on.
func (t *Table) Scan(o *debuginfo.Object, found func(Hook)) {
	if len(t.specs) == 0 {
		return
	}
	soname := o.Soname()
	var list []Hook
	o.Symbols(func(s debuginfo.Symbol) bool {
		specs := t.specs[s.Name]
		if specs == nil || s.Type != debuginfo.Func && s.Type != debuginfo.IFunc {
			return true
		}
		for _, spec := range specs {
			match := spec.Matches
			if s.Type == debuginfo.IFunc {
				match = spec.Indirect
			}
			if match != nil && match(soname) {
				list = append(list, Hook{s.Addr, o.Path, spec, s.Type == debuginfo.IFunc})
				break
			}
		}
		return true
	})
	slices.SortStableFunc(list, func(a, b Hook) int { return a.Spec.order - b.Spec.order })
	t.mu.Lock()
	fresh := list[:0]
	for _, h := range list {
		if _, ok := t.at[h.Addr]; !ok {
			t.add(h)
			fresh = append(fresh, h)
		}
	}
	t.mu.Unlock()
	for _, h := range fresh {
		if t.trace != nil {
			to := ""
			if h.Spec.To != 0 {
				to = fmt.Sprintf(" to %#x (%s)", uint64(h.Spec.To), h.Spec.Symbol)
			}
			t.trace("REDIR: %#x (%s:%s) redirected%s", uint64(h.Addr), soname, h.Spec.Symbol, to)
		}
		found(h)
	}
}

// Bring takes over the replacements that o, a newly mapped object, brings along for functions of the others, for it, and for objects
// to come. do makes Spec.Do for one that wraps, whose code is at to. found is called for each function that is replaced from now on.
func (t *Table) Bring(o *debuginfo.Object, others []*debuginfo.Object, do func(to guest.Addr) any, found func(Hook)) {
	var fresh []*Spec
	t.mu.Lock()
	seen := map[guest.Addr]bool{}
	symbols := o.Symbols
	if !o.Mentions(namePrefix) {
		symbols = func(func(debuginfo.Symbol) bool) {} // as in nearly all objects
	}
	symbols(func(s debuginfo.Symbol) bool {
		r, ok := ParseName(s.Name)
		if !ok || s.Type != debuginfo.Func || seen[s.Addr] {
			return true
		}
		seen[s.Addr] = true
		spec := &Spec{Symbol: r.Func, To: s.Addr, repl: &r}
		if r.Wrap {
			spec.Do = do(s.Addr)
		}
		fresh = append(fresh, spec)
		return true
	})
	// The order of symbol tables is the linker's business.
	slices.SortFunc(fresh, func(a, b *Spec) int {
		return cmp.Or(cmp.Compare(a.repl.Tag, b.repl.Tag), cmp.Compare(a.repl.Priority, b.repl.Priority), cmp.Compare(a.To, b.To))
	})
	t.own = append(t.own, fresh...)
	all := slices.Clone(t.own)
	t.mu.Unlock()
	for _, x := range others {
		if x != o {
			t.replaceIn(x, fresh, found)
		}
	}
	t.replaceIn(o, all, found)
}

// replaceIn looks for functions in o that specs, of the guest's own, replace.
func (t *Table) replaceIn(o *debuginfo.Object, specs []*Spec, found func(Hook)) {
	soname := o.Soname()
	if soname == "" {
		soname = "NONE"
	}
	specs = slices.DeleteFunc(slices.Clone(specs), func(s *Spec) bool { return !match(s.repl.Soname, soname) })
	if len(specs) == 0 {
		return
	}
	var list []Hook
	o.Symbols(func(s debuginfo.Symbol) bool {
		if s.Type != debuginfo.Func {
			return true
		}
		for _, spec := range specs {
			if spec.To != s.Addr && (match(spec.repl.Func, s.Name) || s.Version != "" && match(spec.repl.Func, s.Name+s.Version)) {
				list = append(list, Hook{Addr: s.Addr, Object: o.Path, Spec: spec})
			}
		}
		return true
	})
	for _, h := range list {
		t.mu.Lock()
		added := t.compete(h)
		t.mu.Unlock()
		if !added {
			continue
		}
		if t.trace != nil {
			t.trace("REDIR: %#x (%s:%s) redirected to %#x", uint64(h.Addr), soname, h.Spec.Symbol, uint64(h.Spec.To))
		}
		found(h)
	}
}

// compete adds h unless what is at its address counts. The caller holds mu.
func (t *Table) compete(h Hook) bool {
	if n, ok := t.at[h.Addr]; ok {
		old := t.hooks[n].Spec.repl
		if old == nil || old.Tag == 0 || old.Tag != h.Spec.repl.Tag || old.Priority >= h.Spec.repl.Priority {
			return false
		}
		delete(t.at, h.Addr)
	}
	t.add(h)
	return true
}

// Forget drops the hooks in r, whose object is gone, and those that lead there: their functions are what they were, and gone is
// called for each of them.
func (t *Table) Forget(r guest.Range, gone func(guest.Addr)) {
	var back []guest.Addr
	t.mu.Lock()
	for a, n := range t.at {
		in, to := r.Contains(a), r.Contains(t.hooks[n].Spec.To)
		if in || to {
			delete(t.at, a)
		}
		if to && !in {
			back = append(back, a)
		}
	}
	t.own = slices.DeleteFunc(t.own, func(s *Spec) bool { return r.Contains(s.To) })
	t.mu.Unlock()
	for _, a := range back {
		gone(a)
	}
}

// At returns the number of the hook at pc.
func (t *Table) At(pc guest.Addr) (int, bool) {
	if !t.known(pc) {
		return 0, false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, ok := t.at[pc]
	return n, ok && (t.hooks[n].Spec.Do != nil || t.hooks[n].Resolver)
}

// To returns the guest code that stands in for what is at pc.
func (t *Table) To(pc guest.Addr) (guest.Addr, bool) {
	if !t.known(pc) {
		return 0, false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, ok := t.at[pc]
	if !ok || t.hooks[n].Resolver || t.hooks[n].Spec.Do != nil {
		return 0, false
	}
	to := t.hooks[n].Spec.To
	return to, to != 0
}

// Get returns hook number n.
func (t *Table) Get(n int) Hook {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.hooks[n]
}
