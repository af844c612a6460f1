// Package suppress reads suppression files, matches findings against them and writes suppressions for findings.
//
// The file format is Valgrind's: blocks in braces with a name, a line TOOL[,TOOL]:KIND, extra lines that some kinds
// have, and the calls from the innermost outwards as fun:, obj: and src: patterns or "...". The package knows nothing of
// guests or debug information; frames come with their names.
//
// A Set is built first and read afterwards: Parse is not safe for concurrent use, Match and Rule.Use are.
package suppress

import (
	_ "embed"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// MaxCallers is the number of location lines that a suppression may have: the deepest stack that --num-callers allows. Valgrind
// takes and writes more than the 24 that its manual speaks of, as inlined calls have lines of their own.
const MaxCallers = 500

// Frame is one call as patterns see it.
type Frame struct {
	// Fn is the name in the symbol table (mangled), "" when unknown.
	Fn string
	// Obj is the path of the object, "" when unknown.
	Obj string
	// Dir and File name the source file; Line is 0 when unknown.
	Dir, File string
	Line      int
}

// Finding is what a suppression is matched against.
type Finding struct {
	Kind   string // "Addr4", "Leak"
	Extra  string // the extra line of kinds that have one: "write(buf)"
	Leak   uint32 // bit of the leak's kind in LeakKinds, for kinds with match-leak-kinds
	Frames []Frame
	// Cut says that the stack has as many calls as are kept (--num-callers): what is below is not known.
	Cut bool
}

// LeakKinds names the kinds of leaks in bit order.
var LeakKinds = []string{"definite", "indirect", "possible", "reachable"}

// Rule is one suppression.
type Rule struct {
	Name    string
	Tools   []string
	Kind    string
	Extra   string // pattern for the finding's Extra, "" when the kind has none
	Leaks   uint32 // kinds of leaks it is for
	Callers []Caller
	File    string // where it is defined
	Line    int    // line of its name

	used, bytes, blocks atomic.Uint64
}

// Use counts n findings that r suppressed.
func (r *Rule) Use(n uint64) { r.used.Add(n) }

// UseLeak counts a suppressed leak record.
func (r *Rule) UseLeak(bytes, blocks uint64) {
	r.used.Add(1)
	r.bytes.Add(bytes)
	r.blocks.Add(blocks)
}

// Used says how many findings r suppressed, and how much leaked memory.
func (r *Rule) Used() (findings, bytes, blocks uint64) {
	return r.used.Load(), r.bytes.Load(), r.blocks.Load()
}

// CallerKind says what a Caller's pattern is compared with.
type CallerKind uint8

const (
	Any CallerKind = iota // "...": any number of frames, also none
	Fun
	Obj
	Src
)

// Caller is one location line.
type Caller struct {
	Kind    CallerKind
	Pattern string
	Line    int // for Src: the line, 0 for any
}

// unknown is what patterns see where a name is not known.
const unknown = "???"

// replacements is the source file of string functions of ours. Valgrind 3.19 takes memcpy for memmove, with which it shares its code
// in the C library, and writes so into suppressions.
const replacements = "vg_replace_strmem.c"

func (c Caller) matches(f *Frame) bool {
	switch c.Kind {
	case Fun:
		return Glob(c.Pattern, or(f.Fn, unknown)) || f.Fn == "memcpy" && f.File == replacements && Glob(c.Pattern, "memmove")
	case Obj:
		return Glob(c.Pattern, or(f.Obj, unknown))
	}
	if c.Line != 0 && c.Line != f.Line {
		return false
	}
	return f.File != "" && (Glob(c.Pattern, f.File) || f.Dir != "" && Glob(c.Pattern, f.Dir+"/"+f.File))
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Glob reports whether all of s matches pattern, where * stands for any text and ? for one byte.
func Glob(pattern, s string) bool {
	// star and mark remember the last * and where its text ends, so that only the last * is tried again.
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchStack reports whether callers match frames from the top; frames below the last caller don't matter.
func matchStack(callers []Caller, frames []Frame) bool {
	// The same scheme as in Glob, with "..." as *; the end of callers matches whatever is left.
	any, mark := -1, 0
	c, i := 0, 0
	for c < len(callers) {
		switch {
		case callers[c].Kind == Any:
			any, mark = c, i
			c++
		case i < len(frames) && callers[c].matches(&frames[i]):
			c++
			i++
		case any >= 0 && mark < len(frames):
			mark++
			c, i = any+1, mark
		default:
			return false
		}
	}
	return true
}

func (r *Rule) matches(f *Finding) bool {
	callers := r.Callers
	if n := len(f.Frames); f.Cut && len(callers) > n {
		// As in Valgrind: of callers that cannot be there the suppression asks nothing. "..." alone is too little.
		if callers = callers[:n]; n == 1 && callers[0].Kind == Any {
			return false
		}
	}
	return r.Kind == f.Kind &&
		(r.Extra == "" || Glob(r.Extra, f.Extra)) &&
		(f.Leak == 0 || r.Leaks&f.Leak != 0) &&
		matchStack(callers, f.Frames)
}

// Set is a list of suppressions for one tool.
type Set struct {
	tool  Tool
	rules []*Rule // in the order of their definition

	mu    sync.Mutex // guards order
	order []*Rule    // in which they are tried
}

// NewSet returns an empty set for tool.
func NewSet(tool Tool) *Set { return &Set{tool: tool} }

// Match returns a rule for f, nil if there is none. Of several the one that matched last counts, and before any did, the one
// defined last: counts of use name the same rules as Valgrind's.
func (s *Set) Match(f *Finding) *Rule {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) != len(s.rules) {
		s.order = slices.Clone(s.rules)
		slices.Reverse(s.order)
	}
	for i, r := range s.order {
		if r.matches(f) {
			copy(s.order[1:i+1], s.order[:i])
			s.order[0] = r
			return r
		}
	}
	return nil
}

// Has reports whether a rule could match a finding of this kind; leak is as in Finding.
func (s *Set) Has(kind string, leak uint32) bool {
	for _, r := range s.rules {
		if r.Kind == kind && (leak == 0 || r.Leaks&leak != 0) {
			return true
		}
	}
	return false
}

// Rules are the rules in the order of their definition.
func (s *Set) Rules() []*Rule { return s.rules }

// defaults is our own suppression file.
//
//go:embed default.supp
var defaults string

// Defaults is the file name that messages show for the built-in suppressions.
const Defaults = "default.supp"

// AddDefaults adds the built-in suppressions.
func (s *Set) AddDefaults() error { return s.Parse(strings.NewReader(defaults), Defaults) }

// placeholder is the name in generated suppressions.
const placeholder = "<insert_a_suppression_name_here>"

// ExtraLines are the lines between the kind and the callers of a suppression for f.
func (f *Finding) ExtraLines() []string {
	var lines []string
	if f.Extra != "" {
		lines = append(lines, f.Extra)
	}
	for i, k := range LeakKinds {
		if f.Leak == 1<<i {
			lines = append(lines, leakLine+" "+k)
		}
	}
	return lines
}

// Pattern is the location that a generated suppression has for f: what is compared ("fun", "obj") and the pattern.
func (f *Frame) Pattern() (what, pattern string) {
	switch {
	case f.Fn != "":
		return "fun", f.Fn
	case f.Obj != "":
		return "obj", f.Obj
	}
	return "obj", "*"
}

// Generate writes a suppression for exactly the finding f of the tool called name.
func Generate(name string, f *Finding) string {
	var b strings.Builder
	b.WriteString("{\n   " + placeholder + "\n   " + name + ":" + f.Kind + "\n")
	for _, l := range f.ExtraLines() {
		b.WriteString("   " + l + "\n")
	}
	for i := range f.Frames {
		if i == MaxCallers {
			break
		}
		what, pattern := f.Frames[i].Pattern()
		b.WriteString("   " + what + ":" + pattern + "\n")
	}
	b.WriteString("}\n")
	return b.String()
}
