package heap

import (
	"regexp"
	"strings"
	"testing"
)

// FuzzMatch compares patterns with regular expressions.
func FuzzMatch(f *testing.F) {
	for _, s := range [][2]string{{"libc.so*", "libc.so.6"}, {"*", ""}, {"?", "x"}, {"a*b*c", "aXbYc"}, {"", "x"}, {"**?", "ab"}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pat, s string) {
		if len(pat) > 12 || len(s) > 40 || strings.ContainsFunc(pat+s, func(r rune) bool { return r >= 0x80 }) {
			return
		}
		var re strings.Builder
		re.WriteString("(?s)^")
		for _, c := range pat {
			switch c {
			case '*':
				re.WriteString(".*")
			case '?':
				re.WriteString(".")
			default:
				re.WriteString(regexp.QuoteMeta(string(c)))
			}
		}
		re.WriteString("$")
		if got, want := match(pat, s), regexp.MustCompile(re.String()).MatchString(s); got != want {
			t.Errorf("match(%q, %q) = %v", pat, s, got)
		}
	})
}
