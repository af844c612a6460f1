// Package debuginfo turns guest addresses into names: objects, symbols, source lines and inlined calls.
//
// A Space knows which objects are mapped where; the core tells it. Nothing of an object but its ELF header is read before
// somebody asks for it, and of DWARF only the units that a printed frame lies in are parsed. Files are closed again after
// each batch of reads. The package reads files only, never guest memory, and decides nothing about how frames are printed
// beyond the choice of names.
//
// Whatever is in an object file is treated as hostile: all reads are bounds-checked, allocations are bounded by the file's
// size, and damage costs one warning and the information concerned.
//
// Lock order:
//
//	dwarf.Data.mu
//	  Object.mu
//	    Object.warnMu
//
// Space.mu and Space.cacheMu are taken without any of these. Look-ups of objects take no lock: they go through an immutable snapshot.
package debuginfo

import (
	"bytes"
	stdelf "debug/elf"
	"fmt"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"gogrind/internal/guest"
)

// Options say where debug information is looked for and how names are shown.
type Options struct {
	// ExtraDebugPath is --extra-debuginfo-path: a further directory that is searched as /usr/lib/debug is.
	ExtraDebugPath string
	// AllowMismatched is --allow-mismatched-debuginfo: files in ExtraDebugPath need not be those of the very object.
	AllowMismatched bool
	// NoInline is --read-inline-info=no: inlined calls are not shown as frames.
	NoInline bool
	// FullPathAfter is the list of --fullpath-after=: see Space.Source.
	FullPathAfter []string
	// NoDemangle is --demangle=no.
	NoDemangle bool
	// Keep is --keep-debuginfo=yes: objects stay known to FramesAt when they are not mapped any more.
	Keep bool
	// Warn receives a message about damaged or unreadable debug information, once per cause. It must not call back into
	// this package. Nil drops the messages.
	Warn func(msg string)
	// Damaged, if set, receives the first message about an object in place of Warn: names and lines of that object may be
	// missing from what is shown.
	Damaged func(path, msg string)
	// Open opens an object file for reading; nil means by its path. The core sets it to keep our descriptors apart from
	// the guest's.
	Open func(path string) (File, error)
}

// Space is the set of objects of one guest. All methods may be called concurrently.
type Space struct {
	opt  Options
	mu   sync.Mutex // serialises changes of snap; guards the next two
	era  uint32     // from 1 on; ends when an object goes
	gone []*Object  // with Options.Keep
	snap atomic.Pointer[Snapshot]

	cacheMu sync.Mutex
	cache   map[guest.Addr][]Frame // guarded by cacheMu; dropped with every change of snap
	shown   map[string]string      // names shown for symbols; guarded by cacheMu
}

// NewSpace returns a Space without objects.
func NewSpace(opt Options) *Space {
	if opt.Open == nil {
		opt.Open = openFile
	}
	if opt.Warn == nil {
		opt.Warn = func(string) {}
	}
	s := &Space{opt: opt, era: 1}
	s.snap.Store(&Snapshot{})
	return s
}

// Snapshot is the set of objects at one moment; it is immutable.
type Snapshot struct {
	regions []region // sorted, disjoint
	objects []*Object
}

type region struct {
	guest.Range
	obj *Object
}

// Snapshot is the current set of objects. The pointer changes exactly when the set does, so it serves as a version.
func (s *Space) Snapshot() *Snapshot { return s.snap.Load() }

// Find is the object with a segment around a, nil when there is none.
func (s *Snapshot) Find(a guest.Addr) *Object {
	lo, hi := 0, len(s.regions)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if s.regions[m].End <= a {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo < len(s.regions) && s.regions[lo].Start <= a {
		return s.regions[lo].obj
	}
	return nil
}

// Objects are the objects in order of their arrival.
func (s *Snapshot) Objects() []*Object { return s.objects }

// Object is the object with a segment around a, nil when there is none.
func (s *Space) Object(a guest.Addr) *Object { return s.snap.Load().Find(a) }

// Map tells that size bytes from offset of the file path are now mapped at addr. Executable mappings of ELF segments make
// the object known; it returns the object when it is new, so that the caller looks for functions to replace.
func (s *Space) Map(path string, addr guest.Addr, size, offset uint64, exec bool) *Object {
	if !exec || path == "" || size == 0 {
		return nil
	}
	f, err := readHeader(func() (File, error) { return s.opt.Open(path) })
	if err != nil {
		return nil // not an object, or not there any more: nothing to know about it
	}
	bias, ok := f.biasOf(uint64(addr), size, offset)
	if !ok {
		return nil
	}
	return s.add(newObject(s, path, bias, f))
}

// AddImage makes an object known that was mapped by the loader at link-time address + bias.
func (s *Space) AddImage(path string, bias uint64) (*Object, error) {
	f, err := readHeader(func() (File, error) { return s.opt.Open(path) })
	if err != nil {
		return nil, fmt.Errorf("debuginfo: %s: %w", path, err)
	}
	return s.add(newObject(s, path, bias, f)), nil
}

// AddMemory makes an object known whose whole file image is at addr in memory, as the vDSO's is. The image is kept.
func (s *Space) AddMemory(name string, addr guest.Addr, image []byte) (*Object, error) {
	f, err := readHeader(func() (File, error) { return memFile{bytes.NewReader(image)}, nil })
	if err != nil {
		return nil, fmt.Errorf("debuginfo: %s: %w", name, err)
	}
	bias, ok := f.biasOf(uint64(addr), uint64(len(image)), 0)
	if !ok {
		return nil, fmt.Errorf("debuginfo: %s: no segment at the start of the image", name)
	}
	o := newObject(s, name, bias, f)
	o.inMemory = true
	return s.add(o), nil
}

// biasOf computes runtime minus link-time address from a mapping of [offset, offset+size) at addr. An executable segment
// is preferred, as linkers may let two segments share a file page.
func (f *elfFile) biasOf(addr, size, offset uint64) (bias uint64, ok bool) {
	for _, s := range f.segs {
		if s.typ != uint32(stdelf.PT_LOAD) {
			continue
		}
		start := s.off &^ (guest.PageSize - 1)
		if offset < start || offset >= s.off+s.filesz {
			continue
		}
		b := addr - offset - (s.vaddr - s.off)
		if s.flags&uint32(stdelf.PF_X) != 0 {
			return b, true
		}
		if !ok {
			bias, ok = b, true
		}
	}
	return bias, ok
}

// add puts o in, replacing objects that it overlaps. It returns nil when the same object is there already.
func (s *Space) add(o *Object) *Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.snap.Load()
	keep := make([]*Object, 0, len(old.objects)+1)
	for _, p := range old.objects {
		if p.Path == o.Path && p.Bias == o.Bias {
			return nil
		}
		if !p.overlaps(o) {
			keep = append(keep, p)
		}
	}
	o.born = s.era
	s.publish(append(keep, o))
	return o
}

// Unmap tells that r is not mapped any more. It returns the objects that are gone with it, and the era that has ended with
// them: what FramesAt needs to know of addresses that were seen before.
func (s *Space) Unmap(r guest.Range) (gone []*Object, era uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.snap.Load()
	for _, o := range old.objects {
		if o.Text.Overlaps(r) {
			gone = append(gone, o)
		}
	}
	era = s.era
	if gone == nil {
		return nil, era
	}
	s.era++
	if s.opt.Keep {
		for _, o := range gone {
			o.died = era
		}
		s.gone = append(s.gone, gone...)
	}
	s.publish(slices.DeleteFunc(slices.Clone(old.objects), func(o *Object) bool { return slices.Contains(gone, o) }))
	return gone, era
}

// objectIn is the object around a in the given era, nil when there was none or it is not known any more.
func (s *Space) objectIn(a guest.Addr, era uint32) *Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o := s.snap.Load().Find(a); o != nil && o.born <= era {
		return o
	}
	for _, o := range s.gone {
		if o.born <= era && era <= o.died && slices.ContainsFunc(o.segments, func(r guest.Range) bool { return r.Contains(a) }) {
			return o
		}
	}
	return nil
}

// publish installs a new snapshot. Caller holds s.mu.
func (s *Space) publish(objects []*Object) {
	n := &Snapshot{objects: objects}
	for _, o := range objects {
		for _, r := range o.segments {
			n.regions = append(n.regions, region{r, o})
		}
	}
	sort.Slice(n.regions, func(i, j int) bool { return n.regions[i].Start < n.regions[j].Start })
	// Find relies on ends that ascend with the starts: cut where page rounding made neighbours overlap.
	for i := 1; i < len(n.regions); i++ {
		if p := &n.regions[i-1]; p.End > n.regions[i].Start {
			p.End = n.regions[i].Start
		}
	}
	s.snap.Store(n)
	s.cacheMu.Lock()
	s.cache = nil
	s.cacheMu.Unlock()
}
