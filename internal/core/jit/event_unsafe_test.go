package jit

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// eventful is a tool that asks for all events of the first instruction, and counts in the way that threads share.
type eventful struct{ everything }

// Sites of eventful.
const (
	siteFirst  = 0x100 // then one for each access
	siteRounds = 0x200
	siteFall   = 0x300
)

func (eventful) Instrument(b *tool.Block) {
	in := &b.Insts[0]
	b.Anns = append(b.Anns, tool.Ann{Op: tool.OpCount, Arg: 1, Ptr: counterAddr}, tool.Ann{Op: tool.OpEvent, Arg: siteFirst})
	if in.Row == nil {
		return
	}
	for k := range in.Mem {
		b.Anns = append(b.Anns, tool.Ann{Op: tool.OpEventAddr, Mem: k, Arg: siteFirst + 1 + int64(k)})
	}
	switch {
	case in.Repeats():
		b.Anns = append(b.Anns, tool.Ann{Op: tool.OpEventRounds, Arg: siteRounds})
	case in.Row.Cf == amd64.CfNone || in.Row.Cf == amd64.CfJcc:
		b.Anns = append(b.Anns, tool.Ann{Op: tool.OpEvent, Arg: siteFall, Behind: true})
		if in.Row.Cf == amd64.CfJcc {
			b.Anns = append(b.Anns, tool.Ann{Op: tool.OpCount, Arg: 1, Ptr: counterAddr + 8, Taken: true})
		}
	}
}

// eventSpace is where the records of the test go: a buffer with an inaccessible page behind it.
const (
	eventBuffer = 0x3a000000
	eventEnd    = eventBuffer + 0x1000
)

func TestEventLayout(t *testing.T) {
	var e tool.Event
	if unsafe.Sizeof(e) != eventSize || unsafe.Offsetof(e.Site) != 0 || unsafe.Offsetof(e.Size) != 4 || unsafe.Offsetof(e.Value) != 8 {
		t.Errorf("the layout of %T is not what generated code writes", e)
	}
}

// again runs the case of d, which has been run natively and whose state is loaded, translated by mode, and compares the results. ran
// is false when the translator has no room or refuses the instruction.
func (d *differ) again(mode *mode, fsBase uint64) (ran bool, msg string) {
	refused := mode.refused
	end, err := d.m.translated(mode, d.pc, fsBase, &d.ev)
	if err == ErrFull {
		d.m.clearPlanes()
		mode.Flush()
		return false, ""
	}
	mode.Discard(guest.Range{Start: guest.Addr(d.pc), End: guest.Addr(d.pc + 160)})
	if err != nil {
		return false, err.Error()
	}
	if mode.refused != refused {
		return false, ""
	}
	d.got.stop = end
	d.got.take(d.m.b, &d.s, fsBase)
	d.hide(&d.got)
	d.planeFault()
	if end.sig != 0 {
		dead := uint64(d.in.Effects().FlagsKilled)
		d.got.flags = d.got.flags&^dead | d.want.flags&dead
	}
	return true, d.want.diff(&d.got, &d.s)
}

// TestEvents runs random instructions natively and with all event annotations, and compares state, faults and the records with
// what the test knows about them. Half of the cases find the buffer nearly full.
func TestEvents(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	for _, r := range []struct {
		at   uint64
		prot int
	}{{eventBuffer, unix.PROT_READ | unix.PROT_WRITE}, {eventEnd, unix.PROT_NONE}} {
		if err := mapAt(r.at, 0x1000, r.prot); err != nil {
			t.Fatal(err)
		}
	}
	mode := d.m.newMode(t, 3, "events", false, eventful{})
	mode.Share()
	d.modes = nil
	m := d.m
	fsBase := uint64(m.a.Addr())
	full, addresses, rounds, taken, fromGo := 0, 0, 0, 0, 0
	for n := uint64(0); d.cases < casesWanted(t, 20_000); n++ {
		if !d.generate(n) {
			continue
		}
		if msg := d.run(); msg != "" {
			t.Fatal(d.describe(n), msg)
		}
		rng := rand.New(rand.NewPCG(d.seed^31, n))
		start := uint64(eventBuffer)
		if rng.IntN(2) == 0 {
			start = eventEnd - uint64(eventSize*rng.IntN(4))
		}
		d.s.restore(fsBase)
		d.s.load(m.b, fsBase)
		m.b.Events = start
		clear(bytesAt(counterAddr+8, 8))
		d.ev = seen{refilled: func() { full++ }}
		if ran, msg := d.again(mode, fsBase); msg != "" {
			t.Errorf("%s: %s", d.describe(n), msg)
			continue
		} else if !ran {
			continue
		}
		// What was there before the buffer was emptied is lost to this test, but for the last group.
		var list []tool.Event
		from := start
		if m.b.Events < start {
			from = eventBuffer
		}
		for p := from; p < m.b.Events; p += eventSize {
			b := bytesAt(p, eventSize)
			list = append(list, tool.Event{Site: binary.LittleEndian.Uint32(b), Size: binary.LittleEndian.Uint32(b[4:]), Value: binary.LittleEndian.Uint64(b[8:])})
		}
		find := func(site uint32) *tool.Event {
			i := slices.IndexFunc(list, func(e tool.Event) bool { return e.Site == site })
			if i < 0 {
				return nil
			}
			return &list[i]
		}
		lost := m.b.Events < start
		if !lost && (len(list) == 0 || list[0].Site != siteFirst) {
			t.Errorf("%s: records %v", d.describe(n), list)
		}
		d.acc = d.in.MemAccesses(d.acc)
		for k := range d.acc {
			a := &d.acc[k]
			e := find(uint32(siteFirst + 1 + k))
			if slices.Contains(d.ev.events, k) {
				fromGo++
				if e != nil || a.Elem == 0 && !a.Outside && a.Size != 0 && (a.Addr == amd64.AddrModRM || a.Addr >= amd64.AddrRBP && a.Addr <= amd64.AddrPop) {
					t.Errorf("%s: access %d left to Go", d.describe(n), k)
				}
				continue
			}
			if e == nil {
				if !lost {
					t.Errorf("%s: access %d has no record in %v", d.describe(n), k, list)
				}
				continue
			}
			addresses++
			if want, ok := d.addressOf(a); ok && e.Value != want {
				t.Errorf("%s: access %d at %#x, want %#x", d.describe(n), k, e.Value, want)
			}
		}
		rep := tool.Inst{Inst: &d.in, Mem: d.acc}
		switch e := find(siteRounds); {
		case d.got.stop.sig != 0:
			if e != nil {
				t.Errorf("%s: a record behind an instruction that faulted", d.describe(n))
			}
		case rep.Repeats():
			rounds++
			made := d.s.gpr[guest.RCX] - d.want.gpr[guest.RCX]
			if d.in.ASize == 4 {
				made &= 0xffffffff
			}
			if e == nil || e.Value != made || e.Size != uint32(d.want.flags>>6&1) {
				t.Errorf("%s: record of rounds %+v, want %d, flags %#x", d.describe(n), e, made, d.want.flags)
			}
		case d.in.Row.Cf == amd64.CfNone:
			if find(siteFall) == nil {
				t.Errorf("%s: no record behind it in %v", d.describe(n), list)
			}
		case d.in.Row.Cf == amd64.CfJcc && d.target != d.terms[0]:
			jumped, counted := d.got.stop.rip == d.target, binary.LittleEndian.Uint64(bytesAt(counterAddr+8, 8)) == 1
			if jumped == (find(siteFall) != nil) || jumped != counted {
				t.Errorf("%s: jumped is %v, counted %v, records %v", d.describe(n), jumped, counted, list)
			}
			taken++
		}
	}
	t.Logf("%d cases, %d with a fault, %d times full, %d addresses, %d repeated, %d conditional jumps, %d left to Go", d.cases, d.faults, full, addresses, rounds, taken, fromGo)
	if full == 0 || addresses == 0 || rounds == 0 || taken == 0 || fromGo == 0 {
		t.Error("the cases do not cover everything")
	}
}

// addressOf is the address of an access whose address is computed in line, by the test's own account.
func (d *differ) addressOf(a *amd64.Access) (ea uint64, ok bool) {
	s, in := &d.s, &d.in
	cut := func(x uint64) uint64 {
		if in.ASize == 4 {
			return x & 0xffffffff
		}
		return x
	}
	switch a.Addr {
	case amd64.AddrModRM:
		return d.ea(), in.Base != guest.RSP || in.Op != 0x8f // a pop's operand is addressed behind the pop
	case amd64.AddrRSI:
		return cut(s.gpr[guest.RSI]), true
	case amd64.AddrRDI:
		return cut(s.gpr[guest.RDI]), true
	case amd64.AddrRBP:
		return s.gpr[guest.RBP], true
	case amd64.AddrPush:
		return s.gpr[guest.RSP] - uint64(a.Size), true
	case amd64.AddrPop:
		return s.gpr[guest.RSP], true
	}
	return 0, false
}
