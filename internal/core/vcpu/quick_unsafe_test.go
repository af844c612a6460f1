package vcpu

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"gogrind/internal/guest"
)

// quickTest is the state of quickly.
type quickTest struct {
	hook, thread uint64
	do           int
}

// What quickly does.
const (
	quickDone = iota
	quickRefuse
	quickFault  // in a phase
	quickSignal // and is done
)

//go:nosplit
func quickly(state unsafe.Pointer, regs *guest.Regs, hook, thread uint64, phase *uint64) bool {
	q := (*quickTest)(state)
	q.hook, q.thread = hook, thread
	regs.GPR[guest.RAX] = regs.GPR[guest.RDI] * 2
	switch q.do {
	case quickRefuse:
		return false
	case quickFault:
		*phase = 3
		*(*byte)(guest.Pointer(uintptr(regs.GPR[guest.RSI]))) = 1
		*phase = 0
	case quickSignal:
		unix.RawSyscall(unix.SYS_TGKILL, uintptr(pid), uintptr(regs.GPR[guest.RDX]), uintptr(unix.SIGUSR1))
	}
	return true
}

// TestQuick calls a hook that Go has a quick way for, and returns from it.
func TestQuick(t *testing.T) {
	c := newThread(t)
	state := new(quickTest)
	SetQuick(quickly, unsafe.Pointer(state))
	defer func() { quickCode = 0 }()
	if HookStub() == ExitStub() {
		t.Fatal("no stub for hooks")
	}
	// The hook, and where it returns to.
	b := binary.LittleEndian.AppendUint32([]byte{0x64, 0xc7, 0x04, 0x25}, uint32(OffExit))
	b = binary.LittleEndian.AppendUint32(b, Code(ExitHook, 77))
	jump := put(codeAt, b...)
	landing := put(jump, binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(uint64(HookStub())-jump-5))...)
	leave(landing, ExitCheck, 5)
	const sp = stackAt + 0x800
	// The return plane has memory for the page of sp only.
	plane := c.Addr() + guest.ReturnPlane + sp
	page := plane &^ (guest.PageSize - 1)
	if _, _, e := unix.RawSyscall6(unix.SYS_MMAP, page, guest.PageSize, 3, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED_NOREPLACE, ^uintptr(0), 0); e != 0 {
		t.Fatal(e)
	}
	defer unix.RawSyscall(unix.SYS_MUNMAP, page, guest.PageSize, 0)
	for _, row := range []struct {
		what  string
		do    int
		plane uint64 // what the return plane has
		sp    uint64
		flags uint64
		exit  uint32
		after uint64 // stack pointer
		phase uint64
		dirty uint64
	}{
		{"done", quickDone, landing, sp, 0x202, Code(ExitCheck, 5), sp + 8, 0, 0},
		{"refused", quickRefuse, landing, sp, 0x202, Code(ExitHook, 77), sp, 0, 0},
		{"fault", quickFault, landing, sp, 0x202, Code(ExitHook, 77), sp, 3, 0},
		{"a signal before the return", quickSignal, landing, sp, 0x202, Code(ExitHookDone, 0), sp, 0, 0},
		{"no return address", quickDone, 0, sp, 0x202, Code(ExitFault, 0), sp + 8, 0, 0},
		{"no plane", quickDone, 0, stackAt + 0x1800, 0x202, Code(ExitHookDone, 0), stackAt + 0x1800, 0, 0},
		{"direction flag", quickDone, landing, sp, 0x602, Code(ExitHook, 77), sp, 0, 0},
		{"dirty: done", quickDone, landing, sp, 0x202, Code(ExitCheck, 5), sp + 8, 0, 12},
		{"dirty: refused", quickRefuse, landing, sp, 0x202, Code(ExitHook, 77), sp, 0, 12},
		{"dirty: a signal before the return", quickSignal, landing, sp, 0x202, Code(ExitHookDone, 0), sp, 0, 12},
		{"dirty: no return address", quickDone, 0, sp, 0x202, Code(ExitFault, 0), sp + 8, 0, 12},
		{"dirty: no plane", quickDone, 0, stackAt + 0x1800, 0x202, Code(ExitHookDone, 0), stackAt + 0x1800, 0, 12},
	} {
		*state = quickTest{do: row.do}
		*(*uint64)(guest.Pointer(plane)) = row.plane
		for i := range c.Regs.GPR {
			c.Regs.GPR[i] = uint64(i) * 0x1111
		}
		c.Regs.GPR[guest.RSP], c.Regs.GPR[guest.RSI], c.Regs.GPR[guest.RDX] = row.sp, 8, c.TID
		c.Regs.RFlags, c.Thread, c.Quick = row.flags, 9, 0
		const back = 0x123456789
		slot := (*uint64)(guest.Pointer(uintptr(row.sp)))
		*slot, c.Dirty, c.RetTarget = back, row.dirty, 0
		want := c.Regs.GPR
		c.Run(codeAt)
		if c.Exit != uint64(row.exit) || c.Quick != row.phase {
			t.Errorf("%s: exit %#x, want %#x; phase %d", row.what, c.Exit, row.exit, c.Quick)
		}
		ran := row.flags&0x400 == 0
		if ran {
			want[guest.RAX] = want[guest.RDI] * 2
		}
		want[guest.RSP] = row.after
		// A return of dirty code hands its address over, if it has not been given up.
		target, left := uint64(0), uint64(back)
		if row.dirty != 0 && row.after != row.sp {
			target, left = back, 0
		}
		if row.after != row.sp && c.RetTarget != target || *slot != left {
			t.Errorf("%s: return address %#x in its slot, %#x in the context", row.what, *slot, c.RetTarget)
		}
		if c.Regs.GPR != want {
			t.Errorf("%s: registers %#x, want %#x", row.what, c.Regs.GPR, want)
		}
		if ran && *state != (quickTest{77, 9, row.do}) {
			t.Errorf("%s: called for %+v", row.what, *state)
		}
		if row.do == quickSignal {
			var info SigInfo
			if c.Pending == 0 || !c.NextSignal(&info) || !c.Unblock(0) {
				t.Errorf("%s: no signal", row.what)
			}
			c.Pending = 0
		}
	}
}
