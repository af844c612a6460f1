package jit

// A list grows without moving what it has, so that its elements can be pointed to and a long list is not copied, and collected,
// again and again. T holds no pointers.
type list[T any] struct {
	chunks []*[chunk]T
	n      int
}

// chunk is how many elements are allocated at a time.
const chunk = 1 << 12

func (l *list[T]) add(x T) {
	if l.n == len(l.chunks)*chunk {
		l.chunks = append(l.chunks, new([chunk]T))
	}
	*l.at(uint32(l.n)) = x
	l.n++
}

// at is element i, which must be there.
func (l *list[T]) at(i uint32) *T { return &l.chunks[i/chunk][i%chunk] }

// last is the element added last.
func (l *list[T]) last() *T { return l.at(uint32(l.n - 1)) }

// A sieve says of most addresses that are not in a set that they are not, without the cache misses of a map's look-up. Most
// addresses that translation looks up have no fragment yet.
type sieve [1 << (sieveBits - 6)]uint64

const sieveBits = 20

func (s *sieve) place(pc uint64) (word, bit uint64) {
	h := pc * 0x9e3779b97f4a7c15 >> (64 - sieveBits) // multiplicative hashing by the golden ratio
	return h >> 6, 1 << (h & 63)
}

func (s *sieve) add(pc uint64) {
	w, b := s.place(pc)
	s[w] |= b
}

// may reports whether pc may be in the set.
func (s *sieve) may(pc uint64) bool {
	w, b := s.place(pc)
	return s[w]&b != 0
}
