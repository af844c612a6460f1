package vbits

import "gogrind/internal/isa"

// intRules are the rules of all other instructions.
var intRules = ruleTable{
	isa.AluAdd:  (*Machine).aluAdd,
	isa.AluAdc:  (*Machine).aluAdc,
	isa.AluAnd:  (*Machine).aluAnd,
	isa.AluOr:   (*Machine).aluOr,
	isa.AluXor:  (*Machine).aluXor,
	isa.AluCmp:  (*Machine).aluCmp,
	isa.AluTest: (*Machine).aluTest,
	isa.Lea:     (*Machine).lea,
	isa.Shift:   (*Machine).shift,
	isa.Ext:     (*Machine).ext,
	isa.Copy:    (*Machine).copy,
	isa.Stack:   (*Machine).stack,
	isa.Xchg:    (*Machine).xchg,
	isa.Cmov:    (*Machine).cmov,
	isa.Setcc:   (*Machine).setcc,
	isa.Nop:     (*Machine).nop,
	isa.CtlJcc:  (*Machine).jcc,
	isa.CtlJmp:  (*Machine).jmp,
	isa.CtlCall: (*Machine).call,
	isa.CtlRet:  (*Machine).ret,
}
