package aspace

import (
	"errors"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// Flags that package unix does not name.
const (
	mapDroppable = 0x08 // MAP_DROPPABLE of linux/mman.h, since Linux 6.11
	mapHugeShift = 26   // MAP_HUGE_SHIFT: log2 of the huge page size sits above
	mapHugeMask  = 0x3f
)

// hugeAlign is the size of a page-middle-directory entry: anonymous memory that fills whole ones is aligned to it, as
// the kernel does, so that it can use transparent huge pages.
const hugeAlign = 2 << 20

// Mmap is the system call. addr need not be page-aligned unless flags say MAP_FIXED.
func (s *Space) Mmap(addr guest.Addr, length uint64, prot, flags, fd int, off uint64) (guest.Addr, error) {
	req := request{addr: addr, prot: prot, flags: flags, fd: fd, off: off, align: guest.PageSize}
	if err := req.check(length); err != nil {
		return 0, err
	}
	var a guest.Addr
	err := s.update(func() (err error) {
		a, err = s.mmap(&req)
		return err
	})
	return a, err
}

// request is one mmap on its way.
type request struct {
	addr        guest.Addr
	n           uint64 // length, whole pages
	align       uint64
	prot, flags int
	fd          int
	off         uint64
	file        fileInfo
	kind        kind
}

func (q *request) anonymous() bool { return q.flags&unix.MAP_ANONYMOUS != 0 }

// fixed covers both MAP_FIXED and MAP_FIXED_NOREPLACE; the kernel, too, lets the latter imply the former.
func (q *request) fixed() bool { return q.flags&(unix.MAP_FIXED|unix.MAP_FIXED_NOREPLACE) != 0 }

func (q *request) data() bool { return isData(guest.Prot(q.prot)&7, q.flags) }

func (q *request) shared() bool {
	t := q.flags & unix.MAP_TYPE
	return t == unix.MAP_SHARED || t == unix.MAP_SHARED_VALIDATE
}

// check does what can be checked without the list, in the kernel's order, and fills in n and file.
func (q *request) check(length uint64) error {
	if q.off%guest.PageSize != 0 {
		return unix.EINVAL
	}
	page := uint64(guest.PageSize)
	if !q.anonymous() {
		var err error
		if q.file, err = describe(q.fd, q.shared()); err != nil {
			return err
		}
		if q.file.hugePage != 0 {
			page = q.file.hugePage
		} else if q.flags&unix.MAP_HUGETLB != 0 {
			return unix.EINVAL
		}
	} else if q.flags&unix.MAP_HUGETLB != 0 {
		page = hugeAlign
		if log := uint(q.flags) >> mapHugeShift & mapHugeMask; log != 0 {
			page = 1 << log
		}
		if page < guest.PageSize {
			return unix.EINVAL
		}
	}
	if length == 0 {
		return unix.EINVAL
	}
	q.n = (length + page - 1) &^ (page - 1)
	if q.n < length {
		return unix.ENOMEM
	}
	if q.off+q.n < q.off {
		return unix.EOVERFLOW
	}
	q.align = max(q.align, page)
	if q.anonymous() && q.n%hugeAlign == 0 {
		q.align = max(q.align, hugeAlign)
	}
	if q.anonymous() {
		q.off = 0
	}
	return nil
}

// checkKind does what the kernel checks after the address.
func (q *request) checkKind() error {
	switch t := q.flags & unix.MAP_TYPE; {
	case t == unix.MAP_SHARED, t == unix.MAP_PRIVATE:
	case t == unix.MAP_SHARED_VALIDATE && !q.anonymous():
		if q.flags&unix.MAP_FIXED_NOREPLACE != 0 {
			return unix.EOPNOTSUPP // not among the flags that this type knows (LEGACY_MAP_MASK)
		}
	case t == mapDroppable && q.anonymous():
	default:
		return unix.EINVAL
	}
	if q.flags&unix.MAP_GROWSDOWN != 0 && q.shared() {
		return unix.EINVAL
	}
	if q.prot&unix.PROT_EXEC != 0 && q.file.noExec {
		return unix.EPERM
	}
	return nil
}

// mmap makes the mapping. The caller holds both locks.
func (s *Space) mmap(q *request) (guest.Addr, error) {
	if q.n > s.cfg.Space.Len() {
		return 0, unix.ENOMEM
	}
	if !q.fixed() {
		if err := q.checkKind(); err != nil {
			return 0, err
		}
		if err := s.mayGrow(q.n, q.data()); err != nil {
			return 0, err
		}
		return s.mapAnywhere(q)
	}
	r, err := s.fixedRange(q.addr, q.n)
	if err != nil {
		return 0, err
	}
	if q.flags&unix.MAP_FIXED_NOREPLACE != 0 && len(s.over(r)) > 0 {
		return 0, unix.EEXIST
	}
	if err := q.checkKind(); err != nil {
		return 0, err
	}
	if err := s.mayGrow(q.n-s.mapped(r), q.data()); err != nil {
		return 0, err
	}
	return s.mapAt(r, q)
}

// fixedRange checks an address that the guest insists on, as the kernel does with TASK_SIZE and mmap_min_addr.
func (s *Space) fixedRange(a guest.Addr, n uint64) (guest.Range, error) {
	r := guest.Range{Start: a, End: a + guest.Addr(n)}
	switch {
	case n > uint64(s.cfg.Space.End) || a > s.cfg.Space.End-guest.Addr(n):
		return r, unix.ENOMEM
	case a%guest.PageSize != 0:
		return r, unix.EINVAL
	case a < s.cfg.Space.Start:
		return r, unix.EPERM
	case s.overTool(r):
		return r, unix.ENOMEM
	}
	return r, nil
}

// mapAnywhere chooses the address.
func (s *Space) mapAnywhere(q *request) (guest.Addr, error) {
	w := wish{n: q.n, align: q.align, hint: q.addr.PageDown()}
	switch exec := q.prot&unix.PROT_EXEC != 0; {
	case q.flags&unix.MAP_32BIT != 0:
		w.low32 = true
	case q.anonymous():
		w.low = exec
	default:
		// Code is mapped private, nearly always through a first mapping of the whole file that may be of any
		// protection. Shared mappings are data, and often large.
		w.low = exec || !q.shared() && q.n <= s.cfg.MaxLowFile
	}
	if w.align > guest.PageSize && w.hint != 0 {
		// Huge pages are a matter of speed; a hint that is free has precedence.
		if h := (guest.Range{Start: w.hint, End: w.hint + guest.Addr(w.n)}); h.End > h.Start && s.isFree(h) &&
			q.flags&unix.MAP_HUGETLB == 0 && q.file.hugePage == 0 {
			w.align = guest.PageSize
		}
	}
	a, ok := s.place(w)
	if !ok && w.align > guest.PageSize && q.flags&unix.MAP_HUGETLB == 0 && q.file.hugePage == 0 {
		w.align = guest.PageSize
		a, ok = s.place(w)
	}
	if ok {
		r := guest.Range{Start: a, End: a + guest.Addr(q.n)}
		got, err := s.mapAt(r, q)
		if s.cfg.Reserved && q.addr == 0 && !q.anonymous() && errors.Is(err, unix.EINVAL) {
			return s.mapUnasked(q)
		}
		if s.cfg.Reserved || !errors.Is(err, unix.ENOMEM) {
			return got, err
		}
	}
	if s.cfg.Reserved || w.low32 {
		return 0, unix.ENOMEM
	}
	// Without a reservation the place may have been someone else's: the kernel knows a better one.
	return s.mapKernel(q)
}

// realFlags are the flags of the real mapping, less those that say where.
func (q *request) realFlags() int {
	const where = unix.MAP_FIXED | unix.MAP_FIXED_NOREPLACE | unix.MAP_32BIT | unix.MAP_GROWSDOWN
	return q.flags &^ where
}

// mapKernel lets the kernel choose.
func (s *Space) mapKernel(q *request) (guest.Addr, error) {
	a, err := hostMmap(guest.Range{End: guest.Addr(q.n)}, q.realProt(), q.realFlags(), q.fd, q.off)
	if err != nil {
		return 0, err
	}
	s.add(guest.Range{Start: a, End: a + guest.Addr(q.n)}, q)
	return a, nil
}

// unasked is where MAP_32BIT makes the kernel look for a place, from its start upwards, on amd64: behind the 32 MB that it may
// skip to be hard to predict (find_start_end in arch/x86/kernel/sys_x86_64.c).
var unasked = guest.Range{Start: 0x42000000, End: guest.ToolBase}

// mapUnasked maps a file that refuses every address but the one that the kernel chooses, as io_uring's rings do since Linux 6.5:
// the place is made the only one that there is.
func (s *Space) mapUnasked(q *request) (guest.Addr, error) {
	a, ok := s.up(unasked, q.n, q.align)
	if !ok {
		return 0, unix.ENOMEM
	}
	r := guest.Range{Start: a, End: a + guest.Addr(q.n)}
	if err := hostMunmap(r); err != nil {
		return 0, err
	}
	got, err := hostMmap(guest.Range{End: guest.Addr(q.n)}, q.realProt(), q.realFlags()|unix.MAP_32BIT, q.fd, q.off)
	if err == nil && got != a {
		hostMunmap(guest.Range{Start: got, End: got + guest.Addr(q.n)})
		err = unix.ENOMEM
	}
	if err != nil {
		if err := s.release(r); err != nil {
			return 0, err
		}
		return 0, err
	}
	s.add(r, q)
	return a, nil
}

// realProt passes bits through that only the kernel knows.
func (q *request) realProt() int { return realProt(guest.Prot(q.prot)&7) | q.prot&^7 }

// mapAt maps r, over whatever the guest has there.
func (s *Space) mapAt(r guest.Range, q *request) (guest.Addr, error) {
	undo, err := s.claim(r)
	if err != nil {
		return 0, err
	}
	if _, err := hostMmap(r, q.realProt(), q.realFlags()|unix.MAP_FIXED, q.fd, q.off); err != nil {
		undo()
		s.afterFailure(r)
		return 0, err
	}
	s.vanish(r)
	s.add(r, q)
	return r.Start, nil
}

// afterFailure finds out what a failed MAP_FIXED has left of r: some kernels unmap first and then ask the file.
func (s *Space) afterFailure(r guest.Range) {
	if s.cfg.Reserved {
		for _, h := range s.holes(r) {
			s.release(h) // it is reserved already, or is now
		}
	}
	for _, v := range append([]*vma(nil), s.over(r)...) {
		part := clip(v.Range, r)
		if errors.Is(hostMsync(part, unix.MS_ASYNC), unix.ENOMEM) {
			s.release(part)
			s.vanish(part)
		}
	}
}

// add enters the new mapping r in the list.
func (s *Space) add(r guest.Range, q *request) {
	v := &vma{
		Range: r,
		prot:  guest.Prot(q.prot) & 7,
		flags: q.flags & keptFlags,
		kind:  q.kind,
		file:  q.file.backing,
		off:   q.off,
	}
	if q.anonymous() && q.shared() {
		// To the kernel it is a file, of which each mapping has its own: they never merge, and offsets count.
		v.flags &^= unix.MAP_ANONYMOUS
		v.file.path = "/dev/zero (deleted)"
		v.segment = r.Start
	}
	s.insert(v)
	s.note(event{kind: mapped, m: v.public().Contract()})
}

// vanish takes the mapped parts of r out of the list after the real mappings have gone.
func (s *Space) vanish(r guest.Range) {
	for _, v := range s.remove(r) {
		s.note(event{kind: unmapped, r: v.Range})
	}
}

// Munmap is the system call.
func (s *Space) Munmap(addr guest.Addr, length uint64) error {
	n := (length + guest.PageSize - 1) &^ (guest.PageSize - 1)
	if addr%guest.PageSize != 0 || n == 0 || n > uint64(s.cfg.Space.End) || addr > s.cfg.Space.End-guest.Addr(n) {
		return unix.EINVAL
	}
	return s.update(func() error {
		return s.munmap(guest.Range{Start: addr, End: addr + guest.Addr(n)})
	})
}

// munmap unmaps what the guest has in r. The caller holds both locks.
func (s *Space) munmap(r guest.Range) error {
	over := s.over(r)
	if len(over) == 0 {
		return nil
	}
	// One call for all of it if nothing lies in between that is not the guest's to unmap.
	all := clip(guest.Range{Start: over[0].Start, End: over[len(over)-1].End}, r)
	if s.cfg.Reserved && !s.overTool(all) || len(over) == 1 {
		if err := s.release(all); err != nil {
			return err
		}
		s.vanish(all)
		return nil
	}
	for _, v := range append([]*vma(nil), over...) {
		part := clip(v.Range, r)
		if err := s.release(part); err != nil {
			return err
		}
		s.vanish(part)
	}
	return nil
}

// Where is a part of guest space for memory of the tool.
type Where uint8

const (
	High Where = iota // with the guest's anonymous memory
	Low               // in reach of the code cache if there is room
)

// MapTool maps n bytes of zeroed, writable memory in guest space that the tool manages (Mapping.Tool).
func (s *Space) MapTool(n uint64, where Where) (guest.Range, error) {
	q := request{
		prot:  unix.PROT_READ | unix.PROT_WRITE,
		flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE,
		fd:    -1,
		align: guest.PageSize,
		kind:  owned,
	}
	if err := q.check(n); err != nil {
		return guest.Range{}, err
	}
	if n >= 2*guest.HugePage {
		q.align = guest.HugePage
	}
	var r guest.Range
	err := s.update(func() error {
		if err := s.mayGrow(q.n, true); err != nil {
			return err
		}
		a, ok := s.place(wish{n: q.n, align: q.align, low: where == Low})
		if !ok {
			return unix.ENOMEM
		}
		r = guest.Range{Start: a, End: a + guest.Addr(q.n)}
		_, err := s.mapAt(r, &q)
		return err
	})
	return r, err
}

// UnmapTool gives back r, or a part of it, that MapTool returned.
func (s *Space) UnmapTool(r guest.Range) error { return s.Munmap(r.Start, r.Len()) }

// MapImage finds and takes a place for an executable image of n bytes: hint if it is free there, else a place in the
// low zones. All of it is inaccessible until the loader maps the segments over it.
func (s *Space) MapImage(hint guest.Addr, n, align uint64) (guest.Addr, error) {
	q := request{
		addr:  hint,
		flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE,
		fd:    -1,
		align: max(align, guest.PageSize),
	}
	if err := q.check(n); err != nil {
		return 0, err
	}
	q.align = max(align, guest.PageSize)
	var a guest.Addr
	err := s.update(func() error {
		err := error(unix.ENOMEM)
		// Without a reservation a place may turn out to be someone else's.
		for _, w := range []wish{{hint: hint, low: true}, {low: true}, {}} {
			w.n, w.align = q.n, q.align
			at, ok := s.place(w)
			if !ok {
				break
			}
			if a, err = s.mapAt(guest.Range{Start: at, End: at + guest.Addr(q.n)}, &q); err == nil {
				break
			}
		}
		return err
	})
	return a, err
}

// MapStack maps the main stack: all n bytes of it at the end of Config.Stack. The kernel would let it grow; here it is
// whole from the start, backed by nothing until touched, and the unmapped space below is its guard.
func (s *Space) MapStack(n uint64, exec bool) (guest.Range, error) {
	q := request{
		prot:  unix.PROT_READ | unix.PROT_WRITE,
		flags: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE | unix.MAP_STACK | unix.MAP_GROWSDOWN,
		fd:    -1,
		align: guest.PageSize,
		kind:  stack,
	}
	if exec {
		q.prot |= unix.PROT_EXEC
	}
	if err := q.check(n); err != nil {
		return guest.Range{}, err
	}
	var r guest.Range
	err := s.update(func() error {
		a, _, _, ok := s.down(s.cfg.Stack, q.n, guest.PageSize)
		if !ok {
			return unix.ENOMEM
		}
		r = guest.Range{Start: a, End: a + guest.Addr(q.n)}
		_, err := s.mapAt(r, &q)
		return err
	})
	return r, err
}
