package options

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/peterbourgon/ff/v3"
)

// rcName is the name of option files, in the home and in the working directory.
const rcName = ".valgrindrc"

// splitWords splits an option file or $VALGRIND_OPTS into words. Words end at white space; single and double quotes keep
// white space in a word and are removed; there are no comments and no backslash escapes.
func splitWords(r io.Reader) ([]string, error) {
	var (
		words []string
		word  strings.Builder
		in    bool // inside a word
		quote rune
	)
	br := bufio.NewReader(r)
	for {
		c, _, err := br.ReadRune()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		end := err != nil
		switch {
		case quote != 0 && !end:
			if c == quote {
				quote = 0
			} else {
				word.WriteRune(c)
			}
		case end || strings.ContainsRune(" \t\n\v\f\r", c):
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
			if end {
				return words, nil
			}
		case c == '"' || c == '\'':
			quote, in = c, true
		default:
			word.WriteRune(c)
			in = true
		}
	}
}

// trusted reports whether the option file at path may be read: a regular file, not writable by everyone, owned by the
// user, because options can run code under the user's account.
func trusted(path string) (exists, ok bool) {
	fi, err := os.Stat(path)
	if err != nil {
		return false, false
	}
	st, isStat := fi.Sys().(*syscall.Stat_t)
	return true, fi.Mode().IsRegular() && fi.Mode().Perm()&0o002 == 0 && isStat && int(st.Uid) == os.Getuid()
}

// reader applies options to a flag set and remembers them as given.
type reader struct {
	tool  string // options prefixed for other tools are ignored
	fs    *flag.FlagSet
	given []string
	notes []string
	// fromCommand is set while the command line itself is read; --tool= elsewhere is not looked at.
	fromCommand bool
}

// file reads an option file when it exists and can be trusted.
func (r *reader) file(path string) error {
	exists, ok := trusted(path)
	if !exists {
		return nil
	}
	if !ok {
		r.notes = append(r.notes, path+" was not read as it is either not a regular file,",
			"    or is world writeable, or is not owned by the current user.")
		return nil
	}
	return ff.Parse(r.fresh(), nil, ff.WithConfigFile(path), ff.WithConfigFileParser(r.parse))
}

// fresh is a flag set with the values of r.fs in which no flag has been set yet: ff never sets what was set before,
// whereas a later source overrides here, and lists grow from source to source.
func (r *reader) fresh() *flag.FlagSet {
	n := flag.NewFlagSet(r.tool, flag.ContinueOnError)
	n.SetOutput(io.Discard)
	r.fs.VisitAll(func(f *flag.Flag) { n.Var(f.Value, f.Name, f.Usage) })
	return n
}

// parse is an ff.ConfigFileParser for the syntax of option files.
func (r *reader) parse(f io.Reader, set func(name, value string) error) error {
	words, err := splitWords(f)
	if err != nil {
		return fmt.Errorf("options: reading %s: %w", rcName, err)
	}
	return r.words(words, set)
}

// words applies each word as an option.
func (r *reader) words(words []string, set func(name, value string) error) error {
	for _, w := range words {
		if w == "--" {
			continue
		}
		r.given = append(r.given, w)
		if err := r.word(w, set); err != nil {
			return err
		}
	}
	return nil
}

// word applies one option.
func (r *reader) word(w string, set func(name, value string) error) error {
	if tool, rest, ok := toolPrefix(w); ok {
		if tool != r.tool && !(tool == "none" && r.tool == "nulgrind") { // as --tool= has both names
			return nil
		}
		w = "--" + rest
	}
	name, value, hasValue := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(w, "-"), "-"), "=")
	long := strings.HasPrefix(w, "--")
	f := r.fs.Lookup(name)
	if f == nil || !strings.HasPrefix(w, "-") || long == (len(name) == 1) {
		return &Error{Option: w, Unknown: true}
	}
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); hasValue == (ok && b.IsBoolFlag()) {
		return &Error{Option: w, Unknown: true}
	}
	if name == "tool" && !r.fromCommand {
		return nil
	}
	err := set(name, value)
	var e *Error
	if errors.As(err, &e) {
		named := *e
		named.Option = w
		return &named
	}
	return err
}

// toolPrefix takes --TOOL:REST apart.
func toolPrefix(w string) (tool, rest string, ok bool) {
	if !strings.HasPrefix(w, "--") {
		return "", "", false
	}
	for i, c := range w[2:] {
		switch {
		case c == ':':
			return w[2 : 2+i], w[2+i+1:], true
		case c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z'):
			return "", "", false
		}
	}
	return "", "", false
}

// splitCommand separates our own options from the program and its arguments: options end at "--" or at the first word
// that does not begin with a dash.
func splitCommand(args []string) (opts, program []string) {
	for i, a := range args {
		if a == "--" {
			return args[:i], args[i+1:]
		}
		if !strings.HasPrefix(a, "-") {
			return args[:i], args[i:]
		}
	}
	return args, nil
}

// lookup finds name in an environment in the form of os.Environ.
func lookup(env []string, name string) (string, bool) {
	for _, e := range env {
		if k, v, ok := strings.Cut(e, "="); ok && k == name {
			return v, true
		}
	}
	return "", false
}

// read applies all sources, weakest first.
func (r *reader) read(opts, env []string) error {
	only := false
	for _, o := range opts {
		only = only || o == "--command-line-only=yes"
	}
	if !only {
		home, hasHome := lookup(env, "HOME")
		homeRC := filepath.Join(home, rcName)
		if hasHome && home != "" {
			if err := r.file(homeRC); err != nil {
				return err
			}
		}
		if v, ok := lookup(env, "VALGRIND_OPTS"); ok {
			if err := r.parse(strings.NewReader(v), r.fs.Set); err != nil {
				return err
			}
		}
		if home == "" || !sameFile(homeRC, rcName) {
			if err := r.file("./" + rcName); err != nil {
				return err
			}
		}
	}
	r.fromCommand = true
	return r.words(opts, r.fs.Set)
}

// sameFile reports whether both paths name one file: in the home directory the file is read once.
func sameFile(a, b string) bool {
	fa, err := os.Stat(a)
	if err != nil {
		return false
	}
	fb, err := os.Stat(b)
	return err == nil && os.SameFile(fa, fb)
}
