package debuginfo

import (
	stdelf "debug/elf"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"gogrind/internal/debuginfo/dwarf"
	"gogrind/internal/guest"
)

// Object is an ELF object mapped into the guest.
type Object struct {
	// Immutable after creation.
	Path string
	// Bias is runtime address minus link-time address, modulo 2^64.
	Bias uint64
	// Text spans the executable segments.
	Text     guest.Range
	segments []guest.Range // of all PT_LOAD, rounded to pages
	space    *Space
	inMemory bool
	// born and died are the eras in which the object was mapped, inclusive; guarded by Space.mu. died counts when it is gone.
	born, died uint32

	mu      sync.Mutex // guards what follows
	elf     *elfFile
	debug   *elfFile // separate debug file, nil when none
	dwDone  bool
	idDone  bool
	soname  string
	buildID string
	dwp     *dwarf.Data // split DWARF package OBJECT.dwp, nil when none
	dwpDone bool

	warnMu sync.Mutex
	warned map[string]bool // guarded by warnMu

	// stubs are the linker's procedure linkage tables, at link-time addresses: no debug information describes them, and to find that
	// out takes all of it. Written before dwDone is set.
	stubs []span

	syms atomic.Pointer[symbols]    // set once
	dw   atomic.Pointer[dwarf.Data] // set once; nil also when there is no DWARF
}

func newObject(s *Space, path string, bias uint64, f *elfFile) *Object {
	o := &Object{Path: path, Bias: bias, space: s, elf: f}
	for _, g := range f.segs {
		if g.typ != uint32(stdelf.PT_LOAD) || g.memsz == 0 {
			continue
		}
		lo, hi := guest.Addr(bias+g.vaddr), guest.Addr(bias+g.vaddr+g.memsz)
		if hi < lo {
			continue // wraps: no loader would map it
		}
		o.segments = append(o.segments, guest.Range{Start: lo.PageDown(), End: hi.PageUp()})
		if g.flags&uint32(stdelf.PF_X) != 0 {
			if o.Text.Empty() {
				o.Text = guest.Range{Start: lo, End: hi}
			}
			o.Text.Start, o.Text.End = min(o.Text.Start, lo), max(o.Text.End, hi)
		}
	}
	return o
}

func (o *Object) overlaps(p *Object) bool {
	for _, a := range o.segments {
		for _, b := range p.segments {
			if a.Overlaps(b) {
				return true
			}
		}
	}
	return false
}

// Linked converts a runtime address to the object's link-time address.
func (o *Object) Linked(a guest.Addr) uint64 { return uint64(a) - o.Bias }

// Entry is the runtime address of the entry point.
func (o *Object) Entry() guest.Addr { return guest.Addr(o.elf.entry + o.Bias) }

// Soname is DT_SONAME, "" when there is none.
func (o *Object) Soname() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.identify()
	return o.soname
}

// BuildID is the GNU build id in hexadecimal, "" when there is none.
func (o *Object) BuildID() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.identify()
	return o.buildID
}

func (o *Object) identify() {
	if o.idDone {
		return
	}
	o.idDone = true
	defer o.elf.hold()()
	o.sections(o.elf)
	o.soname = o.elf.soname()
	o.buildID = o.elf.buildID()
}

// sections loads section headers, with a warning when they are damaged.
func (o *Object) sections(f *elfFile) {
	if err := f.loadSections(); err != nil {
		o.warn(err)
	}
}

// warn passes on each different message about o once.
func (o *Object) warn(err error) {
	o.warnMu.Lock()
	defer o.warnMu.Unlock()
	msg := fmt.Sprintf("debuginfo: %s: %v", o.Path, err)
	if o.warned[msg] {
		return
	}
	if o.warned == nil {
		o.warned = make(map[string]bool)
	}
	o.warned[msg] = true
	if len(o.warned) == 1 && o.space.opt.Damaged != nil {
		o.space.opt.Damaged(o.Path, err.Error())
		return
	}
	o.space.opt.Warn(msg)
}

// Section is the contents of a section of the mapped file and its link-time address; nil when there is none.
func (o *Object) Section(name string) (data []byte, addr uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sections(o.elf)
	s := o.elf.section(name)
	if s == nil {
		return nil, 0
	}
	b, err := o.elf.data(s)
	if err != nil {
		o.warn(err)
	}
	return b, s.addr
}

// DebugSection is as Section, looking in the separate debug file when the object itself does not have the section.
func (o *Object) DebugSection(name string) []byte {
	if b, _ := o.Section(name); b != nil {
		return b
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.debugFile()
	if d == nil {
		return nil
	}
	b, err := debugData(d, name)
	if err != nil {
		o.warn(err)
	}
	return b
}

// SectionAt names the section that the runtime address lies in (".bss"), "" when none.
func (o *Object) SectionAt(a guest.Addr) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sections(o.elf)
	v := o.Linked(a)
	for i := range o.elf.sections {
		s := &o.elf.sections[i]
		if s.flags&uint64(stdelf.SHF_ALLOC) != 0 && s.flags&uint64(stdelf.SHF_TLS) == 0 && v >= s.addr && v-s.addr < s.size {
			return s.name
		}
	}
	return ""
}

// debugSection finds a DWARF section under its name or its older compressed name.
func debugSection(f *elfFile, name string) *section {
	s := f.section(name)
	if s == nil && len(name) > 7 && name[:7] == ".debug_" {
		s = f.section(".z" + name[1:])
	}
	return s
}

// debugData reads a DWARF section.
func debugData(f *elfFile, name string) ([]byte, error) {
	if s := debugSection(f, name); s != nil {
		return f.data(s)
	}
	return nil, nil
}

// debugContents are those of a DWARF section, nil when there is none.
func debugContents(f *elfFile, name string) (dwarf.Contents, error) {
	s := debugSection(f, name)
	if s == nil {
		return nil, nil
	}
	c, err := f.contents(s)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// dwarf is the DWARF of the object or of its separate debug file, nil when there is none.
func (o *Object) dwarf() *dwarf.Data {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dwDone {
		return o.dw.Load()
	}
	o.dwDone = true
	o.sections(o.elf)
	for i := range o.elf.sections {
		if x := &o.elf.sections[i]; x.name == ".plt" || strings.HasPrefix(x.name, ".plt.") {
			o.stubs = append(o.stubs, span{x.addr, x.addr + x.size})
		}
	}
	f := o.elf
	if !hasDWARF(f) {
		if f = o.debugFile(); f == nil || !hasDWARF(f) {
			return nil
		}
	}
	o.dw.Store(o.newDWARF(f))
	return o.dw.Load()
}

// span is a range of link-time addresses.
type span struct{ start, end uint64 }

// stub returns the end of the procedure linkage table that a link-time address is in. It is called behind dwarf.
func (o *Object) stub(a uint64) (end uint64, ok bool) {
	for _, s := range o.stubs {
		if a >= s.start && a < s.end {
			return s.end, true
		}
	}
	return 0, false
}

func hasDWARF(f *elfFile) bool {
	return f.section(".debug_info") != nil || f.section(".zdebug_info") != nil
}

// newDWARF wraps f. The callbacks run under the Data's lock and without o.mu.
func (o *Object) newDWARF(f *elfFile) *dwarf.Data {
	return dwarf.New(dwarf.Source{
		Section: func(name string) (dwarf.Contents, error) { return debugContents(f, name) },
		Warn:    o.warn,
		Alt:     func() *dwarf.Data { return o.openAlt(f) },
		Split:   o.openSplit,
	})
}
