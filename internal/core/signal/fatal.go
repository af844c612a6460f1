package signal

import "fmt"

// reasons are the words for si_code by signal, si_code counting from 1 (asm-generic/siginfo.h).
var reasons = map[int][]string{
	SIGSEGV: {"Access not within mapped region", "Bad permissions for mapped region"},
	SIGBUS:  {"Invalid address alignment", "Non-existent physical address", "Hardware error"},
	SIGFPE: {"Integer divide by zero", "Integer overflow", "FP divide by zero", "FP overflow", "FP underflow",
		"FP inexact", "FP invalid operation", "FP subscript out of range"},
	// The kernel calls all that the processor refuses an illegal operand; Valgrind, whose decoder it is that refuses, an opcode.
	SIGILL: {"Illegal opcode", "Illegal opcode", "Illegal addressing mode", "Illegal trap", "Privileged opcode",
		"Privileged register", "Coprocessor error", "Internal stack error"},
}

// Reason says what caused a fault and where; "" for signals that are no faults.
func Reason(info Info) (what string, addr uint64) {
	words, code := reasons[info.Signo()], info.Code()
	if code < 1 || int(code) > len(words) {
		return "", 0
	}
	return words[code-1], info.Addr()
}

// FatalText is what the log says before the stack of the thread that a signal kills: programs look for the first
// line, people for the second. core says that a core file is being written.
func FatalText(info Info, core bool) []string {
	sig, code := info.Signo(), info.Code()
	dump := ""
	if core {
		dump = ": dumping core"
	}
	lines := []string{fmt.Sprintf("Process terminating with default action of signal %d (%s)%s", sig, Name(sig), dump)}
	reason, addr := Reason(info)
	switch {
	case reason != "":
		lines = append(lines, fmt.Sprintf(" %s at address 0x%X", reason, addr))
	case sig == SIGSEGV && code == SI_KERNEL:
		lines = append(lines, " General Protection Fault")
	}
	return lines
}

// StackHint is what the log says after the stack when the main thread is killed by an access outside all mappings;
// size is --main-stacksize.
func StackHint(info Info, size uint64) []string {
	if info.Signo() != SIGSEGV || info.Code() != 1 {
		return nil
	}
	return []string{
		" If you believe this happened as a result of a stack",
		" overflow in your program's main thread (unlikely but",
		" possible), you can try to increase the size of the",
		" main thread stack using the --main-stacksize= flag.",
		fmt.Sprintf(" The main thread stack size used in this run was %d.", size),
	}
}
