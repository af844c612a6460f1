package jit

import (
	"encoding/binary"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Most undefined registers are garbage that nobody will look at; fast code must not wait until they happen to be overwritten. A look
// ahead says which registers the code that follows may still read. It relies on the calling convention (System V ABI for AMD64,
// 3.2): a call reads its arguments, a return the results, and what a call may change is not read behind it. Compilers know better
// of functions in the same file (gcc's -fipa-ra): a general register that a function called directly leaves alone may be read
// behind the call, so the look ahead looks into such functions, too. It does the same to see which arguments a function called
// directly reads: most of cc1's functions take none in vector registers, where copies of structures leave garbage. Code that keeps to yet
// other rules between its own functions may lose the undefined state of a register that lives across a call; nothing is ever reported
// wrongly for that.

const (
	calleeSaved = isa.RegSet(1<<guest.RBX | 1<<guest.RSP | 1<<guest.RBP | 1<<guest.R12 | 1<<guest.R13 | 1<<guest.R14 | 1<<guest.R15)
	argGPR      = isa.RegSet(1<<guest.RDI | 1<<guest.RSI | 1<<guest.RDX | 1<<guest.RCX | 1<<guest.R8 | 1<<guest.R9 | 1<<guest.RAX | 1<<guest.R10)
	// resultGPR has a third register, which some compilers use for functions of their own.
	resultGPR = isa.RegSet(1<<guest.RAX | 1<<guest.RDX | 1<<guest.RCX)
)

// argRegs and returnRegs are what calls and returns hand over: vector arguments are in the first eight registers, results in the
// first two. lookedAfter are the registers that the look ahead is for.
var (
	argRegs     = argGPR | 0xff*amd64.Vec(0)
	returnRegs  = resultGPR | 0x3*amd64.Vec(0) | calleeSaved
	lookedAfter = amd64.SetGPR | amd64.SetVec | amd64.SetMask
)

// CalleeSaved are the registers that a function leaves as they were.
const CalleeSaved = calleeSaved

// outlookLength is how many instructions of a function are looked at.
const outlookLength = 256

// Outlook is what becomes of registers in a function, from an instruction on: those that are read before they are overwritten, and
// those that the function returns with. Of these, callers read results, saved registers, and what ReadBehind says.
type Outlook struct{ Live, Returned tool.Dirty }

// Keep is what of d has to stay undefined.
func (o *Outlook) Keep(d tool.Dirty) tool.Dirty {
	other := d.Regs &^ lookedAfter
	return tool.Dirty{Regs: other | d.Regs&(o.Live.Regs|o.Returned.Regs), Flags: d.Flags & (o.Live.Flags | o.Returned.Flags)}
}

// path is code to be looked at, with the registers that nothing has happened to yet.
type path struct {
	pc   uint64
	open tool.Dirty
}

// outlooks is a translator's memory of them, for one epoch.
type outlooks struct {
	epoch   uint64
	known   map[uint64]foreseen
	quiet   map[uint64]isa.RegSet // by function: see Translator.untouched
	taken   map[uint64]takes      // by function: see Translator.taken
	callees visits                // of a look into one function
	looks   [1 + takesDepth]look
}

// foreseen is an outlook, as far as somebody has asked.
type foreseen struct {
	asked tool.Dirty
	Outlook
}

// look is the state of one look ahead.
type look struct {
	Outlook
	budget int // instructions left
	seen   visits
	work   []path
	in     inst
}

// visits says with which registers undecided instructions were visited. It has room for one look ahead, and need not be cleared for
// the next one.
type visits struct {
	round uint32
	slots [4 * outlookLength]visit // open addressing with linear probing
}

type visit struct {
	pc    uint64
	open  tool.Dirty
	round uint32 // of another one: the slot is free
}

// begin forgets all.
func (v *visits) begin() {
	if v.round++; v.round == 0 {
		*v = visits{round: 1}
	}
}

// at is the slot of pc; new says that there was none.
func (v *visits) at(pc uint64) (s *visit, new bool) {
	const mask = uint64(len(v.slots) - 1)
	for i := pc * golden >> 32 & mask; ; i = (i + 1) & mask {
		s := &v.slots[i]
		if s.round != v.round {
			s.pc, s.round = pc, v.round
			return s, true
		}
		if s.pc == pc {
			return s, false
		}
	}
}

// Outlook returns what becomes of registers and flags d from pc on. It may say something of others, too, which means nothing.
func (t *Translator) Outlook(pc guest.Addr, d tool.Dirty) Outlook {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outlook(uint64(pc), d)
}

func (t *Translator) outlook(pc uint64, d tool.Dirty) Outlook {
	if t.cfg.KeepAll {
		return Outlook{Live: tool.Dirty{Regs: lookedAfter, Flags: arithFlags}}
	}
	t.renew()
	l := &t.outlooks
	k := l.known[pc]
	if open := (tool.Dirty{Regs: d.Regs & lookedAfter &^ k.asked.Regs, Flags: d.Flags &^ k.asked.Flags}); !open.Empty() {
		o := t.explore(pc, open)
		k.asked.Regs |= open.Regs
		k.asked.Flags |= open.Flags
		k.Live.Regs |= o.Live.Regs
		k.Live.Flags |= o.Live.Flags
		k.Returned.Regs |= o.Returned.Regs
		k.Returned.Flags |= o.Returned.Flags
		l.known[pc] = k
	}
	return k.Outlook
}

// renew forgets outlooks of another epoch.
func (t *Translator) renew() {
	l := &t.outlooks
	if epoch := t.epoch.Load(); l.known == nil || l.epoch != epoch {
		l.known, l.quiet, l.taken, l.epoch = make(map[uint64]foreseen), make(map[uint64]isa.RegSet), make(map[uint64]takes), epoch
	}
}

// explore is the outlook for the registers and flags of open.
func (t *Translator) explore(start uint64, open tool.Dirty) Outlook {
	l := &t.looks[0]
	if left := t.run(0, start, open, outlookLength); left.Regs != 0 {
		// Nobody keeps values in vector registers for so long without looking at them.
		l.Live.Regs |= left.Regs & amd64.SetGPR
	}
	return l.Outlook
}

// run makes the look ahead at depth from start on. It returns what was open in code that it has not got to.
func (t *Translator) run(depth int, start uint64, open tool.Dirty, budget int) (left tool.Dirty) {
	l := &t.looks[depth]
	l.Outlook, l.budget = Outlook{}, budget
	l.seen.begin()
	l.work = append(l.work[:0], path{start, open})
	err := t.catch(func() error {
		for len(l.work) > 0 {
			p := l.work[len(l.work)-1]
			l.work = l.work[:len(l.work)-1]
			if !t.follow(depth, p) {
				left = p.open
				for _, q := range l.work {
					left.Regs |= q.open.Regs
					left.Flags |= q.open.Flags
				}
				break
			}
		}
		return nil
	})
	if err != nil { // code that cannot be read
		l.Live.Regs |= open.Regs
		l.Live.Flags |= open.Flags
	}
	return left
}

// follow looks at code until nothing is open any more, or it is known what becomes of it. It returns false when the budget is used
// up.
func (t *Translator) follow(depth int, p path) bool {
	l := &t.looks[depth]
	live := &l.Live
	pc, open := p.pc, p.open
	in := &l.in
	var code []byte // at pc
	for {
		open.Regs &^= live.Regs
		open.Flags &^= live.Flags
		if open.Empty() {
			return true
		}
		old, first := l.seen.at(pc)
		if !first && open.Regs&^old.open.Regs == 0 && open.Flags&^old.open.Flags == 0 {
			return true
		}
		old.open = open
		if len(code) == 0 {
			if regs, hook := t.hookTakes(pc); hook {
				live.Regs |= open.Regs & regs
				l.Returned.Regs |= open.Regs & calleeSaved
				return true
			}
		}
		if l.budget--; l.budget < 0 {
			return false
		}
		if len(code) < 32 {
			if code = t.cfg.Fetch(guest.Addr(pc)); len(code) < 32 {
				code = t.fetchAcross(pc, code)
			}
		}
		if len(code) == 0 || isRequest(code) || amd64.Decode(code, &in.Inst) != nil {
			live.Regs |= open.Regs
			live.Flags |= open.Flags
			return true
		}
		in.pc = pc
		in.classify()
		e := in.LowEffects()
		next := pc + uint64(in.Len)
		live.Regs |= e.Reads & open.Regs
		live.Flags |= e.FlagsRead & open.Flags
		open.Regs &^= e.Writes
		open.Flags &^= e.FlagsKilled
		code = code[in.Len:]
		switch in.flow {
		case flowNext:
		case flowJmp:
			next, code = in.target, nil
		case flowJcc, flowLoop:
			l.work = append(l.work, path{in.target, open})
		case flowCall:
			if args := open.Regs & argRegs &^ live.Regs; args != 0 {
				live.Regs |= t.taken(depth+1, in.target, args)
			}
			kept := calleeSaved
			if open.Regs&^(calleeSaved|live.Regs)&amd64.SetGPR != 0 {
				kept |= t.untouched(in.target)
			}
			open.Regs &= kept
			open.Flags = 0
		case flowCallInd:
			live.Regs |= open.Regs & argRegs
			open.Regs &= calleeSaved
			open.Flags = 0
		case flowRet:
			l.Returned.Regs |= open.Regs & (returnRegs | amd64.SetGPR)
			return true
		default: // indirect jumps, system calls, traps
			live.Regs |= open.Regs
			live.Flags |= open.Flags
			return true
		}
		pc = next
	}
}

// hookTakes are the registers that the function reads which a hook at pc stands for; ok is false if there is none.
func (t *Translator) hookTakes(pc uint64) (regs isa.RegSet, ok bool) {
	if t.cfg.Hook == nil {
		return 0, false
	}
	n, ok := t.cfg.Hook(guest.Addr(pc))
	if ok && t.plain(n) {
		return argGPR, true
	}
	return argRegs, ok
}

// takesDepth is how many calls, one inside of the other, are followed to see which arguments are read.
const takesDepth = 4

// takes is what is known of a function's arguments.
type takes struct {
	asked isa.RegSet
	read  isa.RegSet // of asked: those that the function may read
}

// taken are those of args, which are registers that hand over arguments, that the function at pc may read. It says args where the
// function is not understood: while it is looked at, and deep down in calls.
func (t *Translator) taken(depth int, pc uint64, args isa.RegSet) isa.RegSet {
	l := &t.outlooks
	k := l.taken[pc]
	if open := args &^ k.asked; open != 0 {
		if depth > takesDepth {
			return args
		}
		k.asked |= open
		k.read |= open
		l.taken[pc] = k // for functions that call themselves
		read := open
		if regs, hook := t.hookTakes(pc); hook {
			read &= regs
		} else if t.cfg.Stable == nil || t.cfg.Stable(guest.Addr(pc)) {
			start := pc
			if t.cfg.Redirect != nil {
				if to, ok := t.cfg.Redirect(guest.Addr(pc)); ok {
					start = uint64(to)
				}
			}
			left := t.run(depth, start, tool.Dirty{Regs: open}, outlookLength)
			read &= t.looks[depth].Live.Regs | left.Regs
		}
		k.read = k.read&^open | read
		l.taken[pc] = k
	}
	return k.read & args
}

// quietLength is how many instructions of a function, and of those that it calls, are looked at for what they leave alone.
const quietLength = 64

// ReadBehind are the registers of those that a function returns with that may be read behind the call which returns to ret.
func (t *Translator) ReadBehind(ret guest.Addr) isa.RegSet {
	const length = 5 // of call rel32
	t.mu.Lock()
	defer t.mu.Unlock()
	regs := returnRegs
	t.catch(func() error {
		if code := t.cfg.Fetch(ret - length); len(code) >= length && code[0] == 0xe8 {
			t.renew()
			regs |= t.untouched(uint64(ret) + uint64(int32(binary.LittleEndian.Uint32(code[1:]))))
		}
		return nil
	})
	return regs
}

// untouched are general registers that the function at pc and those that it calls do not change, nothing if that is not clear
// soon. Outlooks are of the present epoch.
func (t *Translator) untouched(pc uint64) isa.RegSet {
	l := &t.outlooks
	if r, ok := l.quiet[pc]; ok {
		return r
	}
	r := amd64.SetGPR
	if t.catch(func() error { r &^= t.changed(pc); return nil }) != nil {
		r = 0
	}
	l.quiet[pc] = r
	return r
}

// changed are the registers that code from start on changes until it returns; all if it is too long or goes nobody knows where.
func (t *Translator) changed(start uint64) (regs isa.RegSet) {
	var in inst
	seen, n := &t.outlooks.callees, 0
	seen.begin()
	work := []uint64{start}
	for len(work) > 0 {
		pc := work[len(work)-1]
		work = work[:len(work)-1]
		var code []byte // at pc
		for ended := false; !ended; {
			if _, first := seen.at(pc); !first {
				break
			}
			n++
			if t.cfg.Hook != nil {
				if _, hook := t.cfg.Hook(guest.Addr(pc)); hook {
					return amd64.SetGPR
				}
			}
			if len(code) < 32 {
				if code = t.cfg.Fetch(guest.Addr(pc)); len(code) < 32 {
					code = t.fetchAcross(pc, code)
				}
			}
			if n > quietLength || len(code) == 0 || isRequest(code) || amd64.Decode(code, &in.Inst) != nil {
				return amd64.SetGPR
			}
			in.pc = pc
			in.classify()
			regs |= in.LowEffects().Writes
			pc += uint64(in.Len)
			code = code[in.Len:]
			switch in.flow {
			case flowNext:
			case flowJmp:
				pc, code = in.target, nil
			case flowJcc, flowLoop, flowCall:
				work = append(work, in.target)
			case flowRet:
				ended = true
			default:
				return amd64.SetGPR
			}
		}
	}
	return regs
}
