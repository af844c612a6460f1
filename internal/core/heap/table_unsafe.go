package heap

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// pageTable says which span each page of guest memory belongs to, but for solo ones. It is read without a lock: what lies in a span that
// holds a live block stays, and other entries are of spans, too, whatever they are now.
//
// It is memory that Go does not know of, so that its pages are there when they are touched only; the spans in it are all in
// pageHeap.spans, too.
type pageTable struct {
	root uintptr // of a leaf for each 1<<leafShift bytes of the guest, 0 where there is none
}

const (
	leafPages  = 17 // log2
	leafShift  = leafPages + 12
	guestShift = 47
	rootSize   = 8 << (guestShift - leafShift)
	leafSize   = 8 << leafPages
)

// at is the span of the page of p, nil if there is none.
//
//go:nosplit
func (t *pageTable) at(p guest.Addr) *span {
	if p>>guestShift != 0 || t.root == 0 {
		return nil
	}
	leaf := *(*uintptr)(pointer(t.root + uintptr(p>>leafShift)*8))
	if leaf == 0 {
		return nil
	}
	return *(**span)(pointer(leafEntry(leaf, p)))
}

//go:nosplit
func leafEntry(leaf uintptr, p guest.Addr) uintptr {
	return leaf + uintptr(p>>12&(1<<leafPages-1))*8
}

// reserve makes room for the pages of r, which set needs.
func (t *pageTable) reserve(r guest.Range) error {
	if r.End > 1<<guestShift {
		return fmt.Errorf("heap: %v is out of the guest's space: %w", r, unix.ENOMEM)
	}
	if t.root == 0 {
		root, err := mapOwn(rootSize)
		if err != nil {
			return err
		}
		t.root = root
	}
	for i := r.Start >> leafShift; i <= (r.End-1)>>leafShift; i++ {
		leaf := (*uintptr)(pointer(t.root + uintptr(i)*8))
		if *leaf != 0 {
			continue
		}
		at, err := mapOwn(leafSize)
		if err != nil {
			return err
		}
		*leaf = at
	}
	return nil
}

// set enters sp for the page of p.
func (t *pageTable) set(p guest.Addr, sp *span) {
	leaf := *(*uintptr)(pointer(t.root + uintptr(p>>leafShift)*8))
	*(*uintptr)(pointer(leafEntry(leaf, p))) = uintptr(unsafe.Pointer(sp))
}

// metaPool hands out memory for index entries. What it has once it keeps for spans of the same class.
type metaPool struct {
	chunk, end uintptr // free part of the newest piece
	pieces     int
	free       [numClasses][][]meta
}

const (
	// firstMetas is enough for small programs; later pieces are huge pages, as the entries of blocks that leave the quarantine are
	// far apart.
	firstMetas = 128 << 10
	laterMetas = guest.HugePage
)

// get returns n entries, all zero, for a span of class c.
func (m *metaPool) get(c, n int) ([]meta, error) {
	if l := len(m.free[c]); l > 0 {
		metas := m.free[c][l-1]
		m.free[c] = m.free[c][:l-1]
		clear(metas)
		return metas, nil
	}
	size := (uintptr(n)*unsafe.Sizeof(meta{}) + 63) &^ 63
	if m.end-m.chunk < size {
		if err := m.grow(); err != nil {
			return nil, err
		}
	}
	p := m.chunk
	m.chunk += size
	return unsafe.Slice((*meta)(pointer(p)), n), nil
}

func (m *metaPool) grow() error {
	if m.pieces == 0 {
		at, err := mapOwn(firstMetas)
		if err != nil {
			return err
		}
		m.chunk, m.end = at, at+firstMetas
	} else {
		at, err := mapOwn(2 * laterMetas)
		if err != nil {
			return err
		}
		at = (at + laterMetas - 1) &^ (laterMetas - 1)
		m.chunk, m.end = at, at+laterMetas
		// Without huge pages it is slower, no more.
		unix.RawSyscall(unix.SYS_MADVISE, at, laterMetas, unix.MADV_HUGEPAGE)
	}
	m.pieces++
	return nil
}

// put takes back what get has returned for class c.
func (m *metaPool) put(c int, metas []meta) { m.free[c] = append(m.free[c], metas) }

// newRing returns a ring of n entries. Like Go's own, it can't do without memory from the kernel.
func newRing(n int) []held {
	at, err := mapOwn(uintptr(n) * unsafe.Sizeof(held{}))
	if err != nil {
		panic(err)
	}
	return unsafe.Slice((*held)(pointer(at)), n)
}

// freeRing gives back what newRing has returned.
func freeRing(ring []held) {
	if len(ring) > 0 {
		unix.RawSyscall(unix.SYS_MUNMAP, uintptr(unsafe.Pointer(&ring[0])), uintptr(len(ring))*unsafe.Sizeof(held{}), 0)
	}
}

// mapOwn maps n bytes of zeroed memory that Go does not know of.
func mapOwn(n uintptr) (uintptr, error) {
	const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE
	at, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, n, unix.PROT_READ|unix.PROT_WRITE, flags, ^uintptr(0), 0)
	if errno != 0 {
		return 0, fmt.Errorf("heap: %d bytes for the index: %w", n, errno)
	}
	return at, nil
}

//go:nosplit
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }
