package vbits

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/core/vcpu"
	"gogrind/internal/guest"
)

// native runs single instructions on the processor, each from a given state, on one locked OS thread.
type native struct {
	c    *vcpu.Context
	exit uint64 // address of vcpu's exit stub
}

var mapMemory = sync.OnceValue(func() error {
	const none, rw, rwx = unix.PROT_NONE, unix.PROT_READ | unix.PROT_WRITE, unix.PROT_READ | unix.PROT_WRITE | unix.PROT_EXEC
	for _, r := range []struct{ at, size, prot uintptr }{
		{codeBase, codeSize + 0x1000, none}, {codeBase, codeSize, rwx},
		{dataBase - 0x10000, dataSize + 0x20000, none}, {dataBase, dataSize, rw},
		{stackPage - 0x10000, 0x21000, none}, {stackPage, 0x1000, rw},
	} {
		flags := uintptr(unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_NORESERVE | unix.MAP_FIXED)
		if _, _, e := unix.RawSyscall6(unix.SYS_MMAP, r.at, r.size, r.prot, flags, ^uintptr(0), 0); e != 0 {
			return fmt.Errorf("memory at %#x: %w", r.at, e)
		}
	}
	// vcpu wants Go's network poller started, which the first pipe does.
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	r.Close()
	w.Close()
	return vcpu.Init(vcpu.Config{Cache: guest.Range{Start: 0x10000000, End: guest.MaxAddr}})
})

// newNative makes a runner that is the calling goroutine's until the test ends.
func newNative(t testing.TB) *native {
	t.Helper()
	if err := mapMemory(); err != nil {
		t.Fatal(err)
	}
	c, err := vcpu.New()
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	t.Cleanup(func() {
		vcpu.Free(c)
		runtime.UnlockOSThread()
	})
	return &native{c, uint64(vcpu.ExitStub())}
}

// bytesAt is not inlined: the compiler (Go 1.26) fails on a copy of constant length whose destination was made of an integer.
//
//go:noinline
func bytesAt(a uint64, n int) []byte { return guest.Bytes(guest.Addr(a), n) }

// end puts the end of a run at pc: movl $exit, %fs:OffExit; jmp *0(%rip).
func (n *native) end(pc uint64, index int) {
	b := append(bytesAt(pc, 26)[:0], 0x64, 0xc7, 0x04, 0x25)
	b = binary.LittleEndian.AppendUint32(b, uint32(vcpu.OffExit))
	b = binary.LittleEndian.AppendUint32(b, vcpu.Code(vcpu.ExitSyscall, index))
	b = append(b, 0xff, 0x25, 0, 0, 0, 0)
	binary.LittleEndian.AppendUint64(b, n.exit)
}

// run runs the code at pc from state r, which becomes the state after it. It returns the number of the end that was reached and the
// signal that ended the run, 0 for none.
func (n *native) run(pc uint64, r *record, ctl *control) (end, sig int, err error) {
	c := n.c
	copy(c.Regs.GPR[:], r[recGPR:])
	c.Regs.RFlags = r[recFlags] | 0x202
	c.Regs.GSBase, c.Regs.FSBase = gsBase, uint64(c.Addr())
	x := c.XSave()
	r.loadX(x, ctl, c.XMask)
	memory(r[recMem:recStack], dataBase, true)
	memory(r[recStack:], stackBase, true)
	c.Attach(gsBase)
	defer c.Detach()
	c.Pending = 0
	for host := uintptr(pc); ; {
		c.Run(host)
		switch vcpu.Kind(c.Exit) {
		case vcpu.ExitSyscall:
			end = vcpu.Arg(c.Exit)
			n.take(r, ctl)
			return end, 0, nil
		case vcpu.ExitFault:
			sig, ctl.rip = int(c.Signo), c.HostPC
			n.take(r, ctl)
			return 0, sig, nil
		case vcpu.ExitInterrupt:
			host = uintptr(c.HostPC)
			c.Pending = 0
		case vcpu.ExitAborted:
			c.Pending = 0
		default:
			return 0, 0, fmt.Errorf("native exit %#x", c.Exit)
		}
	}
}

func (n *native) take(r *record, ctl *control) {
	c := n.c
	copy(r[recGPR:], c.Regs.GPR[:])
	r[recFlags] = c.Regs.RFlags & (flagsArith | flagD)
	r.takeX(c.XSave(), ctl)
	memory(r[recMem:recStack], dataBase, false)
	memory(r[recStack:], stackBase, false)
}

// memory copies words to or from memory.
func memory(w []uint64, a uint64, to bool) {
	b := bytesAt(a, 8*len(w))
	for i := range w {
		if to {
			binary.LittleEndian.PutUint64(b[8*i:], w[i])
		} else {
			w[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
	}
}
