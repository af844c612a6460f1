// Package signal keeps the signal state of a guest process: dispositions, masks, alternate stacks, queues of pending
// signals, and it builds and takes down signal frames on guest stacks, all by the kernel's rules.
//
// It owns no kernel handler and makes no system call. Whoever runs the guest tells it what arrived (Process.Queue,
// Thread.Queue, Thread.Force), asks at safe points what to do (Thread.Next), and lets it change registers and guest
// memory accordingly (Thread.Deliver, Thread.Sigreturn, Restart). What must be true of the real process, such as the
// kernel's own mask of a thread, is asked for through Host.
//
// Invariants: SIGKILL and SIGSTOP are in no mask and have no disposition but the default. A standard signal is at most
// once in a queue, a real-time signal any number of times. A pending signal that the process ignores is in no queue
// unless a thread blocks it.
//
// Locking: Process.mu guards everything in Process and in its Threads. It is held while Host.SetMask, Host.SetAction
// Host.Arrived and Host.Wake run, so these must not call back; it is not held during Host.Block, Host.Take and Host.Pending or
// while guest memory is accessed.
//
// Not modelled: CLONE_SIGHAND without CLONE_THREAD (dispositions shared between processes), RLIMIT_SIGPENDING (the
// kernel has applied it before we see a signal), user shadow stacks, 32-bit code segments.
package signal

import (
	"fmt"
	"math/bits"
)

// Signal numbers of amd64 and arm64 Linux (asm-generic/signal.h).
const (
	SIGHUP    = 1
	SIGINT    = 2
	SIGQUIT   = 3
	SIGILL    = 4
	SIGTRAP   = 5
	SIGABRT   = 6
	SIGBUS    = 7
	SIGFPE    = 8
	SIGKILL   = 9
	SIGUSR1   = 10
	SIGSEGV   = 11
	SIGUSR2   = 12
	SIGPIPE   = 13
	SIGALRM   = 14
	SIGTERM   = 15
	SIGSTKFLT = 16
	SIGCHLD   = 17
	SIGCONT   = 18
	SIGSTOP   = 19
	SIGTSTP   = 20
	SIGTTIN   = 21
	SIGTTOU   = 22
	SIGURG    = 23
	SIGXCPU   = 24
	SIGXFSZ   = 25
	SIGVTALRM = 26
	SIGPROF   = 27
	SIGWINCH  = 28
	SIGIO     = 29
	SIGPWR    = 30
	SIGSYS    = 31
	SIGRTMIN  = 32 // the kernel's; libc takes the first two or three for itself
	NSIG      = 64
)

// Flags of a disposition (asm-generic/signal-defs.h, asm/signal.h).
const (
	SA_NOCLDSTOP      = 0x1
	SA_NOCLDWAIT      = 0x2
	SA_SIGINFO        = 0x4
	SA_EXPOSE_TAGBITS = 0x800
	SA_RESTORER       = 0x04000000
	SA_ONSTACK        = 0x08000000
	SA_RESTART        = 0x10000000
	SA_NODEFER        = 0x40000000
	SA_RESETHAND      = 0x80000000

	// saKnown are the flags that sigaction keeps; it clears the rest (UAPI_SA_FLAGS).
	saKnown = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_RESTORER | SA_ONSTACK | SA_RESTART |
		SA_NODEFER | SA_RESETHAND
)

// Handler values that are no addresses.
const (
	SIG_DFL = 0
	SIG_IGN = 1
)

// Flags of an alternate stack (uapi/linux/signal.h).
const (
	SS_ONSTACK    = 1
	SS_DISABLE    = 2
	SS_AUTODISARM = 1 << 31

	minStackSize = 2048 // MINSIGSTKSZ of amd64
)

// si_code values used here (asm-generic/siginfo.h).
const (
	SI_USER   = 0
	SI_KERNEL = 0x80
	SI_QUEUE  = -1
	SI_TIMER  = -2
	SI_TKILL  = -6
)

// Set is a set of signals in the kernel's layout: signal n is bit n-1.
type Set uint64

// SetOf is the set of the given signals.
func SetOf(sigs ...int) Set {
	var s Set
	for _, n := range sigs {
		s |= 1 << (n - 1)
	}
	return s
}

// Has reports whether sig is in s.
func (s Set) Has(sig int) bool { return s&(1<<(sig-1)) != 0 }

// First is the lowest signal of s, 0 when s is empty.
func (s Set) First() int {
	if s == 0 {
		return 0
	}
	return bits.TrailingZeros64(uint64(s)) + 1
}

var (
	unblockable = SetOf(SIGKILL, SIGSTOP)
	// synchronous signals are caused by the running instruction and are delivered before others.
	synchronous = SetOf(SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS)
	stopping    = SetOf(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU)
	harmless    = SetOf(SIGCONT, SIGCHLD, SIGWINCH, SIGURG) // ignored by default
	dumping     = SetOf(SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSEGV, SIGBUS, SIGSYS, SIGXCPU, SIGXFSZ)
)

// Info is a siginfo_t as the kernel writes it to user memory.
type Info [128]byte

// NewInfo makes an Info with the three fields that all have.
func NewInfo(sig int, code int32) Info {
	var i Info
	i.put32(0, uint32(sig))
	i.put32(8, uint32(code))
	return i
}

// UserInfo is what kill (SI_USER) or tgkill (SI_TKILL) of process pid sends.
func UserInfo(sig int, code int32, pid, uid uint32) Info {
	i := NewInfo(sig, code)
	i.put32(16, pid)
	i.put32(20, uid)
	return i
}

// FaultInfo is what a fault at address addr sends.
func FaultInfo(sig int, code int32, addr uint64) Info {
	i := NewInfo(sig, code)
	put64(i[16:], addr)
	return i
}

// Signo is si_signo.
func (i *Info) Signo() int { return int(int32(get32(i[0:]))) }

// Errno is si_errno.
func (i *Info) Errno() int32 { return int32(get32(i[4:])) }

// Code is si_code.
func (i *Info) Code() int32 { return int32(get32(i[8:])) }

// Addr is si_addr; it means something for faults only.
func (i *Info) Addr() uint64 { return get64(i[16:]) }

// PID is si_pid; it means something for signals that a process sent and for SIGCHLD.
func (i *Info) PID() int32 { return int32(get32(i[16:])) }

// FromKernel reports whether the kernel itself raised the signal, rather than a process by kill or sigqueue.
func (i *Info) FromKernel() bool { return i.Code() > SI_USER }

func (i *Info) put32(off int, v uint32) { put32(i[off:], v) }

// Name is the name of sig: SIGSEGV; real-time signals count from 32 as the kernel does, SIGRT8 is 40.
func Name(sig int) string {
	switch {
	case sig > 0 && sig < len(names):
		return names[sig]
	case sig >= SIGRTMIN && sig <= NSIG:
		return fmt.Sprintf("SIGRT%d", sig-SIGRTMIN)
	}
	return fmt.Sprintf("signal %d", sig)
}

var names = [...]string{
	SIGHUP: "SIGHUP", SIGINT: "SIGINT", SIGQUIT: "SIGQUIT", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGABRT: "SIGABRT",
	SIGBUS: "SIGBUS", SIGFPE: "SIGFPE", SIGKILL: "SIGKILL", SIGUSR1: "SIGUSR1", SIGSEGV: "SIGSEGV",
	SIGUSR2: "SIGUSR2", SIGPIPE: "SIGPIPE", SIGALRM: "SIGALRM", SIGTERM: "SIGTERM", SIGSTKFLT: "SIGSTKFLT",
	SIGCHLD: "SIGCHLD", SIGCONT: "SIGCONT", SIGSTOP: "SIGSTOP", SIGTSTP: "SIGTSTP", SIGTTIN: "SIGTTIN",
	SIGTTOU: "SIGTTOU", SIGURG: "SIGURG", SIGXCPU: "SIGXCPU", SIGXFSZ: "SIGXFSZ", SIGVTALRM: "SIGVTALRM",
	SIGPROF: "SIGPROF", SIGWINCH: "SIGWINCH", SIGIO: "SIGIO", SIGPWR: "SIGPWR", SIGSYS: "SIGSYS",
}
