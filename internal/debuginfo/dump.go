package debuginfo

import (
	"slices"

	"gogrind/internal/debuginfo/dwarf"
	"gogrind/internal/guest"
)

// LineRow says which source line some code comes from; its addresses are link-time ones.
type LineRow = dwarf.LineRow

// Lines calls f for each row of the object's line tables until it returns false. It reads all of them, which takes long for large
// objects. f must not look up frames.
func (o *Object) Lines(f func(LineRow) bool) {
	if d := o.dwarf(); d != nil {
		d.Lines(f)
	}
}

// Segments are the runtime ranges that the object is mapped to.
func (o *Object) Segments() []guest.Range { return slices.Clone(o.segments) }
