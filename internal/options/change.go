package options

import (
	"slices"
	"strings"
)

// Change applies an option while the program runs. tool names the options of the tool that may change, beside the core's. The
// error is an *Error. Not for concurrent use.
func (c *Core) Change(word string, tool []string) error {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if c.reader.fs.Lookup(name) != nil && !slices.Contains(dynamic, name) && !slices.Contains(tool, name) {
		return &Error{Bare: true, Detail: "Cannot change --" + name + " option dynamically"}
	}
	return c.reader.word(word, c.reader.fs.Set)
}

// Dynamic are the core's options that may change while the program runs.
func Dynamic() []string { return slices.Clone(dynamic) }
