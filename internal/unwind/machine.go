package unwind

import (
	"encoding/binary"

	"gogrind/internal/debuginfo/dwarf"
)

// DWARF's numbers of the amd64 registers that matter here (System V ABI, figure 3.36).
const (
	regRBX  = 3
	regRBP  = 6
	regRSP  = 7
	regRA   = 16
	numRegs = 17
)

// how a register of the caller is found
type regKind uint8

const (
	same      regKind = iota // unchanged; also what is said of registers without a rule
	undefined                // lost
	atOffset                 // saved at CFA + off
	isOffset                 // is CFA + off
	inReg                    // in register off
	atExpr                   // saved at the address that expr computes from the CFA
	isExpr                   // is what expr computes from the CFA
)

type regRule struct {
	kind regKind
	off  int64
	expr []byte
}

// state is the machine's current row.
type state struct {
	cfaReg  uint8 // valid when cfaExpr is nil
	cfaOff  int64
	cfaExpr []byte
	cfaSet  bool
	regs    [numRegs]regRule
}

// machine executes call frame instructions.
type machine struct {
	cie     *cie
	cur     state
	initial state
	stack   []state
}

// maxRemembered bounds DW_CFA_remember_state.
const maxRemembered = 64

// call frame instructions
const (
	cfaAdvanceLoc        = 0x40 // upper two bits; operand in the lower six
	cfaOffset            = 0x80
	cfaRestore           = 0xc0
	cfaNop               = 0x00
	cfaSetLoc            = 0x01
	cfaAdvance1          = 0x02
	cfaAdvance2          = 0x03
	cfaAdvance4          = 0x04
	cfaOffsetExtended    = 0x05
	cfaRestoreExtended   = 0x06
	cfaUndefined         = 0x07
	cfaSameValue         = 0x08
	cfaRegister          = 0x09
	cfaRememberState     = 0x0a
	cfaRestoreState      = 0x0b
	cfaDefCFA            = 0x0c
	cfaDefCFARegister    = 0x0d
	cfaDefCFAOffset      = 0x0e
	cfaDefCFAExpression  = 0x0f
	cfaExpression        = 0x10
	cfaOffsetExtendedSF  = 0x11
	cfaDefCFASF          = 0x12
	cfaDefCFAOffsetSF    = 0x13
	cfaValOffset         = 0x14
	cfaValOffsetSF       = 0x15
	cfaValExpression     = 0x16
	cfaGNUArgsSize       = 0x2e
	cfaGNUNegOffsetExten = 0x2f
)

// run executes the common instructions, then code, and calls emit with each finished row.
func (m *machine) run(start uint64, code []byte, emit func(loc uint64, s *state)) {
	loc := start
	if !m.exec(m.cie.code, &loc, nil) {
		return
	}
	m.initial = m.cur
	m.stack = nil
	loc = start
	if m.exec(code, &loc, emit) {
		emit(loc, &m.cur)
	}
}

// exec executes code; it returns false at the first damaged or unknown instruction.
func (m *machine) exec(code []byte, loc *uint64, emit func(loc uint64, s *state)) bool {
	c := dwarf.NewCursor(code, 0)
	s := &m.cur
	advance := func(n uint64) {
		if emit != nil {
			emit(*loc, s)
		}
		*loc += n * m.cie.codeAlign
	}
	set := func(reg uint64, r regRule) {
		if reg < numRegs { // vector registers are of no interest
			s.regs[reg] = r
		}
	}
	restore := func(reg uint64) {
		if reg < numRegs {
			s.regs[reg] = m.initial.regs[reg]
		}
	}
	defCFA := func(reg uint64, off int64) {
		if reg >= numRegs {
			reg = regRA // no register that a CFA can be relative to: makes the rule unusable
		}
		s.cfaReg, s.cfaOff, s.cfaExpr, s.cfaSet = uint8(reg), off, nil, true
	}
	da := m.cie.dataAlign
	for c.Len() > 0 {
		op := c.U8()
		low := uint64(op & 0x3f)
		switch op & 0xc0 {
		case cfaAdvanceLoc:
			advance(low)
			continue
		case cfaOffset:
			set(low, regRule{kind: atOffset, off: int64(c.Uleb()) * da})
			continue
		case cfaRestore:
			restore(low)
			continue
		}
		switch op {
		case cfaNop:
		case cfaSetLoc:
			return false // needs the pointer encoding; no compiler writes it
		case cfaAdvance1:
			advance(uint64(c.U8()))
		case cfaAdvance2:
			advance(uint64(c.U16()))
		case cfaAdvance4:
			advance(uint64(c.U32()))
		case cfaOffsetExtended:
			r := c.Uleb()
			set(r, regRule{kind: atOffset, off: int64(c.Uleb()) * da})
		case cfaOffsetExtendedSF:
			r := c.Uleb()
			set(r, regRule{kind: atOffset, off: c.Sleb() * da})
		case cfaGNUNegOffsetExten:
			r := c.Uleb()
			set(r, regRule{kind: atOffset, off: -int64(c.Uleb()) * da})
		case cfaValOffset:
			r := c.Uleb()
			set(r, regRule{kind: isOffset, off: int64(c.Uleb()) * da})
		case cfaValOffsetSF:
			r := c.Uleb()
			set(r, regRule{kind: isOffset, off: c.Sleb() * da})
		case cfaRestoreExtended:
			restore(c.Uleb())
		case cfaUndefined:
			set(c.Uleb(), regRule{kind: undefined})
		case cfaSameValue:
			set(c.Uleb(), regRule{})
		case cfaRegister:
			r := c.Uleb()
			set(r, regRule{kind: inReg, off: int64(c.Uleb())})
		case cfaExpression:
			r := c.Uleb()
			set(r, regRule{kind: atExpr, expr: c.Bytes(c.Uleb())})
		case cfaValExpression:
			r := c.Uleb()
			set(r, regRule{kind: isExpr, expr: c.Bytes(c.Uleb())})
		case cfaRememberState:
			if len(m.stack) >= maxRemembered {
				return false
			}
			m.stack = append(m.stack, *s)
		case cfaRestoreState:
			if len(m.stack) == 0 {
				return false
			}
			*s = m.stack[len(m.stack)-1]
			m.stack = m.stack[:len(m.stack)-1]
		case cfaDefCFA:
			r := c.Uleb()
			defCFA(r, int64(c.Uleb()))
		case cfaDefCFASF:
			r := c.Uleb()
			defCFA(r, c.Sleb()*da)
		case cfaDefCFARegister:
			defCFA(c.Uleb(), s.cfaOff)
		case cfaDefCFAOffset:
			s.cfaOff = int64(c.Uleb())
		case cfaDefCFAOffsetSF:
			s.cfaOff = c.Sleb() * da
		case cfaDefCFAExpression:
			s.cfaExpr, s.cfaSet = c.Bytes(c.Uleb()), true
		case cfaGNUArgsSize:
			c.Uleb()
		default:
			return false
		}
		if c.Bad() {
			return false
		}
	}
	return true
}

// Rule says how to get from a frame to its caller's. It is immutable.
type Rule struct {
	// fast means that rbp, rsp and the return address follow from rbp and rsp by the fields up to rbpOff alone.
	fast     bool
	fromRBP  bool // the CFA is relative to rbp, else to rsp
	rbpSaved bool
	// signal marks the frame that the kernel makes for a signal handler: its caller was interrupted, it did not call.
	signal bool
	// end says that there is no caller.
	end    bool
	cfaOff int32
	raOff  int32
	rbpOff int32

	// What follows is used when fast rules do not do.
	cfaReg  uint8
	cfaExpr []byte
	regs    []savedReg
	ra      regRule
}

type savedReg struct {
	reg uint8
	regRule
}

// intern makes a rule of s and shares equal ones. Caller holds t.mu.
func (t *Table) intern(s *state, c *cie) *Rule {
	key := make([]byte, 0, 64)
	num := func(v int64) { key = binary.AppendVarint(key, v) }
	str := func(b []byte) { num(int64(len(b))); key = append(key, b...) }
	num(int64(s.cfaReg))
	num(s.cfaOff)
	str(s.cfaExpr)
	if c.signal {
		num(1)
	}
	num(int64(c.raReg))
	for i := range s.regs {
		if g := &s.regs[i]; g.kind != same {
			num(int64(i))
			num(int64(g.kind))
			num(g.off)
			str(g.expr)
		}
	}
	if r := t.rules[string(key)]; r != nil {
		return r
	}
	r := newRule(s, c)
	t.rules[string(key)] = r
	return r
}

func newRule(s *state, c *cie) *Rule {
	r := &Rule{signal: c.signal, cfaReg: s.cfaReg, cfaExpr: s.cfaExpr}
	if !s.cfaSet || c.raReg >= numRegs || s.cfaOff != int64(int32(s.cfaOff)) {
		r.end = true
		return r
	}
	r.cfaOff = int32(s.cfaOff)
	r.ra = s.regs[c.raReg]
	switch r.ra.kind {
	case undefined, same: // "same" without a rule: the function has no caller that could be found
		r.end = true
		return r
	}
	for i, g := range s.regs {
		if g.kind != same && uint64(i) != c.raReg && i != regRA {
			r.regs = append(r.regs, savedReg{uint8(i), g})
		}
	}
	rbp := s.regs[regRBP]
	small := func(v int64) bool { return v == int64(int32(v)) }
	r.fast = !c.signal && s.cfaExpr == nil && (s.cfaReg == regRSP || s.cfaReg == regRBP) && s.regs[regRSP].kind == same &&
		r.ra.kind == atOffset && small(r.ra.off) && (rbp.kind == same || rbp.kind == atOffset && small(rbp.off))
	if r.fast {
		r.fromRBP = s.cfaReg == regRBP
		r.raOff = int32(r.ra.off)
		r.rbpSaved, r.rbpOff = rbp.kind == atOffset, int32(rbp.off)
	}
	return r
}
