package jit

import (
	"flag"
	"fmt"
	"slices"

	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/tool"
)

// everything is a tool that puts all annotations everywhere.
type everything struct{ noCount bool }

func (everything) Info() tool.Info              { return tool.Info{Name: "everything"} }
func (everything) Flags(*flag.FlagSet)          {}
func (everything) Start(tool.Host) error        { return nil }
func (everything) Finish(tool.Exit) (int, bool) { return 0, false }

func (e *everything) Instrument(b *tool.Block) {
	for i := range b.Insts {
		x := &b.Insts[i]
		if x.Row != nil {
			for k := range x.Mem {
				b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpCheck, Mem: k})
			}
			if x.Effects().Writes.Has(amd64.GPR(guest.RSP)) {
				b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpStack})
			}
		}
		if !e.noCount {
			b.Anns = append(b.Anns, tool.Ann{Inst: i, Op: tool.OpCount, Arg: 1, Ptr: counterAddr})
		}
	}
}

// defineShadow makes all shadow of the tests' memory defined, but for the poisoned byte and the areas that may not be accessed.
func (d *differ) defineShadow() {
	clear(bytesAt(shadowOf(d.s.win), winSize+0x1000))
	clear(bytesAt(shadowOf(stackBase), stackSize))
	fill(bytesAt(shadowOf(d.s.win-0x400), 0x400), 0x80)
	fill(bytesAt(shadowOf(d.s.win+winSize+0x1000), 0x400), 0x80)
	fill(bytesAt(shadowOf(d.poison.start), d.poison.n), d.poison.mark)
}

// checked returns the address of an access that OpCheck looks at.
func (d *differ) checked(a *amd64.Access) (ea uint64, ok bool) {
	in, s := &d.in, &d.s
	if a.Outside || a.Size == 0 {
		return 0, false
	}
	cut := func(x uint64) uint64 {
		if in.ASize == 4 {
			return x & 0xffffffff
		}
		return x
	}
	switch a.Addr {
	case amd64.AddrModRM:
		if in.Seg >= amd64.SegFS {
			return 0, false
		}
		ea = d.ea()
	case amd64.AddrRSI:
		if in.Seg >= amd64.SegFS {
			return 0, false
		}
		ea = cut(s.gpr[guest.RSI])
	case amd64.AddrRDI:
		if in.Seg >= amd64.SegFS && in.Row.Sem == isa.VMaskmov {
			return 0, false
		}
		ea = cut(s.gpr[guest.RDI])
	case amd64.AddrRBP:
		ea = s.gpr[guest.RBP]
	default:
		return 0, false
	}
	return ea, d.known(ea, int(a.Size))
}

// known reports whether the test knows the shadow of [ea, ea+n).
func (d *differ) known(ea uint64, n int) bool {
	in := func(lo, hi uint64) bool { return ea >= lo && ea < hi && uint64(n) <= hi-ea }
	return in(d.s.win-0x400, d.s.win+winSize+0x1400) || in(stackBase, stackBase+stackSize)
}

// checksSeen compares the checks that left with the shadow memory as the test made it.
func (d *differ) checksSeen() string {
	d.acc = d.in.MemAccesses(d.acc)
	for k := range d.acc {
		a := &d.acc[k]
		ea, ok := d.checked(a)
		left := slices.Contains(d.ev.checks, k)
		if !ok {
			continue
		}
		if rep := (inst{Inst: d.in}); repOf(&rep) >= 0 {
			if msg := d.repSeen(a, ea, left); msg != "" {
				return msg
			}
			continue
		}
		want := a.Cond && d.in.Pfx&(amd64.PfxF2|amd64.PfxF3) != 0 && a.Addr != amd64.AddrModRM // other rep: always
		defines := a.Kind == isa.Store && !a.Cond
		for x, end := ea, ea+uint64(a.Size); x < end; {
			n := piece(int(end - x))
			low := x - d.s.gpr[guest.RSP] + redZone
			below := int64(low) < 0 && int64(low) >= -stackReach
			for i := range uint64(n) {
				v := d.shadowBefore(x + i)
				want = want || v != 0 && (!defines || below || v&0xc0 == 0x80)
			}
			x += uint64(n)
		}
		if left != want {
			return fmt.Sprintf("access %d of %d bytes at %#x: check left is %v, want %v (poison: %+v)", k, a.Size, ea, left, want, d.poison)
		}
		if sh := bytesAt(shadowOf(ea), int(a.Size)); defines && !want && d.in.Row.Sem != isa.Stack && !allZero(sh) {
			return fmt.Sprintf("store %d of %d bytes at %#x left shadow %x (poison: %+v)", k, a.Size, ea, sh, d.poison)
		}
	}
	return ""
}

// repSeen is checksSeen for access a, at ea, of rep stos or rep movs: one that is plain does not leave, and carries shadow along.
func (d *differ) repSeen(a *amd64.Access, ea uint64, left bool) string {
	count := d.s.gpr[guest.RCX]
	const direction = 1 << 10
	n := count * uint64(a.Size)
	from, to := d.s.gpr[guest.RSI], d.s.gpr[guest.RDI]
	moves := d.in.Op < 0xaa
	if count > repLimit || n > repLimit || d.s.flags&direction != 0 || !d.known(to, int(n)) || moves && !d.known(from, int(n)) {
		if count > 0 && !left {
			return fmt.Sprintf("rep of %d bytes at %#x did not leave", n, ea)
		}
		return ""
	}
	sp := d.s.gpr[guest.RSP]
	below := func(x uint64) bool { return sp-x-1 < stackReach }
	plain := !below(to) && !(moves && (below(from) || to-from < n || from-to < n))
	for i := range n {
		plain = plain && d.shadowBefore(to+i)&0xc0 != 0x80
		if moves {
			v := d.shadowBefore(from + i)
			plain = plain && v == 0 // the translator is not told to move V bits
		}
	}
	if left == plain {
		return fmt.Sprintf("rep of %d bytes at %#x: check left is %v (poison: %+v)", n, ea, left, d.poison)
	}
	for i := range n {
		want := byte(0)
		if moves {
			want = d.shadowBefore(from + i)
		}
		if got := bytesAt(shadowOf(to+i), 1)[0]; plain && got != want {
			return fmt.Sprintf("rep of %d bytes at %#x: shadow of byte %d is %#x, want %#x (poison: %+v)", n, ea, i, got, want, d.poison)
		}
	}
	return ""
}

// shadowBefore is the shadow byte that the test has given to x.
func (d *differ) shadowBefore(x uint64) byte {
	w := d.s.win
	switch {
	case x >= d.poison.start && x < d.poison.start+uint64(d.poison.n):
		return d.poison.mark
	case x < w && x >= w-0x400 || x >= w+winSize+0x1000 && x < w+winSize+0x1400:
		return 0x80
	}
	return 0
}

func allZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}
