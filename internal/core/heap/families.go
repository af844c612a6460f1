package heap

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// role is what a function does and where its arguments are.
type role uint8

const (
	roleAlloc         role = iota // (size)
	roleAllocAligned              // (size, align): operator new(unsigned long, std::align_val_t)
	roleCalloc                    // (nmemb, size)
	roleRealloc                   // (ptr, size)
	roleFree                      // (ptr, ...)
	roleMemalign                  // (align, size)
	rolePosixMemalign             // (&ptr, align, size)
	roleValloc                    // (size), page aligned
	rolePvalloc                   // (size), page aligned and rounded up to pages
	roleUsableSize                // (ptr)
	roleTrim                      // (pad)
	roleMallopt                   // (cmd, value)
	roleStats                     // ()
	roleMallinfo                  // (hidden result)
	roleMallinfo2                 // (hidden result)
)

// Frame is how one frame of a replaced function is printed.
type Frame struct {
	Func string
	Line int // in FrameFile
	// Raw is the name as suppressions match it: "_Znwm". In rows it is left out.
	Raw string
}

// FrameFile is the file that frames of replaced functions name, and FrameObject the end of the name of the object that
// "obj:" lines of suppressions match: other programs know these functions by them (docs: formats).
const (
	FrameFile   = "vg_replace_malloc.c"
	FrameObject = "/usr/libexec/valgrind/vgpreload_%s-amd64-linux.so"
)

// family is one row: a function that is replaced.
type family struct {
	symbol  string
	role    role
	kind    tool.AllocKind
	nothrow bool    // a failing operator new returns NULL
	arg     string  // name of the function in messages about arguments
	frames  []Frame // innermost first
}

// Line numbers are those that Valgrind 3.19 prints, as seen in public logs; where none was to be found, a number nearby:
// nothing matches them, but the text needs one.
var (
	frMalloc   = []Frame{{Func: "malloc", Line: 381}}
	frCalloc   = []Frame{{Func: "calloc", Line: 1328}}
	frRealloc  = []Frame{{Func: "realloc", Line: 1437}}
	frFree     = []Frame{{Func: "free", Line: 872}}
	frCfree    = []Frame{{Func: "cfree", Line: 881}}
	frMemalign = []Frame{{Func: "memalign", Line: 1531}}
	// Valgrind's posix_memalign calls its memalign, and both frames show.
	frPosix = []Frame{{Func: "memalign", Line: 1531}, {Func: "posix_memalign", Line: 1703}}
)

// families are all functions replaced. reallocarray, strdup and the like are not here: they call these.
var families = []family{
	{"malloc", roleAlloc, tool.KindMalloc, true, "malloc", frMalloc},
	{"calloc", roleCalloc, tool.KindMalloc, true, "calloc", frCalloc},
	{"realloc", roleRealloc, tool.KindMalloc, true, "realloc", frRealloc},
	{"free", roleFree, tool.KindMalloc, true, "free", frFree},
	{"cfree", roleFree, tool.KindMalloc, true, "cfree", frCfree},
	{"free_sized", roleFree, tool.KindMalloc, true, "free_sized", []Frame{{Func: "free_sized", Line: 890}}},
	{"free_aligned_sized", roleFree, tool.KindMalloc, true, "free_aligned_sized", []Frame{{Func: "free_aligned_sized", Line: 899}}},
	{"memalign", roleMemalign, tool.KindMalloc, true, "memalign", frMemalign},
	{"aligned_alloc", roleMemalign, tool.KindMalloc, true, "memalign", frMemalign},
	{"posix_memalign", rolePosixMemalign, tool.KindMalloc, true, "memalign", frPosix},
	{"valloc", roleValloc, tool.KindMalloc, true, "memalign", frMemalign},
	{"pvalloc", rolePvalloc, tool.KindMalloc, true, "memalign", frMemalign},
	{"malloc_usable_size", roleUsableSize, tool.KindMalloc, true, "malloc_usable_size", []Frame{{Func: "malloc_usable_size", Line: 1767}}},
	{"malloc_trim", roleTrim, tool.KindMalloc, true, "malloc_trim", []Frame{{Func: "malloc_trim", Line: 1591}}},
	{"mallopt", roleMallopt, tool.KindMalloc, true, "mallopt", []Frame{{Func: "mallopt", Line: 1557}}},
	{"malloc_stats", roleStats, tool.KindMalloc, true, "malloc_stats", []Frame{{Func: "malloc_stats", Line: 1801}}},
	{"mallinfo", roleMallinfo, tool.KindMalloc, true, "mallinfo", []Frame{{Func: "mallinfo", Line: 1838}}},
	{"mallinfo2", roleMallinfo2, tool.KindMalloc, true, "mallinfo2", []Frame{{Func: "mallinfo2", Line: 1857}}},

	{"_Znwm", roleAlloc, tool.KindNew, false, "__builtin_new", []Frame{{Func: "operator new(unsigned long)", Line: 422}}},
	{"_ZnwmRKSt9nothrow_t", roleAlloc, tool.KindNew, true, "__builtin_new",
		[]Frame{{Func: "operator new(unsigned long, std::nothrow_t const&)", Line: 540}}},
	{"_ZnwmSt11align_val_t", roleAllocAligned, tool.KindNew, false, "__builtin_new_aligned",
		[]Frame{{Func: "operator new(unsigned long, std::align_val_t)", Line: 483}}},
	{"_ZnwmSt11align_val_tRKSt9nothrow_t", roleAllocAligned, tool.KindNew, true, "__builtin_new_aligned",
		[]Frame{{Func: "operator new(unsigned long, std::align_val_t, std::nothrow_t const&)", Line: 585}}},
	{"_Znam", roleAlloc, tool.KindNewArray, false, "__builtin_vec_new", []Frame{{Func: "operator new[](unsigned long)", Line: 640}}},
	{"_ZnamRKSt9nothrow_t", roleAlloc, tool.KindNewArray, true, "__builtin_vec_new",
		[]Frame{{Func: "operator new[](unsigned long, std::nothrow_t const&)", Line: 758}}},
	{"_ZnamSt11align_val_t", roleAllocAligned, tool.KindNewArray, false, "__builtin_vec_new_aligned",
		[]Frame{{Func: "operator new[](unsigned long, std::align_val_t)", Line: 701}}},
	{"_ZnamSt11align_val_tRKSt9nothrow_t", roleAllocAligned, tool.KindNewArray, true, "__builtin_vec_new_aligned",
		[]Frame{{Func: "operator new[](unsigned long, std::align_val_t, std::nothrow_t const&)", Line: 803}}},

	{"_ZdlPv", roleFree, tool.KindNew, true, "", []Frame{{Func: "operator delete(void*)", Line: 923}}},
	{"_ZdlPvm", roleFree, tool.KindNew, true, "", []Frame{{Func: "operator delete(void*, unsigned long)", Line: 935}}},
	{"_ZdlPvRKSt9nothrow_t", roleFree, tool.KindNew, true, "",
		[]Frame{{Func: "operator delete(void*, std::nothrow_t const&)", Line: 1011}}},
	{"_ZdlPvSt11align_val_t", roleFree, tool.KindNew, true, "", []Frame{{Func: "operator delete(void*, std::align_val_t)", Line: 965}}},
	{"_ZdlPvmSt11align_val_t", roleFree, tool.KindNew, true, "",
		[]Frame{{Func: "operator delete(void*, unsigned long, std::align_val_t)", Line: 980}}},
	{"_ZdlPvSt11align_val_tRKSt9nothrow_t", roleFree, tool.KindNew, true, "",
		[]Frame{{Func: "operator delete(void*, std::align_val_t, std::nothrow_t const&)", Line: 1035}}},
	{"_ZdaPv", roleFree, tool.KindNewArray, true, "", []Frame{{Func: "operator delete[](void*)", Line: 1103}}},
	{"_ZdaPvm", roleFree, tool.KindNewArray, true, "", []Frame{{Func: "operator delete[](void*, unsigned long)", Line: 1115}}},
	{"_ZdaPvRKSt9nothrow_t", roleFree, tool.KindNewArray, true, "",
		[]Frame{{Func: "operator delete[](void*, std::nothrow_t const&)", Line: 1191}}},
	{"_ZdaPvSt11align_val_t", roleFree, tool.KindNewArray, true, "",
		[]Frame{{Func: "operator delete[](void*, std::align_val_t)", Line: 1145}}},
	{"_ZdaPvmSt11align_val_t", roleFree, tool.KindNewArray, true, "",
		[]Frame{{Func: "operator delete[](void*, unsigned long, std::align_val_t)", Line: 1160}}},
	{"_ZdaPvSt11align_val_tRKSt9nothrow_t", roleFree, tool.KindNewArray, true, "",
		[]Frame{{Func: "operator delete[](void*, std::align_val_t, std::nothrow_t const&)", Line: 1215}}},

	// Names of the allocation functions of GCC 2, which old C++ objects and some runtimes export.
	{"__builtin_new", roleAlloc, tool.KindNew, false, "__builtin_new", []Frame{{Func: "__builtin_new", Line: 426}}},
	{"__builtin_vec_new", roleAlloc, tool.KindNewArray, false, "__builtin_vec_new", []Frame{{Func: "__builtin_vec_new", Line: 644}}},
	{"__builtin_delete", roleFree, tool.KindNew, true, "", []Frame{{Func: "__builtin_delete", Line: 927}}},
	{"__builtin_vec_delete", roleFree, tool.KindNewArray, true, "", []Frame{{Func: "__builtin_vec_delete", Line: 1107}}},
}

// Args is what a hook gives back besides its result.
type Args struct {
	// Errno is stored to the guest's errno when it isn't 0.
	Errno int
	// Abort, when not empty, is printed as client lines ("**PID** "), followed by the stack, and the process is ended:
	// a C++ allocation failed that can't throw.
	Abort []string
}

// Hook replaces one function wherever it is found.
type Hook struct {
	// Sonames are patterns ('*' and '?') of objects in which Symbol is replaced, "NONE" for objects without a soname;
	// a pattern starting with '!' excludes. See Matches.
	Sonames []string
	Symbol  string
	// Frames are printed for the pc of the hook's entry, innermost first: a call of one of the hooked functions may
	// show as two frames.
	Frames []Frame
	// As are such frames for calls that do another function's work. Stacks name them by the pc behind the entry's, and so on.
	As [][]Frame
	// Do runs the function on thread t with the arguments in its registers, and returns the result.
	Do func(t tool.Thread, a *Args) uint64

	role role
	kind tool.AllocKind
}

// FrameName and FrameLine are those of the innermost frame.
func (h *Hook) FrameName() string { return h.Frames[0].Func }

// FrameLine is the line of the innermost frame.
func (h *Hook) FrameLine() int { return h.Frames[0].Line }

// Matches reports whether the hook's symbol is replaced in the object named soname ("" if it has none).
func (h *Hook) Matches(soname string) bool {
	if soname == "" {
		soname = "NONE"
	}
	found := false
	for _, p := range h.Sonames {
		if p[0] == '!' {
			if match(p[1:], soname) {
				return false
			}
			continue
		}
		found = found || match(p, soname)
	}
	return found
}

// match matches s against a pattern of '*' and '?'.
func match(pat, s string) bool {
	for i := 0; i < len(pat); i++ {
		switch {
		case pat[i] == '*':
			for j := 0; j <= len(s); j++ {
				if match(pat[i+1:], s[j:]) {
					return true
				}
			}
			return false
		case s == "" || pat[i] != '?' && pat[i] != s[0]:
			return false
		}
		s = s[1:]
	}
	return s == ""
}

// The dynamic linker's own malloc serves it before libc is relocated; it must stay, but nothing of it is given out after.
const linkerSoname = "!ld-linux*"

// SystemSonames are the objects in which functions are replaced when --soname-synonyms names the others.
var SystemSonames = []string{"libc.so*", "libc.musl-*", "libstdc++*", "libc++*", "libgcc_s*"}

// Hooks makes the hooks. somalloc is the pattern given by --soname-synonyms=somalloc=...; when it is empty, functions
// are replaced in all objects but the dynamic linker, so that programs with an allocator of their own, linked
// statically or in a library, need no option.
func (a *Allocator) Hooks(somalloc string) []Hook {
	sonames := []string{"*", linkerSoname}
	if somalloc != "" {
		sonames = append(append([]string(nil), SystemSonames...), somalloc)
	}
	hooks := make([]Hook, len(families))
	for i := range families {
		f := &families[i]
		hooks[i] = Hook{
			Sonames: sonames, Symbol: f.symbol, Frames: f.rawFrames(f.frames),
			Do:   func(t tool.Thread, args *Args) uint64 { return a.call(f, t, args) },
			role: f.role, kind: f.kind,
		}
		if f.role == roleRealloc {
			for _, frames := range reallocAs {
				hooks[i].As = append(hooks[i].As, f.rawFrames(frames))
			}
		}
	}
	return hooks
}

// rawFrames are frames of f with their names as suppressions match them.
func (f *family) rawFrames(frames []Frame) []Frame {
	frames = slices.Clone(frames)
	for i := range frames {
		frames[i].Raw = frames[i].Func
		if strings.HasPrefix(f.symbol, "_Z") {
			frames[i].Raw = f.symbol
		}
	}
	return frames
}

// abortNew are the lines that Valgrind prints when operator new fails.
var abortNew = []string{
	"new/new[] failed and should throw an exception, but Valgrind",
	"   cannot throw exceptions and so is aborting instead.  Sorry.",
}

// call runs the function of row f.
func (a *Allocator) call(f *family, t tool.Thread, args *Args) uint64 {
	g := &t.Regs().GPR
	x, y, z := g[guest.RDI], g[guest.RSI], g[guest.RDX]
	if c, ok := a.cfg.Tool.(tool.HeapArgs); ok {
		a.checkArgs(c, f, t, [3]uint64{x, y, z})
	}
	switch f.role {
	case roleAlloc:
		return a.get(f, t, args, x, 0, false)
	case roleAllocAligned:
		if y == 0 || y&(y-1) != 0 {
			return a.failed(f, args, unix.EINVAL)
		}
		return a.get(f, t, args, x, y, false)
	case roleCalloc:
		// An overflowing product is no finding: callers rely on calloc to refuse it.
		if x != 0 && y > ^uint64(0)/x || a.fishy(f, t, "nmemb", x) || a.fishy(f, t, "size", y) {
			return a.failed(f, args, unix.ENOMEM)
		}
		return a.get(f, t, args, x*y, 0, true)
	case roleRealloc:
		return a.realloc(f, t, args, guest.Addr(x), y)
	case roleFree:
		a.Free(t, f.frames[0].Func, guest.Addr(x), f.kind)
		return 0
	case roleMemalign:
		return a.get(f, t, args, y, roundAlign(x), false)
	case rolePosixMemalign:
		return a.posixMemalign(f, t, guest.Addr(x), y, z)
	case roleValloc:
		return a.get(f, t, args, x, guest.PageSize, false)
	case rolePvalloc:
		if x > maxBlock {
			return a.get(f, t, args, x, guest.PageSize, false)
		}
		return a.get(f, t, args, (x+guest.PageSize-1)&^uint64(guest.PageSize-1), guest.PageSize, false)
	case roleUsableSize:
		return a.UsableSize(guest.Addr(x))
	case roleMallopt:
		return 1
	case roleMallinfo:
		return a.mallinfo(t, guest.Addr(x), 4)
	case roleMallinfo2:
		return a.mallinfo(t, guest.Addr(x), 8)
	}
	return 0 // malloc_trim has nothing to give back, malloc_stats nothing to say
}

// fishy reports a size that looks negative.
func (a *Allocator) fishy(f *family, t tool.Thread, arg string, v uint64) bool {
	if int64(v) >= 0 {
		return false
	}
	a.cfg.Tool.FishySize(t, f.arg, arg, int64(v))
	return true
}

// get allocates for row f, with all that a failure means.
func (a *Allocator) get(f *family, t tool.Thread, args *Args, size, align uint64, zero bool) uint64 {
	if !a.fishy(f, t, "size", size) {
		if p := a.Malloc(t, size, align, f.kind, zero); p != 0 {
			return uint64(p)
		}
	}
	return a.failed(f, args, unix.ENOMEM)
}

func (a *Allocator) failed(f *family, args *Args, errno unix.Errno) uint64 {
	if !f.nothrow {
		args.Abort = abortNew
		return 0
	}
	if f.kind == tool.KindMalloc {
		args.Errno = int(errno)
	}
	return 0
}

// What realloc acts as (Hook.As): the frames of Valgrind, whose realloc of NULL jumps to its malloc and of size 0 calls its free.
// Suppressions have them.
const (
	asMalloc = 1 + iota
	asFree
)

var reallocAs = [][]Frame{frMalloc, {frFree[0], frRealloc[0]}}

func (a *Allocator) actAs(t tool.Thread, what int, f func()) {
	if a.cfg.ActAs == nil {
		f()
		return
	}
	a.cfg.ActAs(t, what, f)
}

// realloc is realloc as the C library has it, with the extremes of Valgrind: a size of 0 frees and gives NULL, unless the layout says
// otherwise (--realloc-zero-bytes-frees).
func (a *Allocator) realloc(f *family, t tool.Thread, args *Args, p guest.Addr, size uint64) uint64 {
	switch {
	case p == 0:
		var q uint64
		a.actAs(t, asMalloc, func() { q = a.get(&families[0], t, args, size, 0, false) })
		return q
	case size == 0:
		if w, ok := a.cfg.Tool.(tool.ReallocZeroer); ok {
			if b, live := a.At(p); live && !b.Freed {
				w.ReallocZero(t, b)
			}
		}
		if !a.cfg.Layout.ReallocKeeps {
			a.actAs(t, asFree, func() { a.Free(t, frFree[0].Func, p, f.kind) })
			return 0
		}
	case a.fishy(f, t, "size", size):
		return a.failed(f, args, unix.ENOMEM)
	}
	q := a.Realloc(t, f.frames[0].Func, p, size)
	if q == 0 {
		return a.failed(f, args, unix.ENOMEM)
	}
	return uint64(q)
}

// roundAlign makes any alignment one that memalign takes: at least that of malloc, rounded up to a power of two.
func roundAlign(n uint64) uint64 {
	if n > maxAlign {
		return n // refused by the allocator
	}
	p := uint64(16)
	for p < n {
		p *= 2
	}
	return p
}

func (a *Allocator) posixMemalign(f *family, t tool.Thread, result guest.Addr, align, size uint64) uint64 {
	if align == 0 || align%8 != 0 || align&(align-1) != 0 {
		return uint64(unix.EINVAL)
	}
	var args Args // posix_memalign gives the error as its result and leaves errno alone
	p := a.get(f, t, &args, size, align, false)
	if p == 0 {
		return uint64(unix.ENOMEM)
	}
	a.give(t, words([]uint64{p}, 8), result)
	return 0
}

// mallinfo fills a struct mallinfo (fields of 4 bytes) or mallinfo2 (of 8) at result, which is also the result.
func (a *Allocator) mallinfo(t tool.Thread, result guest.Addr, width int) uint64 {
	st := a.Stats()
	held := a.Footprint()
	// arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost
	fields := []uint64{held, st.LiveBlocks, 0, 0, 0, 0, 0, st.LiveBytes, held - min(held, st.LiveBytes), 0}
	a.give(t, words(fields, width), result)
	return uint64(result)
}

// give writes a result to memory of the guest, which is defined then.
func (a *Allocator) give(t tool.Thread, b []byte, at guest.Addr) {
	n := a.cfg.Memory.WriteMem(b, at)
	if w, ok := a.cfg.Tool.(interface {
		AfterWrite(tool.Thread, guest.Range)
	}); ok {
		w.AfterWrite(t, guest.Range{Start: at, End: at + guest.Addr(n)})
	}
}

// words are the values as little-endian numbers of width bytes.
func words(v []uint64, width int) []byte {
	var b []byte
	for _, x := range v {
		for i := range width {
			b = append(b, byte(x>>(8*i)))
		}
	}
	return b
}
