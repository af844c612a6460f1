package sched

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// Buffers of event records (jit, lower_event_amd64.go). A thread's buffer is filled by its generated code and emptied on the
// same thread in Go, so there is no lock; what another thread has left is taken when the world has stopped for good.

// eventSize is the size of a record, eventBytes that of a buffer: small enough to stay in the caches of a core, big enough that
// the fault at its end costs less than a nanosecond per record.
const (
	eventSize  = int(unsafe.Sizeof(tool.Event{}))
	eventBytes = 128 << 10
)

// events is a thread's buffer: memory with an inaccessible page behind it, nil if nobody watches events.
type events struct {
	mem []byte
}

func (e *events) start() uint64 { return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(e.mem)))) }
func (e *events) end() uint64   { return e.start() + eventBytes }

// makeEvents gives t a buffer if the tool watches events.
func (t *Thread) makeEvents() {
	if t.s.cfg.Events == nil {
		return
	}
	m, err := unix.Mmap(-1, 0, eventBytes+guest.PageSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err == nil {
		err = unix.Mprotect(m[eventBytes:], unix.PROT_NONE)
	}
	if err != nil {
		t.bug("no memory for events: %v", err)
	}
	t.events.mem = m
	t.ctx.Events = t.events.start()
}

// freeEvents gives the buffer of a thread back that has ended.
func (t *Thread) freeEvents() {
	if t.events.mem != nil {
		unix.Munmap(t.events.mem)
		t.events.mem = nil
	}
}

// flushEvents hands t's records to the tool.
func (t *Thread) flushEvents() {
	if t.events.mem == nil || t.ctx.Events == t.events.start() {
		return
	}
	n := int(t.ctx.Events-t.events.start()) / eventSize
	t.ctx.Events = t.events.start()
	t.s.cfg.Events.Events(t, unsafe.Slice((*tool.Event)(unsafe.Pointer(unsafe.SliceData(t.events.mem))), n))
}

// eventFault handles a fault at addr behind the buffer: it is full. The group of records is stored anew.
func (t *Thread) eventFault(addr uint64, hostPC uintptr) bool {
	if t.events.mem == nil || addr < t.events.end() || addr >= t.events.end()+guest.PageSize {
		return false
	}
	again, ok := t.s.tr.Recover(hostPC)
	if !ok {
		t.bug("host %#x writes behind the event buffer", hostPC)
	}
	t.flushEvents()
	t.resume = again
	return true
}

// appendEvents does for an access what Go computes the addresses for: it appends records, or uses the models of caches. n is a check
// record.
func (t *Thread) appendEvents(n int) {
	e := t.s.tr.EventAt(n)
	t.resume = e.Resume
	if e.Access < 0 { // the end of a repeated instruction
		t.flushEvents()
		return
	}
	t.ctx.Regs.RIP = uint64(e.PC)
	t.s.cfg.Touched(t, e.PC, e.Access, func(a guest.Addr, size int) {
		if e.Miss {
			t.s.miss(uint64(a), size, e.Site)
			return
		}
		if t.ctx.Events == t.events.end() {
			t.flushEvents()
		}
		*(*tool.Event)(guest.Pointer(uintptr(t.ctx.Events))) = tool.Event{Site: e.Site, Size: uint32(size), Value: uint64(a)}
		t.ctx.Events += uint64(eventSize)
	})
}

// miss uses data in the models of caches, and counts what was missing in the two counters at counter.
func (s *Scheduler) miss(a uint64, size int, counter uint32) {
	c := &s.cfg.Caches
	if !c.Data.Touch(a, size) {
		return
	}
	counts := (*[2]uint64)(guest.Pointer(uintptr(counter)))
	atomic.AddUint64(&counts[0], 1)
	if c.Last.Touch(a, size) {
		atomic.AddUint64(&counts[1], 1)
	}
}

// flushAllEvents hands the remains of all threads to the tool; no other thread runs.
func (s *Scheduler) flushAllEvents() {
	s.Threads(func(t tool.Thread) bool {
		t.(*Thread).flushEvents()
		return true
	})
}
