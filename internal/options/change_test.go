package options

import (
	"flag"
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
	for _, tc := range []struct{ word, want string }{
		{"--leak-check=full", ""},
		{"--leak-check=never", "Unknown option: --leak-check=never"},
		{"--trace-children=yes", ""},
		{"-v", ""},
		{"--other=b", "Cannot change --other option dynamically"},
		{"--log-fd=3", "Cannot change --log-fd option dynamically"},
		{"--nothing", "Unknown option: --nothing"},
		{"word", "Unknown option: word"},
	} {
		got := ""
		if err := c.Change(tc.word, []string{"leak-check"}); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: %q, want %q", tc.word, got, tc.want)
		}
	}
	if kinds != "full" || !c.TraceChildren || c.Verbosity != 2 {
		t.Errorf("leak-check %s, trace-children %v, verbosity %d", kinds, c.TraceChildren, c.Verbosity)
	}
}
