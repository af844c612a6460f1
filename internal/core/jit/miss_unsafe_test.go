package jit

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// missing is a tool that asks for what the first instruction misses.
type missing struct{ everything }

func (missing) Instrument(b *tool.Block) {
	in := &b.Insts[0]
	if in.Row != nil && in.Row.Sem == isa.CtlSys {
		return // where the case ends
	}
	b.Anns = append(b.Anns, tool.Ann{Op: tool.OpCodeMiss, Ptr: missCounts})
	if in.Row == nil {
		return
	}
	for k := range in.Mem {
		b.Anns = append(b.Anns, tool.Ann{Op: tool.OpDataMiss, Mem: k, Ptr: missCounts + guest.Addr(16*(k+1))})
	}
}

// missTags is where the models are in TestMisses, missCounts where the counters are.
const (
	missTags   = 0x3a800000
	missCounts = missTags + 0x3000
)

// modelAt makes a model whose tags are at start.
func modelAt(start uint64, c tool.Cache) *tool.Cache {
	c.Start = guest.Addr(start)
	c.Tags = unsafe.Slice((*uint64)(unsafe.Pointer(&bytesAt(start, 8*c.Words())[0])), c.Words())
	return &c
}

// TestMisses runs random instructions natively and with their lines looked up in models of caches, and compares state, counts and the
// models afterwards with what tool.Cache does. Lines are in the models at random places.
func TestMisses(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	if err := mapAt(missTags, 0x4000, unix.PROT_READ|unix.PROT_WRITE); err != nil {
		t.Fatal(err)
	}
	last, err := unix.Mmap(-1, 0, 0x4000, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	lastAt := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(last))))
	counts := unsafe.Slice((*uint64)(unsafe.Pointer(&bytesAt(missCounts, 0x1000)[0])), 32)
	d.modes = nil
	m := d.m
	fsBase := uint64(m.a.Addr())
	type caches struct {
		data, last tool.Cache
		scalar     bool
	}
	for _, geometry := range []caches{
		{tool.Cache{Line: 64, Sets: 4, Ways: 3, Limit: 64}, tool.Cache{Line: 64, Sets: 8, Ways: 4, Limit: 64}, false},
		{tool.Cache{Line: 32, Sets: 1, Ways: unrolled + 1, Limit: 16}, tool.Cache{Line: 128, Sets: 2, Ways: unrolled + 2, Limit: 16}, false},
		{tool.Cache{Line: 64, Sets: 4, Ways: 8, Limit: 64}, tool.Cache{Line: 64, Sets: 8, Ways: 16, Limit: 64}, false},
		{tool.Cache{Line: 64, Sets: 4, Ways: 8, Limit: 64}, tool.Cache{Line: 64, Sets: 8, Ways: 16, Limit: 64}, true},
		{tool.Cache{Line: 64, Sets: 2, Ways: 12, Limit: 64}, tool.Cache{Line: 64, Sets: 8, Ways: 5, Limit: 64}, false},
	} {
		models := tool.Caches{Data: modelAt(missTags, geometry.data), Code: modelAt(missTags+0x2000, geometry.data), Last: modelAt(lastAt, geometry.last)}
		mode := m.newCachedMode(t, 3, "misses", false, missing{}, models, geometry.scalar)
		first, front, there, missed, deep := d.cases, 0, 0, 0, 0
		for n := uint64(0); d.cases < first+casesWanted(t, 10_000); n++ {
			if !d.generate(n) {
				continue
			}
			if msg := d.run(); msg != "" {
				t.Fatal(d.describe(n), msg)
			}
			rng := rand.New(rand.NewPCG(d.seed^31, n))
			d.acc = d.in.MemAccesses(d.acc)
			for _, c := range []*tool.Cache{models.Data, models.Last} {
				for i := range c.Tags {
					c.Tags[i] = -uint64(c.Line) * (rng.Uint64N(1<<20) + 1) * uint64(c.Sets) // no line that is used
				}
			}
			for i := range models.Code.Tags {
				models.Code.Tags[i] = rng.Uint64N(8) + 1
			}
			put := func(c *tool.Cache, a uint64) {
				if rng.IntN(3) == 0 {
					return
				}
				line := a &^ uint64(c.Line-1)
				set := int(line/uint64(c.Line)) % c.Sets
				c.Tags[set*c.Stride()+rng.IntN(c.Ways)] = -line
			}
			for k := range d.acc {
				if a, ok := d.addressOf(&d.acc[k]); ok {
					for _, c := range []*tool.Cache{models.Data, models.Last} {
						put(c, a)
						put(c, a+uint64(max(min(int(d.acc[k].Size), c.Limit), 1))-1)
					}
				}
			}
			put(models.Last, d.pc)
			copied := func(c *tool.Cache) tool.Cache {
				n := *c
				n.Tags = slices.Clone(c.Tags)
				return n
			}
			want, wantLast, code := copied(models.Data), copied(models.Last), copied(models.Code)
			clear(counts)
			d.s.restore(fsBase)
			d.s.load(m.b, fsBase)
			if ran, msg := d.again(mode, fsBase); msg != "" {
				t.Fatalf("%s: %s", d.describe(n), msg)
			} else if !ran || d.in.Row.Sem == isa.CtlSys {
				continue
			}
			check := func(what string, at int, miss bool, a uint64, size int) {
				far := miss && wantLast.Touch(a, size)
				if (counts[at] == 1) != miss || (counts[at+1] == 1) != far {
					t.Fatalf("%s: %s at %#x+%d: missing %v, in the last level %v; counted %d", d.describe(n), what, a, size, miss, far, counts[at:at+2])
				}
				if far {
					deep++
				}
			}
			check("instruction", 0, fetch(d, mode, &code), d.pc, int(d.in.Len))
			known := true
			for k := range d.acc {
				a := &d.acc[k]
				address, ok := d.addressOf(a)
				if ok && (a.Elem != 0 || a.Outside || a.Size == 0 || d.in.Seg >= amd64.SegFS && a.Addr != amd64.AddrModRM) || !ok {
					known = false // Go does what is to be done, or this test doesn't know better
					break
				}
				set := want.Tags[int(address/uint64(want.Line))%want.Sets*want.Stride()]
				miss := want.Touch(address, int(a.Size))
				check("access", 2*(k+1), miss, address, int(a.Size))
				switch {
				case miss:
					missed++
				case set == -(address &^ uint64(want.Line-1)):
					front++
				default:
					there++
				}
			}
			if known && (!slices.Equal(want.Tags, models.Data.Tags) || !slices.Equal(wantLast.Tags, models.Last.Tags)) {
				t.Fatalf("%s: tags %x, want %x; last level %x, want %x", d.describe(n), models.Data.Tags, want.Tags, models.Last.Tags, wantLast.Tags)
			}
			if !slices.Equal(code.Tags, models.Code.Tags) {
				t.Fatalf("%s: tags of code %x, want %x", d.describe(n), models.Code.Tags, code.Tags)
			}
		}
		t.Logf("%+v: %d times in front, %d elsewhere in the set, %d missing, %d in the last level, too", geometry, front, there, missed, deep)
		if front == 0 || there == 0 || missed == 0 || deep == 0 || deep == missed {
			t.Error("the cases do not cover everything")
		}
	}
}

// fetch does to code what the fetch of the case's instruction does, and reports whether a line was missing.
func fetch(d *differ, mode *mode, code *tool.Cache) (miss bool) {
	for l := d.pc / uint64(code.Line); l <= (d.pc+uint64(d.in.Len)-1)/uint64(code.Line); l++ {
		at := int(l) % code.Sets * code.Stride()
		set := code.Tags[at : at+code.Ways]
		key := uint64(mode.codeKeys[l])
		i := slices.Index(set, key)
		if i < 0 {
			miss, i = true, len(set)-1
		}
		copy(set[1:], set[:i])
		set[0] = key
	}
	return miss
}
