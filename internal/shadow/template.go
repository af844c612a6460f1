package shadow

import (
	"bytes"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// Large pieces of undefined memory (new stacks, big blocks) share the pages of a file that holds nothing but Undefined, until
// somebody writes to them.

// templateSize is the size of that file, and of the largest piece that is mapped at once.
const templateSize = 2 << 20

// HugeUndefined is the length from which MakeUndefined maps the template instead of writing: a fill of it costs as much as the
// mapping and the page faults to come.
const HugeUndefined = 256 << 10

// Large is the length from which it is asked whether memory that becomes defined as a whole is such a piece.
const Large = 64 << 10

// UseTemplate makes the file, with a descriptor of at least first. Without it MakeUndefined writes all bytes.
func (m *Map) UseTemplate(first int) error {
	fd, err := unix.MemfdCreate("undefined", unix.MFD_CLOEXEC)
	if err != nil {
		return fmt.Errorf("shadow: template: %w", err)
	}
	defer unix.Close(fd)
	b := bytes.Repeat([]byte{Undefined}, templateSize/32)
	for range templateSize / len(b) {
		n, err := unix.Write(fd, b)
		if err == nil && n != len(b) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return fmt.Errorf("shadow: template: %w", err)
		}
	}
	high, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, first)
	if err != nil {
		return fmt.Errorf("shadow: template: %w", err)
	}
	m.template = high
	return nil
}

// mapTemplate makes the backed shadow [s, e) undefined, whole pages by mapping the template. The caller holds mu for writing.
func (m *Map) mapTemplate(s, e uint64) {
	ps, pe := (s+pageMask)&^uint64(pageMask), e&^uint64(pageMask)
	fill(s, min(ps, e), Undefined)
	for at := ps; at < pe; {
		// Pieces end at multiples of the size, so that the kernel can join what belongs together.
		end := min(pe, (at/templateSize+1)*templateSize)
		const flags = unix.MAP_PRIVATE | unix.MAP_NORESERVE | unix.MAP_FIXED
		_, _, errno := unix.Syscall6(unix.SYS_MMAP, uintptr(at), uintptr(end-at), unix.PROT_READ|unix.PROT_WRITE, flags,
			uintptr(m.template), uintptr(at%templateSize))
		if errno != 0 {
			fill(at, end, Undefined)
		} else {
			m.fresh.add(at, end)
		}
		at = end
	}
	if pe >= ps {
		fill(pe, e, Undefined)
	}
}

// undefinedHuge is MakeUndefined for long ranges.
func (m *Map) undefinedHuge(r guest.Range) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.back(r) != nil {
		return // no memory for shadow: the range stays without access, which reports but does not crash
	}
	s, e := m.shadowOf(r)
	m.mapTemplate(s, e)
}

// Fill is called before the guest stores defined bytes to all of r. The template's pages among its shadow become zero pages, if all of r
// may be accessed: each would be copied, only to be cleared, and then take memory and, what costs most, cache.
func (m *Map) Fill(r guest.Range) {
	if r.Len() < Large || !m.isFresh(r) {
		return
	}
	if _, bad := m.FirstNoAccess(r); !bad {
		m.renew(r)
	}
}

// FillFrom is Fill where the bytes come from src, and are stored if they are defined.
func (m *Map) FillFrom(r guest.Range, src guest.Addr) {
	if r.Len() < Large || !m.isFresh(r) {
		return
	}
	if _, k := m.Check(guest.Range{Start: src, End: src + guest.Addr(r.Len())}); k == OK {
		m.Fill(r)
	}
}

// isFresh reports whether there may be pages of the template in the shadow of r.
func (m *Map) isFresh(r guest.Range) (yes bool) {
	s, e := m.shadowOf(m.clip(r))
	m.mu.RLock()
	defer m.mu.RUnlock()
	m.fresh.within(s, e, func(s, e uint64) bool {
		yes = e-s >= guest.PageSize
		return !yes
	})
	return yes
}

// renew makes the pages of the template in the shadow of r defined. They are mapped as small pages at once:
// with the kernel's small zero page all of them are in the cache, which the huge one is too large for.
func (m *Map) renew(r guest.Range) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, e := m.shadowOf(m.clip(r))
	s, e = (s+pageMask)&^uint64(pageMask), e&^uint64(pageMask)
	var parts []span
	m.fresh.within(s, e, func(s, e uint64) bool {
		parts = append(parts, span{s, e})
		return true
	})
	for _, p := range parts {
		m.renewPages(p)
	}
}

// renewPages is renew for pages that are there. The caller holds mu for writing.
func (m *Map) renewPages(p span) {
	if mapZero(p.s, p.e) == nil {
		// Kernels before 5.14 map each page when it is first looked at.
		unix.RawSyscall(unix.SYS_MADVISE, uintptr(p.s), uintptr(p.e-p.s), unix.MADV_POPULATE_READ)
	}
	m.fresh.remove(p.s, p.e)
}
