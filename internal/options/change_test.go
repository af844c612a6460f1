package options

import (
	"flag"
	"slices"
	"testing"
)

func TestChange(t *testing.T) {
	var kinds string
	c, _, err := Parse([]string{"prog"}, nil, "memcheck", func(fs *flag.FlagSet) {
		Enum(fs, &kinds, "leak-check", "summary", []string{"no", "summary", "full"}, "")
		Enum(fs, &kinds, "other", "a", []string{"a", "b"}, "")
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ word, want, handled string }{
		{"--leak-check=full", "", "--leak-check=full"},
		{"--leak-check=never", "Ignoring dynamic change to unrecognised option --leak-check=never", ""},
		{"--trace-children=yes", "", "--trace-children"},
		{"-v", "", "-v"},
		{"--other=b", "Cannot change --other option dynamically", ""},
		{"--log-fd=3", "Cannot change --log-fd option dynamically", ""},
		{"--nothing", "Ignoring dynamic change to unrecognised option --nothing", ""},
		{"word", "Ignoring dynamic change to unrecognised option word", ""},
	} {
		got := ""
		handled, err := c.Change(tc.word, []string{"leak-check"})
		if err != nil {
			got = err.Error()
		}
		if got != tc.want || handled != tc.handled {
			t.Errorf("%s: %q and %q, want %q and %q", tc.word, got, handled, tc.want, tc.handled)
		}
	}
	list := c.Dynamic([]string{"leak-check"})
	for _, want := range []string{"-v", "--verbose", "--vgdb=full", "--show-error-list", "--leak-check=summary"} {
		if !slices.Contains(list, want) {
			t.Errorf("%s is not among %v", want, list)
		}
	}
	if kinds != "full" || !c.TraceChildren || c.Verbosity != 2 {
		t.Errorf("leak-check %s, trace-children %v, verbosity %d", kinds, c.TraceChildren, c.Verbosity)
	}
}
