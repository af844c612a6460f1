package aspace

import (
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// limits are RLIMIT_AS and RLIMIT_DATA of the guest. The kernel cannot be left to enforce them: it would count the tool's memory
// and the reservations, too. Memory that the tool manages in guest space (MapTool) is not counted, as red zones and blocks that
// wait to be reused are not the program's, but a single piece of it must fit what is left. The main stack, which is mapped whole
// although little of it is used, is not counted either.
type limits struct{ space, data uint64 }

// SetLimits says what the guest's limits are from now on, in bytes; New sets none.
func (s *Space) SetLimits(space, data uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = limits{space, data}
}

// counts is what a mapping counts for.
func (v *vma) counts() (space, data uint64) {
	if v.kind == owned || v.kind == stack {
		return 0, 0
	}
	if isData(v.prot, v.flags) {
		data = v.Len()
	}
	return v.Len(), data
}

// isData reports whether RLIMIT_DATA counts such a mapping: what is private and may be written (is_data_mapping in mm/vma.h).
func isData(prot guest.Prot, flags int) bool {
	return prot&guest.Write != 0 && flags&unix.MAP_TYPE == unix.MAP_PRIVATE && flags&unix.MAP_GROWSDOWN == 0
}

// mayGrow reports whether the limits leave room for n more bytes. The caller holds mu.
func (s *Space) mayGrow(n uint64, data bool) error {
	if s.limits.space == unix.RLIM_INFINITY && (!data || s.limits.data == unix.RLIM_INFINITY) {
		return nil
	}
	var total, private uint64
	for _, v := range s.maps {
		a, b := v.counts()
		total, private = total+a, private+b
	}
	if exceeds(total, n, s.limits.space) || data && exceeds(private, n, s.limits.data) {
		return unix.ENOMEM
	}
	return nil
}

func exceeds(have, more, limit uint64) bool { return have > limit || more > limit-have }

// mapped is how many bytes of r are mapped. The caller holds mu.
func (s *Space) mapped(r guest.Range) (n uint64) {
	for _, v := range s.over(r) {
		n += clip(v.Range, r).Len()
	}
	return n
}
