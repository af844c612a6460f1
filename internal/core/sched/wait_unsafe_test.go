package sched

import (
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/signal"
	"gogrind/internal/guest"
)

// own is memory of the test.
type own struct{ guest.Memory }

func (own) ReadMem(p []byte, a guest.Addr) int {
	return copy(p, unsafe.Slice((*byte)(guest.Pointer(uintptr(a))), len(p)))
}

// TestWait: a call that is made again waits for what is left.
func TestWait(t *testing.T) {
	sec := unix.Timespec{Sec: 100}
	ts := uint64(uintptr(unsafe.Pointer(&sec)))
	for _, c := range []struct {
		name     string
		nr       uintptr
		args     [6]uint64
		adjusted int // argument, -1: none
	}{
		{"poll", unix.SYS_POLL, [6]uint64{0, 0, 100000}, 2},
		{"poll without end", unix.SYS_POLL, [6]uint64{0, 0, 0xffffffff}, -1},
		{"epoll_wait", unix.SYS_EPOLL_WAIT, [6]uint64{0, 0, 0, 100000}, 3},
		{"nanosleep", unix.SYS_NANOSLEEP, [6]uint64{ts, ts}, 0},
		{"nanosleep of nothing", unix.SYS_NANOSLEEP, [6]uint64{0, ts}, -1},
		{"clock_nanosleep", unix.SYS_CLOCK_NANOSLEEP, [6]uint64{0, 0, ts}, 2},
		{"clock_nanosleep to a time", unix.SYS_CLOCK_NANOSLEEP, [6]uint64{0, 1, ts}, -1},
		{"futex wait", unix.SYS_FUTEX, [6]uint64{ts, 128, 0, ts}, 3},
		{"futex wait to a time", unix.SYS_FUTEX, [6]uint64{ts, 128 | 9, 0, ts}, -1},
		{"ppoll", unix.SYS_PPOLL, [6]uint64{0, 0, ts}, -1},
		{"read", unix.SYS_READ, [6]uint64{ts, ts, ts, ts}, -1},
	} {
		a := c.args
		w := waitOf(own{}, c.nr, &a)
		if w != nil {
			w.end = w.end.Add(-10 * time.Second)
		}
		w.goOn(&a)
		for i := range a {
			if (a[i] != c.args[i]) != (i == c.adjusted) {
				t.Errorf("%s: argument %d is %#x, was %#x", c.name, i, a[i], c.args[i])
			}
		}
		if c.adjusted < 0 {
			continue
		}
		left := time.Duration(a[c.adjusted]) * time.Millisecond
		if signal.Interrupted(uint64(c.nr)).Unit == signal.Timespec {
			left = time.Duration((*unix.Timespec)(guest.Pointer(uintptr(a[c.adjusted]))).Nano())
		}
		if left < 80*time.Second || left > 90*time.Second {
			t.Errorf("%s: %v left of 90 s", c.name, left)
		}
	}
}
