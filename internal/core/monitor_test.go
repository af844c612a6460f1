package core

import "testing"

func TestKeyword(t *testing.T) {
	for _, tc := range []struct {
		w, want string
		n       int
	}{
		{"help", "help", 1}, {"h", "help", 1}, {"v.i", "v.info", 1}, {"v.set", "v.set", 1}, {"v.", "v.set", 2}, {"x", "", 0}, {"", "v.set", 3},
	} {
		if got, n := keyword(tc.w, "help", "v.info", "v.set"); got != tc.want || n != tc.n {
			t.Errorf("%q: %q, %v", tc.w, got, n)
		}
	}
}

func TestSilenced(t *testing.T) {
	var s silenced
	if s.is(1) {
		t.Error("silent at first")
	}
	s.level = map[int]int{1: 1, 2: -1}
	if !s.is(1) || s.is(2) {
		t.Error("levels do not count")
	}
}
