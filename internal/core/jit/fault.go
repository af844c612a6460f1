package jit

import "errors"

// ErrBus says that there is a mapping with code at an address, but no memory behind it: the page lies beyond the end of its
// file, or the disk failed.
var ErrBus = errors.New("no memory behind code")

// findTraceSafely is findTrace for guest memory that may fault although it is mapped. The trace then ends before the first
// instruction that cannot be read; ErrBus is for a trace of none. The goroutine must have debug.SetPanicOnFault set, as all guest
// threads have.
func (t *Translator) findTraceSafely(pc uint64) error {
	err := t.catch(func() error { return t.findTrace(pc) })
	if !errors.Is(err, ErrBus) || t.tr.n == 0 {
		return err
	}
	limit := t.limit
	t.limit = t.tr.n
	err = t.catch(func() error { return t.findTrace(pc) })
	t.limit = limit
	return err
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
