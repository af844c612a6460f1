package jit

// A list grows without moving what it has, so that its elements can be pointed to and a long list is not copied again and again. T
// holds no pointers.
type list[T any] struct {
	arena  *arena
	chunks [][]T
	n      int
}

// chunk is how many elements are taken from the arena at a time.
const chunk = 1 << 12

func (l *list[T]) add(x T) {
	if l.n == len(l.chunks)*chunk {
		l.chunks = append(l.chunks, takeSlice[T](l.arena, chunk))
	}
	*l.at(uint32(l.n)) = x
	l.n++
}

// at is element i, which must be there.
func (l *list[T]) at(i uint32) *T { return &l.chunks[i/chunk][i%chunk] }

// last is the element added last.
func (l *list[T]) last() *T { return l.at(uint32(l.n - 1)) }

// A bytesStore keeps pieces of bytes.
type bytesStore struct {
	arena  *arena
	chunks [][]byte // of bytesChunk bytes
	used   uint32   // bytes of the last one
}

const bytesChunk = 1 << 16

// put keeps a copy of b, at most bytesChunk bytes, and returns its number.
func (s *bytesStore) put(b []byte) uint32 {
	if len(s.chunks) == 0 || int(s.used)+len(b) > bytesChunk {
		s.chunks, s.used = append(s.chunks, takeSlice[byte](s.arena, bytesChunk)), 0
	}
	at := s.used
	last := len(s.chunks) - 1
	if copy(s.chunks[last][at:], b) != len(b) {
		panic("jit: a piece of bytes is too large")
	}
	s.used += uint32(len(b))
	return uint32(last)*bytesChunk + at
}

// get returns the n bytes that put has kept as number at.
func (s *bytesStore) get(at, n uint32) []byte {
	if n == 0 {
		return nil
	}
	return s.chunks[at/bytesChunk][at%bytesChunk:][:n]
}

// An index is a map from addresses, or numbers of pages, to numbers, all above 0.
type index struct {
	arena *arena
	slots []indexSlot // open addressing with linear probing; a power of two
	used  int         // slots with a key, also those whose value has been removed
	n     int         // keys with a value
}

type indexSlot struct {
	key uint64 // 0: free
	val uint32 // 0: removed
}

// minIndex is the number of slots of an index that has something.
const minIndex = 1 << 12

// golden spreads keys by multiplicative hashing.
const golden = 0x9e3779b97f4a7c15

// slot is the slot of key, or the free one where it belongs.
func (x *index) slot(key uint64) *indexSlot {
	mask := uint64(len(x.slots) - 1)
	for i := key * golden >> 32 & mask; ; i = (i + 1) & mask {
		if s := &x.slots[i]; s.key == key || s.key == 0 {
			return s
		}
	}
}

// get returns the value of key, 0 if it has none.
func (x *index) get(key uint64) uint32 {
	if x.used == 0 {
		return 0
	}
	return x.slot(key).val
}

// set gives key a value; 0 removes it.
func (x *index) set(key uint64, val uint32) {
	if x.get(key) == 0 && val != 0 && 2*x.used >= len(x.slots) {
		x.rehash()
	}
	if x.used == 0 && val == 0 {
		return
	}
	s := x.slot(key)
	switch {
	case s.val == 0 && val != 0:
		x.n++
	case s.val != 0 && val == 0:
		x.n--
	}
	if s.key == 0 && val != 0 {
		s.key = key
		x.used++
	}
	s.val = val
}

// rehash makes room, if only by forgetting removed keys.
func (x *index) rehash() {
	old := x.slots
	size := max(minIndex, len(old))
	if 4*x.n >= len(old) && old != nil {
		size *= 2
	}
	x.slots, x.used = takeSlice[indexSlot](x.arena, size), x.n
	clear(x.slots)
	for _, s := range old {
		if s.val != 0 {
			*x.slot(s.key) = s
		}
	}
}

// all calls f for each key that has a value; f may change the value.
func (x *index) all(f func(key uint64, val uint32)) {
	for _, s := range x.slots {
		if s.val != 0 {
			f(s.key, s.val)
		}
	}
}

// A sieve says of most addresses that are not in a set that they are not, without the cache misses of a look-up. Most addresses that
// translation looks up have no fragment yet. Addresses that are close to each other have bits that are, as they are looked up together.
type sieve []uint64

const sieveBits = 20

func newSieve(a *arena) sieve {
	s := takeSlice[uint64](a, 1<<(sieveBits-6))
	clear(s)
	return s
}

func place(pc uint64) (word, bit uint64) {
	h := (pc ^ pc>>sieveBits) & (1<<sieveBits - 1)
	return h >> 6, 1 << (h & 63)
}

func (s sieve) add(pc uint64) {
	w, b := place(pc)
	s[w] |= b
}

// may reports whether pc may be in the set.
func (s sieve) may(pc uint64) bool {
	w, b := place(pc)
	return s[w]&b != 0
}
