package options

import (
	"errors"
	"flag"
	"slices"
	"strings"
)

// Change applies an option while the program runs. tool names the options of the tool that may change, beside the core's. handled is the
// name of an option that was set, as messages spell it. The error is an *Error; its text is Valgrind's.
func (c *Core) Change(word string, tool []string) (handled string, err error) {
	name, value, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	f := c.reader.fs.Lookup(name)
	if f != nil && !slices.Contains(dynamic, name) && !slices.Contains(tool, name) {
		return "", &Error{Bare: true, Detail: "Cannot change --" + name + " option dynamically"}
	}
	err = c.reader.word(word, c.reader.fs.Set)
	var e *Error
	switch {
	case errors.As(err, &e) && e.Unknown:
		return "", &Error{Bare: true, Detail: "Ignoring dynamic change to unrecognised option " + word}
	case err != nil:
		return "", err
	}
	handled = Spelling(name)
	if _, values := spelledOut(f); values {
		handled += "=" + value
	}
	return handled, nil
}

// Spelling is an option's name with its dashes.
func Spelling(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// spelledOut are the values of an option that Valgrind takes for one option for each value.
func spelledOut(f *flag.Flag) (values []string, ok bool) {
	c, ok := f.Value.(choice)
	if !ok || c.reject != nil || f.Name == "show-error-list" {
		return nil, false
	}
	return c.names, true
}

// Dynamic are the options that may change while the program runs, as messages list them: the core's, and those that tool names.
func (c *Core) Dynamic(tool []string) []string {
	var list []string
	for _, n := range slices.Concat(dynamic, tool) {
		f := c.reader.fs.Lookup(n)
		if f == nil {
			continue
		}
		values, ok := spelledOut(f)
		if !ok {
			list = append(list, Spelling(n))
		}
		for _, v := range values {
			list = append(list, Spelling(n)+"="+v)
		}
	}
	return list
}
