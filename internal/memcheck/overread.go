package memcheck

import (
	"strings"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
)

// String functions of C libraries read whole vectors, up to four in advance, and look at the bytes afterwards, so correct
// calls read over the end of blocks. As long as the functions themselves run and not replacements for them, such reads are
// judged here: by what the function looks for, and by what its registers point to.

// reach is what a string function may read beyond accessible memory.
type reach uint8

const (
	reachNone   reach = iota // nothing: not a string function, or one that stays in bounds
	reachLength              // what lies close: it has a length, which we don't know
	reachText                // the rest of a vector, and more behind the string's end
	reachZero                // both only behind the string's end
	reachWide                // the same, for strings of four-byte characters
)

// reaches are string functions by name, without underscores in front and the suffix that names the CPU feature.
var reaches = map[string]reach{
	"strlen": reachZero, "strcpy": reachZero, "stpcpy": reachZero, "strcat": reachZero, "wcslen": reachWide, "wcscpy": reachWide,

	"strchr": reachText, "index": reachText, "strchrnul": reachText, "strrchr": reachText, "rindex": reachText,
	"strcmp": reachText, "strcasecmp": reachText, "strspn": reachText, "strcspn": reachText, "strpbrk": reachText,
	"strstr": reachText, "strcasestr": reachText, "wcschr": reachText, "wcsrchr": reachText, "wcscmp": reachText,
	"verify": reachText,

	"memchr": reachLength, "memrchr": reachLength, "rawmemchr": reachLength, "memcmp": reachLength, "memcmpeq": reachLength,
	"bcmp": reachLength, "strnlen": reachLength, "strncmp": reachLength, "strncasecmp": reachLength, "strncpy": reachLength,
	"stpncpy": reachLength, "strncat": reachLength, "wcsnlen": reachLength, "wcsncmp": reachLength, "wmemchr": reachLength,
	"wmemcmp": reachLength,
}

// reachOf is the reach of the function with the given name in a symbol table.
func reachOf(name string) reach {
	name = strings.TrimLeft(name, "_")
	if i := strings.IndexAny(name, "_@."); i >= 0 {
		// Only string functions have such parts: verify_string_match_avx512 belongs to strstr.
		if name[:i] == "verify" && !strings.HasPrefix(name, "verify_string_match") {
			return reachNone
		}
		name = name[:i]
	} else if name == "verify" {
		return reachNone
	}
	return reaches[name]
}

// libraries have string functions whose names may be unknown, as they are in no dynamic symbol table.
var libraries = []string{"libc.so", "ld-linux", "ld-musl", "libc.musl"}

// minVector is the smallest vector, in bytes, and advance how far ahead of what they look at the functions read: four
// vectors of the largest size, and as much for alignment.
const (
	minVector = 16
	advance   = 8 * 64
)

// overRead reports whether load r of a string function is one that a correct program makes although some of its bytes are
// inaccessible.
func (m *Memcheck) overRead(t tool.Thread, r guest.Range, what reach) bool {
	some, ok := m.shadow.FirstAccessible(r)
	switch {
	case !ok:
		return m.readAhead(t, r, what)
	case what == reachLength || what == reachText:
		return true
	}
	end, cut := m.shadow.FirstNoAccess(guest.Range{Start: some, End: r.End})
	// Without a cut only what lies in front is inaccessible, and there the string isn't.
	if !cut || some > r.Start {
		return !cut || m.hasZero(guest.Range{Start: some, End: end}, what)
	}
	// The string may have ended in front of the load, in a vector that is looked at together with this one.
	begin := some
	if p, ok := pointerBefore(t, r.Start); ok {
		begin = max(p, m.runStart(r.Start))
	}
	return m.hasZero(guest.Range{Start: begin, End: end}, what)
}

// pointerBefore returns the lowest register value that points a little before a: where a string function began, or the
// first of the vectors that it looks at together.
func pointerBefore(t tool.Thread, a guest.Addr) (lowest guest.Addr, ok bool) {
	lowest = a
	for i, v := range t.Regs().GPR {
		if p := guest.Addr(v); i != guest.RSP && p < lowest && a-p <= advance {
			lowest, ok = p, true
		}
	}
	return lowest, ok
}

// readAhead judges a load of inaccessible bytes only.
func (m *Memcheck) readAhead(t tool.Thread, r guest.Range, what reach) bool {
	for i, v := range t.Regs().GPR {
		p := guest.Addr(v)
		if i == guest.RSP || p < r.Start || p >= r.End {
			continue
		}
		// The function's pointer is in the load: it was called with it, unless it is one that was rounded to vectors
		// and moved along. Nobody moves along freed blocks.
		if p%minVector != 0 {
			return false
		}
		if h := m.host.Heap(); h != nil {
			if b, ok := h.Near(p); ok && b.Freed && b.Range().Contains(p) {
				return false
			}
		}
	}
	from := r.Start - min(r.Start, advance)
	last, ok := m.lastAccessible(guest.Range{Start: from, End: r.Start})
	if what == reachLength {
		_, behind := m.shadow.FirstAccessible(guest.Range{Start: r.End, End: r.End + advance})
		return ok || behind // memrchr goes backwards
	}
	if !ok {
		return false
	}
	begin := m.runStart(last)
	if p, ok := pointerBefore(t, r.Start); ok && p <= last {
		begin = max(begin, p)
	}
	return m.hasZero(guest.Range{Start: begin, End: last + 1}, what)
}

// lastAccessible returns the last byte of r that may be accessed.
func (m *Memcheck) lastAccessible(r guest.Range) (guest.Addr, bool) {
	var sh [advance]byte
	b := sh[:r.Len()]
	m.shadow.Load(b, r.Start)
	for i := len(b) - 1; i >= 0; i-- {
		if !shadow.IsNoAccess(b[i]) {
			return r.Start + guest.Addr(i), true
		}
	}
	return 0, false
}

// longestRun is how much of an accessible stretch is searched for the end of a string.
const longestRun = 1024

// runStart is the first byte of the accessible stretch that ends with last, as far back as matters.
func (m *Memcheck) runStart(last guest.Addr) guest.Addr {
	var sh [64]byte // most strings are short
	end := last + 1
	limit := end - min(end, longestRun)
	for end > limit {
		from := max(limit, end-min(end, guest.Addr(len(sh))))
		b := sh[:end-from]
		m.shadow.Load(b, from)
		for i := len(b) - 1; i >= 0; i-- {
			if shadow.IsNoAccess(b[i]) {
				return from + guest.Addr(i) + 1
			}
		}
		end = from
	}
	return limit
}

// reachAt is the reach of the function at pc; it is remembered, because such loads come often.
func (m *Memcheck) reachAt(pc guest.Addr) reach {
	if v, ok := m.reachCache.Load(pc); ok {
		return v.(reach)
	}
	what := reachNone
	if s, ok := m.host.Symbols().(*debuginfo.Space); ok {
		fn, obj := s.Function(pc)
		what = reachOf(fn)
		if fn == "" {
			base := obj[strings.LastIndexByte(obj, '/')+1:]
			for _, l := range libraries {
				if strings.HasPrefix(base, l) {
					what = reachText
				}
			}
		}
	}
	m.reachCache.Store(pc, what)
	return what
}

// hasZero reports whether the accessible memory r holds the end of a string.
func (m *Memcheck) hasZero(r guest.Range, what reach) bool {
	width := 1
	if what == reachWide {
		width = 4
	}
	buf := m.text.Get().(*[longestRun]byte)
	defer m.text.Put(buf)
	n := m.host.Memory().ReadMem(buf[:min(r.Len(), longestRun)], r.Start)
	zeros := 0
	for i, b := range buf[:n] {
		if (uint64(r.Start)+uint64(i))%uint64(width) == 0 {
			zeros = 0
		}
		if b == 0 {
			zeros++
		} else {
			zeros = 0
		}
		if zeros == width {
			return true
		}
	}
	return false
}
