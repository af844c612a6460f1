package jit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
)

// settle brings context b, which was interrupted at host, to an instruction boundary, as the scheduler does: rip is the guest
// instruction. ended says that the program came to its end on the way.
func (m *machine) settle(md *mode, host uintptr, ev *seen) (rip uint64, steps int, ended bool, err error) {
	c := m.b
	const trace = 2                      // TRAP_TRACE, asm-generic/siginfo.h
	const longest = 2000 + repLimit/8*24 // the routine for rep movs takes fewer than 24 instructions for 8 bytes
	for ; steps < longest; steps++ {
		if loc := md.Locate(host); loc.Exact {
			return uint64(loc.PC), steps, false, nil
		}
		c.Pending = 0
		c.Step(host)
		switch vcpu.Kind(c.Exit) {
		case vcpu.ExitInterrupt:
			host = uintptr(c.HostPC)
			continue
		case vcpu.ExitAborted:
			continue
		case vcpu.ExitFault:
			if s := faultOf(c); s.sig == int(unix.SIGTRAP) && s.code == trace {
				host = uintptr(c.HostPC)
				continue
			}
		}
		var end stop
		if host, end, err = m.exited(md, ev); err != nil || host == 0 {
			return end.rip, steps, true, err
		}
	}
	return 0, steps, false, fmt.Errorf("no boundary in sight of host %#x, exit %#x", host, c.Exit)
}

// endless generates program number n: one loop of many rounds, with calls and flags on the stack in its body.
func (p *program) endless(n uint64, rounds uint32) {
	d := p.d
	p.generate(n) // for its functions
	fill(p.code[:mainRoom-72], 0xcc)
	p.pos, p.fn = 0, -1
	p.b(0x41, 0xbe)
	p.u32(rounds)
	top := p.pc()
	for i := 0; i < 6 && p.room() > 200; i++ {
		p.loops = true
		p.items(2)
		p.loops = false
		switch p.rng.IntN(8) {
		case 0:
			// lea -0x800(%r15), %rdi; mov $0x1000, %ecx; cld; rep stosb: too long to be stepped through
			p.b(0x49, 0x8d, 0xbf, 0, 0xf8, 0xff, 0xff, 0xb9, 0, 0x10, 0, 0, 0xfc, 0xf3, 0xaa)
		case 1, 2:
			p.b(0x9c, 0x5b) // pushf; pop rbx
		case 3, 4:
			p.b(0x41, 0xf6, 0xc6, 4, 0x75, 3, 0x48, 0xff, 0xc3) // test $4, r14b; jnz over inc rbx
		default:
			p.call()
		}
	}
	p.loops = true
	p.b(0x49, 0xff, 0xce, 0x0f, 0x85) // dec r14; jnz
	p.rel(top)
	p.b(0xe9)
	p.rel(d.terms[0])
}

// TestInterrupts sends signals to a thread in translated loops. Each time the thread is brought to an instruction boundary, and
// from there the program goes on untranslated or translated; what it ends with must be what an undisturbed native run ends with.
func TestInterrupts(t *testing.T) {
	d := newDiffer(t, seedWanted(t))
	p := &program{d: d}
	p.collect(6000)
	m := d.m
	fsBase := uint64(m.a.Addr())

	// The sender: signals at random moments, only while there is something to interrupt.
	tid, pid := unix.Gettid(), os.Getpid()
	var running atomic.Bool
	var quit atomic.Bool
	var wg sync.WaitGroup
	wg.Add(1)
	go func() {
		defer wg.Done()
		for !quit.Load() {
			if running.Load() {
				unix.Tgkill(pid, tid, vcpu.Kick)
			}
			time.Sleep(20 * time.Microsecond)
		}
	}()
	defer func() {
		quit.Store(true)
		wg.Wait()
	}()

	interrupts, inexact, programs, longest := 0, 0, 0, 0
	want := casesWanted(t, 600)
	if want > 20000 {
		want = 20000
	}
	for n := uint64(0); interrupts < want && n < 1<<20; n++ {
		p.endless(n, 4000)
		m.code(d.loc, d.off, p.code[:])
		for i := range d.terms {
			m.terminator(d.loc, int(d.terms[i]-codeAt[d.loc]), i)
		}
		rng := rand.New(rand.NewPCG(d.seed^13, n))
		p.state(rng)
		s := &d.s
		s.restore(fsBase)
		s.load(m.a, fsBase)
		end, err := m.native(p.base, s.gsBase, d.terms)
		if err != nil {
			t.Fatal(err)
		}
		if end.sig != 0 || d.terms[0] != end.rip {
			continue // ended before it looped
		}
		programs++
		d.want.stop = end
		d.want.take(m.a, s, fsBase)
		d.want.hide(s, stackBase, int(d.want.gpr[guest.RSP]-stackBase))
		for _, md := range d.modes {
			const ample = 8 << 20 // room enough for one program, however often it is interrupted
			if md.hot.pos+ample > md.coldStart || md.cold.pos+ample > len(md.hot.buf) {
				m.clearPlanes()
				md.Flush()
			}
			s.restore(fsBase)
			s.load(m.b, fsBase)
			gs := fsBase
			if md.shadow {
				gs = guest.ShadowDistance
				d.defineShadow()
			}
			got, k, x, steps, err := m.disturbed(md, p.base, gs, s.gsBase, d.terms, rng, &running)
			if err != nil {
				t.Fatalf("program %d, %s: %v", n, md.name, err)
			}
			interrupts, inexact, longest = interrupts+k, inexact+x, max(longest, steps)
			d.got.stop = got
			d.got.take(m.b, s, fsBase)
			d.got.hide(s, stackBase, int(d.want.gpr[guest.RSP]-stackBase))
			if msg := d.want.diff(&d.got, s); msg != "" {
				t.Errorf("program %d of seed %d at %#x, %s, %d interrupts: %s", n, d.seed, p.base, md.name, k, msg)
			}
			md.Discard(guest.Range{Start: guest.Addr(p.base), End: guest.Addr(p.base + progSize)})
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d programs, %d interruptions, %d of them between boundaries, at most %d steps", programs, interrupts, inexact, longest)
	if inexact == 0 {
		t.Error("no interruption between boundaries: the test shows nothing")
	}
}

// disturbed runs the program on context b while signals arrive, and leaves its final state there. It counts interruptions, those
// of them that needed steps, and the most steps that one needed.
func (m *machine) disturbed(md *mode, pc, gs, guestGS uint64, terms []uint64, rng *rand.Rand, running *atomic.Bool) (end stop, n, inexact, longest int, err error) {
	c := m.b
	if m.last != md {
		m.clearPlanes()
		m.last = md
	}
	var ev seen
	c.Attach(uintptr(gs))
	c.Pending = 0
	attached := true
	defer func() {
		running.Store(false)
		if attached {
			c.Detach()
		}
	}()
	host, err := md.Entry(guest.Addr(pc))
	for err == nil {
		running.Store(true)
		c.Run(host)
		running.Store(false)
		kind := vcpu.Kind(c.Exit)
		if kind != vcpu.ExitInterrupt && kind != vcpu.ExitAborted {
			if host, end, err = m.exited(md, &ev); err != nil || host == 0 {
				return
			}
			continue
		}
		c.Pending = 0
		if c.Queued() {
			return end, n, inexact, longest, errors.New("a signal in the ring")
		}
		if kind == vcpu.ExitAborted {
			continue
		}
		n++
		rip, steps, ended, serr := m.settle(md, uintptr(c.HostPC), &ev)
		if serr != nil {
			return end, n, inexact, longest, serr
		}
		longest = max(longest, steps)
		if steps > 0 {
			inexact++
		}
		switch {
		case ended:
			return stop{rip: rip}, n, inexact, longest, nil
		case rng.IntN(4) > 0:
			host, err = md.Entry(guest.Addr(rip))
		default:
			// To the end without translation, from the state that the interruption showed.
			c.Detach()
			attached = false
			a := m.a
			fs := a.Regs.FSBase
			a.Regs = c.Regs
			a.Regs.FSBase = fs
			copy(xsave(a), xsave(c)[:xsUsed])
			end, err = m.native(rip, guestGS, terms)
			c.Regs = a.Regs
			copy(xsave(c), xsave(a)[:xsUsed])
			return
		}
	}
	return
}
