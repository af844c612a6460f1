package debuginfo

import (
	"testing"

	"gogrind/internal/guest"
)

// TestEras: what was at an address before the code there was unmapped, with --keep-debuginfo=yes and without.
func TestEras(t *testing.T) {
	path := seedObject(t)
	const base = 0x10000000
	for _, keep := range []bool{false, true} {
		s := NewSpace(Options{Keep: keep, Warn: func(m string) { t.Error(m) }})
		load := func() *Object {
			o, err := s.AddImage(path, base)
			if err != nil || o == nil {
				t.Fatal(o, err)
			}
			return o
		}
		name := func(a guest.Addr, era uint32) string {
			fr := s.FramesAt(a, era, nil) // inlined calls come first
			return fr[len(fr)-1].Fn
		}
		o := load()
		var f guest.Addr
		o.Symbols(func(y Symbol) bool { f = y.Addr; return y.Name != "f" })
		if got := name(f, 0); got != "f" {
			t.Fatalf("keep %v: before: %q", keep, got)
		}
		gone, first := s.Unmap(o.Text)
		if len(gone) != 1 || gone[0] != o || first == 0 {
			t.Errorf("keep %v: gone %v in era %d", keep, gone, first)
		}
		if _, e := s.Unmap(guest.Range{Start: 1, End: 2}); e != first+1 {
			t.Errorf("keep %v: era %d follows %d", keep, e, first)
		}
		want := map[bool]string{true: "f"}[keep]
		if got := name(f, first); got != want {
			t.Errorf("keep %v: in its era: %q", keep, got)
		}
		if got := name(f, 0) + name(f, first+1); got != "" {
			t.Errorf("keep %v: after it was unmapped: %q", keep, got)
		}
		// The same file again: the old stack is still one of the old object.
		o = load()
		if got := name(f, first); got != want {
			t.Errorf("keep %v: in its era, with another object in its place: %q", keep, got)
		}
		if now, then := name(f, 0), name(f, first+1); now != "f" || then != "f" {
			t.Errorf("keep %v: mapped again: %q, %q", keep, now, then)
		}
		s.Unmap(o.Text)
		if now, then := name(f, first), name(f, first+1); now != want || then != want {
			t.Errorf("keep %v: unmapped again: %q, %q", keep, now, then)
		}
	}
}
