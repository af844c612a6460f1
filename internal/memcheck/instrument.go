package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// Instrument implements tool.Tool: it asks for a check before each access, or for stored bytes to become defined where no check
// is needed, and for the stack pointer to be followed.
func (m *Memcheck) Instrument(b *tool.Block) {
	stacks := !m.ofGo(b.Start)
	for i := range b.Insts {
		in := &b.Insts[i]
		for j := range in.Mem {
			if in.Row.Cf == amd64.CfRet {
				continue // calls store return addresses; nobody stores undefined ones
			}
			op := tool.OpCheck
			if a := &in.Mem[j]; a.Kind == isa.Store && !a.Cond && ownStack(in, a) {
				op = tool.OpDefine
			}
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: op, Mem: j})
		}
		if !stacks {
			continue
		}
		if in.Row != nil && in.Row.Cf == amd64.CfRet {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpReturn})
		}
		if in.Written>>guest.RSP&1 != 0 {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpStack})
		}
	}
}

// ownFrame is how far above the stack pointer an access is taken to be the stack's without a look: that memory was
// pushed or allocated by the thread itself.
const ownFrame = 1024

// ownStack reports whether access a of in can't leave the accessible part of the stack: pushes, pops, and operands that
// are a small distance above the stack pointer. Stores below it are looked at, so that it is known whether the red zone is used.
func ownStack(in *tool.Inst, a *amd64.Access) bool {
	switch a.Addr {
	case amd64.AddrPush, amd64.AddrPop:
		return true
	case amd64.AddrModRM:
		return in.Base == guest.RSP && in.Index == noReg && in.Seg < segFS && in.ASize == 8 && !a.Outside &&
			in.Disp >= 0 && in.Disp < ownFrame && a.Size != 0
	}
	return false
}

// noReg and segFS are values of the fields Index and Seg of amd64.Inst.
const (
	noReg = amd64.NoReg
	segFS = 5
)
