package signal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"gogrind/internal/guest"
)

// record mirrors struct record of testdata/frame.c.
type record struct {
	Magic, Scenario, Sig, Flags, Handler, Restorer, Mask, Temp, HasTemp, Syscall uint64
	Frame, FrameLen, XSize, XFeatures                                            uint64
	MaskBefore, MaskIn, MaskAfter                                                Set
	AltBefore, AltIn, AltAfter                                                   recordAlt
	Before, Entry, After                                                         recordRegs
}

type recordAlt struct{ SP, Flags, Size uint64 }

type recordRegs struct {
	GPR        [16]uint64
	RIP, Flags uint64
}

// scenario is a record with its blobs: the frame as the kernel built it and as the handler left it, and the vector
// state before, in the handler and after.
type scenario struct {
	record
	x, frame, entryX, final, outX []byte
	// refused is set for frames that rt_sigreturn did not take: si_code of the SIGSEGV, and rax.
	refused *[3]uint64
}

func nativeScenarios(t *testing.T) []scenario {
	t.Helper()
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc: frames can't be compared with the kernel's")
	}
	exe := filepath.Join(t.TempDir(), "frame")
	if out, err := exec.Command(gcc, "-O1", "-w", "-no-pie", "-o", exe, "testdata/frame.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	out, err := exec.Command(exe).Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []scenario
	r := bytes.NewReader(out)
	for r.Len() > 0 {
		var s scenario
		if err := binary.Read(r, binary.LittleEndian, &s.record); err != nil || s.Magic != 0x656d617266676973 {
			t.Fatalf("record %d: magic %#x: %v", len(all), s.Magic, err)
		}
		blob := func(n uint64) []byte {
			b := make([]byte, n)
			if _, err := io.ReadFull(r, b); err != nil {
				t.Fatal(err)
			}
			return b
		}
		s.x, s.frame, s.entryX = blob(s.XSize), blob(s.FrameLen), blob(s.XSize)
		s.final, s.outX = blob(s.FrameLen), blob(s.XSize)
		if s.Scenario >= 100 {
			s.refused = new([3]uint64)
			if err := binary.Read(r, binary.LittleEndian, s.refused); err != nil || s.refused[0] != 0x6e6f {
				t.Fatalf("scenario %d was not refused: %v", s.Scenario, err)
			}
		}
		all = append(all, s)
	}
	return all
}

func (r *recordRegs) guest() guest.Regs {
	return guest.Regs{GPR: r.GPR, RIP: r.RIP, RFlags: r.Flags}
}

// start makes a thread in the state of s before the signal, with memory around the frame filled as frame.c does.
func (s *scenario) start() (*fakeThread, *fakeMem, []byte) {
	mem := &fakeMem{}
	const margin = 4096
	stack := bytes.Repeat([]byte{0xa5}, int(s.FrameLen)+2*margin)
	mem.add(guest.Addr(s.Frame)-margin, stack)
	p := NewProcess(mem, &fakeHost{masks: map[*Thread]Set{}}, 0, s.XFeatures)
	th := &fakeThread{id: 1, regs: s.Before.guest()}
	if s.Syscall != 0 {
		// The syscall instruction has put its return address and the flags there, and the kernel its result.
		th.regs.GPR[guest.RCX], th.regs.GPR[guest.R11] = s.Before.RIP, s.Before.Flags
		th.regs.GPR[guest.RAX] = get64(s.frame[frContext+13*8:])
	}
	th.sig = p.NewThread(th, s.MaskBefore)
	if s.HasTemp != 0 {
		th.sig.SetTempMask(Set(s.Temp))
	}
	th.sig.alt = decodeStack(s.frame[frStack:])
	th.sig.fault = Fault{get64(s.frame[frErr:]), get64(s.frame[frTrap:]), get64(s.frame[frCR2:])}
	return th, mem, stack[margin : margin+s.FrameLen]
}

// canonical is the area x as XSAVE would write it, so that two areas with the same meaning have the same bytes.
func (s *scenario) canonical(x []byte) []byte {
	c := make([]byte, len(x))
	frameXState(c, x, s.XFeatures)
	clear(c[offMXCSRMask:offST])
	clear(c[offHeader : offHeader+8])
	return c
}

// sameBytes shows the first places where got and want differ.
func sameBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	n := 0
	for i := range want {
		if got[i] != want[i] {
			if n++; n <= 8 {
				t.Errorf("%s: byte %d (%#x): got %#02x, want %#02x", what, i, i, got[i], want[i])
			}
		}
	}
	if n > 8 {
		t.Errorf("%s: %d bytes differ", what, n)
	}
}

func TestDeliverLikeKernel(t *testing.T) {
	faults := map[uint64]Fault{0: {0, 6, 0}, 2: {6, 14, 0x1230}, 3: {6, 14, 0x1230}}
	scenarios := nativeScenarios(t)
	if len(scenarios) < 30 {
		t.Fatalf("%d scenarios", len(scenarios))
	}
	for i := range scenarios {
		s := &scenarios[i]
		th, _, stack := s.start()
		if f, ok := faults[s.Scenario]; ok && (th.sig.fault.Err != f.Err || th.sig.fault.Trap != f.Trap || f.CR2 != 0 && f.CR2 != th.sig.fault.CR2) {
			t.Errorf("scenario %d: the frame's layout is not understood: fault %+v, want %+v", s.Scenario, th.sig.fault, f)
		}
		if got := th.sig.alt.state(s.Before.GPR[guest.RSP]); got != uint32(s.AltBefore.Flags) {
			t.Errorf("scenario %d: state of alternate stack %#x, want %#x", s.Scenario, got, s.AltBefore.Flags)
		}
		info := NewInfo(int(s.Sig), 0)
		if s.Flags&SA_SIGINFO != 0 {
			copy(info[:], s.frame[frInfo:])
		}
		act := Action{Handle, Disposition{s.Handler, s.Flags, s.Restorer, Set(s.Mask) &^ unblockable}}
		x := append([]byte(nil), s.x...)
		if err := th.sig.Deliver(&th.regs, x, info, act); err != nil {
			t.Errorf("scenario %d: %v", s.Scenario, err)
			continue
		}
		if got := th.regs.GPR[guest.RSP]; got != s.Frame {
			t.Errorf("scenario %d: frame at %#x, want %#x", s.Scenario, got, s.Frame)
			continue
		}
		name := func(what string) string { return fmt.Sprintf("scenario %d: %s", s.Scenario, what) }
		if got, want := FrameEnd(guest.Addr(s.Frame), len(x)), guest.Addr(s.Frame)+guest.Addr(len(s.frame)); got != want {
			t.Errorf("%s at %#x, want %#x", name("end of the frame"), got, want)
		}
		sameBytes(t, name("frame"), stack, s.frame)
		sameBytes(t, name("vector state"), s.canonical(x), s.canonical(s.entryX))
		for r, want := range s.Entry.GPR {
			if got := th.regs.GPR[r]; got != want {
				t.Errorf("%s %d: got %#x, want %#x", name("register"), r, got, want)
			}
		}
		if th.regs.RIP != s.Entry.RIP || th.regs.RFlags != s.Entry.Flags {
			t.Errorf("%s: rip %#x flags %#x, want %#x %#x", name("entry"), th.regs.RIP, th.regs.RFlags, s.Entry.RIP, s.Entry.Flags)
		}
		if th.sig.mask != s.MaskIn {
			t.Errorf("%s: %#x, want %#x", name("mask"), th.sig.mask, s.MaskIn)
		}
		alt := th.sig.alt
		if got := (recordAlt{alt.sp, uint64(alt.state(s.Frame)), alt.size}); got != s.AltIn {
			t.Errorf("%s: %+v, want %+v", name("alternate stack"), got, s.AltIn)
		}
	}
}

func TestSigreturnLikeKernel(t *testing.T) {
	for _, s := range nativeScenarios(t) {
		th, _, stack := s.start()
		copy(stack, s.final)
		th.sig.restore = false
		th.sig.mask = s.MaskIn
		th.sig.alt = altStack{sp: s.AltIn.SP, size: s.AltIn.Size, flags: uint32(s.AltIn.Flags) &^ SS_ONSTACK}
		for r := range th.regs.GPR {
			th.regs.GPR[r] = 0x5a5a5a5a5a5a5a5a
		}
		th.regs.GPR[guest.RSP] = s.Frame + 8
		th.regs.RFlags = 0x202
		x := bytes.Repeat([]byte{0x77}, int(s.XSize))
		copy(x[offMXCSRMask:], []byte{0xff, 0xff, 2, 0})
		err := th.sig.Sigreturn(&th.regs, x)
		if s.refused != nil {
			info, act, ok := th.sig.Next()
			if !errors.Is(err, ErrFrame) || !ok || act.Kind != DumpCore || info.Signo() != SIGSEGV ||
				uint64(info.Code()) != s.refused[1] || th.regs.GPR[guest.RAX] != s.refused[2] {
				t.Errorf("scenario %d: %v, then %v %v with rax %#x, want refusal %#x", s.Scenario, err, info, act.Kind, th.regs.GPR[guest.RAX], s.refused)
			}
			continue
		}
		if err != nil {
			t.Errorf("scenario %d: %v", s.Scenario, err)
			continue
		}
		for r, want := range s.After.GPR {
			if got := th.regs.GPR[r]; got != want {
				t.Errorf("scenario %d: register %d: got %#x, want %#x", s.Scenario, r, got, want)
			}
		}
		// Running on clears RF.
		if got, want := th.regs.RFlags&^flagRF, s.After.Flags; got != want {
			t.Errorf("scenario %d: flags %#x, want %#x", s.Scenario, got, want)
		}
		if got, want := th.regs.RIP, get64(s.final[frContext+128:]); got != want {
			t.Errorf("scenario %d: rip %#x, want %#x", s.Scenario, got, want)
		}
		if th.sig.mask != s.MaskAfter {
			t.Errorf("scenario %d: mask %#x, want %#x", s.Scenario, th.sig.mask, s.MaskAfter)
		}
		sameBytes(t, "vector state", s.canonical(x), s.canonical(s.outX))
		alt := th.sig.alt
		// frame.c asks on another stack.
		if got := (recordAlt{alt.sp, uint64(alt.state(0)), alt.size}); got != s.AltAfter {
			t.Errorf("scenario %d: alternate stack %+v, want %+v", s.Scenario, got, s.AltAfter)
		}
	}
}
