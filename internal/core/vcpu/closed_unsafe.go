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
	sigNotify, sigKill, sigThrow, sigUnblock, sigIgn = 1 << 0, 1 << 1, 1 << 2, 1 << 7, 1 << 8

	unblocked = sigKill | sigThrow | sigUnblock
)

// sigKnown are entries by which the table is known, and that its flags mean what they did.
var sigKnown = map[unix.Signal]sigEntry{
	unix.SIGHUP:  {flags: sigNotify | sigKill, name: "SIGHUP: terminal line hangup"},
	unix.SIGTERM: {flags: sigNotify | sigKill, name: "SIGTERM: termination"},
	unix.SIGCHLD: {flags: sigNotify | sigUnblock | sigIgn, name: "SIGCHLD: child status has changed"},
}

// closeThreads makes Go's threads block the signals of holdable: those to come by table, the runtime's, from which a new thread's mask
// is made, and the others by a handler. Without a table those to come take what Go makes them take, which few programs ever notice.
// Called once by Init, with all handlers installed.
func closeThreads(table []sigEntry) {
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
}

// sigTable is the runtime's table, nil if this version of Go has another one than is known here.
func sigTable() []sigEntry {
	image, data, err := ownImage()
	if err != nil {
		return nil
	}
	return findSigTable(uintptr(image), uintptr(data.Start), uintptr(data.End))
}

// findSigTable finds the runtime's table in the initialised data at lo to hi of the executable at image: signal n is entry n-1. It is nil
// if there is none with the entries of sigKnown.
func findSigTable(image, lo, hi uintptr) []sigEntry {
	const size = unsafe.Sizeof(sigEntry{})
	first := sigKnown[unix.SIGHUP]
next:
	for a := lo; a+64*size <= hi; a += 8 {
		words := (*[3]uint64)(guest.Pointer(a))
		if words[0] != uint64(first.flags) || words[2] != uint64(len(first.name)) {
			continue
		}
		table := unsafe.Slice((*sigEntry)(guest.Pointer(a)), 64)
		for sig, known := range sigKnown {
			e := &table[sig-1]
			// Constant strings lie in this executable, below its data; anything else must not be looked at.
			if text := uintptr(unsafe.Pointer(unsafe.StringData(e.name))); text < image || text > a || len(e.name) != len(known.name) {
				continue next
			}
			if *e != known {
				continue next
			}
		}
		return table
	}
	return nil
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
