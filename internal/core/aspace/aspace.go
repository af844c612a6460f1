// Package aspace is the guest's address space: it keeps every mapping of the guest, performs the guest's mapping calls
// and decides where new mappings go. It never runs guest code and never looks into what is mapped.
//
// # Reservation
//
// The guest lives in the tool's own process. Before the Go runtime starts, stage0 reserves the guest's ranges with
// PROT_NONE memory, so that nothing of the tool lands there. Therefore a mapping of the guest is made with MAP_FIXED over
// the reservation, and unmapping puts the reservation back. A hole of the guest is a reserved page to the kernel; calls
// that tell holes from mappings (ENOMEM, EFAULT) are answered from the list of mappings here. In an executable built
// without stage0 (Config.Reserved false) nothing is reserved: holes are real, and only addresses that the kernel says
// are free are used.
//
// # Executable pages
//
// The guest's code runs translated, never in place, so no page of the guest is executable to the host: PROT_EXEC becomes
// PROT_READ in the real mapping and is remembered as the guest's protection. Pages of which the translator holds copies
// (WriteProtect) are kept really read-only, so that writes to them fault and Classify says CodePage. The translator
// calls WriteProtect before it reads the code, or a write in between would go unseen.
//
// # Invariants
//
// Mappings are page-aligned, sorted, not empty, do not overlap each other nor Config.Tool, and lie in Config.Space.
// Adjacent mappings that are equal but for their range are one. The real protection of a page is realProt of the guest's,
// less Write if the page is in the code set.
//
// # Lock order
//
//	Space.change      one change of mappings at a time, held until all watchers have been told
//	  (locks of watchers)
//	    Space.mu      the list of mappings and the set of code pages
//
// Watchers may read the Space (Find, Each, ReadMem) and call WriteProtect and Unprotect, which take mu only. They must
// not map, unmap or protect. A watcher that waits for other threads of the guest to stop must take a thread that waits
// for change (in any method that maps, unmaps or protects) for stopped.
package aspace

import (
	"fmt"
	"sync"
	"sync/atomic"

	"gogrind/internal/guest"
	"gogrind/internal/tool"

	"golang.org/x/sys/unix"
)

// Config says where things may be. Immutable once New has been called.
type Config struct {
	// Reserved says that all of Space but Tool is reserved with PROT_NONE memory that nobody else uses.
	Reserved bool
	// Space is what the guest may map at all. To the guest, its end is the end of user addresses (TASK_SIZE).
	Space guest.Range
	// Tool are the parts of Space that are not the guest's, sorted.
	Tool []guest.Range
	// Low are the zones in reach of the code cache, in order of preference, searched upward.
	Low []guest.Range
	// Low32 is where MAP_32BIT mappings go.
	Low32 guest.Range
	// High is for everything else, searched downward from its end.
	High guest.Range
	// Brk is the area the program break moves in. No zone overlaps it.
	Brk guest.Range
	// Stack is where the loader puts the main stack, at the end. No zone overlaps it.
	Stack guest.Range
	// MaxLowFile is the length up to which private file mappings go to the low zones.
	MaxLowFile uint64
}

// Default is the layout of package guest. reserved says whether stage0 has run; without it the guest gets what the
// kernel gives, anywhere in user space.
func Default(reserved bool) Config {
	const (
		// ldsoEnd leaves 8 MB for the dynamic linker at its customary 0x4000000 (loader) before libraries start.
		ldsoEnd = 0x4800000
		// highEnd is where anonymous memory starts to grow down from. The break and the stack lie above it.
		highEnd  = 0x1f0000000000
		brkStart = 0x1f8000000000
		brkRoom  = 64 << 30
		// stackRoom bounds the main stack; RLIMIT_STACK decides how much of it is mapped.
		stackRoom = 64 << 30
		// stackGap keeps what runs over the top of the stack off the thread contexts above MaxAddr.
		stackGap = 64 << 10
		// userEnd is TASK_SIZE with 47-bit addresses: one page is kept off the end.
		userEnd = 0x7ffffffff000
	)
	c := Config{
		Reserved:   reserved,
		Space:      guest.Range{Start: guest.MinAddr, End: guest.MaxAddr},
		Tool:       []guest.Range{{Start: guest.ToolBase, End: guest.LowHigh}},
		Low:        []guest.Range{{Start: ldsoEnd, End: guest.ToolBase}, {Start: guest.LowHigh, End: guest.LowEnd}},
		Low32:      guest.Range{Start: ldsoEnd, End: guest.ToolBase},
		High:       guest.Range{Start: 1 << 32, End: highEnd},
		Brk:        guest.Range{Start: brkStart, End: brkStart + brkRoom},
		Stack:      guest.Range{Start: guest.MaxAddr - stackGap - stackRoom, End: guest.MaxAddr - stackGap},
		MaxLowFile: 256 << 20,
	}
	if !reserved {
		c.Space.End = userEnd
		c.Tool = nil
	}
	return c
}

// Above keeps everything at or above a.
func (c *Config) Above(a guest.Addr) {
	c.Space.Start = max(c.Space.Start, a)
	for i := range c.Low {
		c.Low[i].Start = min(max(c.Low[i].Start, a), c.Low[i].End)
	}
	c.Low32.Start = min(max(c.Low32.Start, a), c.Low32.End)
	c.High.Start = max(c.High.Start, a)
}

// Space is the address space of one guest process. All methods are safe for concurrent use.
type Space struct {
	cfg Config // immutable

	change   sync.Mutex
	events   []event              // guarded by change
	watchers []tool.MemoryWatcher // guarded by change

	mu   sync.RWMutex
	maps []*vma        // guarded by mu; sorted
	last atomic.Uint32 // index in maps of what at found last, which translation asks for again and again
	code codeSet       // guarded by mu; pages that the translator has copies of
	full full          // guarded by mu

	// brkStart and brkEnd are the bounds of the break, dataLen the initialised data that counts with it; guarded by mu.
	brkStart, brkEnd guest.Addr
	dataLen          uint64
	limits           limits // guarded by mu
	peak, peakRSS    uint64 // of Usage; guarded by mu
}

// New returns an empty Space laid out as cfg says.
func New(cfg Config) *Space {
	return &Space{
		cfg:      cfg,
		code:     newCodeSet(),
		brkStart: cfg.Brk.Start,
		brkEnd:   cfg.Brk.Start,
		limits:   limits{unix.RLIM_INFINITY, unix.RLIM_INFINITY},
		full:     full{floor: cfg.High.End},
	}
}

// Config returns what the Space was made with.
func (s *Space) Config() Config { return s.cfg }

// Lock keeps everyone else from reading and changing the Space until Unlock. The forking thread holds it over fork, so
// that the child's copy is whole.
func (s *Space) Lock() {
	s.change.Lock()
	s.mu.Lock()
}

// Unlock ends Lock, in the parent and in the child.
func (s *Space) Unlock() {
	s.mu.Unlock()
	s.change.Unlock()
}

// Mapping describes one mapping to others.
type Mapping struct {
	guest.Range
	// Prot is the guest's protection, not what the host's page tables say.
	Prot guest.Prot
	// Flags are the MAP_ bits that stay true of a mapping: type, MAP_ANONYMOUS, MAP_NORESERVE, MAP_GROWSDOWN,
	// MAP_STACK, MAP_LOCKED, MAP_HUGETLB.
	Flags int
	// Path is the file, "[heap]", "[stack]", or empty.
	Path       string
	Offset     uint64
	Dev, Inode uint64
	// Tool is set for memory in guest space that the tool manages.
	Tool bool
	// Stored is set for a private file mapping that was writable and is not any more: it holds what the program stored.
	Stored bool
}

// Contract is m as tools see it.
func (m Mapping) Contract() tool.Mapping {
	return tool.Mapping{
		Range:  m.Range,
		Prot:   m.Prot,
		Path:   m.Path,
		Offset: m.Offset,
		Shared: m.Flags&unix.MAP_SHARED != 0,
		Tool:   m.Tool,
		Stored: m.Stored,
		Stack:  m.Flags&unix.MAP_STACK != 0,
	}
}

func (m Mapping) String() string {
	return fmt.Sprintf("%v %v %#x %s", m.Range, m.Prot, m.Offset, m.Path)
}

// Find returns the mapping that contains a.
func (s *Space) Find(a guest.Addr) (Mapping, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if v := s.at(a); v != nil {
		return v.public(), true
	}
	return Mapping{}, false
}

// Look is what of Find translation asks for, several times for each trace.
func (s *Space) Look(a guest.Addr) (l Look, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v := s.at(a)
	if v == nil {
		return l, false
	}
	return Look{v.Range, v.prot, v.flags, v.file.path != "" || v.kind == heap || v.kind == stack}, true
}

// Look is a part of a Mapping.
type Look struct {
	guest.Range
	Prot  guest.Prot
	Flags int
	Named bool // Mapping.Path is not empty
}

// Each calls f for each mapping in ascending order until f returns false. It works on a copy, so f may use the Space.
func (s *Space) Each(f func(Mapping) bool) {
	s.mu.RLock()
	all := make([]Mapping, len(s.maps))
	for i, v := range s.maps {
		all[i] = v.public()
	}
	s.mu.RUnlock()
	for _, m := range all {
		if !f(m) {
			return
		}
	}
}

// Covered reports whether every byte of r is mapped. An empty range is.
func (s *Space) Covered(r guest.Range) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.covered(r)
}

// CodeWatcher is a MemoryWatcher that holds copies of guest code.
type CodeWatcher interface {
	// CodeChanged: the bytes of r are about to change, or have, in a way that no write fault will show: a system
	// call or the tool writes, or madvise drops pages. The pages of r are no longer write-protected.
	CodeChanged(r guest.Range)
}

// Watch adds w to those who are told about changes. Calls are made in the order of the changes, each after its change
// and before the next one, on the thread that made it. A w that is a CodeWatcher is told about that, too.
func (s *Space) Watch(w tool.MemoryWatcher) {
	s.change.Lock()
	defer s.change.Unlock()
	s.watchers = append(s.watchers, w)
}

type eventKind uint8

const (
	mapped eventKind = iota
	unmapped
	protected
	moved
	codeChanged
)

// event is one call that watchers are owed.
type event struct {
	kind  eventKind
	m     tool.Mapping
	r, to guest.Range
	prot  guest.Prot
}

// note queues e until tell. The caller holds change.
func (s *Space) note(e event) {
	if len(s.watchers) > 0 {
		s.events = append(s.events, e)
	}
}

// tell makes the queued calls. The caller holds change and not mu.
func (s *Space) tell() {
	for _, e := range s.events {
		for _, w := range s.watchers {
			switch e.kind {
			case mapped:
				w.Mapped(e.m)
			case unmapped:
				w.Unmapped(e.r)
			case protected:
				w.Protected(e.r, e.prot)
			case moved:
				w.Moved(e.r, e.to)
			case codeChanged:
				if c, ok := w.(CodeWatcher); ok {
					c.CodeChanged(e.r)
				}
			}
		}
	}
	s.events = s.events[:0]
}

// update runs f as one change: with both locks, then tells the watchers.
func (s *Space) update(f func() error) error {
	s.change.Lock()
	defer s.change.Unlock()
	s.mu.Lock()
	err := f()
	s.mu.Unlock()
	s.tell()
	return err
}
