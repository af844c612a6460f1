package debuginfo

import (
	"cmp"
	stdelf "debug/elf"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"

	"gogrind/internal/guest"
)

// SymType is a symbol's type; the values are those of ELF.
type SymType uint8

const (
	NoType SymType = 0
	Data   SymType = 1
	Func   SymType = 2
	TLS    SymType = 6
	IFunc  SymType = 10
)

// Binding is a symbol's binding; the values are those of ELF.
type Binding uint8

const (
	Local  Binding = 0
	Global Binding = 1
	Weak   Binding = 2
	Unique Binding = 10
)

// Symbol is a defined symbol of an object.
type Symbol struct {
	Name string // as in the file (mangled), without "@VERSION"
	// Version is the "@VERSION" or "@@VERSION" that was part of the name (static symbol tables have them).
	Version string
	Value   uint64     // link-time address
	Addr    guest.Addr // runtime address
	Size    uint64
	Type    SymType
	Binding Binding
	Dynamic bool // from the dynamic symbol table
}

// symbols is what was read of an object's symbol tables.
type symbols struct {
	all []Symbol

	once sync.Once
	// funcs and data are the symbols that can name an address in code and data, made on first use: positions in all,
	// sorted by address, one per address.
	funcs, data []uint32
}

// Symbols calls f for each defined symbol of the dynamic and static symbol tables, the mini debug information and the
// separate debug file, until f returns false. A symbol that is in several of them comes several times.
func (o *Object) Symbols(f func(Symbol) bool) {
	for _, s := range o.symbols().all {
		if !f(s) {
			return
		}
	}
}

// symbols reads the symbol tables on first use.
func (o *Object) symbols() *symbols {
	if s := o.syms.Load(); s != nil {
		return s
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.syms.Load(); s != nil {
		return s
	}
	defer o.elf.hold()()
	s := new(symbols)
	o.tables(func(f *elfFile, typ stdelf.SectionType) { o.readTable(s, f, typ) })
	o.syms.Store(s)
	return s
}

// tables calls f for each file with symbol tables and their type there. Caller holds o.mu.
func (o *Object) tables(f func(*elfFile, stdelf.SectionType)) {
	o.sections(o.elf)
	f(o.elf, stdelf.SHT_DYNSYM)
	f(o.elf, stdelf.SHT_SYMTAB)
	if m := o.miniDebug(); m != nil {
		f(m, stdelf.SHT_SYMTAB)
	}
	if !hasTable(o.elf, stdelf.SHT_SYMTAB) {
		if d := o.debugFile(); d != nil {
			f(d, stdelf.SHT_SYMTAB)
		}
	}
}

// Mentions reports whether the name of a symbol may have part in it. It looks at the tables of names only, which takes a small
// part of the time that reading the symbols does; names may be there that no symbol has.
func (o *Object) Mentions(part string) bool {
	if o.syms.Load() != nil {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.elf.hold()()
	found := false
	o.tables(func(f *elfFile, typ stdelf.SectionType) {
		for i := range f.sections {
			sec := &f.sections[i]
			if found || sec.typ != uint32(typ) || int(sec.link) >= len(f.sections) {
				continue
			}
			var err error
			if found, err = f.contains(&f.sections[sec.link], []byte(part)); err != nil {
				o.warn(err)
			}
		}
	})
	return found
}

func hasTable(f *elfFile, typ stdelf.SectionType) bool {
	for i := range f.sections {
		if f.sections[i].typ == uint32(typ) {
			return true
		}
	}
	return false
}

// readTable appends the symbols of the tables of one type. Caller holds o.mu.
func (o *Object) readTable(s *symbols, f *elfFile, typ stdelf.SectionType) {
	for i := range f.sections {
		sec := &f.sections[i]
		if sec.typ != uint32(typ) {
			continue
		}
		if int(sec.link) >= len(f.sections) {
			o.warn(fmt.Errorf("%s: no string table", sec.name))
			continue
		}
		b, err := f.data(sec)
		if err != nil {
			o.warn(err)
			continue
		}
		str, err := f.data(&f.sections[sec.link])
		if err != nil {
			o.warn(err)
			continue
		}
		s.all = append(s.all, parseSymbols(b, string(str), o.Bias, typ == stdelf.SHT_DYNSYM)...)
	}
}

// parseSymbols decodes a symbol table; undefined, section and file symbols are left out.
func parseSymbols(b []byte, tab string, bias uint64, dynamic bool) []Symbol {
	le := binary.LittleEndian
	out := make([]Symbol, 0, len(b)/symSize)
	for ; len(b) >= symSize; b = b[symSize:] {
		typ, shndx := SymType(b[4]&0xf), le.Uint16(b[6:])
		if shndx == uint16(stdelf.SHN_UNDEF) || typ == SymType(stdelf.STT_SECTION) || typ == SymType(stdelf.STT_FILE) {
			continue
		}
		name := stringAt(tab, uint64(le.Uint32(b)))
		if name == "" {
			continue
		}
		y := Symbol{Name: name, Value: le.Uint64(b[8:]), Size: le.Uint64(b[16:]), Type: typ, Binding: Binding(b[4] >> 4), Dynamic: dynamic}
		if at := strings.IndexByte(name, '@'); at > 0 {
			y.Name, y.Version = name[:at], name[at:]
		}
		if shndx == uint16(stdelf.SHN_ABS) && y.Value == 0 {
			continue // version definitions and the like
		}
		y.Addr = guest.Addr(y.Value)
		if typ != TLS {
			y.Addr += guest.Addr(bias)
		}
		out = append(out, y)
	}
	return out
}

// index fills funcs and data.
func (s *symbols) index(text guest.Range) {
	for i := range s.all {
		y := &s.all[i]
		code := text.Contains(y.Addr)
		switch y.Type {
		case Func, IFunc:
			if code {
				s.funcs = append(s.funcs, uint32(i))
			}
		case NoType:
			// Labels of assembly code. Mapping symbols and the linker's section marks have no size and no business here.
			if code && (y.Size != 0 || y.Name == "_start") {
				s.funcs = append(s.funcs, uint32(i))
			}
		case Data:
			if code {
				s.funcs = append(s.funcs, uint32(i))
			} else {
				s.data = append(s.data, uint32(i))
			}
		}
	}
	s.funcs, s.data = s.canonical(s.funcs), s.canonical(s.data)
}

// canonical sorts by address and keeps of each address the symbol whose name is shown.
func (s *symbols) canonical(tab []uint32) []uint32 {
	slices.SortFunc(tab, func(i, j uint32) int {
		a, b := &s.all[i], &s.all[j]
		switch {
		case a.Addr != b.Addr:
			return cmp.Compare(a.Addr, b.Addr)
		case preferred(a, b):
			return -1
		case preferred(b, a):
			return 1
		}
		return cmp.Compare(i, j)
	})
	return slices.CompactFunc(tab, func(i, j uint32) bool { return s.all[i].Addr == s.all[j].Addr })
}

// preferred says that a's name is the one to show when a and b are at the same address.
func preferred(a, b *Symbol) bool {
	if (a.Size == 0) != (b.Size == 0) {
		return a.Size != 0
	}
	if len(a.Name) != len(b.Name) {
		return len(a.Name) < len(b.Name)
	}
	if (a.Version != "") != (b.Version != "") {
		return a.Version != ""
	}
	return a.Name+a.Version < b.Name+b.Version
}

// maxBack bounds the search for a symbol that encloses another one.
const maxBack = 8

// lookup finds the symbol of tab whose range holds a.
func (s *symbols) lookup(tab []uint32, a guest.Addr) *Symbol {
	i := sort.Search(len(tab), func(i int) bool { return s.all[tab[i]].Addr > a })
	for k := i - 1; k >= 0 && k >= i-maxBack; k-- {
		if y := &s.all[tab[k]]; uint64(a-y.Addr) < y.Size {
			return y
		}
	}
	return nil
}

// function is the symbol of the code at a, nil when there is none.
func (o *Object) function(a guest.Addr) *Symbol {
	s := o.symbols()
	s.once.Do(func() { s.index(o.Text) })
	return s.lookup(s.funcs, a)
}

// functionEnd is an address behind a up to which function gives the same as for a.
func (o *Object) functionEnd(a guest.Addr) guest.Addr {
	y := o.function(a)
	s := o.symbols()
	end := guest.Addr(math.MaxUint64)
	if i := sort.Search(len(s.funcs), func(i int) bool { return s.all[s.funcs[i]].Addr > a }); i < len(s.funcs) {
		end = s.all[s.funcs[i]].Addr
	}
	if y != nil {
		end = min(end, y.Addr+guest.Addr(y.Size))
	}
	return end
}

// IsEntry reports whether a function starts at a.
func (o *Object) IsEntry(a guest.Addr) bool {
	s := o.function(a)
	return s != nil && s.Addr == a
}

// DataSymbol is the data symbol that a lies in and the offset within it.
func (o *Object) DataSymbol(a guest.Addr) (y Symbol, offset uint64, ok bool) {
	s := o.symbols()
	s.once.Do(func() { s.index(o.Text) })
	p := s.lookup(s.data, a)
	if p == nil {
		return Symbol{}, 0, false
	}
	return *p, uint64(a - p.Addr), true
}
