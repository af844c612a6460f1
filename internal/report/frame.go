package report

import (
	"fmt"
	"slices"
	"strings"

	"gogrind/internal/guest"
	"gogrind/internal/suppress"
)

// Frame is one call of a stack, with names. An address in inlined code has several, innermost first.
type Frame struct {
	PC guest.Addr
	// Fn is the function's name as shown, "" when unknown. RawFn is the name in the symbol table, which suppressions match.
	Fn, RawFn string
	// Obj is the path of the object, "" when the address is in none.
	Obj string
	// Dir, File and Line are the source position; File is "" when unknown.
	Dir, File string
	Line      int
	// Inlined says that the function has no frame of its own in memory.
	Inlined bool
	// Offset is the address minus the function's start; 0 for inlined calls.
	Offset uint64
}

// Symbolizer finds names. It must be safe for concurrent use.
type Symbolizer interface {
	// Frames appends the calls at pc to buf, innermost first, at least one. With callSite set pc is a return address, and
	// the call before it is meant. era is what Stacks says of the stack.
	Frames(pc guest.Addr, era uint32, callSite bool, buf []Frame) []Frame
}

// Stacks gives interned stacks back. It must be safe for concurrent use; 0 is no stack.
type Stacks interface {
	// Get is a stack, and when its code was mapped: 0 for now, else an era that the Symbolizer knows.
	Get(id uint32) (pcs []guest.Addr, era uint32)
}

// belowMain is what functions that call main are shown as.
const belowMain = "(below main)"

// starters are the functions of C libraries that call main, or its caller.
var starters = []string{"__libc_start_main", "__libc_start_call_main", "generic_start_main", "__libc_start_main_impl",
	"_start"}

// isStarter looks at a name of the symbol table. One with a version, which detached debug information has
// ("__libc_start_main@@GLIBC_2.34"), is none to Valgrind; _start is, which calls it.
func isStarter(name string) bool { return slices.Contains(starters, name) }

// View says how stacks are shown: the options that matter for it.
type View struct {
	NumCallers    int      // --num-callers
	ShowBelowMain bool     // --show-below-main
	Mangled       bool     // --demangle=no
	Fullpath      []string // --fullpath-after; nil for file names only
	Offsets       bool     // --sym-offsets
}

// Resolve gives the stack pcs names. pcs[0] is a current pc, the others are return addresses; frames have the address of the
// call, one less. Frames below main are left out unless the view has them.
func (v *View) Resolve(sym Symbolizer, pcs []guest.Addr) []Frame {
	frames, shown := v.resolve(sym, pcs, 0)
	return frames[:shown]
}

// resolve gives all of pcs names and says how many frames are shown: suppressions see the ones below main, too.
func (v *View) resolve(sym Symbolizer, pcs []guest.Addr, era uint32) (frames []Frame, shown int) {
	if v.NumCallers > 0 && len(pcs) > v.NumCallers {
		pcs = pcs[:v.NumCallers]
	}
	end := make([]int, len(pcs)) // end[i] is where the frames of pcs[i] end
	for i, pc := range pcs {
		from := len(frames)
		frames = sym.Frames(pc, era, i > 0, frames)
		if len(frames) == from {
			frames = append(frames, Frame{})
		}
		if i > 0 {
			pc--
		}
		for j := from; j < len(frames); j++ {
			frames[j].PC = pc
		}
		end[i] = len(frames)
	}
	shown = len(frames)
	if v.ShowBelowMain {
		return frames, shown
	}
	for i := len(pcs) - 1; i >= 0; i-- {
		f := &frames[end[i]-1] // the function itself, not what is inlined into it
		switch {
		case f.RawFn == "main":
			return frames, end[i]
		case isStarter(f.RawFn):
			f.Fn, f.RawFn, f.Offset = belowMain, belowMain, 0
			shown = end[i]
		}
	}
	return frames, shown
}

// Describe is a frame without its address: "main (prog.c:5)", "??? (in /usr/lib/libx.so)".
func (v *View) Describe(f *Frame) string {
	var b strings.Builder
	name := f.Fn
	if v.Mangled && f.RawFn != "" {
		name = f.RawFn
	}
	if name == "" {
		name = "???"
	}
	b.WriteString(name)
	if v.Offsets && f.Offset != 0 {
		fmt.Fprintf(&b, "+%d", f.Offset)
	}
	switch {
	case f.File != "": // line 0 is code that compilers made of no line
		fmt.Fprintf(&b, " (%s:%d)", v.path(f), f.Line)
	case f.Obj != "":
		fmt.Fprintf(&b, " (in %s)", f.Obj)
	}
	return b.String()
}

// path is the source file as shown.
func (v *View) path(f *Frame) string {
	if v.Fullpath == nil {
		return f.File
	}
	p := f.File
	if f.Dir != "" && !strings.HasPrefix(p, "/") {
		p = strings.TrimPrefix(f.Dir, "./") + "/" + p
	}
	for _, after := range v.Fullpath {
		if i := strings.Index(p, after); i >= 0 {
			return p[i+len(after):]
		}
	}
	return p
}

// appendStack appends the lines of a stack.
func (v *View) appendStack(b *strings.Builder, frames []Frame) {
	word := "at"
	for i := range frames {
		fmt.Fprintf(b, "   %s 0x%X: %s\n", word, uint64(frames[i].PC), v.Describe(&frames[i]))
		word = "by"
	}
}

// suppressFrames is the form of frames that suppressions match.
func suppressFrames(frames []Frame) []suppress.Frame {
	out := make([]suppress.Frame, len(frames))
	for i := range frames {
		f := &frames[i]
		out[i] = suppress.Frame{Fn: f.RawFn, Obj: f.Obj, Dir: f.Dir, File: f.File, Line: f.Line}
	}
	return out
}

// Commas writes n with a comma between groups of three digits, as summaries have it.
func Commas(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
