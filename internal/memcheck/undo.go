package memcheck

import (
	"gogrind/internal/guest"
	"gogrind/internal/isa"
	"gogrind/internal/isa/amd64"
	"gogrind/internal/shadow"
	"gogrind/internal/tool"
)

// undo is what the instruction that is stepped stores over. Step changes the shadow of memory before the instruction runs; when a
// signal or a fault keeps it from running, the next Step must find what was there before: an exchange of a register and memory would
// lose the memory's V bits, and so would a repeated instruction that copies to where it will read.
type undo struct {
	stores []undone
	old    []byte   // V bits of all stores, one after the other
	tags   []uint32 // of the bytes of old
	// Of repeated instructions: count is rcx, mask its bits that count; elements of size bytes are stored from dst on.
	count, mask uint64
	size        uint64
	dst         guest.Addr
	down        bool
	pc          guest.Addr
	again       guest.Addr // the instruction there has been reported, and is to be stepped again
}

// undone is a range whose V bits were stored over.
type undone struct {
	addr guest.Addr
	n    int
}

// maxUndo bounds what is kept of one instruction; what long string instructions store behind it is not taken back.
const maxUndo = 1 << 16

func (u *undo) begin(r *guest.Regs, in *amd64.Inst) {
	u.stores, u.old, u.tags, u.size, u.pc = u.stores[:0], u.old[:0], u.tags[:0], 0, guest.Addr(r.RIP)
	if in.Class() != isa.StrMovs || in.Pfx&(amd64.PfxF2|amd64.PfxF3) == 0 {
		return
	}
	u.size, u.mask, u.dst = 1, ^uint64(0), guest.Addr(r.GPR[guest.RDI])
	if in.Op&1 != 0 {
		u.size = uint64(in.OpSize)
	}
	if in.ASize == 4 {
		u.mask, u.dst = 0xffffffff, u.dst&0xffffffff
	}
	u.count = r.GPR[guest.RCX] & u.mask
	const directionFlag = 1 << 10
	u.down = r.RFlags&directionFlag != 0
}

// note keeps the V bits of n bytes at a, which are about to change.
func (u *undo) note(m *shadow.Map, a guest.Addr, n int) {
	if len(u.old)+n > maxUndo {
		return
	}
	at := len(u.old)
	for range n {
		u.old = append(u.old, 0)
	}
	m.Load(u.old[at:], a)
	for i, v := range u.old[at:] {
		u.tags = append(u.tags, m.Tag(a+guest.Addr(i), v))
	}
	m.LoadV(u.old[at:], a)
	u.stores = append(u.stores, undone{a, n})
}

// Undo implements tool.ExactThread.
func (x *registers) Undo(r tool.Registers) {
	u := &x.undo
	u.again = u.pc
	done := uint64(0) // bytes of the rounds that have run
	if u.size != 0 {
		done = (u.count - r.Regs().GPR[guest.RCX]&u.mask) * u.size
	}
	at := len(u.old)
	for i := len(u.stores) - 1; i >= 0; i-- {
		s := u.stores[i]
		at -= s.n
		v := u.old[at : at+s.n]
		first, last := 0, s.n // what of it has not been stored
		if u.size != 0 && u.down {
			last = int(max(0, min(int64(s.n), int64(u.dst)+int64(u.size)-int64(done)-int64(s.addr))))
		} else if u.size != 0 {
			first = int(max(0, min(int64(s.n), int64(u.dst)+int64(done)-int64(s.addr))))
		}
		for tags := u.tags[at:]; first < last; {
			n := first + 1
			for n < last && tags[n] == tags[first] {
				n++
			}
			x.m.shadow.StoreV(s.addr+guest.Addr(first), v[first:n], tags[first])
			first = n
		}
	}
	u.stores = u.stores[:0]
}
