package shadow

import (
	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// Huge asks the kernel for huge pages for the shadow of r, which is going to be written to all over.
func (m *Map) Huge(r guest.Range) {
	s, e := m.shadowOf(m.clip(r))
	s, e = (s+pageMask)&^uint64(pageMask), e&^uint64(pageMask)
	if e > s {
		wantHuge(s, e)
	}
}

// wantHuge asks for huge pages for [s, e). Without them it is slower, no more.
func wantHuge(s, e uint64) {
	unix.RawSyscall(unix.SYS_MADVISE, uintptr(s), uintptr(e-s), unix.MADV_HUGEPAGE)
}

// MakeDefinedIfNoAccess makes those bytes of r addressable and defined that may not be accessed: what a change of page
// protection does to memory that was reserved before.
func (m *Map) MakeDefinedIfNoAccess(r guest.Range) error {
	r = m.clip(r)
	if r.Empty() {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, e := m.shadowOf(r)
	m.backed.within(s, e, func(s, e uint64) bool {
		dropNoAccess(s, e)
		return true
	})
	return m.back(r)
}
