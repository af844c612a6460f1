package jit

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"gogrind/internal/guest"
)

// check describes a breach of what must hold between calls of the translator, "" for none: nothing that runs leads into a
// fragment that has been discarded, and all tables agree.
func (t *Translator) invariants() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	rel := func(site uint32) uint32 { return site + 4 + binary.LittleEndian.Uint32(t.hot.buf[site:]) }
	incoming := make(map[uint32]int)
	for f := 1; f < t.frags.n; f++ {
		fr := t.frags.at(uint32(f))
		if !fr.dead && t.byPC.get(fr.pc) != uint32(f) {
			return fmt.Sprintf("fragment %d at %#x is not in byPC", f, fr.pc)
		}
		for n := fr.incoming; n != 0; n = t.exits.at(n - 1).next {
			if incoming[n-1]++; fr.dead || t.exits.at(n-1).to != uint32(f)+1 {
				return fmt.Sprintf("exit %d is in the list of fragment %d (dead %v) but leads to %d", n-1, f, fr.dead, t.exits.at(n-1).to)
			}
		}
		for n := range fr.nLanding {
			l := t.landings.at(fr.landings + n)
			if fr.dead && binary.LittleEndian.Uint32(t.hot.buf[l.site:]) != l.never {
				return fmt.Sprintf("landing at %#x of the dead fragment %d recognises an address", l.site, f)
			}
		}
		for n := fr.exits; n < fr.exits+fr.nExit; n++ {
			e := t.exits.at(n)
			switch {
			case e.frag != uint32(f):
				return fmt.Sprintf("exit %d is of fragment %d, not %d", n, e.frag, f)
			case e.site == 0:
			case e.to == 0 && rel(e.site) != e.stub:
				return fmt.Sprintf("exit %d is not linked, but jumps to %#x, not to its stub %#x", n, rel(e.site), e.stub)
			case e.to != 0 && (t.frags.at(e.to-1).dead || rel(e.site) != t.frags.at(e.to-1).body || t.frags.at(e.to-1).pc != e.target):
				return fmt.Sprintf("exit %d to %#x leads to fragment %d (dead %v)", n, e.target, e.to-1, t.frags.at(e.to-1).dead)
			}
			if e.call == 0 {
				continue
			}
			c := t.calls.at(e.call - 1)
			switch {
			case !c.leads && rel(c.field) != c.warm:
				return fmt.Sprintf("the call of exit %d goes to %#x, not to its second half %#x", n, rel(c.field), c.warm)
			case c.leads && (e.to == 0 || rel(c.field) != t.frags.at(e.to-1).start):
				return fmt.Sprintf("the call of exit %d leads to %#x, the exit to fragment %d", n, rel(c.field), e.to-1)
			}
		}
	}
	for n := range t.exits.n {
		if t.exits.at(uint32(n)).to != 0 && incoming[uint32(n)] != 1 {
			return fmt.Sprintf("exit %d is linked and in %d lists", n, incoming[uint32(n)])
		}
	}
	entries := map[uint64]uint64{t.base + uint64(t.missIB): 0}
	breach := ""
	t.byPC.all(func(pc uint64, f uint32) {
		if fr := t.frags.at(f); fr.dead || fr.pc != pc {
			breach = fmt.Sprintf("byPC has fragment %d (dead %v) for %#x", f, fr.dead, pc)
		} else if fr.entry != 0 {
			entries[t.base+uint64(fr.entry)] = pc
		}
	})
	for i := uint64(0); i < 1<<l1Bits; i++ {
		if _, ok := entries[atomic.LoadUint64(t.l1(i<<l1Shift))]; !ok {
			return fmt.Sprintf("first-level entry %d leads nowhere", i)
		}
	}
	for i, e := range t.l2() {
		if e.host != 0 && entries[t.base+uint64(e.host)] != e.pc {
			return fmt.Sprintf("second-level entry %d for %#x leads elsewhere", i, e.pc)
		}
	}
	listed := 0
	t.byPage.all(func(page uint64, n uint32) {
		for ; n != 0; n = t.onPages.at(n - 1).next {
			f := t.onPages.at(n - 1).frag
			fr := t.frags.at(f)
			if !fr.dead && (fr.pc>>12 > page || (fr.end-1)>>12 < page) {
				breach = fmt.Sprintf("page %#x lists fragment %d", page, f)
			}
			if !fr.dead {
				listed++
			}
		}
	})
	for f := 1; f < t.frags.n; f++ {
		fr := t.frags.at(uint32(f))
		switch {
		case fr.dead:
		case fr.isMiddle():
			in := t.frags.at(t.find(fr.body))
			if p, ok := t.pointAt(in, fr.body); in.dead || !ok || p.host != fr.body || in.pc+uint64(p.guest) != fr.pc || !p.whole {
				breach = fmt.Sprintf("fragment %d for %#x is in the middle of nothing", f, fr.pc)
			}
		default:
			listed -= int((fr.end-1)>>12 - fr.pc>>12 + 1)
		}
	}
	if breach == "" && listed != 0 {
		breach = fmt.Sprintf("%d fragments too many or too few are listed by page", listed)
	}
	return breach
}

// TestDiscardRandom writes programs, runs them, overwrites some and discards what was translated of them, or more, and checks
// that programs run as natively and that the invariants hold.
func TestDiscardRandom(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	p := &program{d: d, keep: true}
	p.collect(4000)
	p.withFrames(t)
	rng := rand.New(rand.NewPCG(d.seed, 17))
	const perArea = codeSize / progSize
	type slot struct {
		p     program
		terms [2]uint64
		n     uint64
	}
	slots := make([]*slot, 3*perArea)
	rewritten, discarded := 0, 0
	for n := uint64(0); n < 1500 && !t.Failed(); n++ {
		i := rng.IntN(len(slots))
		if sl := slots[i]; sl == nil || rng.IntN(3) == 0 {
			p.rng = rand.New(rand.NewPCG(d.seed^19, n))
			p.place(i/perArea, i%perArea*progSize)
			d.s.win = dataAt[d.loc]
			if sl != nil {
				rewritten++
				for _, md := range d.modes {
					md.Discard(guest.Range{Start: guest.Addr(p.base), End: guest.Addr(p.base + progSize)})
				}
			}
			p.write()
			slots[i] = &slot{*p, [2]uint64(d.terms), n}
		} else {
			*p = sl.p
			p.place(i/perArea, i%perArea*progSize)
			d.s.win = dataAt[d.loc]
		}
		if rng.IntN(4) == 0 {
			// Something else goes, which will be translated again.
			at := guest.Addr(codeAt[rng.IntN(3)] + uint64(rng.IntN(codeSize)))
			r := guest.Range{Start: at, End: at + 1 + guest.Addr(rng.IntN(0x3000))}
			for _, md := range d.modes {
				md.Discard(r)
			}
			discarded++
		}
		if msg := p.run(n); msg != "" {
			t.Errorf("program %d in slot %d: %s", n, i, msg)
		}
		if n%8 == 0 {
			for _, md := range d.modes {
				if msg := md.invariants(); msg != "" {
					t.Errorf("after %d rounds, %s: %s", n, md.name, msg)
				}
			}
		}
	}
	for _, md := range d.modes {
		m := d.m
		m.clearPlanes()
		md.Flush()
		if msg := md.invariants(); msg != "" {
			t.Errorf("after a flush, %s: %s", md.name, msg)
		}
	}
	t.Logf("%d programs overwritten, %d other ranges discarded", rewritten, discarded)
	for _, md := range d.modes {
		if n := md.Stats().Middles; n == 0 && md.name != "checks" {
			t.Errorf("%s: no fragment was entered in the middle", md.name)
		}
	}
}

// small is a piece of code for directed tests: run executes it from off and returns rax.
type small struct {
	t  *testing.T
	m  *machine
	md *mode
}

func newSmall(t *testing.T) *small {
	m := newMachine(t)
	s := &small{t: t, m: m, md: m.newMode(t, 0, "plain", false, nil)}
	m.b.Regs.GPR[guest.RSP] = stackBase + stackSize/2
	return s
}

// run goes on with the registers as they are and returns rax and the address of the terminator that was reached.
func (s *small) run(off uint64) (rax, end uint64) {
	s.t.Helper()
	st, err := s.m.translated(s.md, codeLow+off, uint64(s.m.a.Addr()), &seen{})
	if err != nil || st.sig != 0 {
		s.t.Fatalf("run at %#x: %v, %v", off, st, err)
	}
	return s.m.b.Regs.GPR[guest.RAX], st.rip - codeLow
}

func (s *small) change(off int, code ...byte) {
	s.m.code(0, off, code)
	s.md.Discard(guest.Range{Start: guest.Addr(codeLow + off), End: guest.Addr(codeLow + off + len(code))})
	if msg := s.md.invariants(); msg != "" {
		s.t.Fatal(msg)
	}
}

// setRAX is mov $n, %eax; syscall.
func setRAX(n byte) []byte { return []byte{0xb8, n, 0, 0, 0, 0x0f, 0x05} }

// TestDiscard changes code that is linked to, found in the tables, or returned to.
func TestDiscard(t *testing.T) {
	tests := []struct {
		name  string
		start []byte
	}{
		{"direct jump", []byte{0xe9, 0xfb, 0, 0, 0}},                                                // jmp 0x100
		{"conditional jump", []byte{0x48, 0x85, 0xe4, 0x0f, 0x85, 0xf7, 0, 0, 0}},                   // test rsp, rsp; jnz 0x100
		{"call", []byte{0xe8, 0xfb, 0, 0, 0}},                                                       // call 0x100
		{"indirect jump", []byte{0xb9, 0, 1, 0, 0x20, 0xff, 0xe1}},                                  // mov $0x100, ecx; jmp rcx
		{"indirect call", []byte{0xb9, 0, 1, 0, 0x20, 0xff, 0xd1}},                                  // call rcx
		{"unpaired return", []byte{0x68, 0, 1, 0, 0x20, 0xc3}},                                      // push $0x100; ret
		{"return with operand", []byte{0x68, 0, 1, 0, 0x20, 0xc2, 0, 0}},                            // push; ret 0
		{"jump through memory", []byte{0x68, 0, 1, 0, 0x20, 0xff, 0x64, 0x24, 0}},                   // push; jmp *0(rsp)
		{"loop", []byte{0xb9, 1, 0, 0, 0, 0xe3, 2, 0xeb, 3, 0x90, 0x90, 0x90, 0xe9, 0xef, 0, 0, 0}}, // jrcxz; jmp over; jmp 0x100
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := newSmall(t)
			s.m.code(0, 0, tc.start)
			s.m.code(0, 0x100, setRAX(1))
			for round := byte(1); round < 4; round++ {
				for i := 0; i < 3; i++ { // translated, then linked or found in the tables
					if rax, _ := s.run(0); rax != uint64(round) {
						t.Fatalf("round %d: rax is %d", round, rax)
					}
				}
				s.change(0x100, setRAX(round+1)...)
			}
		})
	}
}

// TestDiscardUnderReturn changes the code behind a call while the callee runs.
func TestDiscardUnderReturn(t *testing.T) {
	for _, live := range []bool{false, true} {
		s := newSmall(t)
		s.m.code(0, 0, []byte{0xe8, 0xfb, 0, 0, 0}) // call 0x100
		behind := func(n byte) []byte {
			if live {
				return append([]byte{0x9c, 0x5b}, setRAX(n)...) // pushf; pop rbx: the flags are live behind the call
			}
			return append([]byte{0x31, 0xc0}, setRAX(n)...)
		}
		s.m.code(0, 5, behind(1))
		s.m.code(0, 0x100, []byte{0x0f, 0x05, 0xc3})
		for round := byte(1); round < 5; round++ {
			if _, end := s.run(0); end != 0x100 {
				t.Fatalf("stopped at %#x", end)
			}
			if round > 1 {
				s.change(5, behind(round)...)
			}
			if rax, _ := s.run(0x102); rax != uint64(round) {
				t.Fatalf("flags live %v, round %d: rax is %d", live, round, rax)
			}
		}
	}
}

// TestFlush empties the cache while a return is under way.
func TestFlush(t *testing.T) {
	s := newSmall(t)
	s.m.code(0, 0, append([]byte{0xe8, 0xfb, 0, 0, 0}, setRAX(7)...))
	s.m.code(0, 0x100, []byte{0x0f, 0x05, 0xc3})
	for i := 0; i < 3; i++ {
		s.run(0)
		s.m.clearPlanes()
		s.md.Flush()
		if msg := s.md.invariants(); msg != "" {
			t.Fatal(msg)
		}
		if rax, _ := s.run(0x102); rax != 7 {
			t.Fatalf("rax is %d", rax)
		}
	}
	if n := s.md.Stats().Flushes; n != 3 {
		t.Errorf("%d flushes counted", n)
	}
}
