// Package redir keeps which guest functions are replaced: it looks for their symbols in objects as these are mapped, and tells
// the translator at which addresses a hook or other guest code stands in for guest code.
//
// It does not run hooks (sched) and does not know what they do (heap). All methods are safe for concurrent use; Table.mu is a
// leaf lock.
package redir

import (
	"fmt"
	"slices"
	"sync"

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
	t.hooks = append(t.hooks, h)
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

// Forget drops the hooks in r, whose object is gone.
func (t *Table) Forget(r guest.Range) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for a := range t.at {
		if r.Contains(a) {
			delete(t.at, a)
		}
	}
}

// At returns the number of the hook at pc.
func (t *Table) At(pc guest.Addr) (int, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, ok := t.at[pc]
	return n, ok && (t.hooks[n].Spec.To == 0 || t.hooks[n].Resolver)
}

// To returns the guest code that stands in for what is at pc.
func (t *Table) To(pc guest.Addr) (guest.Addr, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n, ok := t.at[pc]
	if !ok || t.hooks[n].Resolver {
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
