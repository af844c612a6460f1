package cgfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// maxLine bounds the length of a line: mangled names of templates have been seen with hundreds of kilobytes.
const maxLine = 64 << 20

// maxEvents bounds the number of events: a damaged file must not ask for unbounded memory on each line. Valgrind has 13.
const maxEvents = 1000

// Error is a mistake in a file. Line is the line it is on, 0 when something is missing at the end.
type Error struct {
	File string
	Line int
	Msg  string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Msg)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Msg)
}

// ReadFile reads the file of that name.
func ReadFile(name string) (*Profile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("cgfile: %w", err)
	}
	defer f.Close()
	return Read(f, name)
}

// reader is the state of a Read.
type reader struct {
	name string
	line int
	p    *Profile
	file string
	haveFile,
	summed bool
	fn   *Func
	nums []int64
}

func (r *reader) fail(format string, args ...any) error {
	return &Error{r.name, r.line, fmt.Sprintf(format, args...)}
}

// Read reads a profile; name is for messages. Errors are of type *Error, or those of in.
//
// It takes what Valgrind's readers take: comments that begin with #, empty lines, "." for 0, missing counts at the end of a
// line, functions and files in any order. Sums of a line that comes more than once are added up.
func Read(in io.Reader, name string) (*Profile, error) {
	r := &reader{name: name, p: New(nil)}
	s := bufio.NewScanner(in)
	s.Buffer(make([]byte, 0, 64<<10), maxLine)
	for s.Scan() {
		r.line++
		if err := r.readLine(s.Text()); err != nil {
			return nil, err
		}
	}
	if err := s.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return nil, r.fail("line is too long")
		}
		return nil, fmt.Errorf("cgfile: %s: %w", name, err)
	}
	r.line = 0
	switch {
	case r.p.Events == nil:
		return nil, r.fail("missing \"events:\" line")
	case !r.summed:
		return nil, r.fail("missing final \"summary:\" line, the file is not complete")
	}
	return r.p, nil
}

func (r *reader) readLine(l string) error {
	p := r.p
	if l == "" || l[0] == '#' {
		return nil
	}
	if l[0] >= '0' && l[0] <= '9' {
		return r.counts(l)
	}
	if v, ok := strings.CutPrefix(l, "fn="); ok {
		if !r.haveFile {
			return r.fail("\"fn=\" before any \"fl=\"")
		}
		r.fn = p.Func(r.file, v)
		return nil
	}
	for _, w := range []string{"fl=", "fi=", "fe="} {
		if v, ok := strings.CutPrefix(l, w); ok {
			r.file, r.haveFile = v, true
			if w != "fl=" && r.fn != nil { // an inlined part of the same function
				r.fn = p.Func(v, r.fn.Name)
			}
			return nil
		}
	}
	word, rest, ok := strings.Cut(l, ":")
	if ok {
		switch word {
		case "desc":
			p.Desc = append(p.Desc, strings.TrimLeft(rest, " \t"))
			return nil
		case "cmd":
			p.Cmd = strings.TrimLeft(rest, " \t")
			return nil
		case "events":
			return r.events(rest)
		case "summary":
			return r.summary(rest)
		}
	}
	if strings.TrimSpace(l) == "" {
		return nil
	}
	return r.fail("malformed line: %.100s", l)
}

func (r *reader) events(s string) error {
	if r.p.Events != nil {
		return r.fail("a second \"events:\" line")
	}
	ev := strings.Fields(s)
	switch {
	case len(ev) == 0:
		return r.fail("no events")
	case len(ev) > maxEvents:
		return r.fail("%d events", len(ev))
	}
	for i, e := range ev {
		if slices.Contains(ev[:i], e) {
			return r.fail("event %s comes twice", e)
		}
	}
	r.p.Events = ev
	r.nums = make([]int64, len(ev))
	return nil
}

// parse reads counts into r.nums and fills up with 0.
func (r *reader) parse(s string) error {
	if r.p.Events == nil {
		return r.fail("counts before the \"events:\" line")
	}
	n := 0
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" {
			break
		}
		w := s
		if i := strings.IndexAny(s, " \t"); i >= 0 {
			w, s = s[:i], s[i:]
		} else {
			s = ""
		}
		if n == len(r.nums) {
			return r.fail("more counts than the %d events", len(r.nums))
		}
		r.nums[n] = 0
		if w != "." {
			x, err := strconv.ParseInt(w, 10, 64)
			if err != nil || x == math.MinInt64 {
				return r.fail("bad count %.30q", w)
			}
			r.nums[n] = x
		}
		n++
	}
	clear(r.nums[n:])
	return nil
}

func (r *reader) counts(l string) error {
	if r.fn == nil {
		return r.fail("counts before any \"fn=\" line")
	}
	num, rest := l, ""
	if i := strings.IndexAny(l, " \t"); i >= 0 {
		num, rest = l[:i], l[i:]
	}
	line, err := strconv.ParseInt(num, 10, 32)
	if err != nil || line < 0 {
		return r.fail("bad line number %.30q", num)
	}
	if err := r.parse(rest); err != nil {
		return err
	}
	Add(r.fn.At(int(line), len(r.nums)), r.nums)
	return nil
}

func (r *reader) summary(s string) error {
	if r.summed {
		return r.fail("a second \"summary:\" line")
	}
	if err := r.parse(s); err != nil {
		return err
	}
	r.p.Summary = slices.Clone(r.nums)
	r.summed = true
	return nil
}

// Check compares the summary with the sum of all counts.
func (p *Profile) Check() error {
	for i, n := range p.Total() {
		if n != p.Summary[i] {
			return fmt.Errorf("cgfile: \"summary:\" line doesn't match the computed totals: %s is %d, the sum of all lines is %d",
				p.Events[i], p.Summary[i], n)
		}
	}
	return nil
}
