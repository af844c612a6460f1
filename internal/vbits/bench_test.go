package vbits

import (
	"encoding/hex"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
	"gogrind/internal/isa/amd64"
)

// still is a state and memory in which nothing changes.
type still struct {
	regs guest.Regs
	v    byte // V bits of all memory
}

func (s *still) Regs() *guest.Regs                 { return &s.regs }
func (s *still) Vec(n uint8, v *[8]uint64)         { *v = [8]uint64{uint64(n), 1, 2, 3} }
func (s *still) Mask(n uint8) uint64               { return 0xf0 }
func (s *still) ST(n uint8, v *[2]uint64)          { *v = [2]uint64{1 << 63, 0x3fff} }
func (s *still) FPSW() uint16                      { return 0 }
func (s *still) FPCW() uint16                      { return 0x37f }
func (s *still) FPTW() uint8                       { return 0 }
func (s *still) Component(int) int                 { return 0 }
func (s *still) Load(p []byte, a guest.Addr)       { clear(p) }
func (s *still) Origin(guest.Addr, int) uint32     { return 1 }
func (s *still) StoreV([]byte, guest.Addr, uint32) {}
func (s *still) LoadV(p []byte, a guest.Addr) {
	for i := range p {
		p[i] = s.v
	}
}

// threadTime is the processor time of the thread in nanoseconds: others may use the machine too.
func threadTime() int64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return ts.Nano()
}

// BenchmarkStep is the time of Step and Commit for one instruction, with all inputs defined and with some undefined.
func BenchmarkStep(b *testing.B) {
	for _, c := range []struct{ name, code string }{
		{"mov reg", "4889d8"}, {"mov load", "488b4308"}, {"mov store", "48894308"}, {"movzx", "0fb6c3"}, {"lea", "488d440b08"},
		{"add", "4801d8"}, {"and imm", "83e00f"}, {"cmp", "4839d8"}, {"test", "4885c0"}, {"jne", "7510"}, {"push", "53"}, {"pop", "5b"},
		{"ret", "c3"}, {"shl", "c1e003"}, {"xor", "31d8"}, {"sete", "0f94c0"}, {"cmove", "480f44c3"}, {"imul", "480fafc3"},
		{"movdqu load", "f30f6f03"}, {"movups store", "0f1103"}, {"pcmpeqb", "660f74c1"}, {"pmovmskb", "660fd7c0"}, {"pxor", "660fefc1"},
		{"vmovdqu load", "c5fe6f03"}, {"addsd", "f20f58c1"},
	} {
		code, _ := hex.DecodeString(c.code)
		in := new(amd64.Inst)
		if err := amd64.Decode(code, in); err != nil {
			b.Fatal(c.name, err)
		}
		for _, dirty := range []bool{false, true} {
			name := c.name + "/defined"
			if dirty {
				name = c.name + "/undefined"
			}
			b.Run(name, func(b *testing.B) {
				var m Machine
				s := &still{}
				b.ReportAllocs()
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				before := threadTime()
				for range b.N {
					if dirty {
						s.v = 0x0f
						m.File.GPR[guest.RAX], m.Origins.GPR[guest.RAX] = 0xff00, 2
						m.File.Vec[0][0], m.Origins.Vec[0] = 0xff00, 2
						m.File.Flags = 0x40
					}
					m.Step(in, s, s)
					m.Commit()
				}
				b.ReportMetric(float64(threadTime()-before)/float64(b.N), "cpu-ns/op")
			})
		}
	}
}
