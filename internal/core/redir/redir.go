// Package redir keeps which guest functions are replaced: it looks for their symbols in objects as these are mapped, and tells
// the translator at which addresses a hook stands in for guest code.
//
// It does not run hooks (sched) and does not know what they do (heap). All methods are safe for concurrent use; Table.mu is a
// leaf lock.
package redir

import (
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
}

// Hook is a function that is replaced at one address.
type Hook struct {
	Addr   guest.Addr
	Object string
	Spec   *Spec
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
		t.specs[specs[i].Symbol] = append(t.specs[specs[i].Symbol], &specs[i])
	}
	return t
}

// Add stands spec in at address a, whatever is there.
func (t *Table) Add(a guest.Addr, spec *Spec) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.add(a, "", spec)
}

func (t *Table) add(a guest.Addr, object string, spec *Spec) {
	if _, ok := t.at[a]; ok {
		return
	}
	t.at[a] = len(t.hooks)
	t.hooks = append(t.hooks, Hook{a, object, spec})
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
		if specs == nil || s.Type != debuginfo.Func {
			return true
		}
		for _, spec := range specs {
			if spec.Matches(soname) {
				list = append(list, Hook{s.Addr, o.Path, spec})
				break
			}
		}
		return true
	})
	t.mu.Lock()
	fresh := list[:0]
	for _, h := range list {
		if _, ok := t.at[h.Addr]; !ok {
			t.add(h.Addr, h.Object, h.Spec)
			fresh = append(fresh, h)
		}
	}
	t.mu.Unlock()
	for _, h := range fresh {
		if t.trace != nil {
			t.trace("REDIR: %#x (%s:%s) redirected", uint64(h.Addr), soname, h.Spec.Symbol)
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
	return n, ok
}

// Get returns hook number n.
func (t *Table) Get(n int) Hook {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.hooks[n]
}
