package profile

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Folded collects stacks for flame graphs: a line for each, "outer;inner value".
type Folded struct {
	values map[string]uint64
}

// cleaner replaces what would end a name too early: names of lambdas and operators may have it.
var cleaner = strings.NewReplacer(";", ":", "\n", " ")

// Add adds value to the stack of names, innermost first.
func (f *Folded) Add(names []string, value uint64) {
	if value == 0 || len(names) == 0 {
		return
	}
	var b strings.Builder
	for i := len(names) - 1; i >= 0; i-- {
		b.WriteString(cleaner.Replace(names[i]))
		if i > 0 {
			b.WriteByte(';')
		}
	}
	if f.values == nil {
		f.values = map[string]uint64{}
	}
	f.values[b.String()] += value
}

// Write writes the lines in alphabetical order.
func (f *Folded) Write(out io.Writer) error {
	keys := make([]string, 0, len(f.values))
	for k := range f.values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	w := bufio.NewWriter(out)
	for _, k := range keys {
		fmt.Fprintf(w, "%s %d\n", k, f.values[k])
	}
	return w.Flush()
}
