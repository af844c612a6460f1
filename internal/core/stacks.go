package core

import (
	"slices"
	"sync"
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// clientStacks are the stacks that the guest registers (VALGRIND_STACK_REGISTER). The zero value has none.
type clientStacks struct {
	any atomic.Bool // there has been one

	mu   sync.Mutex // guards all below
	last uint64     // number given out last; 0 is the main stack's
	list []clientStack
}

type clientStack struct {
	id uint64
	r  guest.Range
}

// at is the smallest stack that sp is in. The end belongs to a stack: it is the stack pointer of an empty one.
func (c *clientStacks) at(sp guest.Addr) (r guest.Range, ok bool) {
	if !c.any.Load() {
		return r, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.list {
		if s := c.list[i].r; s.Start <= sp && sp <= s.End && (!ok || s.Len() < r.Len()) {
			r, ok = s, true
		}
	}
	return r, ok
}

// change alters the list and tells translated code.
func (r requests) changeStacks(t tool.Thread, change func(c *clientStacks)) {
	c := &r.p.clientStacks
	r.p.StopOthers(t, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.any.Store(true)
		change(c)
		ranges := make([]guest.Range, len(c.list))
		for i := range c.list {
			ranges[i] = c.list[i].r
		}
		r.p.trans.SetStacks(ranges)
	})
}

// RegisterStack implements request.Core.
func (r requests) RegisterStack(t tool.Thread, stack guest.Range) (id uint64) {
	r.changeStacks(t, func(c *clientStacks) {
		c.last++
		id = c.last
		c.list = append(c.list, clientStack{id, stack})
	})
	return id
}

// DeregisterStack implements request.Core.
func (r requests) DeregisterStack(t tool.Thread, id uint64) {
	r.changeStacks(t, func(c *clientStacks) {
		c.list = slices.DeleteFunc(c.list, func(s clientStack) bool { return s.id == id })
	})
}

// ChangeStack implements request.Core.
func (r requests) ChangeStack(t tool.Thread, id uint64, stack guest.Range) {
	r.changeStacks(t, func(c *clientStacks) {
		for i := range c.list {
			if c.list[i].id == id {
				c.list[i].r = stack
			}
		}
	})
}

// stackAt is what is known of the stack at sp, beyond its mapping: what the guest says, or the heap block that it is in.
func (p *Process) stackAt(sp guest.Addr) (guest.Range, bool) {
	if r, ok := p.clientStacks.at(sp); ok {
		return r, true
	}
	if p.heap == nil {
		return guest.Range{}, false
	}
	b, ok := tool.Heap(p.heap).Near(sp)
	if !ok || b.Freed || !b.Range().Contains(sp) && sp != b.Range().End {
		return guest.Range{}, false
	}
	return b.Range(), true
}
