package memcheck

import (
	"strings"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// String functions of C libraries read whole vectors and look at the bytes afterwards, so correct calls read over the end
// of blocks. As long as the functions themselves run and not replacements for them, such reads are judged here.

// reach is what a string function may read beyond accessible memory.
type reach uint8

const (
	reachNone   reach = iota // nothing: not a string function, or one that stays in bounds
	reachVector              // the rest of a vector that is accessible in part
	reachZero                // the same, once there is a zero byte in front
	reachWide                // the same with a zero of four bytes
)

// reaches are string functions by name, without underscores in front and the suffix that names the CPU feature.
var reaches = map[string]reach{
	"strlen": reachZero, "strcpy": reachZero, "stpcpy": reachZero, "strcat": reachZero, "wcslen": reachWide, "wcscpy": reachWide,
	"memchr": reachVector, "memrchr": reachVector, "rawmemchr": reachVector, "memcmp": reachVector, "memcmpeq": reachVector,
	"bcmp": reachVector, "strnlen": reachVector, "strchr": reachVector, "index": reachVector, "strchrnul": reachVector,
	"strrchr": reachVector, "rindex": reachVector, "strcmp": reachVector, "strncmp": reachVector, "strcasecmp": reachVector,
	"strncasecmp": reachVector, "strncpy": reachVector, "stpncpy": reachVector, "strncat": reachVector, "strspn": reachVector,
	"strcspn": reachVector, "strpbrk": reachVector, "strstr": reachVector, "strcasestr": reachVector, "wcsnlen": reachVector,
	"wcschr": reachVector, "wcsrchr": reachVector, "wcscmp": reachVector, "wcsncmp": reachVector, "wmemchr": reachVector,
	"wmemcmp": reachVector, "verify": reachVector, "strlcpy": reachVector, "strlcat": reachVector,
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

// minVector is the smallest vector, in bytes.
const minVector = 16

// overRead reports whether load r is one that a correct program makes although some of its bytes are inaccessible.
func (m *Memcheck) overRead(t tool.Thread, r guest.Range) bool {
	some, ok := m.shadow.FirstAccessible(r)
	if !ok {
		return false
	}
	pc := guest.Addr(t.Regs().RIP)
	switch m.reachAt(pc) {
	case reachVector:
		return true
	case reachZero:
		return m.zeroFrom(some, r.End, 1)
	case reachWide:
		return m.zeroFrom(some, r.End, 4)
	}
	return m.masked(pc)
}

// reachAt is the reach of the function at pc; it is remembered, because such loads come often.
func (m *Memcheck) reachAt(pc guest.Addr) reach {
	if v, ok := m.reachCache.Load(pc); ok {
		return v.(reach)
	}
	what := reachNone
	if s, ok := m.host.Symbols().(*debuginfo.Space); ok {
		frames := s.Frames(pc, nil)
		f := frames[len(frames)-1]
		what = reachOf(f.RawFn)
		if f.RawFn == "" {
			base := f.Obj[strings.LastIndexByte(f.Obj, '/')+1:]
			for _, l := range libraries {
				if strings.HasPrefix(base, l) {
					what = reachVector
				}
			}
		}
	}
	m.reachCache.Store(pc, what)
	return what
}

// zeroFrom reports whether a zero of the given width lies between start and the first inaccessible byte after it, before
// end.
func (m *Memcheck) zeroFrom(start, end guest.Addr, width int) bool {
	if bad, is := m.shadow.FirstNoAccess(guest.Range{Start: start, End: end}); is {
		end = bad
	}
	var buf [64]byte
	n := m.host.Memory().ReadMem(buf[:min(int(end-start), len(buf))], start)
	zeros := 0
	for i, b := range buf[:n] {
		if i%width == 0 {
			zeros = 0
		}
		if b == 0 {
			zeros++
		}
		if zeros == width {
			return true
		}
	}
	return false
}

// masked reports whether the instruction at pc accesses only those elements of its operand that a mask selects: that some
// bytes of the operand are inaccessible then means nothing.
func (m *Memcheck) masked(pc guest.Addr) bool {
	var code [15]byte
	var in amd64.Inst
	n := m.host.Memory().ReadMem(code[:], pc)
	if amd64.Decode(code[:n], &in) != nil {
		return false
	}
	for _, a := range in.MemAccesses(nil) {
		if a.Elem != 0 && a.Cond {
			return true
		}
	}
	return false
}
