package jit

import (
	"errors"

	"gogrind/internal/guest"
)

// ErrBus says that there is a mapping with code at an address, but no memory behind it: the page lies beyond the end of its
// file, or the disk failed.
var ErrBus = errors.New("no memory behind code")

// findTraceSafely is findTrace for guest memory that may fault although it is mapped, or is unmapped by another thread meanwhile. The
// trace then ends before the first instruction that cannot be read; for a trace of none there is ErrBus, or ErrFetch if it was unmapped. The goroutine must have debug.SetPanicOnFault set, as all guest
// threads have.
func (t *Translator) findTraceSafely(pc uint64) error {
	limit := t.limit
	defer func() { t.limit = limit }()
	for {
		err := t.catch(func() error { return t.findTrace(pc) })
		if !errors.Is(err, ErrBus) {
			return err
		}
		if t.tr.n == 0 {
			if len(t.cfg.Fetch(guest.Addr(pc))) == 0 {
				return ErrFetch
			}
			return ErrBus
		}
		t.limit = t.tr.n
	}
}

// word reads the guest's word at addr; ok is false if it cannot be read.
func (t *Translator) word(addr uint64) (x uint64, ok bool) {
	// Nothing is ever mapped at the bottom, where Go takes a fault for one of its own.
	if addr < uint64(guest.MinAddr) {
		return 0, false
	}
	err := t.catch(func() error { x = loadWord(addr); return nil })
	return x, err == nil
}

// catch runs f and turns a fault of f's own memory accesses into ErrBus.
func (t *Translator) catch(f func() error) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if _, fault := r.(interface{ Addr() uintptr }); !fault { // see debug.SetPanicOnFault
			panic(r)
		}
		err = ErrBus
	}()
	return f()
}
