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
// behind the call, so the look ahead looks into such functions, too. Code that keeps to yet other rules between its own functions may
// lose the undefined state of a register that lives across a call; nothing is ever reported wrongly for that.

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

// outlookLength is how many instructions are looked at.
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
	known   map[uint64]Outlook
	quiet   map[uint64]isa.RegSet // by function: see Translator.untouched
	seen    visits                // of one look ahead
	callees visits                // of a look into one function
	work    []path
	in      inst
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

// Outlook returns what becomes of registers from pc on.
func (t *Translator) Outlook(pc guest.Addr) Outlook {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outlook(uint64(pc))
}

func (t *Translator) outlook(pc uint64) Outlook {
	if t.cfg.KeepAll {
		return Outlook{Live: tool.Dirty{Regs: lookedAfter, Flags: arithFlags}}
	}
	l := &t.outlooks
	if epoch := t.epoch.Load(); l.known == nil || l.epoch != epoch {
		l.known, l.quiet, l.epoch = make(map[uint64]Outlook), make(map[uint64]isa.RegSet), epoch
	}
	o, ok := l.known[pc]
	if !ok {
		if t.catch(func() error { o = t.explore(pc); return nil }) != nil { // code that cannot be read
			o = Outlook{Live: tool.Dirty{Regs: lookedAfter, Flags: arithFlags}}
		}
		l.known[pc] = o
	}
	return o
}

func (t *Translator) explore(start uint64) (o Outlook) {
	l := &t.outlooks
	l.seen.begin()
	l.work = append(l.work[:0], path{start, tool.Dirty{Regs: lookedAfter, Flags: arithFlags}})
	budget := outlookLength
	for len(l.work) > 0 {
		p := l.work[len(l.work)-1]
		l.work = l.work[:len(l.work)-1]
		if !t.follow(p, &o, &budget) {
			// Nobody keeps values in vector registers for so long without looking at them.
			o.Live.Regs |= p.open.Regs & amd64.SetGPR
			for _, q := range l.work {
				o.Live.Regs |= q.open.Regs & amd64.SetGPR
			}
			break
		}
	}
	return o
}

// follow looks at code until nothing is open any more, or it is known what becomes of it. It returns false when the budget is used
// up.
func (t *Translator) follow(p path, o *Outlook, budget *int) bool {
	l := &t.outlooks
	live := &o.Live
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
		if t.cfg.Hook != nil {
			if _, hook := t.cfg.Hook(guest.Addr(pc)); hook {
				live.Regs |= open.Regs & argRegs
				o.Returned.Regs |= open.Regs & calleeSaved
				return true
			}
		}
		if *budget--; *budget < 0 {
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
		case flowCall, flowCallInd:
			live.Regs |= open.Regs & argRegs
			kept := calleeSaved
			if in.flow == flowCall && open.Regs&^(calleeSaved|live.Regs)&amd64.SetGPR != 0 {
				kept |= t.untouched(in.target)
			}
			open.Regs &= kept
			open.Flags = 0
		case flowRet:
			o.Returned.Regs |= open.Regs & (returnRegs | amd64.SetGPR)
			return true
		default: // indirect jumps, system calls, traps
			live.Regs |= open.Regs
			live.Flags |= open.Flags
			return true
		}
		pc = next
	}
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
			t.outlook(uint64(ret)) // renews the memory of functions
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
