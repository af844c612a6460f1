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

// hugeUndefined is the length from which MakeUndefined maps the template instead of writing: a fill of it costs as much as the
// mapping and the page faults to come.
const hugeUndefined = 256 << 10

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
