package aspace

import (
	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// RemapFilePages is the system call: the pages of shared mappings of one file become those of the file from page on.
func (s *Space) RemapFilePages(addr guest.Addr, size uint64, prot int, page uint64, flags int) error {
	addr &^= guest.PageSize - 1
	size &^= guest.PageSize - 1
	r := guest.Range{Start: addr, End: addr + guest.Addr(size)}
	if prot != 0 || r.Empty() || size > uint64(s.cfg.Space.End) || page+size/guest.PageSize < page {
		return unix.EINVAL
	}
	return s.update(func() error {
		if !s.oneFile(r) {
			return unix.EINVAL
		}
		if err := s.dropCode(r); err != nil { // pages of other protection are other mappings to the kernel
			return err
		}
		if err := hostRemapFilePages(r, page, flags); err != nil {
			return err
		}
		s.note(event{kind: unmapped, r: r})
		s.edit(r, func(v *vma) {
			v.off = page*guest.PageSize + uint64(v.Start-r.Start)
			s.note(event{kind: mapped, m: v.public().Contract()})
		})
		return nil
	})
}

// oneFile reports whether r is covered by shared mappings of one file that differ in their places in it only.
func (s *Space) oneFile(r guest.Range) bool {
	over := s.over(r)
	next := r.Start
	for _, v := range over {
		first := over[0]
		if v.Start > next || v.flags&unix.MAP_SHARED == 0 || v.file != first.file || v.segment != first.segment || v.flags != first.flags ||
			v.prot != first.prot {
			return false
		}
		next = v.End
	}
	return next >= r.End
}
