package memcheck

import (
	"strings"
	"testing"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/shadow"
)

func TestReachOf(t *testing.T) {
	rows := []struct {
		name string
		want reach
	}{
		{"strlen", reachZero}, {"__strlen_evex", reachZero}, {"__strlen_avx2_rtm", reachZero}, {"strcpy@@GLIBC_2.2.5", reachZero},
		{"__wcslen_sse2", reachWide}, {"__memcmp_evex_movbe", reachLength}, {"__strchrnul_avx2", reachText},
		{"__strcasecmp_l_evex", reachText}, {"verify_string_match_avx512", reachText}, {"__strstr_avx512", reachText},
		{"__memcpy_avx512_unaligned_erms", reachNone}, {"memmove", reachNone}, {"strdup", reachNone}, {"my_strlen", reachNone},
		{"verify_user", reachNone}, {"verify", reachNone}, {"", reachNone}, {"strlen.constprop.0", reachZero},
	}
	for _, row := range rows {
		if got := reachOf(row.name); got != row.want {
			t.Errorf("%q: %d, want %d", row.name, got, row.want)
		}
	}
}

// TestOverReads makes the loads that string functions make, on a block with text, with another one and a freed one behind.
func TestOverReads(t *testing.T) {
	const (
		block = heapBase + 0x40 // 40 bytes: 0x40-0x68
		freed = heapBase + 0x90 // 48 bytes: 0x90-0xc0
	)
	text, full := "some text\x00 and more beyond the zero..", "no zero in these forty bytes, not a one."
	rows := []struct {
		name  string
		what  reach
		text  string
		addr  guest.Addr
		size  int
		rdi   guest.Addr
		error bool
	}{
		{"all inside", reachZero, full, block, 32, block, false},
		{"over the end, zero in front", reachZero, text[:32] + "12\x0045678", block + 32, 32, block, false},
		{"over the end, no zero", reachZero, full, block + 32, 32, block, true},
		{"zero, but not a wide one", reachWide, text[:32] + "1\x00\x0034567", block + 32, 32, block, true},
		{"wide zero", reachWide, text[:32] + "1234\x00\x00\x00\x00", block + 32, 32, block, false},
		{"wide zero across characters", reachWide, text[:32] + "12\x00\x00\x00\x0078", block + 32, 32, block, true},
		{"zero in the vector before", reachZero, "short\x00" + strings.Repeat("x", 34), block + 32, 32, block, false},
		{"zero before the pointer", reachZero, "short\x00" + strings.Repeat("x", 34), block + 32, 32, block + 16, true},
		{"ahead, zero before the pointer", reachZero, "short\x00" + strings.Repeat("x", 34), block + 0x40, 16, block + 16, true},
		{"compared", reachText, full, block + 32, 32, block, false},
		{"with a length", reachLength, full, block + 32, 32, block, false},
		{"begins in front", reachZero, full, block - 16, 32, block, false},
		{"ahead", reachZero, text, block + 0x40, 16, block, false},
		{"ahead, no zero", reachZero, full, block + 0x40, 16, block, true},
		{"ahead of text, no zero", reachText, full, block + 0x40, 16, block, true},
		{"ahead, with a length", reachLength, full, block + 0x40, 16, block, false},
		{"ahead, over a freed block", reachZero, text, freed, 32, block, false},
		{"in a freed block", reachZero, text, freed, 32, freed, true},
		{"in the middle of a freed block", reachZero, text, freed + 3, 32, freed + 3, true},
		{"behind a block", reachZero, text, block + 41, 16, block + 41, true},
		{"nowhere", reachLength, text, 0x1000, 32, block, true},
		{"no string function", reachNone, text[:32] + "12\x0045678", block + 33, 32, block, true},
		{"no string function, aligned", reachNone, full, block + 32, 32, block, false},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m, h, th := start(t)
			h.alloc(m, th, block, 40)
			h.alloc(m, th, freed, 48)
			h.WriteMem([]byte(row.text), block)
			h.free(m, th, freed)
			th.regs.RIP = 0x700000
			th.regs.GPR[guest.RDI] = uint64(row.rdi)
			m.reachCache.Store(guest.Addr(th.regs.RIP), row.what)
			m.Leave(th, isa.Load, row.addr, row.size)
			if got := h.rep.Counts().Errors == 1; got != row.error {
				t.Errorf("reported: %v", got)
			}
		})
	}
}

// TestMasked checks that only elements count that a mask lets through.
func TestMasked(t *testing.T) {
	const block = heapBase + 0x40 // 40 bytes
	element := func(off, n guest.Addr) guest.Range {
		return guest.Range{Start: block + off, End: block + off + n}
	}
	rows := []struct {
		name   string
		kind   isa.AccessKind
		pieces []guest.Range
		what   reach
		want   string
	}{
		{"load inside", isa.Load, []guest.Range{element(1, 4), element(33, 4)}, reachNone, ""},
		{"load outside", isa.Load, []guest.Range{element(33, 4), element(37, 4), element(41, 4)}, reachNone, "Invalid read of size 4"},
		{"store inside", isa.Store, []guest.Range{element(1, 4)}, reachNone, ""},
		{"store outside", isa.Store, []guest.Range{element(1, 8), element(41, 8)}, reachNone, "Invalid write of size 8"},
		{"string function", isa.Load, []guest.Range{element(41, 1)}, reachText, ""},
		{"string without end", isa.Load, []guest.Range{element(41, 1)}, reachZero, "Invalid read of size 64"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			m, h, th := start(t)
			h.alloc(m, th, block, 40)
			h.WriteMem([]byte("no zero in these forty bytes, not a one."), block)
			th.regs.RIP = 0x700000
			m.reachCache.Store(guest.Addr(th.regs.RIP), row.what)
			m.LeaveMasked(th, row.kind, block+1, 64, row.pieces)
			got, _, _ := strings.Cut(h.text(), "\n")
			if got != row.want {
				t.Errorf("reported %q, want %q", got, row.want)
			}
			for i, v := range [2]byte{m.shadow.At(block + 39), m.shadow.At(block + 41)} {
				if want := [2]bool{false, true}[i]; shadow.IsNoAccess(v) != want {
					t.Errorf("shadow behind it: %#x", v)
				}
			}
		})
	}
}

// TestRunStart: the beginning of an accessible stretch, as far back as is looked.
func TestRunStart(t *testing.T) {
	m, _, _ := start(t)
	base := guest.Addr(dataBase + 0x4000)
	all := guest.Range{Start: base - longestRun - 100, End: base + 1}
	for _, length := range []guest.Addr{1, 2, 63, 64, 65, 128, 1000, longestRun, longestRun + 1, longestRun + 50} {
		m.shadow.MakeNoAccess(all)
		m.shadow.MakeDefined(guest.Range{Start: base + 1 - length, End: base + 1})
		if got, want := m.runStart(base), base+1-min(length, longestRun); got != want {
			t.Errorf("%d bytes: starts at %v, want %v", length, got, want)
		}
	}
}
