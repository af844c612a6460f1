package vcpu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// A signal for the process goes to any thread that does not block it, and Go leaves some unblocked in all of its threads: SIGTERM,
// SIGINT, SIGCHLD and others. One that the guest blocks would be taken by such a thread: a signalfd would show it and then have none, and
// SIGCHLD with its default action would be gone. So Go's threads block all that can be the guest's only.

// sigEntry is an entry of the runtime's table of signals (runtime/signal_unix.go, sigTabT).
type sigEntry struct {
	flags int32
	_     int32
	name  string
}

// Flags of a sigEntry (runtime/runtime2.go). A signal with one of unblocked is let through by all threads.
const (
	sigKill, sigThrow, sigUnblock = 1 << 1, 1 << 2, 1 << 7

	sigFlags  = 1<<9 - 1 // all
	unblocked = sigKill | sigThrow | sigUnblock
)

// closeThreads makes Go's threads block the signals of holdable: those to come by the runtime's table, from which a new thread's mask
// is made, and the others by a handler. Called once by Init, with all handlers installed.
func closeThreads() error {
	table, err := findSigTable()
	if err != nil {
		return err
	}
	for sig := range table {
		if holdable>>sig&1 != 0 {
			table[sig].flags &^= unblocked
		}
	}
	self := unix.Gettid()
	n := listThreads(uintptr(self))
	for _, tid := range forker.tids[:n] {
		if int(tid) != self && tid != 0 {
			unix.Tgkill(int(pid), int(tid), StopSignal)
		}
	}
	return nil
}

// findSigTable finds the runtime's table in the initialised data of this executable: signal n is entry n-1.
func findSigTable() ([]sigEntry, error) {
	image, data, err := ownImage()
	if err != nil {
		return nil, err
	}
	const hangup, term, size = "SIGHUP: terminal line hangup", "SIGTERM: termination", unsafe.Sizeof(sigEntry{})
	lo, hi := uintptr(data.Start), uintptr(data.End)-64*size
	for a := lo; a <= hi; a += 8 {
		words := (*[3]uint64)(guest.Pointer(a))
		if words[0] > sigFlags || words[2] != uint64(len(hangup)) {
			continue
		}
		// Constant strings lie in this executable, below its data; anything else must not be looked at.
		if words[1] < uint64(image) || words[1] > uint64(a) {
			continue
		}
		table := unsafe.Slice((*sigEntry)(guest.Pointer(a)), 64)
		if table[0].name == hangup && table[unix.SIGTERM-1].name == term {
			return table, nil
		}
	}
	return nil, errors.New("vcpu: Go's table of signals is not what this Go version is known to have")
}

// ownImage is where this executable starts, and the part of its file that is writable, in memory.
func ownImage() (start guest.Addr, data guest.Range, err error) {
	auxv, err := os.ReadFile("/proc/self/auxv")
	if err != nil {
		return 0, guest.Range{}, fmt.Errorf("vcpu: %w", err)
	}
	const atPhdr, atPhent, atPhnum, ptLoad, pfW = 3, 4, 5, 1, 2 // uapi/linux/auxvec.h, elf.h
	var at [atPhnum + 1]uint64
	for ; len(auxv) >= 16; auxv = auxv[16:] {
		if t := binary.LittleEndian.Uint64(auxv); t < uint64(len(at)) {
			at[t] = binary.LittleEndian.Uint64(auxv[8:])
		}
	}
	for i := range at[atPhnum] {
		p := (*struct {
			typ, flags                  uint32
			off, vaddr, _, filesz, _, _ uint64
		})(guest.Pointer(uintptr(at[atPhdr] + i*at[atPhent])))
		switch {
		case p.typ != ptLoad:
		case p.flags&pfW != 0:
			return start, guest.Range{Start: guest.Addr(p.vaddr), End: guest.Addr(p.vaddr + p.filesz)}, nil
		case start == 0: // they are in order
			start = guest.Addr(p.vaddr)
		}
	}
	return 0, guest.Range{}, errors.New("vcpu: this executable has no data segment")
}
