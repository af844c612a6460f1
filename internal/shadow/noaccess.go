package shadow

import (
	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

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
