// Package unwind finds the calls that led to a guest's current pc, from call frame information (.eh_frame, .debug_frame)
// and, where that is missing, from frame pointers. At the first instruction of a function no information is needed.
//
// A Config is shared by a process; each thread has an Unwinder, which needs no lock for code it has seen before. The
// package never writes guest memory and never faults on it. It names nothing: that is debuginfo's.
//
// The entries it produces are the current pc and then return addresses. What lies at a return address is the code after
// the call, so whoever names an entry other than the first subtracts one before the look-up. Code that a signal
// interrupted did not call: there the entry is the interrupted pc plus one, so that the same rule names the interrupted
// instruction; but behind a system call it is the pc itself.
package unwind

import (
	"fmt"
	"sync"

	"gogrind/internal/debuginfo"
	"gogrind/internal/debuginfo/dwarf"
	"gogrind/internal/guest"
	"gogrind/internal/stack"
)

// Config is what the Unwinders of a process share. The exported fields are not changed once in use.
type Config struct {
	Space *debuginfo.Space
	Mem   guest.Memory
	// Code reports whether an address is executable for the guest. Guesses at return addresses are checked with it; nil
	// accepts all.
	Code func(a guest.Addr) bool
	// Merge is the number of calls in the longest cycle that is shown once only (--merge-recursive-frames), 0 for none. A
	// cycle lies between two equal return addresses.
	Merge int
	// Own is code without frame information of which Depth knows how many bytes are between the stack pointer at pc and the return
	// address.
	Own   guest.Range
	Depth func(pc guest.Addr) int
	// Warn receives a message about damaged frame information, once per object. Nil drops it.
	Warn func(msg string)

	tables sync.Map // *debuginfo.Object -> *tableOnce
}

type tableOnce struct {
	once  sync.Once
	table *Table
}

// Table is the frame information of o, read on first use; nil when it has none.
func (c *Config) Table(o *debuginfo.Object) *Table {
	v, ok := c.tables.Load(o)
	if !ok {
		v, _ = c.tables.LoadOrStore(o, new(tableOnce))
	}
	t := v.(*tableOnce)
	t.once.Do(func() {
		var secs []Section
		if b, addr := o.Section(".eh_frame"); b != nil {
			secs = append(secs, Section{Data: b, Addr: addr})
		}
		if b := o.DebugSection(".debug_frame"); b != nil {
			secs = append(secs, Section{Data: b, Debug: true})
		}
		var err error
		if t.table, err = Compile(secs...); err != nil && c.Warn != nil {
			c.Warn(fmt.Sprintf("%s: %v", o.Path, err))
		}
	})
	return t.table
}

// Forget drops the table of an object that is not mapped any more.
func (c *Config) Forget(o *debuginfo.Object) { c.tables.Delete(o) }

const (
	ruleSlots = 1024 // direct-mapped cache of rules by pc; a power of two
	pageSlots = 4    // pages of guest memory kept during one Unwind
)

// Unwinder unwinds the stacks of one thread at a time.
type Unwinder struct {
	cfg *Config
	// Stack is memory that the core vouches for: mapped, readable and not unmapped during a call of Unwind. It is read
	// directly. All else goes through Config.Mem. The zero Range is allowed.
	Stack guest.Range

	snap  *debuginfo.Snapshot // what rules belongs to
	rules [ruleSlots]cached
	pages [pageSlots]page

	steps []stack.Step // of the last Unwind
	known bool         // steps says all that its result depends on
}

type cached struct {
	key  uint64 // valid when rule is set
	rule *Rule
}

type page struct {
	addr guest.Addr // 0: empty
	n    int        // readable bytes
	b    []byte
}

// New returns an Unwinder.
func New(cfg *Config) *Unwinder { return &Unwinder{cfg: cfg} }

// noInfo stands for "no frame information" in the cache of rules.
var noInfo = &Rule{}

// sigreturn is the rule for code that does nothing but call rt_sigreturn, as C libraries without frame information for
// it have: the stack pointer is at a ucontext, whose registers are at fixed offsets (asm/sigcontext.h, after the 40 bytes
// of uc_flags, uc_link and uc_stack).
var sigreturn = func() *Rule {
	at := func(off byte) []byte { // breg7 off (as two-byte sleb)
		return []byte{dwarf.OpBreg0 + regRSP, off&0x7f | 0x80, off >> 7}
	}
	r := &Rule{signal: true, cfaExpr: append(at(160), dwarf.OpDeref), ra: regRule{kind: atExpr, expr: at(168)}}
	// order of struct sigcontext: r8-r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip
	for i, reg := range []uint8{8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2} {
		r.regs = append(r.regs, savedReg{reg, regRule{kind: atExpr, expr: at(byte(40 + 8*i))}})
	}
	return r
}()

// entry is the rule for the first instruction of a function: nothing has been pushed since the call.
var entry = &Rule{cfaReg: regRSP, cfaOff: 8, raOff: -8, ra: regRule{kind: atOffset, off: -8}, fast: true}

// find is the rule for a pc. For exact pcs (the current one, an interrupted one) the pc itself counts, otherwise the call
// before it.
func (u *Unwinder) find(pc uint64, exact bool) *Rule {
	key := pc
	if !exact {
		key--
	}
	slot := &u.rules[(key*0x9e3779b97f4a7c15)>>(64-10)] // 2^64 divided by the golden ratio; 10 bits for ruleSlots
	if slot.key == key && slot.rule != nil {
		return slot.rule
	}
	r := noInfo
	last := false
	o := u.snap.Find(guest.Addr(key))
	if o != nil {
		if t := u.cfg.Table(o); t != nil {
			if x, l := t.Find(o.Linked(guest.Addr(key))); x != nil {
				r, last = x, l
			}
		}
	}
	if (r == noInfo || last && !exact && !r.signal) && u.isSigreturn(pc) {
		r = sigreturn
	}
	if r == noInfo {
		r = u.withoutInfo(pc, key, exact)
	}
	*slot = cached{key, r}
	return r
}

// withoutInfo is the rule for code that has no frame information.
func (u *Unwinder) withoutInfo(pc, key uint64, exact bool) *Rule {
	o := u.snap.Find(guest.Addr(pc))
	begin := o != nil && o.IsEntry(guest.Addr(pc))
	switch {
	case u.cfg.Own.Contains(guest.Addr(key)):
		if d := u.cfg.Depth(guest.Addr(key)); d > 0 {
			return &Rule{cfaReg: regRSP, cfaOff: int32(d) + entry.cfaOff, raOff: entry.raOff, ra: entry.ra, fast: true}
		}
		return entry
	case exact && begin:
		return entry
	case begin:
		return outermost
	}
	return noInfo
}

// outermost is the rule for a return address that no call has: where a context that makecontext made goes at its end.
var outermost = &Rule{end: true}

// isSigreturn reports whether the code at pc is mov $15,%eax (or %rax); syscall, where 15 is rt_sigreturn.
func (u *Unwinder) isSigreturn(pc uint64) bool {
	var b [9]byte
	n := u.cfg.Mem.ReadMem(b[:], guest.Addr(pc))
	return n >= 9 && string(b[:]) == "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05" || n >= 7 && string(b[:7]) == "\xb8\x0f\x00\x00\x00\x0f\x05"
}

// begin drops what the caches hold of objects and memory that may have changed.
func (u *Unwinder) begin() {
	if s := u.cfg.Space.Snapshot(); s != u.snap {
		u.snap = s
		u.rules = [ruleSlots]cached{}
	}
	for i := range u.pages {
		u.pages[i].addr = 0
	}
}

// behindSyscall reports whether the instruction before pc is a system call: code that a signal interrupted in one, or right
// behind it, is best named by the call.
func (u *Unwinder) behindSyscall(pc uint64) bool {
	var b [2]byte
	return u.cfg.Mem.ReadMem(b[:], guest.Addr(pc-2)) == 2 && string(b[:]) == "\x0f\x05"
}

// Steps are the values that the last Unwind since Forget has read, in order: as long as code and frame information stay as they
// are, another one finds the same calls if it starts at the same pc and reads the same values. ok is false if there was none, or
// if its result depends on more. The slice is valid until the next Unwind.
func (u *Unwinder) Steps() (steps []stack.Step, ok bool) { return u.steps, u.known }

// Forget makes Steps say that there was no Unwind.
func (u *Unwinder) Forget() { u.known = false }

// Unwind fills pcs with the calls of a thread whose registers are regs, innermost first, and returns how many it found.
// The package comment says what an entry is.
func (u *Unwinder) Unwind(regs *guest.Regs, pcs []guest.Addr) int {
	u.known = false
	if len(pcs) == 0 {
		return 0
	}
	u.begin()
	pcs[0] = guest.Addr(regs.RIP)
	n := 1
	pc, sp, bp := regs.RIP, regs.GPR[guest.RSP], regs.GPR[guest.RBP]
	// What is noted is relative to this stack pointer. rbp counts when a rule uses it only.
	base := sp
	steps := u.steps[:0]
	rbp, noted := stack.Step{From: stack.RelativeRBP, Value: bp - base}, false
	near := true // all offsets fit
	for ; n < len(pcs); n++ {
		r := u.find(pc, n == 1)
		if !r.fast {
			if r.end {
				break
			}
			u.steps = steps
			return u.slow(regs, pcs)
		}
		cfa := sp
		if r.fromRBP {
			cfa = bp
			if !noted {
				steps, noted = append(steps, rbp), true
			}
		}
		cfa += uint64(int64(r.cfaOff))
		if cfa <= sp && n > 1 || cfa&7 != 0 {
			break
		}
		at := cfa + uint64(int64(r.raOff))
		ra, ok := u.read64(at)
		if !ok {
			u.steps = steps
			return n
		}
		near = near && at-base < 1<<31
		steps = append(steps, stack.Step{From: stack.Word, Offset: int32(at - base), Value: ra})
		if ra == 0 {
			break
		}
		if r.rbpSaved {
			at = cfa + uint64(int64(r.rbpOff))
			if bp, ok = u.read64(at); !ok {
				u.steps = steps
				return n
			}
			rbp, noted = stack.Step{From: stack.RelativeWord, Offset: int32(at - base), Value: bp - base}, false
		}
		sp, pc = cfa, ra
		pcs[n] = guest.Addr(pc)
		if u.cfg.Merge > 0 {
			n = u.merge(pcs, n)
		}
	}
	u.steps, u.known = steps, near && base&7 == 0
	return n
}

// merge leaves out the cycle that ends with the return address pcs[n], if there is one. It returns the index of the last
// entry that stays.
func (u *Unwinder) merge(pcs []guest.Addr, n int) int {
	for d := 1; d <= u.cfg.Merge && d < n; d++ {
		if pcs[n-d] == pcs[n] {
			return n - d
		}
	}
	return n
}

// frame is the full register state of a frame, by DWARF's numbers.
type frame struct {
	r     [numRegs]uint64
	exact bool // r[regRA] is where the code is, not where it returns to
}

// slow is Unwind for stacks with frames that fast rules do not describe; it keeps all registers.
func (u *Unwinder) slow(regs *guest.Regs, pcs []guest.Addr) int {
	f := innermost(regs)
	n := 1
	for ; n < len(pcs); n++ {
		next, ok := u.caller(&f, n == 1)
		if !ok || next.r[regRA] == 0 {
			break
		}
		f = next
		pcs[n] = guest.Addr(f.r[regRA])
		if f.exact {
			pcs[n]++
		}
		if u.cfg.Merge > 0 {
			n = u.merge(pcs, n)
		}
	}
	return n
}

// innermost is the frame that runs.
func innermost(regs *guest.Regs) frame {
	g := &regs.GPR
	return frame{exact: true, r: [numRegs]uint64{g[guest.RAX], g[guest.RDX], g[guest.RCX], g[guest.RBX], g[guest.RSI], g[guest.RDI],
		g[guest.RBP], g[guest.RSP], g[guest.R8], g[guest.R9], g[guest.R10], g[guest.R11], g[guest.R12], g[guest.R13], g[guest.R14],
		g[guest.R15], regs.RIP}}
}

// caller is the frame that f was called from, or that it interrupted.
func (u *Unwinder) caller(f *frame, first bool) (next frame, ok bool) {
	if r := u.find(f.r[regRA], f.exact); r != noInfo {
		return u.step(r, f, first)
	}
	return u.guess(f, first)
}

// env is the frame that expressions of its rules are computed in.
type env struct {
	u *Unwinder
	f *frame
}

func (e env) Reg(n uint64) (uint64, bool) {
	if n >= numRegs {
		return 0, false
	}
	return e.f.r[n], true
}

func (e env) Read64(a uint64) (uint64, bool) { return e.u.read64(a) }

// The rest is nothing that frame information refers to.
func (env) FrameBase() (uint64, bool)           { return 0, false }
func (env) CFA() (uint64, bool)                 { return 0, false }
func (env) Address(uint64, bool) (uint64, bool) { return 0, false }

// step applies a rule.
func (u *Unwinder) step(r *Rule, f *frame, first bool) (next frame, ok bool) {
	if r.end {
		return next, false
	}
	var cfa uint64
	if r.cfaExpr != nil {
		if cfa, ok = dwarf.Eval(r.cfaExpr, env{u, f}, 0, false); !ok {
			return next, false
		}
	} else {
		cfa = f.r[r.cfaReg] + uint64(int64(r.cfaOff))
	}
	// A signal frame may lead to another stack; all others lead up the same one.
	if !r.signal && (cfa <= f.r[regRSP] && !first || cfa&7 != 0) {
		return next, false
	}
	next = *f
	next.r[regRSP] = cfa
	for i := range r.regs {
		s := &r.regs[i]
		v, ok := u.value(&s.regRule, f, s.reg, cfa)
		if !ok {
			return next, false
		}
		next.r[s.reg] = v
	}
	next.r[regRA], ok = u.value(&r.ra, f, regRA, cfa)
	next.exact = r.signal && !u.behindSyscall(next.r[regRA])
	return next, ok
}

// value is the caller's value of a register.
func (u *Unwinder) value(g *regRule, f *frame, reg uint8, cfa uint64) (v uint64, ok bool) {
	switch g.kind {
	case atOffset:
		return u.read64(cfa + uint64(g.off))
	case isOffset:
		return cfa + uint64(g.off), true
	case inReg:
		if g.off < 0 || g.off >= numRegs {
			return 0, false
		}
		return f.r[g.off], true
	case atExpr:
		if v, ok = dwarf.Eval(g.expr, env{u, f}, cfa, true); !ok {
			return 0, false
		}
		return u.read64(v)
	case isExpr:
		return dwarf.Eval(g.expr, env{u, f}, cfa, true)
	case undefined:
		return 0, true
	}
	return f.r[reg], true
}

// guess finds the caller of code without frame information.
func (u *Unwinder) guess(f *frame, first bool) (next frame, ok bool) {
	next = *f
	next.exact = false
	sp, bp := f.r[regRSP], f.r[regRBP]
	if pc := guest.Addr(f.r[regRA]); first && (u.snap.Find(pc) == nil || u.cfg.Code != nil && !u.cfg.Code(pc)) {
		// A call through a wild pointer, or to data: nothing ran since the call, so the return address is on top of the stack.
		if ra, ok := u.read64(sp); ok && u.inCode(ra) {
			next.r[regRA], next.r[regRSP] = ra, sp+8
			return next, true
		}
	}
	if bp&7 != 0 || bp < sp {
		return next, false
	}
	ra, ok := u.read64(bp + 8)
	if !ok || u.cfg.Code != nil && !u.cfg.Code(guest.Addr(ra)) {
		return next, false
	}
	up, ok := u.read64(bp)
	if !ok {
		return next, false
	}
	next.r[regRA], next.r[regRBP], next.r[regRSP] = ra, up, bp+16
	return next, true
}

// inCode reports whether a lies in the code of a known object.
func (u *Unwinder) inCode(a uint64) bool {
	o := u.snap.Find(guest.Addr(a))
	return o != nil && o.Text.Contains(guest.Addr(a))
}

// read64 reads eight bytes of guest memory.
func (u *Unwinder) read64(a uint64) (v uint64, ok bool) {
	if p := guest.Addr(a); p >= u.Stack.Start && p < u.Stack.End && u.Stack.End-p >= 8 {
		return load64(p), true
	}
	return u.readPage(a)
}
