package jit

import (
	"hash/crc32"
	"sort"
	"sync/atomic"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
)

// Layout of the code cache region, as offsets from its base.
const (
	l1Off    = 0                        // first-level indirect table
	l1Bits   = 16                       // entries of 8 bytes, indexed by address bits 4-19
	arenaOff = 8 << l1Bits              // the first of the translator's own tables, which get along with what is left of a huge page
	l2Off    = hugePage                 // second-level indirect table
	l2Bits   = 20                       // entries of 16 bytes
	ownOff   = l2Off + 16<<l2Bits       // ends of stacks that SetStacks names
	dirtyOff = ownOff + 16*maxOwn       // indirect table of dirty code, entries of 16 bytes
	codeOff  = dirtyOff + 16<<dirtyBits // shared routines, then fragments
	coldFrac = 2                        // the last 1/coldFrac of the rest holds out-of-line code
)

// Room that must be left before a translation starts: more than the largest one can need.
const maxFragment = 1 << 16

// fragment is the translation of one trace: guest code [pc, end), entered at its start. Fragments hold no pointers, so
// that a hundred thousand of them cost the garbage collector nothing.
type fragment struct {
	pc, end        uint64
	body, hotEnd   uint32 // host offsets; body is the entry for direct jumps
	start          uint32 // start of hot code: the indirect prefix when there is one
	cold, coldEnd  uint32
	entry          uint32 // entry for indirect branches, 0 when there is none yet
	points, nPoint uint32 // its points: pointBytes.get(points, nPoint)
	exits, nExit   uint32 // exits[exits:exits+nExit]
	landings       uint32 // landings[landings:landings+nLanding]
	nLanding       uint32
	incoming       uint32 // first linked exit that jumps here, index+1
	sum            uint32 // checksum of the guest code, for fragments that verify it
	verified       uint32 // where such a fragment goes on
	middles        uint32 // the last one made of those in it, or, of these, the one made before: see middle.go
	ver            uint32 // version of the code: see versions.go
	dead           bool
}

// exit is one place where a fragment leaves for a fixed guest address.
type exit struct {
	target uint64 // guest address wanted
	site   uint32 // host offset of the rel32 field to patch, 0: never linked
	stub   uint32 // host offset of the out-of-line stub that the field reaches while not linked
	frag   uint32 // owner
	to     uint32 // fragment it is linked to, index+1
	next   uint32 // next in to's incoming list, index+1
	ver    uint32 // version of the target wanted
	slot   uint32 // slotJump that is to be settled, index+1; 0 for other exits
	call   uint32 // callSite that this is the way on of, index+1; 0 for other exits
}

// callSite is a direct call. Its second half lies behind the straight code and ends in a jump; of the call that made its target be
// translated there is one right in front of the target's fragment, too, which needs no jump.
type callSite struct {
	next    uint64 // guest address to return to
	field   uint32 // host offset of the call's rel32 field
	warm    uint32 // of the second half behind the straight code
	landing uint32
	leads   bool // the call goes to the second half in front of its target
}

// landing is where a call's return arrives. Its 4-byte field at site is the guest return address, negated or not; with the
// value never in it no return address is recognised.
type landing struct{ site, never uint32 }

// check is one place where a tool's annotation may leave to Go.
type check struct {
	pc     uint64 // guest instruction
	resume uint32 // host offset to go on at
	mem    uint8  // index of the access
	event  uint32 // site, for those of event annotations, or counter
	miss   bool   // it is a counter
	step   bool   // the instruction is to be stepped, without a question
	relied bool   // the instruction is to be stepped, as code behind resume relies on the check
	lacks  int16  // what has been added to the clock in front of it, and is added again behind resume
	frag   uint32 // owner, for those with a site
	site   uint32 // host offset of a rel32 field through which the check goes on in dirty code, 0 for none
	stub   uint32 // what the field reaches while it is not linked
	exit   uint32 // exit made for it, 0 for none yet
}

// recovery is one memory access of an annotation that faults when the guest's address is bad: at is its host offset, to where a
// thread goes on then. A check goes to its stub, as if it had failed; a mark is left out. The guest's own access follows and
// has the fault that the guest is to see.
type recovery struct{ at, to uint32 }

// tables is what a flush throws away as a whole.
type tables struct {
	frags      list[fragment]
	exits      list[exit]
	pointBytes bytesStore
	checks     list[check]
	landings   list[landing]
	calls      list[callSite]
	slots      []slotJump
	recover    list[recovery]     // in ascending order of at
	byPC       index              // guest address -> fragment of fast code
	sieve      sieve              // of the keys of byPC, and of some that have gone
	versions   map[version]uint32 // fragments of other versions
	byPage     index              // guest page -> the first of its onPages, index+1
	onPages    list[onPage]
	starts     perPage[pageStarts] // see middle.go
	phases     perPage[phasePage]  // see clock_amd64.go
}

// perPage has a T for each guest page that one was wanted for.
type perPage[T any] struct {
	index index // of a page, index+1 in list
	list  list[T]
}

// find is that of the page with this number, nil if there is none.
func (p *perPage[T]) find(page uint64) *T {
	if n := p.index.get(page); n != 0 {
		return p.list.at(n - 1)
	}
	return nil
}

// of is find, which makes one, all zero, if there is none.
func (p *perPage[T]) of(page uint64) *T {
	if x := p.find(page); x != nil {
		return x
	}
	var x T
	p.list.add(x)
	p.index.set(page, uint32(p.list.n))
	return p.list.at(uint32(p.list.n) - 1)
}

// onPage is a fragment with code on a page.
type onPage struct {
	frag uint32
	next uint32 // of the same page, index+1; 0 for none
}

func (t *Translator) resetTables() {
	a := t.arena
	a.reset()
	t.tables = tables{
		frags: list[fragment]{arena: a}, exits: list[exit]{arena: a}, pointBytes: bytesStore{arena: a}, checks: list[check]{arena: a},
		landings: list[landing]{arena: a}, calls: list[callSite]{arena: a}, recover: list[recovery]{arena: a}, onPages: list[onPage]{arena: a},
		starts: perPage[pageStarts]{index{arena: a}, list[pageStarts]{arena: a}},
		phases: perPage[phasePage]{index{arena: a}, list[phasePage]{arena: a}},
		byPC:   index{arena: a}, sieve: newSieve(a), byPage: index{arena: a},
		versions: make(map[version]uint32),
	}
	t.frags.add(fragment{dead: true}) // index 0 is none
	t.exits.add(exit{})
	t.hot.pos = t.codeStart
	t.cold.pos = t.coldStart
}

// Entry returns the host address to enter for guest address pc, translating if needed.
func (t *Translator) Entry(pc guest.Addr) (uintptr, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := t.lookup(uint64(pc), false)
	if err != nil {
		return 0, err
	}
	return t.entered(f), nil
}

// Indirect is Entry for an address that an indirect branch missed: the address is entered in the tables, so that generated
// code finds it next time.
func (t *Translator) Indirect(pc guest.Addr) (uintptr, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := t.lookup(uint64(pc), true)
	if err != nil {
		return 0, err
	}
	fr := t.frags.at(f)
	if fr.entry == 0 {
		t.emitThunk(f)
		fr = t.frags.at(f)
	}
	t.setL2(fr.pc, fr.entry)
	atomic.StoreUint64(t.l1(fr.pc), t.base+uint64(fr.entry))
	return t.entered(f), nil
}

// Once translates the single instruction at pc for one execution: nothing else will enter the fragment, and the page of its code
// is not protected for it. An instruction that writes to its own page gets on in this way.
func (t *Translator) Once(pc guest.Addr) (uintptr, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.full() {
		return 0, ErrFull
	}
	t.limit, t.once = 1, true
	f, err := t.translate(uint64(pc), false)
	t.limit, t.once = maxInsts, false
	if err != nil {
		return 0, err
	}
	t.byPC.set(uint64(pc), 0)
	t.frags.at(f).dead = true
	return t.bodyOf(f), nil
}

// Verify compares the code that fragment n was made from with what is there now. If it is the same, resume is the host address
// at which the fragment goes on; if not, the fragment is gone and resume is 0. pc is its guest address.
func (t *Translator) Verify(n int) (pc guest.Addr, resume uintptr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fr := t.frags.at(uint32(n))
	pc = guest.Addr(fr.pc)
	if !fr.dead && t.checksum(fr.pc, fr.end) == fr.sum {
		return pc, uintptr(t.base + uint64(fr.verified))
	}
	t.discard(uint32(n))
	return pc, 0
}

// checksum is that of the guest code in [pc, end), 0 if it cannot be read any more.
func (t *Translator) checksum(pc, end uint64) uint32 {
	sum := crc32.NewIEEE()
	err := t.catch(func() error {
		for pc < end {
			b := t.cfg.Fetch(guest.Addr(pc))
			if len(b) == 0 {
				return ErrFetch
			}
			b = b[:min(uint64(len(b)), end-pc)]
			sum.Write(b)
			pc += uint64(len(b))
		}
		return nil
	})
	if err != nil {
		return 0
	}
	return sum.Sum32()
}

// checksum is that of the code that the trace was made of.
func (tr *trace) checksum() uint32 {
	sum := uint32(0)
	for i := range tr.n {
		sum = crc32.Update(sum, crc32.IEEETable, tr.insts[i].code)
	}
	return sum
}

// Link resolves the direct exit n: its target is translated, the exit patched to jump there, and the address to go on at
// returned.
func (t *Translator) Link(n int) (uintptr, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if e := t.exits.at(uint32(n)); e.slot != 0 {
		return t.fillSlot(e.slot-1, e.frag), nil
	}
	e := t.exits.at(uint32(n))
	target, gen := e.target, t.generation
	if e.call != 0 && e.to == 0 && !t.frags.at(e.frag).dead {
		t.lead = e.call
	}
	var f uint32
	var err error
	if e.ver == verApart {
		f, err = t.lookupVersion(target, verApart)
	} else {
		f, err = t.lookup(target, false)
	}
	led := t.lead == 0
	t.lead = 0
	if err != nil {
		return 0, err
	}
	if t.generation == gen { // else the exit is gone with its fragment
		if e.site != 0 && e.to == 0 && !t.frags.at(e.frag).dead {
			t.link(uint32(n), f)
			if e.call != 0 && led {
				c := t.calls.at(e.call - 1)
				c.leads = true
				t.patchLive(c.field, t.frags.at(f).start)
			}
		}
	}
	return t.bodyOf(f), nil
}

// Target is the guest address of exit n, for exits that only carry one (system calls, requests, emulation).
func (t *Translator) Target(n int) guest.Addr {
	t.mu.Lock()
	defer t.mu.Unlock()
	return guest.Addr(t.exits.at(uint32(n)).target)
}

func (t *Translator) link(n, f uint32) {
	e := t.exits.at(n)
	t.patchLive(e.site, t.frags.at(f).body)
	e.to = f + 1
	e.next = t.frags.at(f).incoming
	t.frags.at(f).incoming = n + 1
}

// unlink makes e lead to its stub again.
func (t *Translator) unlink(e *exit) {
	t.patchLive(e.site, e.stub)
	e.to = 0
	if e.call == 0 {
		return
	}
	if c := t.calls.at(e.call - 1); c.leads {
		c.leads = false
		t.patchLive(c.field, c.warm)
	}
}

// patchLive changes a rel32 field that other threads may be executing. alignField has kept it within a cache line.
func (t *Translator) patchLive(site, to uint32) {
	storeUint32(t.hot.buf, int(site), uint32(int32(to)-int32(site+4)))
}

// discard takes fragment f out of use: nothing enters it any more. A thread inside goes on to its end; its returns land on
// code that has been patched to look the address up again.
func (t *Translator) discard(f uint32) {
	fr := t.frags.at(f)
	if fr.dead {
		return
	}
	fr.dead = true
	for n := fr.incoming; n != 0; {
		e := t.exits.at(n - 1)
		t.unlink(e)
		n, e.next = e.next, 0
	}
	fr.incoming = 0
	for n := fr.middles; n != 0; n = t.frags.at(n).middles {
		t.discard(n)
	}
	// Its own exits leave the incoming lists of their targets.
	for n := fr.exits; n < fr.exits+fr.nExit; n++ {
		e := t.exits.at(n)
		if e.to == 0 {
			continue
		}
		p := &t.frags.at(e.to - 1).incoming
		for *p != 0 && *p != n+1 {
			p = &t.exits.at(*p - 1).next
		}
		if *p != 0 {
			*p = e.next
		}
		t.unlink(e)
		e.next = 0
	}
	t.forget(fr.pc, fr.ver, f)
	switch {
	case fr.entry == 0:
	case fr.ver >= firstSet:
		t.setDirtyEntry(dirtyKey(fr.pc, fr.ver), t.base+uint64(t.dirtyMiss))
	default:
		t.setL2(fr.pc, 0)
		if p := t.l1(fr.pc); atomic.LoadUint64(p) == t.base+uint64(fr.entry) {
			atomic.StoreUint64(p, t.base+uint64(t.missIB))
		}
	}
	// Returns that are under way find their landing here; it must not recognise them any more.
	for n := range fr.nLanding {
		l := t.landings.at(fr.landings + n)
		storeUint32(t.hot.buf, int(l.site), l.never)
	}
}

// Discard drops every translation that has code in r. When a dropped fragment may be running on another thread, the caller
// has stopped that thread, or accepts that it finishes the trace it is in.
func (t *Translator) Discard(r guest.Range) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.epoch.Add(1)
	first, last := uint64(r.Start)>>12, (uint64(r.End)+0xfff)>>12
	if last-first > uint64(t.byPage.n) {
		t.byPage.all(func(p uint64, _ uint32) {
			if p >= first && p < last {
				t.discardPage(p, r)
			}
		})
		return
	}
	for p := first; p < last; p++ {
		t.discardPage(p, r)
	}
}

// discardPage discards the fragments on page p that have code in r, and forgets that those that are dead were there.
func (t *Translator) discardPage(p uint64, r guest.Range) {
	n := t.byPage.get(p)
	if n == 0 {
		return
	}
	keep := uint32(0)
	for n != 0 {
		at, x := n, t.onPages.at(n-1)
		n = x.next
		fr := t.frags.at(x.frag)
		if !fr.dead && fr.pc < uint64(r.End) && fr.end > uint64(r.Start) {
			t.discard(x.frag)
		}
		if !fr.dead {
			x.next, keep = keep, at
		}
	}
	t.byPage.set(p, keep)
}

// full reports whether the cache has no room for another fragment. The scheduler then stops all guest threads and calls Flush.
func (t *Translator) full() bool {
	return t.hot.pos+maxFragment > t.coldStart || t.cold.pos+maxFragment > len(t.hot.buf) ||
		t.checks.n >= maxArg-4096 || t.exits.n >= maxArg-4096 || t.l2Used > 3<<(l2Bits-2) || t.dirtyUsed > 3<<(dirtyBits-2)
}

// maxArg is how many exit or check records Context.Exit can name.
const maxArg = 1 << 24

// find returns the fragment that host offset h lies in, 0 when none.
func (t *Translator) find(h uint32) uint32 {
	if int(h) < t.codeStart {
		return 0
	}
	if int(h) >= t.coldStart {
		i := sort.Search(t.frags.n, func(i int) bool { return i > 0 && t.frags.at(uint32(i)).cold > h }) - 1
		if i > 0 && h < t.frags.at(uint32(i)).coldEnd {
			return uint32(i)
		}
		return 0
	}
	i := sort.Search(t.frags.n, func(i int) bool { return i > 0 && t.frags.at(uint32(i)).start > h }) - 1
	if i > 0 && h < t.frags.at(uint32(i)).hotEnd {
		return uint32(i)
	}
	return 0
}

// Unspill puts spilled registers back into regs, as the guest instruction at l sees them.
func (l *Location) Unspill(c *vcpu.Context) {
	for i, r := range l.Spill {
		if r != 0 {
			c.Regs.GPR[r-1] = c.Spill[i]
		}
	}
}

// Recover returns where a thread goes on whose annotation at host address h has faulted; ok is false when h is no access of an
// annotation.
func (t *Translator) Recover(h uintptr) (to uintptr, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	off := uint64(h) - t.base
	if w := &t.moveWide; off >= uint64(w[0]) && off < uint64(w[1]) {
		return uintptr(t.base + uint64(w[2])), true
	}
	if off == uint64(t.moveStore) {
		return uintptr(t.base + uint64(t.moveEnd)), true
	}
	for i := range t.reps {
		if r := &t.reps[i]; int64(off) >= int64(r.start) && int64(off) < int64(r.end) {
			return uintptr(t.base + uint64(r.fail)), true
		}
	}
	i := sort.Search(t.recover.n, func(i int) bool { return uint64(t.recover.at(uint32(i)).at) >= off })
	if i == t.recover.n || uint64(t.recover.at(uint32(i)).at) != off {
		return 0, false
	}
	return uintptr(t.base + uint64(t.recover.at(uint32(i)).to)), true
}

// Check is what has failed at an ExitCheck.
type Check struct {
	PC     guest.Addr // instruction
	Access int        // index of its access
	Resume uintptr    // where to go on, unless Relied
	Step   bool       // the instruction is to be stepped, without asking the tool
	Relied bool       // the instruction is to be stepped, whatever the tool says: code behind it relies on the check
	lacks  int16
}

// Resumes takes note that a thread goes on at c.Resume.
func (t *Translator) Resumes(c *Check) {
	if c.lacks != 0 {
		atomic.AddUint64(&t.cfg.Clock.Values[0], uint64(-int64(c.lacks)))
	}
}

// CheckAt describes check record n.
func (t *Translator) CheckAt(n int) Check {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.checks.at(uint32(n))
	return Check{guest.Addr(c.pc), int(c.mem), uintptr(t.base + uint64(c.resume)), c.step, c.relied, c.lacks}
}
