package jit

import (
	"encoding/binary"
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
	b.Anns = append(b.Anns, tool.Ann{Op: tool.OpEventFetch, Arg: siteFirst})
	if in.Row == nil {
		return
	}
	for k := range in.Mem {
		b.Anns = append(b.Anns, tool.Ann{Op: tool.OpEventMiss, Mem: k, Arg: siteFirst + 1 + int64(k)})
	}
}

// modelAt makes a model whose tags are at start.
func modelAt(start uint64, c tool.Cache) *tool.Cache {
	c.Start = guest.Addr(start)
	c.Tags = unsafe.Slice((*uint64)(unsafe.Pointer(&bytesAt(start, 8*c.Words())[0])), c.Words())
	return &c
}

// TestMisses runs random instructions natively and with the look-ups of their lines in models of caches, and compares state, the
// records and the models afterwards with what tool.Cache does. Lines are in the models at random places.
func TestMisses(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	const tags = 0x3a800000
	for _, r := range []struct {
		at   uint64
		size int
		prot int
	}{{eventBuffer, 0x1000, unix.PROT_READ | unix.PROT_WRITE}, {eventEnd, 0x1000, unix.PROT_NONE}, {tags, 0x4000, unix.PROT_READ | unix.PROT_WRITE}} {
		if err := mapAt(r.at, uintptr(r.size), r.prot); err != nil {
			t.Fatal(err)
		}
	}
	d.modes = nil
	m := d.m
	fsBase := uint64(m.a.Addr())
	for _, geometry := range []tool.Cache{{Line: 64, Sets: 4, Ways: 3, Limit: 64}, {Line: 32, Sets: 1, Ways: unrolled + 1, Limit: 16}} {
		data, code := modelAt(tags, geometry), modelAt(tags+0x2000, geometry)
		mode := m.newCachedMode(t, 3, "misses", false, missing{}, data, code)
		first, front, there, missed, full := d.cases, 0, 0, 0, 0
		for n := uint64(0); d.cases < first+casesWanted(t, 10_000); n++ {
			if !d.generate(n) {
				continue
			}
			if msg := d.run(); msg != "" {
				t.Fatal(d.describe(n), msg)
			}
			rng := rand.New(rand.NewPCG(d.seed^31, n))
			d.acc = d.in.MemAccesses(d.acc)
			for i := range data.Tags {
				data.Tags[i] = -uint64(geometry.Line) * (rng.Uint64N(1<<20) + 1) * uint64(geometry.Sets) // no line that is used
				code.Tags[i] = rng.Uint64N(8) + 1
			}
			put := func(a uint64) {
				if rng.IntN(3) == 0 {
					return
				}
				line := a &^ uint64(geometry.Line-1)
				set := int(line/uint64(geometry.Line)) % geometry.Sets
				data.Tags[set*data.Stride()+rng.IntN(geometry.Ways)] = -line
			}
			for k := range d.acc {
				if a, ok := d.addressOf(&d.acc[k]); ok {
					put(a)
					put(a + uint64(max(min(int(d.acc[k].Size), geometry.Limit), 1)) - 1)
				}
			}
			want := *data
			want.Tags = slices.Clone(data.Tags)
			before := slices.Clone(code.Tags)
			start := uint64(eventBuffer)
			if rng.IntN(2) == 0 {
				start = eventEnd - uint64(eventSize*rng.IntN(3))
			}
			d.s.restore(fsBase)
			d.s.load(m.b, fsBase)
			m.b.Events = start
			d.ev = seen{refilled: func() { full++ }}
			if ran, msg := d.again(mode, fsBase); msg != "" {
				t.Fatalf("%s: %s", d.describe(n), msg)
			} else if !ran {
				continue
			}
			sites := map[uint32]uint64{}
			from := start
			if m.b.Events < start {
				from = eventBuffer
			}
			for p := from; p < m.b.Events; p += eventSize {
				b := bytesAt(p, eventSize)
				sites[binary.LittleEndian.Uint32(b)] = binary.LittleEndian.Uint64(b[8:])
			}
			lost := m.b.Events < start
			known := true
			for k := range d.acc {
				a := &d.acc[k]
				address, ok := d.addressOf(a)
				if ok && (a.Elem != 0 || a.Outside || a.Size == 0 || d.in.Seg >= amd64.SegFS && a.Addr != amd64.AddrModRM) || !ok {
					known = false // Go does what is to be done, or this test doesn't know better
					break
				}
				set := want.Tags[int(address/uint64(geometry.Line))%geometry.Sets*want.Stride()]
				miss := want.Touch(address, int(a.Size))
				at, recorded := sites[uint32(siteFirst+1+k)]
				if miss != recorded && !lost || recorded && at != address {
					t.Fatalf("%s: access %d to %#x: missing is %v, record is %v: %#x", d.describe(n), k, address, miss, recorded, at)
				}
				switch {
				case miss:
					missed++
				case set == -(address &^ uint64(geometry.Line-1)):
					front++
				default:
					there++
				}
			}
			if known && !slices.Equal(want.Tags, data.Tags) {
				t.Fatalf("%s: tags %x, want %x", d.describe(n), data.Tags, want.Tags)
			}
			if d.in.Row.Sem != isa.CtlSys {
				checkFetch(t, d, mode, code, before, sites, lost, n)
			}
		}
		t.Logf("%+v: %d times in front, %d elsewhere in the set, %d missing; buffer full %d times", geometry, front, there, missed, full)
		if front == 0 || there == 0 || missed == 0 || full == 0 {
			t.Error("the cases do not cover everything")
		}
	}
}

// checkFetch compares what the fetch of the case's instruction has done to tags.
func checkFetch(t *testing.T, d *differ, mode *mode, code *tool.Cache, tags []uint64, sites map[uint32]uint64, lost bool, n uint64) {
	t.Helper()
	miss := false
	for l := d.pc / uint64(code.Line); l <= (d.pc+uint64(d.in.Len)-1)/uint64(code.Line); l++ {
		at := int(l) % code.Sets * code.Stride()
		set := tags[at : at+code.Ways]
		key := uint64(mode.codeKeys[l])
		i := slices.Index(set, key)
		if i < 0 {
			miss, i = true, len(set)-1
		}
		copy(set[1:], set[:i])
		set[0] = key
	}
	if _, recorded := sites[siteFirst]; miss != recorded && !lost {
		t.Fatalf("%s: instruction missing is %v, record is %v", d.describe(n), miss, recorded)
	}
	if !slices.Equal(tags, code.Tags) {
		t.Fatalf("%s: tags of code %x, want %x", d.describe(n), code.Tags, tags)
	}
}
