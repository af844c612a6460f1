package jit

import (
	"encoding/binary"

	"gogrind/internal/guest"
	"gogrind/internal/tool"
)

// A point says what the host code from an offset on belongs to. Each instruction has one or more, in ascending host order, but they
// are only asked for at faults and interrupts. So a fragment's are kept as two bytes each, as a rule, that tell the distance to the
// one before: for a large program records of fixed size were a third of all memory that translation filled.
type point struct {
	host  uint32 // host offset
	guest uint32 // guest pc - fragment pc
	// spilled registers: for each, register number + 1, in spill slots 0, 1, 2; 0 is none.
	spill [3]uint8
	exact bool // host is the start of the instruction at guest pc: state is exact if nothing is spilled
	// whole says of an exact one that it is an OpWhole, else that the instruction has been counted and is about to begin, or between
	// two rounds.
	whole bool
}

// The first byte of a point: the distance in guest code, or pointFar, and flags. The distance in host code follows unless pointJump says
// that a whole offset does; then guest's offset if it is far, then spill.
const (
	pointFar   = 0x0f
	pointWhole = 0x10
	pointExact = 0x20
	pointSpill = 0x40
	pointJump  = 0x80
)

// point notes that from here on host code is of the instruction at pc, with sp spilled.
func (t *Translator) point(pc uint64, exact bool, sp [3]uint8) {
	t.addPoint(pc, point{exact: exact, spill: sp})
}

func (t *Translator) addPoint(pc uint64, p point) {
	tr := &t.tr
	p.host, p.guest = uint32(t.hot.pos), uint32(pc-tr.start)
	tr.points = appendPoint(tr.points, tr.lastPoint, p)
	tr.lastPoint = p
}

// pointBefore notes that the code of instruction i begins here.
func (t *Translator) pointBefore(i int) {
	whole := false
	if t.annAt < len(t.block.Anns) && t.cfg.Tool != nil && !t.once {
		ann := &t.block.Anns[t.annAt]
		whole = ann.Inst == i && ann.Op == tool.OpWhole
		t.wholes = t.wholes || whole
	}
	t.addPoint(t.tr.insts[i].pc, point{exact: true, whole: whole})
}

// pointRounds notes that repeated instruction i begins here, counts and checks behind it, or goes on with another round: stepping
// through the rest could take for ever.
func (t *Translator) pointRounds(i int) {
	t.addPoint(t.tr.insts[i].pc, point{exact: !t.wholes, whole: t.wholes})
}

// appendPoint adds p, which comes behind last, to b.
func appendPoint(b []byte, last, p point) []byte {
	host, ahead := p.host-last.host, p.guest-last.guest
	head := byte(min(ahead, pointFar))
	if p.exact {
		head |= pointExact
	}
	if p.whole {
		head |= pointWhole
	}
	if p.spill != [3]uint8{} {
		head |= pointSpill
	}
	if host > 0xff {
		b = binary.LittleEndian.AppendUint32(append(b, head|pointJump), p.host)
	} else {
		b = append(b, head, byte(host))
	}
	if ahead >= pointFar {
		b = binary.LittleEndian.AppendUint32(b, p.guest)
	}
	if head&pointSpill != 0 {
		b = append(b, p.spill[:]...)
	}
	return b
}

// nextPoint takes the point behind last off b, which is not empty.
func nextPoint(b []byte, last point) (p point, rest []byte) {
	head := b[0]
	p.exact, p.whole = head&pointExact != 0, head&pointWhole != 0
	if head&pointJump != 0 {
		p.host, b = binary.LittleEndian.Uint32(b[1:]), b[5:]
	} else {
		p.host, b = last.host+uint32(b[1]), b[2:]
	}
	if ahead := head & pointFar; ahead == pointFar {
		p.guest, b = binary.LittleEndian.Uint32(b), b[4:]
	} else {
		p.guest = last.guest + uint32(ahead)
	}
	if head&pointSpill != 0 {
		b = b[copy(p.spill[:], b):]
	}
	return p, b
}

// pointAt is the last point of fr that is not behind host offset off; ok is false when there is none.
func (t *Translator) pointAt(fr *fragment, off uint32) (p point, ok bool) {
	last := point{host: fr.start}
	for b := t.pointBytes.get(fr.points, fr.nPoint); len(b) > 0; {
		last, b = nextPoint(b, last)
		if last.host > off {
			break
		}
		p, ok = last, true
	}
	return p, ok
}

// Location is what a host address in the cache means.
type Location struct {
	PC    guest.Addr // guest instruction
	Exact bool       // the guest instruction has not begun and no register is spilled, and a thread may stop here
	// Begun says that the instruction is a repeated one that has been counted: it goes on with Translator.Once.
	Begun bool
	Known bool // PC is known: the address is in the copy of a guest instruction
	// Original says that the instruction is the first of the code that Translator.Original gave.
	Original bool
	// Spill says, for each of the first spill slots, which register it holds + 1.
	Spill [3]uint8
}

// Locate tells where in the guest host address h is.
func (t *Translator) Locate(h uintptr) Location {
	t.mu.Lock()
	defer t.mu.Unlock()
	off := uint64(h) - t.base
	if off >= uint64(len(t.hot.buf)) {
		return Location{}
	}
	f := t.find(uint32(off))
	if f == 0 {
		return Location{}
	}
	fr := t.frags.at(f)
	p, ok := t.pointAt(fr, uint32(off))
	if !ok || uint32(off) >= fr.hotEnd {
		return Location{}
	}
	here := p.host == uint32(off) && p.spill == [3]uint8{}
	return Location{
		PC:       guest.Addr(fr.pc + uint64(p.guest)),
		Exact:    here && p.exact && (p.whole || !t.wholes),
		Begun:    here && p.whole && !p.exact,
		Known:    true,
		Original: fr.ver == verOriginal && p.guest == 0,
		Spill:    p.spill,
	}
}
