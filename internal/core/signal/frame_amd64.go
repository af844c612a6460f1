package signal

import (
	"errors"
	"fmt"

	"gogrind/internal/guest"
)

// Layout of struct rt_sigframe: return address, ucontext, siginfo (arch/x86/include/asm/sigframe.h and
// uapi/asm/ucontext.h, uapi/asm/sigcontext.h). Offsets are from the frame's start, which is the handler's rsp.
const (
	frRet     = 0
	frUC      = 8
	frFlags   = frUC
	frLink    = frUC + 8
	frStack   = frUC + 16
	frContext = frUC + 40
	frCS      = frContext + 144
	frErr     = frContext + 152
	frTrap    = frContext + 160
	frOldMask = frContext + 168
	frCR2     = frContext + 176
	frFPState = frContext + 184
	frUnused  = frContext + 192 // eight words that the kernel does not write
	frMask    = frContext + 256
	frInfo    = frMask + 8
	frSize    = frInfo + 128

	redZone = 128
)

// Bits of uc_flags.
const (
	ucXState   = 1
	ucSS       = 2
	ucStrictSS = 4
)

// Selectors of 64-bit user code and of user data.
const (
	userCS = 0x33
	userSS = 0x2b
)

// Bits of rflags.
const (
	flagTF = 0x100
	flagDF = 0x400
	flagRF = 0x10000
	// restoredFlags are what a frame can change: CF PF AF ZF SF TF DF OF RF AC (FIX_EFLAGS in the kernel).
	restoredFlags = 0x1 | 0x4 | 0x10 | 0x40 | 0x80 | flagTF | flagDF | 0x800 | flagRF | 0x40000
)

// contextRegs is the order of the general registers in sigcontext; rip and rflags follow.
var contextRegs = [...]int{guest.R8, guest.R9, guest.R10, guest.R11, guest.R12, guest.R13, guest.R14, guest.R15,
	guest.RDI, guest.RSI, guest.RBP, guest.RBX, guest.RDX, guest.RAX, guest.RCX, guest.RSP}

// ErrFrame says that a frame could not be written or read. A SIGSEGV is then pending in its place: call Next again.
var ErrFrame = errors.New("bad signal frame")

// ErrEarlier says that signals have come that precede a system call.
var ErrEarlier = errors.New("signals come before the call")

// Deliver enters the handler of act, which Next returned with info: it writes a frame to guest memory, sets regs and
// the XSAVE area x (standard format, as large as frames shall hold) for the handler and updates mask and alternate
// stack. Call Restart first when the signal interrupted a system call. With ErrFrame regs and x are unchanged.
func (t *Thread) Deliver(regs *guest.Regs, x []byte, info Info, act Action) error {
	t.p.mu.Lock()
	fault, saved, alt := t.fault, t.savedMask(), t.alt
	t.p.mu.Unlock()

	sp, err := t.writeFrame(regs, x, info, act, fault, saved, alt)
	if err != nil {
		t.p.mu.Lock()
		defer t.p.mu.Unlock()
		// A handler for SIGSEGV that cannot be entered must not be tried again.
		t.force(NewInfo(SIGSEGV, SI_KERNEL), info.Signo() == SIGSEGV)
		return err
	}
	regs.GPR[guest.RDI] = uint64(info.Signo())
	regs.GPR[guest.RSI] = sp + frInfo
	regs.GPR[guest.RDX] = sp + frUC
	regs.GPR[guest.RAX] = 0
	regs.GPR[guest.RSP] = sp
	regs.RIP = act.Handler
	regs.RFlags &^= flagDF | flagTF | flagRF
	resetXState(x)

	t.p.mu.Lock()
	defer t.p.mu.Unlock()
	t.restore = false
	m := t.mask | act.Mask
	if act.Flags&SA_NODEFER == 0 {
		m |= SetOf(info.Signo())
	}
	t.setMask(m)
	if t.alt.flags&SS_AUTODISARM != 0 {
		t.alt = altStack{flags: SS_DISABLE}
	}
	return nil
}

// writeFrame writes the frame and returns its address.
func (t *Thread) writeFrame(regs *guest.Regs, x []byte, info Info, act Action, fault Fault, saved Set, alt altStack) (uint64, error) {
	if act.Flags&SA_RESTORER == 0 {
		return 0, fmt.Errorf("signal: %s: handler without restorer: %w", Name(info.Signo()), ErrFrame)
	}
	sp := regs.GPR[guest.RSP]
	onAlt := alt.active(sp)
	sp -= redZone
	if act.Flags&SA_ONSTACK != 0 && alt.state(sp)&^SS_AUTODISARM == 0 {
		sp = alt.sp + alt.size
		onAlt = true
	}
	xsize := len(x)
	fp := (sp - uint64(xsize) - 4) &^ 63
	sp = (fp-frSize)&^15 - 8
	if onAlt && !alt.holds(sp) {
		return 0, fmt.Errorf("signal: %s: alternate stack of %d bytes is too small: %w", Name(info.Signo()), alt.size, ErrFrame)
	}

	// The holes that the kernel leaves hold what the stack held, so they are read first; there may be nothing to read
	// only where there is nothing to write either.
	size := int(fp-sp) + xsize + 4
	b := make([]byte, size)
	if !t.p.read(b, guest.Addr(sp)) {
		return 0, fmt.Errorf("signal: %s: no stack at %#x: %w", Name(info.Signo()), sp, ErrFrame)
	}
	xs := b[fp-sp:]
	frameXState(xs[:xsize], x, t.p.xfeatures)
	sw := xs[offSoftware:offHeader]
	clear(sw)
	put32(sw[0:], fpMagic1)
	put32(sw[4:], uint32(xsize+4))
	put64(sw[8:], t.p.xfeatures)
	put32(sw[16:], uint32(xsize))
	put32(xs[xsize:], fpMagic2)

	put64(b[frRet:], act.Restorer)
	put64(b[frFlags:], ucXState|ucSS|ucStrictSS)
	put64(b[frLink:], 0)
	alt.encode(b[frStack:], alt.flags)
	for i, r := range contextRegs {
		put64(b[frContext+8*i:], regs.GPR[r])
	}
	put64(b[frContext+128:], regs.RIP)
	put64(b[frContext+136:], regs.RFlags)
	put64(b[frCS:], userCS|userSS<<48) // gs and fs between them are 0
	put64(b[frErr:], fault.Err)
	put64(b[frTrap:], fault.Trap)
	put64(b[frOldMask:], uint64(saved))
	put64(b[frCR2:], fault.CR2)
	put64(b[frFPState:], fp)
	put64(b[frMask:], uint64(saved))
	if act.Flags&SA_SIGINFO != 0 {
		copy(b[frInfo:frSize], info[:])
	}
	if !t.p.write(b, guest.Addr(sp)) {
		return 0, fmt.Errorf("signal: %s: no stack at %#x: %w", Name(info.Signo()), sp, ErrFrame)
	}
	return sp, nil
}

// FrameEnd is where the frame at sp ends, sp being the handler's first stack pointer and xsize the size of the extended state.
func FrameEnd(sp guest.Addr, xsize int) guest.Addr {
	return (sp+8+frSize+63)&^63 + guest.Addr(xsize) + 4
}

// Sigreturn is rt_sigreturn: it takes regs and x back from the frame below the stack pointer, and the mask and the
// alternate stack with them. All of regs is then valid: the call has no result of its own. With ErrFrame a SIGSEGV is
// pending; what had been restored by then stays so, with 0 in rax. ErrEarlier says that nothing has changed: signals have come before
// the call, and it is to be made again behind them.
func (t *Thread) Sigreturn(regs *guest.Regs, x []byte) error {
	err := t.readFrame(regs, x)
	if err != nil && err != ErrEarlier {
		regs.GPR[guest.RAX] = 0
		t.p.mu.Lock()
		defer t.p.mu.Unlock()
		t.force(NewInfo(SIGSEGV, SI_KERNEL), false)
	}
	return err
}

func (t *Thread) readFrame(regs *guest.Regs, x []byte) error {
	sp := regs.GPR[guest.RSP] - 8
	var b [frSize]byte
	if !t.p.read(b[:], guest.Addr(sp)) {
		return fmt.Errorf("signal: rt_sigreturn at %#x: %w", sp, ErrFrame)
	}
	t.p.mu.Lock()
	if !t.changeMask(Set(get64(b[frMask:]))) {
		t.p.mu.Unlock()
		return ErrEarlier
	}
	t.setAlt(decodeStack(b[frStack:]), regs.GPR[guest.RSP]) // the kernel, too, forgives all but bad memory here
	t.p.mu.Unlock()

	for i, r := range contextRegs {
		regs.GPR[r] = get64(b[frContext+8*i:])
	}
	regs.RIP = get64(b[frContext+128:])
	regs.RFlags = regs.RFlags&^restoredFlags | get64(b[frContext+136:])&restoredFlags
	// Anything but 64-bit code would not get far natively either: there is no 32-bit guest behind the selector. The
	// kernel raises the privilege bits by itself.
	if cs := get64(b[frCS:]) & 0xffff; cs|3 != userCS {
		return fmt.Errorf("signal: rt_sigreturn at %#x: code segment %#x: %w", sp, cs, ErrFrame)
	}
	fp := get64(b[frFPState:])
	if fp == 0 {
		resetXState(x)
		return nil
	}
	if err := t.readXState(x, fp); err != nil {
		resetXState(x)
		return fmt.Errorf("signal: rt_sigreturn at %#x: state at %#x: %w: %w", sp, fp, err, ErrFrame)
	}
	return nil
}

// readXState restores x from the area at fp, which is the legacy part alone when the marks of more are missing.
func (t *Thread) readXState(x []byte, fp uint64) error {
	b := make([]byte, len(x)+4)
	legacy := b[:offHeader]
	if !t.p.read(legacy, guest.Addr(fp)) {
		return errXState
	}
	sw := legacy[offSoftware:]
	if get32(sw) == fpMagic1 {
		if !t.p.read(b, guest.Addr(fp)) {
			return errXState
		}
		if get32(b[len(x):]) == fpMagic2 {
			if fp&63 != 0 { // XRSTOR wants 64
				return errXState
			}
			return loadXState(x, b[:len(x)], t.p.xfeatures, get64(sw[8:]), false)
		}
	}
	if fp&15 != 0 { // FXRSTOR wants 16
		return errXState
	}
	return loadXState(x, legacy, t.p.xfeatures, xX87|xSSE, true)
}
