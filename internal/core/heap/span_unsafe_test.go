package heap

import (
	"testing"
	"unsafe"
)

// TestSpanLayout: what a free needs of a span is one line of the cache.
func TestSpanLayout(t *testing.T) {
	var s span
	if unsafe.Sizeof(s) != 256 || unsafe.Offsetof(s.taken) != 64 {
		t.Errorf("%d bytes, %d of them in the first part", unsafe.Sizeof(s), unsafe.Offsetof(s.taken))
	}
}
