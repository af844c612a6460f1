package cgannotate

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// styles of output.
const (
	styleAuto    = ""
	styleClassic = "3.19"
	styleGrouped = "3.21"
)

// styleVar is the environment variable that chooses the style where no option does: for scripts that can't pass any.
const styleVar = "CG_ANNOTATE_STYLE"

// settings is a parsed command line of cg_annotate.
type settings struct {
	show, sort []string
	limits     []float64 // with sort: thresholds of single events; nil without any
	threshold  float64
	percs      bool
	annotate   bool
	context    int
	include    []string
	diff       bool
	modFile    func(string) string
	modFunc    func(string) string
	style      string
	pprof      string // file to write a profile to
	folded     string // file to write folded stacks to
	files      []string
	help, vers bool
}

var errUsage = errors.New("usage")

// same is the renaming that changes nothing.
func same(s string) string { return s }

const usage = `usage: cg_annotate [options] cachegrind-out-file [cachegrind-out-file | source-file ...]

  -h --help               show this text
  --version               show the version
  --show=A,B,C            show these events only, in this order [all]
  --sort=A,B,C            sort by these events [in the order of the file]; with
                          --style=3.19 each may have a threshold: A:0.5,B:1
  --threshold=N           leave out what is below N percent of the first sort
                          event, 0 to 20 [0.1]
  --show-percs, --no-show-percs, --show-percs=yes|no
                          show percentages [yes]
  --annotate, --no-annotate, --auto=yes|no
                          annotate source files [yes]
  --context=N             lines shown around annotated ones [8]
  -I<dir> --include=<dir> look for source files here, too
  --diff                  show the second file minus the first
  --mod-filename=<expr>   change names of files: s/old/new/, i and g may follow
  --mod-funcname=<expr>   change names of functions
  --style=3.19|3.21       layout as up to Valgrind 3.20, or as since [3.21;
                          $CG_ANNOTATE_STYLE changes the default]
  --pprof=<file>          write the profile for go tool pprof to this file and
                          show nothing
  --folded=<file>         write files and functions with the first sort event as
                          folded stacks for flame graphs, and show nothing

  Several cachegrind-out-files are added up.
`

// value splits an option that has a value: --name=value, or the next argument.
func value(args []string, i int, names ...string) (v string, next int, ok bool, err error) {
	for _, n := range names {
		if args[i] == n && strings.HasPrefix(n, "--") {
			if i+1 >= len(args) {
				return "", i, true, fmt.Errorf("option %s needs a value", n)
			}
			return args[i+1], i + 1, true, nil
		}
		if v, ok := strings.CutPrefix(args[i], n+"="); ok {
			return v, i, true, nil
		}
	}
	return "", i, false, nil
}

// parse reads a command line. lookup is os.LookupEnv.
func parse(args []string, lookup func(string) (string, bool)) (*settings, error) {
	s := &settings{threshold: 0.1, percs: true, annotate: true, context: 8, modFile: same, modFunc: same}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			s.files = append(s.files, args[i+1:]...)
			break
		}
		if a == "-" || !strings.HasPrefix(a, "-") {
			s.files = append(s.files, a)
			continue
		}
		switch a {
		case "-h", "--help":
			s.help = true
			continue
		case "--version":
			s.vers = true
			continue
		case "--diff":
			s.diff = true
			continue
		case "--show-percs", "--show-percs=yes":
			s.percs = true
			continue
		case "--no-show-percs", "--show-percs=no":
			s.percs = false
			continue
		case "--annotate", "--auto=yes", "--auto":
			s.annotate = true
			continue
		case "--no-annotate", "--auto=no", "--no-auto":
			s.annotate = false
			continue
		}
		if strings.HasPrefix(a, "-I") {
			if a == "-I" {
				return nil, errors.New("a directory must follow -I without a blank")
			}
			s.include = append(s.include, strings.TrimPrefix(a[2:], "="))
			s.style = styleClassic
			continue
		}
		known := false
		for _, o := range []struct {
			name string
			set  func(string) error
		}{
			{"--show", func(v string) error { s.show = strings.Split(v, ","); return nil }},
			{"--sort", s.setSort},
			{"--threshold", s.setThreshold},
			{"--context", s.setContext},
			{"--include", func(v string) error { s.include = append(s.include, v); return nil }},
			{"--mod-filename", func(v string) (err error) { s.modFile, err = Substitution(v); return err }},
			{"--mod-funcname", func(v string) (err error) { s.modFunc, err = Substitution(v); return err }},
			{"--style", s.setStyle},
			{"--pprof", func(v string) error { s.pprof = v; return nil }},
			{"--folded", func(v string) error { s.folded = v; return nil }},
		} {
			v, next, ok, err := value(args, i, o.name)
			if !ok {
				continue
			}
			if err == nil {
				err = o.set(v)
			}
			if err != nil {
				return nil, err
			}
			i, known = next, true
			break
		}
		if !known {
			return nil, fmt.Errorf("unknown option %s: %w", a, errUsage)
		}
	}
	if len(s.files) == 0 && !s.help && !s.vers {
		return nil, errUsage
	}
	if v, ok := lookup(styleVar); ok && s.style == styleAuto {
		if err := s.setStyle(v); err != nil {
			return nil, fmt.Errorf("%s: %w", styleVar, err)
		}
	}
	return s, nil
}

func (s *settings) setStyle(v string) error {
	if v != styleClassic && v != styleGrouped {
		return fmt.Errorf("--style is %s or %s", styleClassic, styleGrouped)
	}
	s.style = v
	return nil
}

// setSort reads events with their thresholds. If one has a threshold, those without have 0.
func (s *settings) setSort(v string) error {
	s.sort, s.limits = nil, nil
	given := false
	for _, w := range strings.Split(v, ",") {
		name, limit, ok := strings.Cut(w, ":")
		x := 0.0
		if ok {
			var err error
			if x, err = percentage(limit); err != nil || !(x >= 0 && x <= 100) {
				return fmt.Errorf("bad threshold in --sort=%s", v)
			}
			s.style, given = styleClassic, true
		}
		s.sort, s.limits = append(s.sort, name), append(s.limits, x)
	}
	if !given {
		s.limits = nil
	}
	return nil
}

func (s *settings) setThreshold(v string) error {
	x, err := percentage(v)
	// The limits are those of Valgrind's: more would leave out too much to be of use.
	if err != nil || !(x >= 0 && x <= 20) {
		return fmt.Errorf("--threshold=%s: a number from 0 to 20 is needed", v)
	}
	s.threshold = x
	return nil
}

// percentage reads a number that may have a percent sign.
func percentage(v string) (float64, error) { return strconv.ParseFloat(strings.TrimSuffix(v, "%"), 64) }

func (s *settings) setContext(v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return fmt.Errorf("--context=%s: a number of lines is needed", v)
	}
	s.context = min(n, 1<<30)
	return nil
}

// Substitution makes a function of an expression s/old/new/ with i and g behind it, as Perl and sed write it. Any character may
// take the place of the slash. New may refer to groups as \1 or $1.
func Substitution(expr string) (func(string) string, error) {
	bad := fmt.Errorf("bad substitution %q: s/old/new/ is needed", expr)
	if len(expr) < 4 || expr[0] != 's' {
		return nil, bad
	}
	var parts []string
	var b strings.Builder
	for i := 2; i < len(expr); i++ {
		switch {
		case expr[i] == '\\' && i+1 < len(expr) && expr[i+1] == expr[1]:
			i++
			b.WriteByte(expr[i])
		case expr[i] == '\\' && i+1 < len(expr):
			b.WriteString(expr[i : i+2])
			i++
		case expr[i] == expr[1]:
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteByte(expr[i])
		}
	}
	if len(parts) != 2 {
		return nil, bad
	}
	old, all := parts[0], false
	for _, f := range b.String() {
		switch f {
		case 'i':
			old = "(?i)" + old
		case 'g':
			all = true
		default:
			return nil, bad
		}
	}
	re, err := regexp.Compile(old)
	if err != nil {
		return nil, fmt.Errorf("bad substitution %q: %w", expr, err)
	}
	text := template(parts[1])
	return func(s string) string {
		if all {
			return re.ReplaceAllString(s, text)
		}
		m := re.FindStringSubmatchIndex(s)
		if m == nil {
			return s
		}
		return string(re.ExpandString([]byte(s[:m[0]]), text, s, m)) + s[m[1]:]
	}, nil
}

// template converts \1 and $1 to what package regexp wants, ${1}.
func template(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if (s[i] == '\\' || s[i] == '$') && i+1 < len(s) {
			if c := s[i+1]; c >= '0' && c <= '9' {
				b.WriteString("${" + string(c) + "}")
				i++
				continue
			}
			if s[i] == '\\' {
				b.WriteByte(s[i+1])
				i++
				continue
			}
		}
		if s[i] == '$' {
			b.WriteByte('$')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

var lookupEnv = os.LookupEnv
