package sched

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// Selectors of 64-bit user code (arch/x86/include/asm/segment.h): the only code segment that translated code can stand for, and
// those that may be loaded without effect.
const (
	userCS = 0x33
	userDS = 0x2b
)

// emulate performs the instruction at pc, one of those that cannot be run from another place or that would change what belongs
// to the tool: far transfers, loads of fs and gs, int $0x80, and xbegin.
func (t *Thread) emulate(pc guest.Addr) {
	r := &t.ctx.Regs
	r.RIP = uint64(pc)
	var code [15]byte
	n := t.s.cfg.Space.ReadMem(code[:], pc)
	var in amd64.Inst
	if amd64.Decode(code[:n], &in) != nil {
		t.fault(signal.FaultInfo(signal.SIGILL, illIllOpn, uint64(pc)), signal.Fault{Trap: trapUD})
		return
	}
	next := uint64(pc) + uint64(in.Len)
	if t.s.cfg.Unusual != nil {
		t.s.cfg.Unusual(t, unusual(&in))
	}
	switch op := in.Op; {
	case in.Map == 0 && op == 0xc7: // xbegin: the transaction aborts at once, without a reason that suggests to try again
		r.GPR[guest.RAX] = 0
		r.RIP = next + uint64(in.Imm)
	case in.Map == 0 && op == 0xcd: // int $0x80, the 32-bit system call
		t.s.cfg.Warn("32-bit system call %d at %#x is not supported: it fails with ENOSYS", uint32(r.GPR[guest.RAX]), uint64(pc))
		enosys := -int32(unix.ENOSYS)
		r.GPR[guest.RAX] = uint64(uint32(enosys))
		r.RIP = next
	case in.Map == 0 && (op == 0xca || op == 0xcb): // lret
		ip, sp1, ok1 := t.pop(r.GPR[guest.RSP], int(in.OpSize))
		cs, sp2, ok2 := t.pop(sp1, int(in.OpSize))
		if ok1 && ok2 && t.far(uint16(cs)) {
			r.RIP = ip
			r.GPR[guest.RSP] = sp2
			if op == 0xca {
				r.GPR[guest.RSP] += uint64(uint16(in.Imm))
			}
		}
	case in.Map == 0 && op == 0xcf: // iretq
		var w [5]uint64
		sp, ok := r.GPR[guest.RSP], true
		for i := 0; i < len(w) && ok; i++ {
			w[i], sp, ok = t.pop(sp, int(in.OpSize))
		}
		if ok && t.far(uint16(w[1])) {
			const settable = 0x254dd5 // what user code may change: CF PF AF ZF SF TF DF OF NT AC ID
			r.RIP, r.GPR[guest.RSP] = w[0], w[3]
			r.RFlags = r.RFlags&^settable | w[2]&settable&^0x100
		}
	case in.Map == 0 && op == 0xff: // ljmp, lcall through memory
		a := t.address(&in)
		var b [10]byte
		size := int(in.OpSize)
		if t.s.cfg.Space.ReadMem(b[:size+2], a) < size+2 {
			t.badAccess(uint64(a), 4)
			return
		}
		var w [8]byte
		copy(w[:], b[:size])
		ip, cs := binary.LittleEndian.Uint64(w[:]), binary.LittleEndian.Uint16(b[size:])
		if !t.far(cs) {
			return
		}
		if in.ModRM>>3&7 == 3 {
			sp := r.GPR[guest.RSP] - 2*uint64(size)
			var f [16]byte
			binary.LittleEndian.PutUint64(f[:], next)
			binary.LittleEndian.PutUint64(f[size:], userCS)
			if !t.Store(f[:2*size], guest.Addr(sp)) {
				t.badAccess(sp, 6)
				return
			}
			r.GPR[guest.RSP] = sp
		}
		r.RIP = ip
	case in.Map == 0 && op == 0x8e: // mov to fs, gs
		sel := uint16(0)
		if in.HasMem {
			a := t.address(&in)
			var b [2]byte
			if t.s.cfg.Space.ReadMem(b[:], a) < 2 {
				t.badAccess(uint64(a), 4)
				return
			}
			sel = binary.LittleEndian.Uint16(b[:])
		} else {
			sel = uint16(r.GPR[in.ModRM&7|in.Rex<<3&8])
		}
		t.loadSegment(in.ModRM>>3&7 == 5, sel, next)
	case in.Map == 1 && (op == 0xa1 || op == 0xa9): // pop fs, gs
		sel, sp, ok := t.pop(r.GPR[guest.RSP], int(in.OpSize))
		if ok && t.loadSegment(op == 0xa9, uint16(sel), next) {
			r.GPR[guest.RSP] = sp
		}
	default:
		t.fault(signal.FaultInfo(signal.SIGILL, illIllOpn, uint64(pc)), signal.Fault{Trap: trapUD})
	}
}

// unusual says how the emulation of in differs from the processor.
func unusual(in *amd64.Inst) string {
	switch {
	case in.Map == 0 && in.Op == 0xc7:
		return "transactions always abort"
	case in.Map == 0 && in.Op == 0xcd:
		return "32-bit system calls fail with ENOSYS"
	}
	return "segment registers and far transfers know the segments of 64-bit programs only"
}

// si_code and trap numbers (asm-generic/siginfo.h, asm/trapnr.h).
const (
	illIllOpn = 2
	trapUD    = 6
	trapGP    = 13
)

// pop reads a word of size bytes at sp; ok is false when that faulted, which has then been handled.
func (t *Thread) pop(sp uint64, size int) (w, next uint64, ok bool) {
	var b [8]byte
	if t.s.cfg.Space.ReadMem(b[:size], guest.Addr(sp)) < size {
		t.badAccess(sp, 4)
		return 0, sp, false
	}
	return binary.LittleEndian.Uint64(b[:]), sp + uint64(size), true
}

// badAccess is a page fault at address a with the given error code.
func (t *Thread) badAccess(a uint64, code uint64) {
	t.fault(signal.FaultInfo(signal.SIGSEGV, segvMapErr, a), signal.Fault{Err: code, Trap: 14, CR2: a})
}

// far reports whether control may go to code segment cs; if not, a general protection fault has been raised.
func (t *Thread) far(cs uint16) bool {
	if cs == userCS {
		return true
	}
	if cs != 0 {
		t.s.cfg.Warn("a far transfer to code segment %#x at %#x is not supported: only 64-bit code runs", cs, t.ctx.Regs.RIP)
	}
	t.protection()
	return false
}

func (t *Thread) protection() {
	t.fault(signal.FaultInfo(signal.SIGSEGV, signal.SI_KERNEL, 0), signal.Fault{Trap: trapGP})
}

// loadSegment loads fs or gs: with a flat or null selector the base becomes 0.
func (t *Thread) loadSegment(gs bool, sel uint16, next uint64) bool {
	if sel > 3 && sel != userDS {
		t.protection()
		return false
	}
	r := &t.ctx.Regs
	if gs {
		r.GSBase = 0
	} else {
		r.FSBase = 0
		t.setFSBase()
	}
	r.RIP = next
	return true
}

// address is that of the ModRM operand of in, which is the instruction at RIP.
func (t *Thread) address(in *amd64.Inst) guest.Addr {
	r := &t.ctx.Regs
	return guest.Addr(in.Address(&r.GPR, r.RIP, r.FSBase, r.GSBase))
}
