package suppress

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// leakLine begins the extra line of Memcheck's Leak suppressions.
const leakLine = "match-leak-kinds:"

// Error is a suppression file that can't be used. Its text has Valgrind's wording.
type Error struct {
	File string
	Line int
	Msg  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("FATAL: in suppressions file \"%s\" near line %d:\n   %s\nexiting now.", e.File, e.Line, e.Msg)
}

// AddFile adds the suppressions of a file.
func (s *Set) AddFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("FATAL: can't open suppressions file \"%s\"", name)
	}
	defer f.Close()
	return s.Parse(f, name)
}

// lines reads the significant lines of a suppression file: trimmed, without empty lines and comments.
type lines struct {
	file string
	sc   *bufio.Scanner
	n    int // number of the last line read
}

func (l *lines) next() (string, bool) {
	for l.sc.Scan() {
		l.n++
		if t := strings.TrimSpace(l.sc.Text()); t != "" && t[0] != '#' {
			return t, true
		}
	}
	return "", false
}

func (l *lines) fail(msg string) error { return &Error{l.file, l.n, msg} }

// Parse adds the suppressions in r that are for the set's tool; others are skipped without being looked at. name is the
// file's name for messages.
func (s *Set) Parse(r io.Reader, name string) error {
	l := &lines{file: name, sc: bufio.NewScanner(r)}
	// Mangled C++ names of some libraries are long; a line beyond this size is no suppression.
	l.sc.Buffer(nil, 1<<20)
	for {
		t, ok := l.next()
		if !ok {
			break
		}
		if t != "{" {
			return l.fail("expected '{' or end-of-file")
		}
		rule, err := s.rule(l)
		if err != nil {
			return err
		}
		if rule != nil {
			s.rules = append(s.rules, rule)
		}
	}
	if err := l.sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		return l.fail("line is too long")
	} else if err != nil {
		return fmt.Errorf("suppress: %s: %w", name, err)
	}
	return nil
}

// rule reads one suppression after its brace; it returns nil for one that is for other tools.
func (s *Set) rule(l *lines) (*Rule, error) {
	name, ok := l.next()
	if !ok {
		return nil, l.fail("unexpected end-of-file")
	}
	if name == "}" {
		return nil, l.fail("unexpected '}'")
	}
	r := &Rule{Name: name, File: l.file, Line: l.n, Leaks: 1<<len(LeakKinds) - 1}
	spec, ok := l.next()
	if !ok {
		return nil, l.fail("unexpected end-of-file")
	}
	if spec == "}" {
		return nil, l.fail("unexpected '}'")
	}
	tools, kind, ok := strings.Cut(spec, ":")
	if !ok {
		return nil, l.fail("malformed 'tool1,tool2,...:supp' line")
	}
	r.Tools, r.Kind = strings.Split(tools, ","), kind
	core := slices.Contains(r.Tools, coreTool.Name)
	if !core && !slices.Contains(r.Tools, s.tool.Name) {
		for t, ok := l.next(); t != "}"; t, ok = l.next() {
			if !ok {
				return nil, l.fail("unexpected end-of-file")
			}
		}
		return nil, nil
	}
	extra, known := s.tool.Kinds[kind]
	if core {
		extra, known = coreTool.Kinds[kind]
	}
	if !known {
		return nil, l.fail("unknown tool suppression type")
	}
	if alias, ok := s.tool.Aliases[kind]; ok {
		r.Kind = alias
	}
	return r, s.body(l, r, extra)
}

// body reads the extra line and the callers of r.
func (s *Set) body(l *lines, r *Rule, extra Extra) error {
	t, ok := l.next()
	switch {
	case extra == TextLine:
		if _, isCaller := parseCaller(t); !ok || isCaller || t == "}" {
			return l.fail("bad or missing extra suppression info")
		}
		r.Extra = t
		t, ok = l.next()
	case extra == LeakLine && strings.HasPrefix(t, leakLine):
		if r.Leaks, ok = parseLeaks(strings.TrimSpace(t[len(leakLine):])); !ok {
			return l.fail("bad or missing extra suppression info")
		}
		t, ok = l.next()
	}
	for ; t != "}"; t, ok = l.next() {
		if !ok {
			return l.fail("unexpected end-of-file (when reading stack trace)")
		}
		c, ok := parseCaller(t)
		if !ok {
			return l.fail(`location should be "...", or should start with "fun:", "obj:", or "src:"`)
		}
		if len(r.Callers) == MaxCallers {
			return l.fail("too many callers in stack trace")
		}
		r.Callers = append(r.Callers, c)
	}
	if len(r.Callers) == 0 {
		return l.fail("missing stack trace")
	}
	if !slices.ContainsFunc(r.Callers, func(c Caller) bool { return c.Kind != Any }) {
		return l.fail(`suppression must contain at least one location line which is not "..."`)
	}
	return nil
}

// parseLeaks reads the value of match-leak-kinds.
func parseLeaks(s string) (uint32, bool) {
	switch s {
	case "all":
		return 1<<len(LeakKinds) - 1, true
	case "none":
		return 0, true
	}
	var bits uint32
	for _, w := range strings.Split(s, ",") {
		i := slices.Index(LeakKinds, w)
		if i < 0 {
			return 0, false
		}
		bits |= 1 << i
	}
	return bits, true
}

// parseCaller reads a location line.
func parseCaller(t string) (Caller, bool) {
	if t == "..." {
		return Caller{Kind: Any}, true
	}
	for _, k := range []struct {
		prefix string
		kind   CallerKind
	}{{"fun:", Fun}, {"obj:", Obj}, {"src:", Src}} {
		pattern, ok := strings.CutPrefix(t, k.prefix)
		if !ok {
			continue
		}
		c := Caller{Kind: k.kind, Pattern: strings.TrimLeft(pattern, " \t")}
		if i := strings.LastIndexByte(c.Pattern, ':'); k.kind == Src && i >= 0 {
			if n, err := strconv.Atoi(c.Pattern[i+1:]); err == nil && n > 0 {
				c.Pattern, c.Line = c.Pattern[:i], n
			}
		}
		return c, true
	}
	return Caller{}, false
}
