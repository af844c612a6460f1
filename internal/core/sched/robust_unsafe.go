package sched

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// Bits of a futex of a robust mutex and the limit of the list, as the kernel has them (include/uapi/linux/futex.h).
const (
	futexWaiters   = 1 << 31
	futexOwnerDied = 1 << 30
	futexTID       = 1<<30 - 1
	robustLimit    = 2048
)

// leaveRobust does at the end of a thread what the kernel does with the list of robust mutexes that it holds: the kernel would do it
// when the OS thread ends, which is after the others have been told that this one has.
func (t *Thread) leaveRobust() {
	head := t.robust
	if head == 0 {
		return
	}
	t.robust = 0
	unix.RawSyscall(unix.SYS_SET_ROBUST_LIST, 0, robustHead, 0)
	first, ok1 := t.robustWord(head)
	offset, ok2 := t.robustWord(head + 8)
	pending, ok3 := t.robustWord(head + 16)
	if !ok1 || !ok2 || !ok3 {
		return
	}
	entry := first
	for range robustLimit {
		at := guest.Addr(entry &^ 1) // bit 0 marks mutexes that lend priority
		if at == head {
			break
		}
		next, ok := t.robustWord(at)
		if at != guest.Addr(pending&^1) {
			t.ownerDied(at+guest.Addr(offset), entry&1 != 0, false)
		}
		if !ok {
			return
		}
		entry = next
	}
	if at := guest.Addr(pending &^ 1); at != 0 {
		t.ownerDied(at+guest.Addr(offset), pending&1 != 0, true)
	}
}

// robustHead is the size of struct robust_list_head.
const robustHead = 24

func (t *Thread) robustWord(a guest.Addr) (uint64, bool) {
	var b [8]byte
	ok := t.s.cfg.Space.ReadMem(b[:], a) == len(b)
	return le64(b[:]), ok
}

// ownerDied marks the futex at a as left by t, if it is t's, and wakes one who waits for it. lends is for mutexes with priority
// inheritance, whose waiters the kernel knows; pending for one that t was taking or giving back.
func (t *Thread) ownerDied(a guest.Addr, lends, pending bool) {
	var b [4]byte
	if a%4 != 0 || t.s.cfg.Space.ReadMem(b[:], a) < len(b) {
		return
	}
	word := (*uint32)(guest.Pointer(uintptr(a)))
	for {
		old := atomic.LoadUint32(word)
		if pending && !lends && old == 0 {
			wakeOne(a)
			return
		}
		if old&futexTID != uint32(t.TID()) {
			return
		}
		if atomic.CompareAndSwapUint32(word, old, old&futexWaiters|futexOwnerDied) {
			if !lends && old&futexWaiters != 0 {
				wakeOne(a)
			}
			return
		}
	}
}

// wakeOne wakes one thread, of this or another process, that waits for the futex at a.
func wakeOne(a guest.Addr) {
	const wake = 1 // FUTEX_WAKE
	unix.RawSyscall6(unix.SYS_FUTEX, uintptr(a), wake, 1, 0, 0, 0)
}
