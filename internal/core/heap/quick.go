package heap

import (
	"runtime"
	"sync"
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// lock is a mutex that quick code may try to take, too: who has word has it. Others come one at a time, by mu.
type lock struct {
	mu   sync.Mutex
	word atomic.Uint32
}

// Lock waits for the lock. It may not be called by quick code.
func (l *lock) Lock() {
	l.mu.Lock()
	for n := 0; !l.word.CompareAndSwap(0, 1); n++ {
		if n%64 == 63 {
			runtime.Gosched() // its thread has lost its processor
		}
	}
}

// Unlock undoes Lock.
func (l *lock) Unlock() {
	l.word.Store(0)
	l.mu.Unlock()
}

// patience is how often quick code looks whether the lock is free: for as long as others that are quick hold it.
const patience = 200

// try takes the lock if it is free soon.
//
//go:nosplit
func (l *lock) try() bool {
	for range patience {
		if l.word.Load() == 0 && l.word.CompareAndSwap(0, 1) {
			return true
		}
	}
	return false
}

// Enable lets Quick work, with what the tool says about it.
func (a *Allocator) Enable(conf tool.QuickHeap) {
	l := &a.cfg.Layout
	if l.MallocFill >= 0 || l.FreeFill >= 0 || a.cfg.Paths == nil {
		return
	}
	a.quick.conf, a.quick.paths = conf, a.cfg.Paths
	for i := range a.quick.fresh {
		a.quick.fresh[i], a.quick.gone[i] = conf.Fresh, conf.Gone
	}
	if conf.Events {
		a.quick.log, a.quick.spare = make([]tool.HeapEvent, logSize), make([]tool.HeapEvent, logSize)
	}
	a.quick.on.Store(true)
}

// SetQuick tells that hook number n, one of Hooks, stands at pc.
func (a *Allocator) SetQuick(n int, h *Hook, pc uint64) {
	if n >= maxQuick || atomic.LoadUint64(&a.quick.hooks[n].pc) != 0 {
		return
	}
	switch h.role {
	case roleAlloc, roleCalloc, roleRealloc, roleFree:
		a.mu.Lock()
		q := &a.quick.hooks[n]
		q.role, q.kind = h.role, h.kind
		atomic.StoreUint64(&q.pc, pc)
		a.mu.Unlock()
	}
}

// TakeEvents gives f what Quick has done since the last call, in order. The tool calls it one at a time, and may do so whenever no
// method of the Allocator has called it; f must not call the Allocator.
func (a *Allocator) TakeEvents(f func([]tool.HeapEvent)) {
	a.mu.Lock()
	q := &a.quick
	n := q.logged
	q.log, q.spare, q.logged = q.spare, q.log, 0
	taken := q.spare[:n]
	a.mu.Unlock()
	if n > 0 {
		f(taken)
	}
}

// newStack is the number of t's stack, and lets Quick find it the next time.
func (a *Allocator) newStack(t tool.Thread) uint32 {
	if !a.quick.on.Load() {
		return a.cfg.Tool.NewStack(t)
	}
	version := a.cfg.Watch(t)
	id := a.cfg.Tool.NewStack(t)
	a.cfg.Learn(t, version, id)
	return id
}

// Filled finishes what Quick could not when it filled the new block at p, because the guest has made a part inaccessible.
func (a *Allocator) Filled(p guest.Addr) {
	if b, ok := a.At(p); ok && !b.Freed {
		a.fill(b.Range(), 0)
	}
}
