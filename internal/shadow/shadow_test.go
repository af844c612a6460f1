package shadow

import (
	"fmt"
	"math/rand"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// window reserves address space for the shadow of guest addresses [0, size) and makes a map on it. The distance keeps
// the page offset of the real one.
func window(t testing.TB, size uint64) *Map {
	t.Helper()
	const flags = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE
	at, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, uintptr(size+2*guest.PageSize), unix.PROT_NONE, flags, ^uintptr(0), 0)
	if errno != 0 {
		t.Fatalf("reserving a window: %v", errno)
	}
	t.Cleanup(func() { unix.Syscall(unix.SYS_MUNMAP, at, uintptr(size+2*guest.PageSize), 0) })
	return New(uint64(at)+guest.ShadowDistance%guest.PageSize, guest.Addr(size))
}

func rng(s, e uint64) guest.Range { return guest.Range{Start: guest.Addr(s), End: guest.Addr(e)} }

func TestValues(t *testing.T) {
	for v := 0; v < 256; v++ {
		want := v >= 0x80 && v <= 0xbf
		if got := IsNoAccess(byte(v)); got != want {
			t.Errorf("IsNoAccess(%#x) = %v", v, got)
		}
		w := uint64(v)*ones&^0xff00 | 0x7f00
		if got, want := noAccessBits(w)>>24&0x80 != 0, want; got != want {
			t.Errorf("noAccessBits(%#x) = %#x", w, noAccessBits(w))
		}
	}
}

func TestUnbackedIsNoAccess(t *testing.T) {
	m := window(t, 1<<20)
	if a, k := m.Check(rng(0x2000, 0x2010)); k != Unaddressable || a != 0x2000 {
		t.Errorf("Check of nothing = %v, %v", a, k)
	}
	if err := m.Map(rng(0x2000, 0x3000)); err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		r    guest.Range
		addr guest.Addr
		kind Kind
	}{
		{rng(0x2000, 0x3000), 0, OK},
		{rng(0x1fff, 0x2001), 0x1fff, Unaddressable},
		{rng(0x2ff8, 0x3001), 0x3000, Unaddressable},
		{rng(0x5000, 0x5001), 0x5000, Unaddressable},
		{rng(1<<20-1, 1<<20+1), 1<<20 - 1, Unaddressable},
		{rng(1<<40, 1<<40+8), 1 << 20, Unaddressable},
		{rng(0x2000, 0x2000), 0, OK},
	}
	for _, row := range rows {
		if a, k := m.Check(row.r); k != row.kind || k != OK && a != row.addr {
			t.Errorf("Check(%v) = %v, %v; want %v, %v", row.r, a, k, row.addr, row.kind)
		}
	}
}

func TestEndOfGuest(t *testing.T) {
	m := window(t, 0x10000)
	if err := m.Map(rng(0xf000, 0x12000)); err != nil {
		t.Fatal(err)
	}
	if a, k := m.Check(rng(0xfff8, 0x10008)); k != Unaddressable || a != 0x10000 {
		t.Errorf("Check over the end = %v, %v", a, k)
	}
}

// model is the naive shadow: one byte per guest byte.
type model []byte

func (m model) fill(r guest.Range, v byte) {
	for a := r.Start; a < r.End; a++ {
		m[a] = v
	}
}

func (m model) check(r guest.Range) (guest.Addr, Kind) {
	for a := r.Start; a < r.End; a++ {
		switch {
		case IsNoAccess(m[a]):
			return a, Unaddressable
		case m[a] != 0:
			return a, Undef
		}
	}
	return 0, OK
}

func TestModel(t *testing.T) {
	const size = 64 * guest.PageSize
	for seed := int64(1); seed <= 20; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := window(t, size)
			want := make(model, size)
			want.fill(rng(0, size), NoAccess)
			r := rand.New(rand.NewSource(seed))
			pages := func() guest.Range {
				s := uint64(r.Intn(63)) * guest.PageSize
				return rng(s, min(size, s+uint64(1+r.Intn(8))*guest.PageSize))
			}
			bytes := func() guest.Range {
				s := uint64(r.Intn(size - 1))
				return rng(s, min(size, s+uint64(r.Intn(1<<uint(r.Intn(14))))))
			}
			for i := 0; i < 400; i++ {
				switch op := r.Intn(10); op {
				case 0:
					p := pages()
					if err := m.Map(p); err != nil {
						t.Fatal(err)
					}
					want.fill(p, Defined)
				case 1:
					p := pages()
					if err := m.Unmap(p); err != nil {
						t.Fatal(err)
					}
					want.fill(p, NoAccess)
				case 2:
					b := bytes()
					m.MakeNoAccess(b)
					want.fill(b, NoAccess)
				case 3:
					b := bytes()
					m.MakeUndefined(b)
					want.fill(b, Undefined)
				case 4:
					b := bytes()
					m.MakeDefined(b)
					want.fill(b, Defined)
				case 5:
					b := bytes()
					m.MakeDefinedIfAddressable(b)
					for a := b.Start; a < b.End; a++ {
						if !IsNoAccess(want[a]) {
							want[a] = Defined
						}
					}
				case 6:
					b := bytes()
					to := guest.Addr(r.Intn(size - int(b.Len())))
					m.Copy(b.Start, to, b.Len())
					copy(want[to:], want[b.Start:b.End])
				case 7:
					n := uint64(1 + r.Intn(8))
					from, to := uint64(r.Intn(int(32-n))), 32+uint64(r.Intn(int(32-n)))
					if r.Intn(2) == 0 {
						from, to = to, from
					}
					f := rng(from*guest.PageSize, (from+n)*guest.PageSize)
					d := rng(to*guest.PageSize, (to+n)*guest.PageSize)
					if err := m.Move(f, d); err != nil {
						t.Fatal(err)
					}
					copy(want[d.Start:d.End], want[f.Start:f.End])
					want.fill(f, NoAccess)
				case 8:
					b := bytes()
					if err := m.MakeDefinedIfNoAccess(b); err != nil {
						t.Fatal(err)
					}
					for a := b.Start; a < b.End; a++ {
						if IsNoAccess(want[a]) {
							want[a] = Defined
						}
					}
				case 9:
					b := bytes()
					a, k := m.Check(b)
					wa, wk := want.check(b)
					if k != wk || k != OK && a != wa {
						t.Fatalf("step %d: Check(%v) = %v %v, want %v %v", i, b, a, k, wa, wk)
					}
					na, ok := m.FirstNoAccess(b)
					var wna guest.Addr
					wok := false
					for a := b.Start; a < b.End && !wok; a++ {
						wna, wok = a, IsNoAccess(want[a])
					}
					if ok != wok || ok && na != wna {
						t.Fatalf("step %d: FirstNoAccess(%v) = %v %v, want %v %v", i, b, na, ok, wna, wok)
					}
					fa, ok := m.FirstAccessible(b)
					wok = false
					var wfa guest.Addr
					for a := b.Start; a < b.End && !wok; a++ {
						wfa, wok = a, !IsNoAccess(want[a])
					}
					if ok != wok || ok && fa != wfa {
						t.Fatalf("step %d: FirstAccessible(%v) = %v %v, want %v %v", i, b, fa, ok, wfa, wok)
					}
				}
			}
			got := make([]byte, size)
			m.Load(got, 0)
			for a := range got {
				if got[a] != want[a] {
					t.Fatalf("byte %#x is %#x, want %#x", a, got[a], want[a])
				}
				if a%977 == 0 && m.At(guest.Addr(a)) != want[a] {
					t.Fatalf("At(%#x) = %#x, want %#x", a, m.At(guest.Addr(a)), want[a])
				}
			}
		})
	}
}

// TestHuge works on a terabyte: nothing of it may cost time or memory in proportion.
func TestHuge(t *testing.T) {
	const tb = 1 << 40
	m := window(t, tb)
	if err := m.Map(rng(0, tb)); err != nil {
		t.Fatal(err)
	}
	if a, k := m.Check(rng(tb-100, tb)); k != OK {
		t.Errorf("after Map: %v %v", a, k)
	}
	m.MakeNoAccess(rng(0x1234, tb-0x1234))
	rows := []struct {
		a guest.Addr
		v byte
	}{{0x1233, Defined}, {0x1234, NoAccess}, {tb / 2, NoAccess}, {tb - 0x1235, NoAccess}, {tb - 0x1234, Defined}}
	for _, row := range rows {
		if got := m.At(row.a); got != row.v {
			t.Errorf("At(%v) = %#x, want %#x", row.a, got, row.v)
		}
	}
	m.MakeUndefined(rng(tb/2, tb/2+10))
	if a, k := m.Check(rng(tb/2-1, tb/2+11)); k != Unaddressable || a != tb/2-1 {
		t.Errorf("Check = %v %v", a, k)
	}
	if a, ok := m.FirstNoAccess(rng(tb/2, tb/2+11)); !ok || a != tb/2+10 {
		t.Errorf("FirstNoAccess = %v %v", a, ok)
	}
	m.MakeDefined(rng(0, tb))
	if a, ok := m.FirstNoAccess(rng(tb/2-0x1000, tb/2+0x1000)); ok {
		t.Errorf("FirstNoAccess = %v after MakeDefined", a)
	}
	if err := m.Unmap(rng(0, tb)); err != nil {
		t.Fatal(err)
	}
	if len(m.backed) != 0 {
		t.Errorf("%d spans are left after Unmap", len(m.backed))
	}
}

// TestNoLeak checks that pages shared by neighbours go with the last of them.
func TestNoLeak(t *testing.T) {
	m := window(t, 1<<20)
	for i := uint64(0); i < 16; i++ {
		if err := m.Map(rng(i*guest.PageSize, (i+1)*guest.PageSize)); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []uint64{3, 1, 2, 15, 0, 4, 6, 5, 7, 9, 8, 10, 14, 12, 13, 11} {
		if err := m.Unmap(rng(i*guest.PageSize, (i+1)*guest.PageSize)); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.backed) != 0 {
		t.Errorf("backed pages are left: %x", m.backed)
	}
}

func BenchmarkMakeUndefined(b *testing.B) {
	m := window(b, 1<<24)
	if err := m.Map(rng(0, 1<<24)); err != nil {
		b.Fatal(err)
	}
	for _, n := range []uint64{16, 64, 256, 4096, 1 << 20} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for range b.N {
				m.MakeUndefined(rng(0x1000, 0x1000+n))
			}
		})
	}
}

// TestFill: what becomes defined as a whole costs no memory where nobody has stored to it, unless it may not be accessed somewhere.
func TestFill(t *testing.T) {
	const n = 4 << 20
	src := rng(0xa00000, 0xa00000+n) // defined
	fill := func(m *Map, r guest.Range) { m.Fill(r) }
	from := func(m *Map, r guest.Range) { m.FillFrom(r, src.Start) }
	none := func(*Map, guest.Range) {}
	at := func(a guest.Addr) guest.Range { return guest.Range{Start: a, End: a + 1} }
	for _, row := range []struct {
		what   string
		n      uint64
		change func(m *Map, r guest.Range)
		do     func(m *Map, r guest.Range)
		pages  bool // whole pages are defined
		all    bool // all bytes are
	}{
		{"fill", n, none, fill, true, false},
		{"little", Large - 1, none, fill, false, false},
		{"enough", Large, none, fill, true, false},
		{"the last byte is forbidden", n, func(m *Map, r guest.Range) { m.MakeNoAccess(at(r.End - 1)) }, fill, false, false},
		{"a byte is defined", n, func(m *Map, r guest.Range) { m.MakeDefined(at(r.Start + n/2)) }, fill, true, false},
		{"copy", n, none, from, true, false},
		{"copy of little", Large - 1, none, from, false, false},
		{"copy of an undefined byte", n, func(m *Map, r guest.Range) { m.MakeUndefined(at(src.Start + n - 1)) }, from, false, false},
		{"copy to a forbidden byte", n, func(m *Map, r guest.Range) { m.MakeNoAccess(at(r.Start)) }, from, false, false},
		{"defined", Large, none, func(m *Map, r guest.Range) { m.MakeDefined(r) }, true, true},
		{"defined and not accessible before", Large, func(m *Map, r guest.Range) { m.MakeNoAccess(at(r.Start + 5000)) },
			func(m *Map, r guest.Range) { m.MakeDefined(r) }, true, true},
		{"read", n, none, func(m *Map, r guest.Range) { m.MakeDefinedIfAddressable(r) }, true, true},
		{"read where not all is accessible", n, func(m *Map, r guest.Range) { m.MakeNoAccess(at(r.Start + n/2)) },
			func(m *Map, r guest.Range) { m.MakeDefinedIfAddressable(r) }, false, false},
		{"moved", 2 * Large, none, func(m *Map, r guest.Range) { m.Copy(src.Start+5, r.Start, r.Len()) }, true, true},
	} {
		t.Run(row.what, func(t *testing.T) {
			m := window(t, 16<<20)
			if err := m.UseTemplate(100); err != nil {
				t.Fatal(err)
			}
			defer unix.Close(m.template)
			block := rng(0x10000, 0x10000+8<<20)
			for _, r := range []guest.Range{block, src} {
				if err := m.Map(r); err != nil {
					t.Fatal(err)
				}
			}
			m.MakeUndefined(block)
			r := guest.Range{Start: block.Start + 0x123, End: block.Start + 0x123 + guest.Addr(row.n)}
			row.change(m, r)
			fresh := m.isFresh(r)
			row.do(m, r)
			inner := guest.Range{Start: r.Start + 2*guest.PageSize, End: r.End - 2*guest.PageSize}
			for _, c := range []struct {
				r    guest.Range
				want bool
			}{{inner, row.pages}, {r, row.all}} {
				if a, k := m.Check(c.r); (k == OK) != c.want {
					t.Errorf("%v at %v of %v", k, a, c.r)
				}
			}
			if !fresh || m.isFresh(inner) == row.pages {
				t.Errorf("pages of the template: %v before and %v behind", fresh, m.isFresh(inner))
			}
			for _, a := range []guest.Addr{r.Start - 1, r.End} {
				if v := m.At(a); v != Undefined {
					t.Errorf("%#x at %v, which is not in %v", v, a, r)
				}
			}
		})
	}
}

// TestMapHuge maps areas one below the other: the shadow of all is one mapping that wants huge pages, and at no place a page was touched
// before the kernel knew that.
func TestMapHuge(t *testing.T) {
	const area = 4 << 20
	_, err := os.Stat("/sys/kernel/mm/transparent_hugepage")
	hasHuge := err == nil
	flags := func(at uint64) string {
		data, err := os.ReadFile("/proc/self/smaps")
		if err != nil {
			t.Fatal(err)
		}
		inside := false
		for line := range strings.Lines(string(data)) {
			var s, e uint64
			if n, _ := fmt.Sscanf(line, "%x-%x ", &s, &e); n == 2 {
				inside = s <= at && at < e
			}
			if rest, ok := strings.CutPrefix(line, "VmFlags:"); ok && inside {
				return rest
			}
		}
		return ""
	}
	m := window(t, 4*area)
	for a := uint64(3 * area); a > 0; a -= area {
		if err := m.MapHuge(rng(a, a+area)); err != nil {
			t.Fatal(err)
		}
		if _, k := m.Check(rng(a, a+area)); k != OK {
			t.Errorf("area at %#x: %v", a, k)
		}
		s, _ := m.shadowOf(rng(a, a+area))
		for _, at := range []uint64{s &^ uint64(pageMask), s + area/2} {
			if f := flags(at); hasHuge && !strings.Contains(f, " hg") {
				t.Errorf("shadow at %#x of the area at %#x has flags%s", at, a, f)
			}
		}
	}
	if _, k := m.Check(rng(area-1, area)); k != Unaddressable {
		t.Errorf("before the areas: %v", k)
	}
}
