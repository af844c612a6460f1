package options

import (
	"flag"
	"math"
	"strconv"
	"strings"
)

// The functions below each declare one option with Valgrind's syntax and messages. They are for the core and for tools:
//
//	options.YesNo(fs, &t.origins, "track-origins", false, "show where undefined values come from")
//
// A usage text that begins with "debug: " appears in --help-debug only.

// syntaxer is implemented by values that know how their argument is written in help.
type syntaxer interface{ Syntax() string }

// integer is the set of types that numeric options may have.
type integer interface {
	~int | ~int32 | ~int64 | ~uint | ~uint32 | ~uint64
}

type yesNo struct{ p *bool }

// YesNo declares --name=yes|no.
func YesNo(fs *flag.FlagSet, p *bool, name string, def bool, usage string) {
	*p = def
	fs.Var(yesNo{p}, name, usage)
}

func (v yesNo) Syntax() string { return "no|yes" }

func (v yesNo) String() string {
	if v.p != nil && *v.p {
		return "yes"
	}
	return "no"
}

func (v yesNo) Set(s string) error {
	if s != "yes" && s != "no" {
		return bad("Invalid boolean value '%s' (should be 'yes' or 'no')", s)
	}
	*v.p = s == "yes"
	return nil
}

type choice struct {
	p      *string
	names  []string
	reject func(string) error // nil: the option becomes unknown
}

// Enum declares --name=ONE, where ONE is one of names. Any other value makes the option unknown, as Valgrind has it.
func Enum(fs *flag.FlagSet, p *string, name, def string, names []string, usage string) {
	*p = def
	fs.Var(choice{p: p, names: names}, name, usage)
}

func (v choice) Syntax() string { return strings.Join(v.names, "|") }

func (v choice) String() string {
	if v.p == nil {
		return ""
	}
	return *v.p
}

func (v choice) Set(s string) error {
	for _, n := range v.names {
		if s == n {
			*v.p = s
			return nil
		}
	}
	if v.reject != nil {
		return v.reject(s)
	}
	return errUnknown
}

type number[T integer] struct {
	p      *T
	name   string
	lo, hi int64
	hex    bool
}

// Int declares --name=NUMBER with lo <= NUMBER <= hi; the number is decimal.
func Int[T integer](fs *flag.FlagSet, p *T, name string, def T, lo, hi int64, usage string) {
	*p = def
	fs.Var(number[T]{p: p, name: name, lo: lo, hi: hi}, name, usage)
}

// Any declares --name=NUMBER without limits other than those of 64 bits.
func Any[T integer](fs *flag.FlagSet, p *T, name string, def T, usage string) {
	Int(fs, p, name, def, math.MinInt64, math.MaxInt64, usage)
}

// Hex declares --name=HEXNUMBER with lo <= HEXNUMBER <= hi; a leading 0x is allowed.
func Hex[T integer](fs *flag.FlagSet, p *T, name string, def T, lo, hi int64, usage string) {
	*p = def
	fs.Var(number[T]{p: p, name: name, lo: lo, hi: hi, hex: true}, name, usage)
}

func (v number[T]) Syntax() string {
	if v.hex {
		return "<hexnumber>"
	}
	return "<number>"
}

func (v number[T]) String() string {
	switch {
	case v.p == nil:
		return "0"
	case v.hex && int64(*v.p) < 0:
		return "none"
	case v.hex:
		return strconv.FormatUint(uint64(*v.p), 16)
	}
	return strconv.FormatInt(int64(*v.p), 10)
}

func (v number[T]) Set(s string) error {
	n, err := parseNumber(s, v.hex)
	if err != nil {
		return bad("Invalid integer value '%s'", s)
	}
	if n < v.lo || n > v.hi {
		return bad("'--%s' argument must be between %d and %d", v.name, v.lo, v.hi)
	}
	*v.p = T(n)
	return nil
}

// parseNumber reads an integer; an empty string is 0, as for Valgrind.
func parseNumber(s string, hex bool) (int64, error) {
	if s == "" {
		return 0, nil
	}
	if !hex {
		return strconv.ParseInt(s, 10, 64)
	}
	s = strings.TrimPrefix(strings.TrimPrefix(s, "0x"), "0X")
	return strconv.ParseInt(s, 16, 64)
}

type text struct{ p *string }

// String declares --name=TEXT. syntax is TEXT as help shows it.
func String(fs *flag.FlagSet, p *string, name, def, syntax, usage string) {
	*p = def
	fs.Var(shown{text{p}, syntax}, name, usage)
}

func (v text) String() string {
	if v.p == nil {
		return ""
	}
	return *v.p
}

func (v text) Set(s string) error { *v.p = s; return nil }

type list struct{ p *[]string }

// StringList declares an option that may be given many times; each adds to the list.
func StringList(fs *flag.FlagSet, p *[]string, name, syntax, usage string) {
	*p = nil
	fs.Var(shown{list{p}, syntax}, name, usage)
}

func (v list) String() string {
	if v.p == nil {
		return ""
	}
	return strings.Join(*v.p, ",")
}

func (v list) Set(s string) error { *v.p = append(*v.p, s); return nil }

// Set is a bit set over the names that its option was declared with: bit i is the i-th name.
type Set uint32

// Has reports whether bit i is in s.
func (s Set) Has(i int) bool { return s&(1<<i) != 0 }

type set struct {
	p     *Set
	name  string
	names []string
	all   bool // "all" is allowed
}

// SetOf declares --name=A,B,...; the values all and none stand for themselves and may not be mixed with names.
func SetOf(fs *flag.FlagSet, p *Set, name string, def Set, names []string, usage string) {
	*p = def
	fs.Var(set{p, name, names, true}, name, usage)
}

func (v set) Syntax() string { return "<" + strings.Join(v.names, ",") + ">" }

func (v set) String() string {
	if v.p == nil || *v.p == 0 {
		return "none"
	}
	if v.all && *v.p == 1<<len(v.names)-1 {
		return "all"
	}
	var on []string
	for i, n := range v.names {
		if v.p.Has(i) {
			on = append(on, n)
		}
	}
	return strings.Join(on, ",")
}

func (v set) Set(s string) error {
	got, ok := parseSet(s, v.names, v.all)
	if !ok {
		return bad("%s is an invalid %s set", s, v.name)
	}
	*v.p = got
	return nil
}

func parseSet(s string, names []string, all bool) (Set, bool) {
	switch {
	case s == "none":
		return 0, true
	case s == "all" && all:
		return 1<<len(names) - 1, true
	}
	var got Set
next:
	for _, w := range strings.Split(s, ",") {
		for i, n := range names {
			if w == n {
				got |= 1 << i
				continue next
			}
		}
		return 0, false
	}
	return got, true
}

// ParseSet reads the value of a SetOf option from other places, such as the match-leak-kinds line of a suppression.
func ParseSet(s string, names []string) (Set, bool) { return parseSet(s, names, true) }

type toggle struct{ f func() }

// Switch declares an option without a value, such as -v; f is called each time it is given.
func Switch(fs *flag.FlagSet, name string, f func(), usage string) {
	fs.Var(toggle{f}, name, usage)
}

func (v toggle) String() string   { return "" }
func (v toggle) Set(string) error { v.f(); return nil }
func (v toggle) IsBoolFlag() bool { return true }
func (v toggle) Syntax() string   { return "" }

type function struct{ f func(string) error }

// Func declares --name=TEXT where f reads the text. Its errors come from Badf.
func Func(fs *flag.FlagSet, name, syntax string, f func(string) error, usage string) {
	fs.Var(shown{function{f}, syntax}, name, usage)
}

func (v function) String() string     { return "" }
func (v function) Set(s string) error { return v.f(s) }

// Badf is the error of a Func for a value that can't be used; the message follows the line "Bad option: ...".
func Badf(format string, args ...any) error { return bad(format, args...) }

// shown adds to a value how its argument is written in help.
type shown struct {
	flag.Value
	syntax string
}

func (v shown) Syntax() string { return v.syntax }

func (v shown) String() string {
	if v.Value == nil {
		return ""
	}
	return v.Value.String()
}
