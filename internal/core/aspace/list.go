package aspace

import (
	"slices"

	"gogrind/internal/guest"

	"golang.org/x/sys/unix"
)

// kind says what a mapping is besides its bytes.
type kind uint8

const (
	plain kind = iota
	heap       // the program break's
	stack      // the main stack
	shm        // attached by shmat
	owned      // Mapping.Tool
)

// backing is the file behind a mapping. The zero value is anonymous memory.
type backing struct {
	path     string
	dev, ino uint64
	// noWrite and noExec are what mprotect may never give (VM_MAYWRITE, VM_MAYEXEC of the kernel, negated).
	noWrite, noExec bool
}

// vma is one entry of the list. All fields but the range, prot and stored are immutable.
type vma struct {
	guest.Range
	prot  guest.Prot
	flags int // as Mapping.Flags
	kind  kind
	file  backing
	off   uint64 // of Start in the file
	// segment is where a shmat mapping was attached, which shmdt wants, and identifies it for merging.
	segment guest.Addr
	// stored: a private file mapping that may be read only now, but was writable before, as RELRO pages are.
	stored bool
	// dontFork is set by MADV_DONTFORK: the child has nothing here.
	dontFork bool
}

// keptFlags are the MAP_ bits that Mapping.Flags shows.
const keptFlags = unix.MAP_TYPE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE | unix.MAP_GROWSDOWN | unix.MAP_STACK | unix.MAP_LOCKED |
	unix.MAP_HUGETLB

func (v *vma) public() Mapping {
	m := Mapping{
		Range:  v.Range,
		Prot:   v.prot,
		Flags:  v.flags,
		Path:   v.file.path,
		Offset: v.off,
		Dev:    v.file.dev,
		Inode:  v.file.ino,
		Tool:   v.kind == owned,
		Stored: v.stored,
	}
	switch v.kind {
	case heap:
		m.Path = "[heap]"
	case stack:
		m.Path = "[stack]"
	}
	return m
}

// isFile reports whether offsets in v mean anything.
func (v *vma) isFile() bool { return v.flags&unix.MAP_ANONYMOUS == 0 }

// slice returns the part of v that is r, which v covers.
func (v *vma) slice(r guest.Range) *vma {
	n := *v
	n.Range = r
	if v.isFile() {
		n.off += uint64(r.Start - v.Start)
	}
	return &n
}

// continues reports whether w can be merged onto the end of v.
func (v *vma) continues(w *vma) bool {
	return v.End == w.Start && v.prot == w.prot && v.flags == w.flags && v.kind == w.kind && v.file == w.file &&
		v.segment == w.segment && v.dontFork == w.dontFork && v.stored == w.stored &&
		(!v.isFile() || v.off+v.Len() == w.off)
}

// from returns the index of the first mapping that ends after a.
func (s *Space) from(a guest.Addr) int {
	lo, hi := 0, len(s.maps)
	for lo < hi {
		if i := int(uint(lo+hi) / 2); s.maps[i].End > a {
			hi = i
		} else {
			lo = i + 1
		}
	}
	return lo
}

// at returns the mapping that contains a, or nil.
func (s *Space) at(a guest.Addr) *vma {
	if i := int(s.last.Load()); i < len(s.maps) && s.maps[i].Contains(a) {
		return s.maps[i]
	}
	if i := s.from(a); i < len(s.maps) && s.maps[i].Start <= a {
		s.last.Store(uint32(i))
		return s.maps[i]
	}
	return nil
}

// over returns the mappings that overlap r, as they are in the list.
func (s *Space) over(r guest.Range) []*vma {
	i := s.from(r.Start)
	j := i
	for j < len(s.maps) && s.maps[j].Start < r.End {
		j++
	}
	return s.maps[i:j]
}

// pieces calls f for each mapped part of r and reports whether there were holes. It stops at the first error.
func (s *Space) pieces(r guest.Range, f func(v *vma, part guest.Range) error) (holes bool, err error) {
	next := r.Start
	for _, v := range s.over(r) {
		part := clip(v.Range, r)
		if part.Start > next {
			holes = true
		}
		next = part.End
		if err := f(v, part); err != nil {
			return holes, err
		}
	}
	return holes || next < r.End, nil
}

func (s *Space) covered(r guest.Range) bool {
	holes, _ := s.pieces(r, func(*vma, guest.Range) error { return nil })
	return !holes
}

// clip is the part of a that is in b.
func clip(a, b guest.Range) guest.Range {
	return guest.Range{Start: max(a.Start, b.Start), End: min(a.End, b.End)}
}

// insert adds v, which overlaps nothing, and merges it with its neighbours.
func (s *Space) insert(v *vma) {
	i := s.from(v.Start)
	if i > 0 && s.maps[i-1].continues(v) {
		i--
		merged := *s.maps[i]
		merged.End = v.End
		s.maps[i] = &merged
	} else {
		s.maps = slices.Insert(s.maps, i, v)
	}
	if i+1 < len(s.maps) && s.maps[i].continues(s.maps[i+1]) {
		merged := *s.maps[i]
		merged.End = s.maps[i+1].End
		s.maps[i] = &merged
		s.maps = slices.Delete(s.maps, i+1, i+2)
	}
}

// cut takes r out of the list, splitting what reaches over its ends, and returns what it took. The real mappings and the
// code set stay as they are.
func (s *Space) cut(r guest.Range) []*vma {
	i := s.from(r.Start)
	j := i
	var taken, left []*vma
	for ; j < len(s.maps) && s.maps[j].Start < r.End; j++ {
		v := s.maps[j]
		taken = append(taken, v.slice(clip(v.Range, r)))
		if v.Start < r.Start {
			left = append(left, v.slice(guest.Range{Start: v.Start, End: r.Start}))
		}
		if v.End > r.End {
			left = append(left, v.slice(guest.Range{Start: r.End, End: v.End}))
		}
	}
	if j > i {
		s.maps = slices.Replace(s.maps, i, j, left...)
	}
	return taken
}

// edit changes each mapped part of r by f, which may not change its range.
func (s *Space) edit(r guest.Range, f func(v *vma)) {
	for _, v := range s.cut(r) {
		f(v)
		s.insert(v)
	}
}

// remove takes r out of the list and out of the code set.
func (s *Space) remove(r guest.Range) []*vma {
	for _, p := range s.code.in(r) {
		s.code.remove(p)
	}
	taken := s.cut(r)
	for _, v := range taken {
		s.freed(v.Range)
	}
	return taken
}
