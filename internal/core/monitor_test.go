package core

import "testing"

func TestKeyword(t *testing.T) {
	for _, tc := range []struct {
		w, want string
		ok      bool
	}{
		{"help", "help", true}, {"h", "help", true}, {"v.i", "v.info", true}, {"v.set", "v.set", true}, {"v.", "", false}, {"x", "", false}, {"", "", false},
	} {
		if got, ok := keyword(tc.w, "help", "v.info", "v.set"); got != tc.want || ok != tc.ok {
			t.Errorf("%q: %q, %v", tc.w, got, ok)
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
