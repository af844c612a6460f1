package isa

import "testing"

func TestRegSet(t *testing.T) {
	s := RegSet(1<<3 | 1<<40)
	if s.Len() != 2 || s.First() != 3 || !s.Has(1<<40) || s.Has(1<<40|1) || RegSet(0).First() != 64 || !s.Has(0) {
		t.Errorf("%b: Len %d, First %d", s, s.Len(), s.First())
	}
}

func TestAccessKind(t *testing.T) {
	for k, want := range map[AccessKind]string{0: "none", Load: "load", Store: "store", Modify: "modify"} {
		if k.String() != want {
			t.Errorf("%d: %s, want %s", k, k, want)
		}
	}
	if Load|Store != Modify {
		t.Error("Modify is not a load and a store")
	}
}
