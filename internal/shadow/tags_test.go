package shadow

import (
	"bytes"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// tagged is a map with tags for guest addresses [0, size), all of which are mapped.
func tagged(t *testing.T, size uint64) *Map {
	t.Helper()
	m := window(t, size)
	n := uintptr(size/guest.TagWord*guest.TagSize) + 2*tagChunk
	at, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, n, unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE, ^uintptr(0), 0)
	if errno != 0 {
		t.Fatalf("reserving tags: %v", errno)
	}
	t.Cleanup(func() { unix.Syscall(unix.SYS_MUNMAP, at, n, 0) })
	m.UseTags((uint64(at) + tagChunk - 1) &^ (tagChunk - 1))
	if err := m.Map(rng(0, size)); err != nil {
		t.Fatal(err)
	}
	return m
}

// tagsAt are the tags of n bytes at a, as Tag sees them.
func tagsAt(m *Map, a guest.Addr, n int) []uint32 {
	list := make([]uint32, n)
	for i := range list {
		list[i] = m.Tag(a+guest.Addr(i), m.At(a+guest.Addr(i)))
	}
	return list
}

func wantTags(t *testing.T, m *Map, what string, a guest.Addr, want ...uint32) {
	t.Helper()
	for i, got := range tagsAt(m, a, len(want)) {
		if got != want[i] {
			t.Errorf("%s: byte %d has tag %d, want %d", what, i, got, want[i])
		}
	}
}

// TestTags: undefined bytes have the tag that they were stored with, until they are defined or undefined anew.
func TestTags(t *testing.T) {
	m := tagged(t, 1<<20)
	v := []byte{0xff, 0xff, 0, 0x0f, 0, 0, 0, 0, 0xff, guest.Tagged}
	if !m.StoreV(0x1000, v, 7) {
		t.Fatal("StoreV fails")
	}
	wantTags(t, m, "stored", 0x1000, 7, 7, 0, 7, 0, 0, 0, 0, 7, 7)
	got := make([]byte, len(v))
	if m.LoadV(got, 0x1000); !bytes.Equal(got, v) {
		t.Errorf("V bits %x, want %x", got, v)
	}
	if m.At(0x1000) != guest.Tagged || m.At(0x1009) != beside {
		t.Errorf("shadow %#x and %#x", m.At(0x1000), m.At(0x1009))
	}
	m.MakeUndefined(rng(0x1000, 0x1001))
	m.MakeDefined(rng(0x1001, 0x1002))
	wantTags(t, m, "made anew", 0x1000, 0, 0, 0, 7)

	m.StoreV(0x2000, []byte{0xff, 0xff}, 0)
	wantTags(t, m, "stored without", 0x2000, 0, 0)
	if m.At(0x2000) != Undefined {
		t.Errorf("shadow %#x of what has no tag", m.At(0x2000))
	}
}

// TestRetag: what has no tag gets one, unless its word has another.
func TestRetag(t *testing.T) {
	m := tagged(t, 1<<20)
	m.MakeUndefined(rng(0x1000, 0x1020))
	m.MakeDefined(rng(0x1002, 0x1004))
	m.MakeNoAccess(rng(0x1004, 0x1005))
	m.StoreV(0x1008, []byte{0xff}, 3)
	m.Retag(rng(0x1001, 0x1018), 5)
	wantTags(t, m, "first word", 0x1000, 0, 5, 0, 0, 0, 5, 5, 5)
	wantTags(t, m, "word with a tag", 0x1008, 3, 0, 0, 0, 0, 0, 0, 0)
	wantTags(t, m, "last words", 0x1010, 5, 5, 5, 5, 5, 5, 5, 5, 0)
	v := make([]byte, 8)
	if m.LoadV(v, 0x1000) || !bytes.Equal(v, []byte{0xff, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff}) {
		t.Errorf("V bits %x", v)
	}
}

// TestTagsMove: tags go with the shadow that is copied or moved, also between words that are not at equal offsets.
func TestTagsMove(t *testing.T) {
	m := tagged(t, 1<<20)
	m.StoreV(0x1000, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1)
	m.StoreV(0x1008, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 2)
	m.Copy(0x1000, 0x40000, 16)
	wantTags(t, m, "copy", 0x40000, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2)
	m.Copy(0x1000, 0x41004, 4)
	wantTags(t, m, "half a word", 0x41004, 1, 1, 1, 1)
	m.Copy(0x100c, 0x42002, 4)
	wantTags(t, m, "another offset", 0x42002, 2, 2, 2, 2)
	if err := m.Move(rng(0x1000, 0x2000), rng(0x80000, 0x81000)); err != nil {
		t.Fatal(err)
	}
	wantTags(t, m, "moved", 0x80000, 1, 1, 1, 1, 1, 1, 1, 1, 2)
}
