package leak

import "gogrind/internal/guest"

// Heuristic is a way to tell an interior pointer that a compiler or library makes from a chance one.
type Heuristic uint8

// The heuristics, in the order of their option's names.
const (
	None                Heuristic = iota
	StdString                     // to the characters of a std::string with a reference count
	Length64                      // after a 64-bit length
	NewArray                      // after the number of elements that new[] stores
	MultipleInheritance           // to a base class that is not the first
	NumHeuristics
)

func (h Heuristic) String() string {
	return [...]string{"none", "stdstring", "length64", "newarray", "multipleinheritance"}[h]
}

// Heuristics is a set: bit h-1 for Heuristic h.
type Heuristics uint32

// Has reports whether h is in s.
func (s Heuristics) Has(h Heuristic) bool { return s&(1<<(h-1)) != 0 }

const word = 8

// heuristic says by which heuristic the interior pointer p makes b reachable, None if by none.
func (s *search) heuristic(p guest.Addr, b *Block) Heuristic {
	set := s.in.Heuristics
	if set == 0 || b.Addr%word != 0 || p%word != 0 {
		return None
	}
	off := uint64(p - b.Addr)
	if set.Has(StdString) && off == 3*word && b.Size > 3*word {
		// length, capacity, reference count, characters, a zero
		length, capacity := s.word(b.Addr), s.word(b.Addr+word)
		if length <= capacity && capacity == b.Size-3*word-1 {
			return StdString
		}
	}
	if set.Has(Length64) && off == word {
		if n := s.word(b.Addr); n > 0 && n == b.Size-word {
			return Length64
		}
	}
	if set.Has(NewArray) && off == word {
		if n := s.word(b.Addr); n > 0 && (b.Size-word)%n == 0 {
			return NewArray
		}
	}
	if set.Has(MultipleInheritance) && off+word <= b.Size {
		if s.vtable(guest.Addr(s.word(b.Addr))) && s.vtable(guest.Addr(s.word(p))) {
			return MultipleInheritance
		}
	}
	return None
}

func (s *search) word(a guest.Addr) uint64 {
	var w [1]uint64
	s.in.Reader.Words(w[:], a)
	return w[0]
}

// vtableScan is how many words of a supposed vtable are looked at for a function.
const vtableScan = 20

// vtable reports whether a looks like a table of virtual functions: in memory that is no heap, a pointer to code follows
// soon. Offsets and null pointers may come first.
func (s *search) vtable(a guest.Addr) bool {
	if s.in.Data == nil || s.in.Code == nil || a%word != 0 || a < guest.PageSize {
		return false
	}
	for i := guest.Addr(0); i < vtableScan; i++ {
		if !s.in.Data(a + i*word) {
			return false
		}
		if f := guest.Addr(s.word(a + i*word)); f >= guest.PageSize && s.in.Code(f) {
			return true
		}
	}
	return false
}
