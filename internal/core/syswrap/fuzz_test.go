package syswrap

import (
	"encoding/binary"
	"testing"

	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// FuzzDo makes any call with any arguments over any memory; the kernel is not asked. Nothing may panic, whatever pointers
// lead to, and what the tool has for itself is never told as read or written.
func FuzzDo(f *testing.F) {
	for nr := range linux.SyscallCount() {
		f.Add(uint16(nr), uint8(0x3f), int8(0), []byte{1, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0})
	}
	f.Add(uint16(46), uint8(2), int8(1), make([]byte, 200)) // sendmsg
	f.Fuzz(func(t *testing.T, nr uint16, pointers uint8, answer int8, data []byte) {
		r := newRig(t)
		r.t.refuse = true
		r.t.answer = map[int8]int64{0: 0, 1: 1, 2: -int64(unix.EINTR), 3: -512, 4: -516, 5: 8}[answer]
		// Descriptors of ours are not written to: no call that opens succeeds.
		if name := linux.SyscallName(int(nr)); name == "open" || name == "openat" || name == "openat2" {
			r.t.answer = -int64(unix.EPERM)
		}
		a := r.room(2048, 0)
		copy(r.bytes(a, 2048), data)
		// Every eighth byte of data says where an 8-byte word in memory points: into this memory, or to the tool's.
		for i := 0; i+8 <= min(len(data), 2048); i += 8 {
			switch data[i] {
			case 0xf1:
				binary.LittleEndian.PutUint64(r.bytes(a+uint64(i), 8), a+uint64(data[i+1])*8)
			case 0xf2:
				binary.LittleEndian.PutUint64(r.bytes(a+uint64(i), 8), 0x58000000+uint64(data[i+1]))
			}
		}
		args := make([]uint64, 6)
		for i := range args {
			switch {
			case pointers>>i&1 != 0:
				args[i] = a + uint64(i)*256
			case 8*i+8 <= len(data):
				args[i] = binary.LittleEndian.Uint64(data[8*i:])
			}
		}
		r.number(int(nr), args...)
		for _, e := range r.w.list {
			if e.what == "wrote" && e.r.Start < 0x80000000 && e.r.End > 0x58000000 && !e.r.Empty() && e.r.Start >= 0x58000000 {
				t.Errorf("call %d: memory of the tool was told as written: %v", nr, e)
			}
		}
	})
}
