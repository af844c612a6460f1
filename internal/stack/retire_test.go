package stack

import (
	"testing"

	"gogrind/internal/guest"
)

// TestRetire: stacks through unmapped code keep their ids and addresses, and are not found again.
func TestRetire(t *testing.T) {
	n := NewInterner()
	gone := guest.Range{Start: 0x100, End: 0x200}
	rows := []struct {
		pcs []guest.Addr
		old bool
	}{
		{[]guest.Addr{0x100}, true},
		{[]guest.Addr{0x50, 0x1ff, 0x300}, true},
		{[]guest.Addr{0x50, 0x200}, true}, // behind a call that ends the code
		{[]guest.Addr{0x50, 0x201}, false},
		{[]guest.Addr{0xff, 0x300}, false},
	}
	var ids []ID
	for _, r := range rows {
		ids = append(ids, n.Intern(r.pcs))
	}
	n.Retire(gone, 7)
	for i, r := range rows {
		want := uint32(0)
		if r.old {
			want = 7
		}
		if got := n.Era(ids[i]); got != want {
			t.Errorf("%v: era %d", r.pcs, got)
		}
		if !Equal(n.Get(ids[i]), r.pcs, High) {
			t.Errorf("%v is %v now", r.pcs, n.Get(ids[i]))
		}
		if again := n.Intern(r.pcs); (again == ids[i]) == r.old {
			t.Errorf("%v: %d, was %d", r.pcs, again, ids[i])
		} else if n.Era(again) != 0 {
			t.Errorf("%v: era %d of a new stack", r.pcs, n.Era(again))
		}
	}
	n.Retire(gone, 9)
	if got := n.Era(ids[0]); got != 7 {
		t.Errorf("a retired stack is retired again: %d", got)
	}
	if n.Era(0) != 0 || n.Era(12345) != 0 {
		t.Error("era of no stack")
	}
}
