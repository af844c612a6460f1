package stack

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"gogrind/internal/guest"
)

// Source is where a value that an unwinder relies on comes from.
type Source uint8

// The sources. Relative values are less the stack pointer.
const (
	Word         Source = iota + 1 // a word on the stack
	RelativeWord                   // a word on the stack, relative
	RelativeRBP                    // register rbp, relative
	end                            // none: Step.Offset is the number of the stack
)

// Step is one value that an unwinder has read, from which follows what it reads next.
type Step struct {
	From   Source
	Offset int32 // of a word, from the stack pointer
	Value  uint64
}

// Paths finds the numbers of stacks that were seen before: the same code with the same return addresses at the same distances
// from the stack pointer has the same callers. It is a tree of what an unwinder read, in a hash table. What it says holds until
// code or its frame information changes; then it must be cleared.
//
// Find takes no lock, calls no runtime and may be called by threads that Go believes to be in system calls. It reads the stack
// without asking whether it is there: the caller handles a fault. All methods are safe for concurrent use.
type Paths struct {
	version atomic.Uint32 // changes when the table is cleared; odd while it is
	mu      sync.Mutex    // serialises changes of the table
	used    int           // guarded by mu
	mask    atomic.Uint32 // number of slots in use, less 1: the table grows, so that few stacks take little memory
	table   [pathSlots]place
}

// place is a node of the tree, and at the same time the edge to it. Its number is its slot plus 1; the root has 0.
type place struct {
	value uint64 // that was read at the place before
	// link is the number of the place before, shifted, and the Source of what is read here. 0: the slot is empty. It is written last.
	link atomic.Uint32
	arg  int32 // offset of what is read here, or the number of the stack
}

const (
	pathBits  = 18 // a compiler is at 15 thousand stacks, which differ in 5 or so of their steps
	pathSlots = 1 << pathBits
	minSlots  = 1 << 13
	probes    = 16 // slots that are looked at for one place
	maxPath   = 64 // steps
	linkShift = 3
)

// NewPaths returns an empty table. It grows to 4 MB.
func NewPaths() *Paths {
	p := new(Paths)
	p.mask.Store(minSlots - 1)
	return p
}

// Version changes when what was known does not hold any more.
func (p *Paths) Version() uint32 { return p.version.Load() }

// Clear forgets all stacks.
func (p *Paths) Clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
}

// clear is Clear with p.mu held.
func (p *Paths) clear() {
	p.version.Add(1)
	if p.used > 0 {
		for i := range p.mask.Load() + 1 {
			p.table[i].link.Store(0)
		}
		p.used = 0
	}
	p.version.Add(1)
}

// hashFactor is the multiplier of the splitmix64 finaliser.
const hashFactor = 0xbf58476d1ce4e5b9

//go:nosplit
func pathSlot(parent uint32, value uint64) uint32 {
	h := (value ^ uint64(parent)<<40) * hashFactor // the shift makes addresses of functions differ in the bits that count
	return uint32(h >> (64 - pathBits))
}

// child is the slot of the place that value leads to from place number parent, or a free one for it; pathSlots if there is none. It is
// the slot behind the parent's if that is free when the first child comes: most paths don't divide, and lie in few cache lines.
//
//go:nosplit
func (p *Paths) child(parent uint32, value uint64) (slot uint32, ok bool) {
	mask := p.mask.Load() % pathSlots
	free := uint32(pathSlots)
	if parent != 0 {
		next := parent & mask
		e := &p.table[next]
		link := e.link.Load()
		if link>>linkShift == parent && e.value == value {
			return next, true
		}
		if link == 0 {
			free = next
		}
	}
	slot = pathSlot(parent, value)
	for i := range uint32(probes) {
		slot &= mask
		e := &p.table[slot]
		link := e.link.Load()
		if link == 0 {
			if free != pathSlots {
				return free, false
			}
			return slot, false
		}
		if link>>linkShift == parent && e.value == value {
			return slot, true
		}
		slot += i + 1 // further each time, out of the paths that lie in one piece
	}
	return free, false
}

// Recent has the stacks that one thread was at lately. Find reads through a tree, where each step waits for the one before; that a
// stack is one of these is seen by comparisons that don't. It is for one thread at a time. The zero value is empty.
//
// Which one it may be is decided by the innermost return addresses: programs allocate by a few functions of their own. Where the
// next of them lies follows from the ones before, and ahead remembers that, in a table that other addresses may share. To follow them
// takes a while, as each waits for the one before; so the one that was found last with the same first address and stack pointer is tried at once, and
// nearly always is the one. Two that are used in turn and have the same hash must not drive out each other each time, so there is room
// for two of each hash.
type Recent struct {
	last   [lastSlots]uint8 // indexes of stacks
	ahead  [aheadSlots][2]ahead
	stacks [recentStacks]recentStack
	newest [recentStacks / recentWays]uint8 // which of the stacks that share a hash was put there last
}

// ahead is where the next return address lies.
type ahead struct {
	tag      uint16 // bits of the hash of the addresses before
	distance uint16 // from the stack pointer; 0: it is not known
}

type recentStack struct {
	pc      uint64
	version uint32 // of Paths
	id      uint32
	n       int // number of steps plus 1; 0: it is none
	steps   [recentSteps]Step
}

const (
	recentBits   = 7
	recentStacks = 1 << recentBits
	recentWays   = 2
	lastBits     = 8
	lastSlots    = 1 << lastBits
	aheadBits    = 9
	aheadSlots   = 1 << aheadBits
	tagShift     = 64 - aheadBits - 16
	aheadDepth   = 4       // return addresses that decide, besides the first
	aheadReach   = 2 << 10 // bytes from the stack pointer: what other addresses have left in ahead must not lead off the stack
	recentSteps  = 32      // 12 callers, --num-callers' default, with frame pointers have 24
)

// Find returns the number that Add was given for the stack of a thread with registers r at code pc. ok is false when it is not
// known.
//
//go:nosplit
func (p *Paths) Find(pc uint64, r *guest.Regs, recent *Recent) (id uint32, ok bool) {
	version := p.version.Load()
	sp := r.GPR[guest.RSP]
	if sp&7 != 0 || version&1 != 0 {
		return 0, false
	}
	last := &recent.last[(firstHash(pc, sp)+sp*hashFactor)>>(64-lastBits)]
	e := &recent.stacks[*last%recentStacks]
	if e.is(pc, version, r) && p.version.Load() == version {
		return e.id, true
	}
	at := recent.guess(pc, sp)
	for range recentWays {
		if e = &recent.stacks[at%recentStacks]; e.is(pc, version, r) && p.version.Load() == version {
			*last = uint8(at % recentStacks)
			return e.id, true
		}
		at ^= 1
	}
	at = recent.oldest(at)
	e = &recent.stacks[at%recentStacks]
	e.n = 0
	id, n, ok := p.walk(pc, r, e)
	if !ok || p.version.Load() != version {
		return 0, false
	}
	if n > recentSteps {
		return id, true
	}
	e.pc, e.version, e.id, e.n = pc, version, id, n+1
	if where := recent.learn(pc, sp, e); (where^at)%recentStacks >= recentWays {
		at = recent.oldest(where) // of the places where guess will look from now on
		recent.stacks[at%recentStacks] = *e
		e.n = 0
	}
	recent.newest[at%recentStacks/recentWays] = uint8(at % recentWays)
	*last = uint8(at % recentStacks)
	return id, true
}

// oldest is the place, of those that at leads to, that was filled before the other.
//
//go:nosplit
func (c *Recent) oldest(at uint64) uint64 {
	return at&^1 | uint64(c.newest[at%recentStacks/recentWays]^1)
}

// firstHash is the hash of the code and the innermost return address.
//
//go:nosplit
func firstHash(pc, sp uint64) uint64 { return (pc*golden + word(sp)) * hashFactor }

// golden is 1<<64 by the golden ratio.
const golden = 0x9e3779b97f4a7c15

// guess is the place of the stack that is most likely the one at stack pointer sp.
//
//go:nosplit
func (c *Recent) guess(pc, sp uint64) uint64 {
	h := firstHash(pc, sp)
	for range aheadDepth {
		d := c.next(h)
		if d == 0 {
			break
		}
		h = (h ^ word(sp+uint64(d))<<20) * hashFactor
	}
	return h >> (64 - recentBits)
}

// learn makes guess know where the return addresses of e lie, and returns the place that it will find e at.
//
//go:nosplit
func (c *Recent) learn(pc, sp uint64, e *recentStack) uint64 {
	h := firstHash(pc, sp)
	depth := 0
	for i := 0; i < e.n-1 && i < recentSteps && depth < aheadDepth; i++ {
		s := &e.steps[i]
		if s.From != Word || s.Offset <= 0 {
			continue
		}
		if s.Offset >= aheadReach {
			break
		}
		c.setNext(h, uint16(s.Offset))
		h = (h ^ s.Value<<20) * hashFactor
		depth++
	}
	if depth < aheadDepth {
		c.setNext(h, 0)
	}
	return h >> (64 - recentBits)
}

// next is where the return address behind those with hash h lies, 0 if that is not known.
//
//go:nosplit
func (c *Recent) next(h uint64) uint16 {
	set := &c.ahead[h>>(64-aheadBits)]
	tag := uint16(h >> tagShift)
	if set[0].tag == tag {
		return set[0].distance
	}
	if set[1].tag == tag {
		return set[1].distance
	}
	return 0
}

// setNext changes what next says. The older of the two that share a place goes.
//
//go:nosplit
func (c *Recent) setNext(h uint64, distance uint16) {
	if c.next(h) == distance {
		return
	}
	set := &c.ahead[h>>(64-aheadBits)]
	tag := uint16(h >> tagShift)
	if set[0].tag != tag {
		set[1] = set[0]
	}
	set[0].tag, set[0].distance = tag, distance
}

// is reports whether a thread with registers r is at the stack.
//
//go:nosplit
func (e *recentStack) is(pc uint64, version uint32, r *guest.Regs) bool {
	if e.pc != pc || e.version != version || e.n == 0 {
		return false
	}
	for i := 0; i < e.n-1 && i < recentSteps; i++ {
		s := &e.steps[i]
		if v, ok := s.From.read(s.Offset, r); !ok || v != s.Value {
			return false
		}
	}
	return true
}

// read reads a value.
//
//go:nosplit
func (s Source) read(offset int32, r *guest.Regs) (v uint64, ok bool) {
	sp := r.GPR[guest.RSP]
	switch s {
	case Word:
		return word(sp + uint64(int64(offset))), true
	case RelativeWord:
		return word(sp+uint64(int64(offset))) - sp, true
	case RelativeRBP:
		return r.GPR[guest.RBP] - sp, true
	}
	return 0, false
}

// walk looks for a stack in the tree, and notes the first of the n steps in e.
//
//go:nosplit
func (p *Paths) walk(pc uint64, r *guest.Regs, e *recentStack) (id uint32, n int, ok bool) {
	at, v := uint32(0), pc
	for ; n < maxPath; n++ {
		slot, ok := p.child(at, v)
		if !ok {
			break
		}
		from, arg := Source(p.table[slot].link.Load()&(1<<linkShift-1)), p.table[slot].arg
		if from == end {
			return uint32(arg), n, true
		}
		if v, ok = from.read(arg, r); !ok {
			break // cleared meanwhile
		}
		if n < recentSteps {
			s := &e.steps[n]
			s.From, s.Offset, s.Value = from, arg, v
		}
		at = slot + 1
	}
	return 0, 0, false
}

//go:nosplit
func word(a uint64) uint64 { return *(*uint64)(*(*unsafe.Pointer)(unsafe.Pointer(&a))) }

// Add makes id the number of the stack of a thread at code pc whose unwinder has read what steps say. version is what Version
// said before the unwinder began.
func (p *Paths) Add(version uint32, pc uint64, steps []Step, id uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.version.Load() != version || len(steps) >= maxPath {
		return
	}
	if n := p.mask.Load() + 1; p.used > int(n/2) {
		p.clear()
		p.mask.Store(min(2*n, pathSlots) - 1)
	}
	at, v := uint32(0), pc
	for i := range steps {
		s := &steps[i]
		if at = p.add(at, v, s.From, s.Offset); at == 0 {
			return
		}
		v = s.Value
	}
	p.add(at, v, end, int32(id))
}

// add returns the number of the place that v leads to from parent, 0 if there is no room for it or if it reads something else.
func (p *Paths) add(parent uint32, v uint64, from Source, arg int32) uint32 {
	slot, ok := p.child(parent, v)
	link := parent<<linkShift | uint32(from)
	switch {
	case ok:
		if e := &p.table[slot]; e.link.Load() != link || e.arg != arg {
			return 0
		}
	case slot == pathSlots:
		return 0
	default:
		e := &p.table[slot]
		e.value, e.arg = v, arg
		e.link.Store(link)
		p.used++
	}
	return slot + 1
}

var _ [1<<(32-linkShift) - 1 - pathSlots]struct{} // numbers of places fit in links
