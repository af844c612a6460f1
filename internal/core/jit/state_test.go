package jit

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
)

// Offsets in the XSAVE area (Intel SDM vol. 1, 13.4). Components 5 to 7 (AVX-512) lie where cpuid says; the area is compared as a
// whole, so only its end matters.
const (
	xsFCW, xsFSW, xsFTW, xsFOP = 0, 2, 4, 6
	xsFIP, xsMXCSR             = 8, 24
	xsST                       = 32
	xsHeader                   = 512
	xsUsed                     = 2688 // x87 to AVX-512; PKRU, which is not saved, follows
)

// state is what a run starts from.
type state struct {
	gpr    [16]uint64
	flags  uint64
	gsBase uint64
	xs     []byte // in a pool; header, control words and what follows are in head
	head   [32]byte
	mem    []byte // contents of the data window
	stack  []byte // and of the stack
	fs     []byte // and of the area at the FS base
	win    uint64
	pokes  []poke // changes to mem and stack
}

// poke is a change of the initial memory.
type poke struct {
	at uint64
	b  []byte
}

// pool is random data for vector registers and memory: full-range bits, small integers, ordinary and special floats.
type pool []byte

func newPool(seed uint64) pool {
	rng := rand.New(rand.NewPCG(seed, 77))
	p := make(pool, 1<<20)
	for i := 0; i < len(p); i += 8 {
		x := rng.Uint64()
		switch rng.IntN(12) {
		case 0:
			x &= 0xff
		case 1:
			x = math.Float64bits(rng.NormFloat64())
		case 2, 3:
			x = uint64(math.Float32bits(float32(rng.NormFloat64()*100)))<<32 | uint64(math.Float32bits(float32(rng.NormFloat64())))
		case 4:
			x = 0
		case 5:
			x = math.MaxUint64
		case 6:
			x = []uint64{0x7ff0000000000000, 0xfff8000000000000, 0x7ff0000000000001, 1, 0x7f8000007f800001, 0x8000000000000000}[rng.IntN(6)]
		case 7:
			x &= 0x0f0f0f0f0f0f0f0f // indices for shuffles
		}
		binary.LittleEndian.PutUint64(p[i:], x)
	}
	return p
}

func (p pool) slice(rng *rand.Rand, n int) []byte {
	off := rng.IntN((len(p)-n)/8) * 8
	return p[off : off+n : off+n]
}

const arith = 0x8d5 | 0x400 // flags that random states have: CF PF AF ZF SF OF and DF

// random fills s; addresses come later.
func (s *state) random(rng *rand.Rand, p pool, win uint64) {
	for i := range s.gpr {
		x := rng.Uint64()
		switch x & 7 {
		case 0, 1:
			x = x >> 8 & 63
		case 2:
			x = uint64(int64(x) >> 58)
		case 3:
			x &= math.MaxUint32
		}
		s.gpr[i] = x
	}
	s.flags = rng.Uint64()&arith | 0x202
	s.win = win
	s.gsBase = win - 0x4321
	s.gpr[guest.RSP] = stackBase + stackSize/2 + uint64(rng.IntN(32)*8)
	s.xs = p.slice(rng, xsUsed)
	s.mem, s.stack, s.fs = p.slice(rng, winSize), p.slice(rng, stackSize), p.slice(rng, fsAreaSize)
	s.pokes = s.pokes[:0]

	u := rng.Uint64()
	fcw, mxcsr := uint16(0x37f), uint32(0x1f80)
	fcw |= uint16(u&3) << 10
	mxcsr |= uint32(u>>2&3)<<13 | uint32(u>>4&0x3f)
	if u>>10&7 == 0 {
		mxcsr |= 0x8040 // flush to zero, denormals are zeros
	}
	if u>>13&7 == 0 {
		fcw = fcw&^0x300 | uint16(u>>16&3)<<8 // precision
	}
	if u>>18&15 == 0 {
		mxcsr &^= uint32(u>>22&0x3f) << 7
	}
	if u>>28&15 == 0 {
		fcw &^= uint16(u >> 32 & 0x3f)
	}
	fsw := uint16(u>>38&7)<<11 | uint16(u>>41&0xf)<<8
	fsw |= fsw & 0x800 << 3 & 0x4000
	if u>>45&3 == 0 {
		fsw |= uint16(u >> 47 & 0x7f)
		if fsw&^fcw&0x3f != 0 {
			fsw |= 0x8080
		}
	}
	head := s.head[:]
	clear(head)
	binary.LittleEndian.PutUint16(head[xsFCW:], fcw)
	binary.LittleEndian.PutUint16(head[xsFSW:], fsw)
	head[xsFTW] = byte(u >> 54)
	if u>>62 != 0 {
		head[xsFTW] = 0xff
	}
	binary.LittleEndian.PutUint32(head[xsMXCSR:], mxcsr)
}

// load puts s into a context.
func (s *state) load(c *vcpu.Context, fsBase uint64) {
	c.Regs.GPR = s.gpr
	c.Regs.RFlags = s.flags
	c.Regs.FSBase, c.Regs.GSBase = fsBase, s.gsBase
	x := xsave(c)
	copy(x, s.xs)
	copy(x, s.head[:])
	clear(x[xsHeader : xsHeader+64])
	x[xsHeader] = byte(c.XMask)
	clear(x[416:512])
	// Half of the time the x87 registers hold numbers.
	if s.head[xsFTW] == 0xff {
		for i := 0; i < 8; i++ {
			r := x[xsST+16*i:]
			r[7] |= 0x80
			binary.LittleEndian.PutUint16(r[8:], 0x3ff8+uint16(r[9])&15)
		}
	}
}

// restore puts the initial memory in its place. fsBase is where the FS area is.
func (s *state) restore(fsBase uint64) {
	copy(bytesAt(s.win, winSize), s.mem)
	copy(bytesAt(stackBase, stackSize), s.stack)
	copy(bytesAt(fsBase+fsArea, fsAreaSize), s.fs)
	for _, p := range s.pokes {
		if writable(p.at, len(p.b)) || p.at-fsBase-fsArea < fsAreaSize-64 {
			copy(bytesAt(p.at, len(p.b)), p.b)
		}
	}
}

func writable(a uint64, n int) bool {
	in := func(base, size uint64) bool { return a >= base && a+uint64(n) <= base+size }
	return in(stackBase, stackSize) || in(dataLow, winSize) || in(dataMid, winSize) || in(dataFar, winSize)
}

// result is what a run leaves.
type result struct {
	stop
	gpr   [16]uint64
	flags uint64
	xs    [xsUsed]byte
	mem   [winSize]byte
	stack [stackSize]byte
	fs    [fsAreaSize]byte
}

// take reads the result of a run from the context and memory. With keep the memory is copied, else compared with want's later.
func (r *result) take(c *vcpu.Context, s *state, fsBase uint64) {
	r.gpr, r.flags = c.Regs.GPR, c.Regs.RFlags
	copy(r.xs[:], xsave(c))
	// The x87 instruction pointer is a host address, and AMD saves it with the operand pointer and opcode only when an
	// exception is pending; the header says which components are in use, which the CPU may overstate.
	clear(r.xs[xsFOP:xsMXCSR])
	clear(r.xs[xsHeader : xsHeader+64])
	copy(r.mem[:], bytesAt(s.win, winSize))
	copy(r.stack[:], bytesAt(stackBase, stackSize))
	copy(r.fs[:], bytesAt(fsBase+fsArea, fsAreaSize))
}

// hide clears bytes of the result's memory that are not compared.
func (r *result) hide(s *state, a uint64, n int) {
	for i := uint64(0); i < uint64(n); i++ {
		switch x := a + i; {
		case x-s.win < winSize:
			r.mem[x-s.win] = 0
		case x-stackBase < stackSize:
			r.stack[x-stackBase] = 0
		}
	}
}

// diff describes how got differs from the native result, "" when it does not.
func (r *result) diff(got *result, s *state) string {
	var b strings.Builder
	add := func(f string, args ...any) { fmt.Fprintf(&b, "  "+f+"\n", args...) }
	if r.stop != got.stop {
		add("native ends %s, translated %s", r.stop, got.stop)
	}
	if r.gpr != got.gpr {
		for i := range r.gpr {
			if r.gpr[i] != got.gpr[i] {
				add("r%d: %#x before, %#x native, %#x translated", i, s.gpr[i], r.gpr[i], got.gpr[i])
			}
		}
	}
	if r.flags != got.flags {
		add("flags: %#x before, %#x native, %#x translated", s.flags, r.flags, got.flags)
	}
	bytesDiff := func(name string, x, y []byte) {
		if bytes.Equal(x, y) {
			return
		}
		n, first := 0, -1
		for i := range x {
			if x[i] != y[i] {
				n++
				if first < 0 {
					first = i
				}
			}
		}
		end := min(first+32, len(x))
		add("%s: %d bytes, first %#x: %x native, %x translated", name, n, first, x[first:end], y[first:end])
	}
	bytesDiff("xsave", r.xs[:], got.xs[:])
	bytesDiff("window", r.mem[:], got.mem[:])
	bytesDiff("stack", r.stack[:], got.stack[:])
	bytesDiff("fs area", r.fs[:], got.fs[:])
	return b.String()
}

func (s stop) String() string {
	if s.sig == 0 {
		return fmt.Sprintf("at %#x", s.rip)
	}
	return fmt.Sprintf("at %#x with signal %d code %d address %#x error %#x trap %d", s.rip, s.sig, s.code, s.addr, s.err, s.trap)
}
