package sched

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
)

// wait is the time that a system call may take, so that a call that is made again takes no longer than it was to.
type wait struct {
	arg  int
	unit signal.Unit
	end  time.Time
	left unix.Timespec // in place of the guest's
}

// waitOf finds the timeout of call nr. It is nil when there is nothing to adjust: no timeout, an absolute one, or one that the
// kernel updates itself.
func waitOf(mem guest.Memory, nr uintptr, a *[6]uint64) *wait {
	row := signal.Interrupted(uint64(nr))
	const (
		futexCommand = 0x7f // without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME, linux/futex.h
		futexWait    = 0
		absolute     = 1 // TIMER_ABSTIME
	)
	if nr == unix.SYS_FUTEX && a[1]&futexCommand != futexWait || nr == unix.SYS_CLOCK_NANOSLEEP && a[1]&absolute != 0 {
		return nil
	}
	arg := a[row.Timeout]
	var d time.Duration
	switch row.Unit {
	case signal.Millis:
		if int32(arg) < 0 {
			return nil
		}
		d = time.Duration(int32(arg)) * time.Millisecond
	case signal.Timespec:
		var ts [16]byte
		if arg == 0 || mem.ReadMem(ts[:], guest.Addr(arg)) < len(ts) {
			return nil
		}
		const long = 1 << 32 // seconds; a time.Duration holds twice as many
		sec := le64(ts[:])
		if sec > long {
			return nil
		}
		d = time.Duration(sec)*time.Second + time.Duration(le64(ts[8:]))
	default:
		return nil
	}
	return &wait{arg: row.Timeout, unit: row.Unit, end: time.Now().Add(d)}
}

// goOn puts what is left of the time into the arguments.
func (w *wait) goOn(a *[6]uint64) {
	if w == nil {
		return
	}
	left := max(time.Until(w.end), 0)
	if w.unit == signal.Millis {
		a[w.arg] = uint64((left + time.Millisecond - 1) / time.Millisecond)
		return
	}
	w.left = unix.NsecToTimespec(int64(left))
	a[w.arg] = uint64(uintptr(unsafe.Pointer(&w.left)))
}
