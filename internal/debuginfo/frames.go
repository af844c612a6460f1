package debuginfo

import (
	"math"
	"strings"

	"gogrind/internal/debuginfo/dwarf"
	"gogrind/internal/guest"
)

// Frame is one line of a stack trace.
type Frame struct {
	PC guest.Addr
	// Fn is the function's name as shown, "" when unknown. RawFn is the name in the symbol table; for an inlined call it
	// is Fn, as in Valgrind's suppressions.
	Fn, RawFn string
	// Obj is the path of the object, "" when the address is in none.
	Obj string
	// Dir, File and Line are the source position; File is "" when unknown.
	Dir, File string
	Line      int
	// Inlined says that the function has no frame of its own in memory.
	Inlined bool
	// Offset is pc minus the function's start; 0 for inlined calls.
	Offset uint64
}

// maxCached bounds the cache of frames by address.
const maxCached = 1 << 16

// Frames appends to buf what is known about pc, innermost first: inlined calls, then the function itself. There is always
// at least one frame. For the return addresses of a stack pass the address minus one, so that the call is named and not
// what follows it.
func (s *Space) Frames(pc guest.Addr, buf []Frame) []Frame {
	s.cacheMu.Lock()
	if f, ok := s.cache[pc]; ok {
		s.cacheMu.Unlock()
		return append(buf, f...)
	}
	s.cacheMu.Unlock()
	snap := s.snap.Load()
	n := len(buf)
	buf, _ = s.frames(snap.Find(pc), pc, buf)
	s.cacheMu.Lock()
	defer s.cacheMu.Unlock()
	if s.snap.Load() == snap {
		if s.cache == nil || len(s.cache) >= maxCached {
			s.cache = make(map[guest.Addr][]Frame)
		}
		s.cache[pc] = append([]Frame(nil), buf[n:]...)
	}
	return buf
}

// FramesAt is Frames for an address that was seen in an era that has ended since (see Unmap); 0 is now.
func (s *Space) FramesAt(pc guest.Addr, era uint32, buf []Frame) []Frame {
	if era == 0 {
		return s.Frames(pc, buf)
	}
	buf, _ = s.frames(s.objectIn(pc, era), pc, buf)
	return buf
}

// Function returns the RawFn and the Obj of the last of Frames(pc): the function that was called, with all that is inlined into it. Where
// the symbol table has a name, debug information, which may have to be decompressed, is not looked at.
func (s *Space) Function(pc guest.Addr) (raw, obj string) {
	if o := s.snap.Load().Find(pc); o != nil {
		if y := o.function(pc); y != nil && y.Name != "" {
			return y.Name + y.Version, o.Path
		}
	}
	frames := s.Frames(pc, nil)
	f := frames[len(frames)-1]
	return f.RawFn, f.Obj
}

// FramesRange is Frames, and tells up to which address the same functions and lines are found. It remembers nothing: it is for
// those who look at all addresses in turn.
func (s *Space) FramesRange(pc guest.Addr, buf []Frame) (_ []Frame, end guest.Addr) {
	o := s.snap.Load().Find(pc)
	buf, linked := s.frames(o, pc, buf)
	if o == nil {
		return buf, pc + 1
	}
	end = min(o.functionEnd(pc), o.Text.End)
	if left := linked - o.Linked(pc); left < uint64(end-pc) {
		end = pc + guest.Addr(left)
	}
	return buf, max(end, pc+1)
}

// Begin is where the function that pc is in begins by the symbol tables, pc where they know of none. No other debug information is read.
func (s *Space) Begin(pc guest.Addr) guest.Addr {
	if o := s.snap.Load().Find(pc); o != nil {
		if y := o.function(pc); y != nil {
			return y.Addr
		}
	}
	return pc
}

// frames appends what is known about pc in o. Debug information says the same of linked addresses up to end.
func (s *Space) frames(o *Object, pc guest.Addr, buf []Frame) (_ []Frame, end uint64) {
	end = math.MaxUint64
	base := Frame{PC: pc}
	if o == nil {
		return append(buf, base), end
	}
	base.Obj = o.Path
	raw := ""
	if y := o.function(pc); y != nil {
		raw = y.Name + y.Version
		base.Offset = uint64(pc - y.Addr)
	}
	var calls [16]dwarf.Call
	var cs []dwarf.Call
	if d := o.dwarf(); d != nil {
		a := o.Linked(pc)
		if e, ok := o.stub(a); ok {
			end = e
		} else {
			cs, end = d.Lookup(a, !s.opt.NoInline, calls[:0])
		}
	}
	if len(cs) == 0 {
		base.RawFn, base.Fn = raw, s.display(raw)
		return append(buf, base), end
	}
	for i, c := range cs {
		f := base
		f.Dir, f.File, f.Line = c.Dir, c.File, c.Line
		if c.Inlined {
			f.Inlined, f.Offset = true, 0
			f.Fn, f.RawFn = c.Name, c.Name
		} else {
			f.RawFn = raw
			if raw == "" && i == len(cs)-1 {
				f.RawFn = c.Linkage
				if f.RawFn == "" {
					f.RawFn = c.Name
				}
			}
			f.Fn = s.display(f.RawFn)
		}
		buf = append(buf, f)
	}
	return buf, end
}

// display is the name shown for a symbol.
func (s *Space) display(raw string) string {
	if s.opt.NoDemangle {
		return raw
	}
	s.cacheMu.Lock()
	name, ok := s.shown[raw]
	s.cacheMu.Unlock()
	if ok {
		return name
	}
	name = Demangle(raw)
	s.cacheMu.Lock()
	defer s.cacheMu.Unlock()
	if s.shown == nil || len(s.shown) >= maxCached {
		s.shown = make(map[string]string)
	}
	s.shown[raw] = name
	return name
}

// BelowMain reports whether fn is one of the functions that call main and that stack traces show as "(below main)".
func BelowMain(fn string) bool {
	if at := strings.IndexByte(fn, '@'); at > 0 {
		fn = fn[:at]
	}
	switch fn {
	case "__libc_start_main", "__libc_start_main_impl", "__libc_start_call_main", "generic_start_main", "_start",
		"generic_start_main.isra.0", "libc_start_main_stage2", "_start_c":
		return true
	}
	return false
}

// Source is the file name to print for f: the base name, or with --fullpath-after the full path after the first string of
// the option that it contains (the empty string keeps it whole).
func (s *Space) Source(f Frame) string {
	if len(s.opt.FullPathAfter) == 0 || f.File == "" {
		return f.File
	}
	full := f.File
	if f.Dir != "" {
		full = f.Dir + "/" + f.File
	}
	for _, p := range s.opt.FullPathAfter {
		if i := strings.Index(full, p); i >= 0 {
			return full[i+len(p):]
		}
	}
	return full
}
