package syswrap

import (
	"strings"
	"testing"

	"gogrind/internal/linux"
)

// iocOf is _IOC of include/uapi/asm-generic/ioctl.h.
func iocOf(dir uint32, typ, nr uint8, size uint32) uint64 {
	return uint64(dir<<30 | size<<16 | uint32(typ)<<8 | uint32(nr))
}

// Arrays behind the arguments of devices: what the program asks for is checked, what the kernel says it has written is marked,
// as far as there was room.
func TestDeviceIoctls(t *testing.T) {
	const inOut = linux.IocRead | linux.IocWrite
	type want struct {
		checked string
		wrote   [2]uint64 // bytes of the first and of the second array that count as written
	}
	for _, tc := range []struct {
		name   string
		cmd    uint64
		arg    func(r *rig, a, b uint64) uint64
		answer func(r *rig, arg uint64) // what the kernel changes
		want   want
	}{
		{"DRM_VERSION", iocOf(inOut, 'd', 0, 64), func(r *rig, a, b uint64) uint64 { return r.words(0, 0, 8, a, 6, b, 0, 0) },
			func(r *rig, arg uint64) { put64(r.bytes(arg+16, 8), 5); put64(r.bytes(arg+32, 8), 20) },
			want{"read arg, write arg, write .name, write .date", [2]uint64{5, 6}}},
		{"DRM_MODE_GETRESOURCES", iocOf(inOut, 'd', 0xa0, 64), func(r *rig, a, b uint64) uint64 { return r.words(a, b, 0, 0, 2|1<<32, 3<<32, 0, 0) },
			func(r *rig, arg uint64) { put32(r.bytes(arg+32, 4), 1) },
			want{"read arg, write arg, write .fb_id, write .crtc_id", [2]uint64{4, 4}}},
		{"DRM_MODE_DIRTYFB", iocOf(inOut, 'd', 0xb1, 24), func(r *rig, a, b uint64) uint64 { return r.words(0, 2<<32, a) }, nil,
			want{"read arg, write arg, read .clips", [2]uint64{}}},
		{"KVM_GET_SUPPORTED_CPUID", iocOf(inOut, kvmType, 5, 8), func(r *rig, a, b uint64) uint64 { put64(r.bytes(a, 8), 2); return a },
			func(r *rig, arg uint64) { put32(r.bytes(arg, 4), 1) }, want{"read arg, write arg, write .entries", [2]uint64{48, 0}}},
		{"KVM_CREATE_VM", iocOf(0, kvmType, 1, 0), func(r *rig, a, b uint64) uint64 { return 0 }, nil, want{"", [2]uint64{}}},
		{"PRIVCMD_MMAPBATCH_V2", iocOf(0, 'P', 4, 32), func(r *rig, a, b uint64) uint64 { return r.words(2, 0, a, b) }, nil,
			want{"read arg, read .arr, write .err", [2]uint64{0, 8}}},
		{"PRIVCMD_HYPERCALL", iocOf(0, 'P', 0, 48), func(r *rig, a, b uint64) uint64 { return r.words(17, a, 0, 0, 0, 0) }, nil, want{"read arg", [2]uint64{}}},
		{"GNTDEV_MAP_GRANT_REF", iocOf(0, 'G', 0, 24), func(r *rig, a, b uint64) uint64 { return r.words(1, 0, 5) }, nil,
			want{"read arg, write arg, read .refs", [2]uint64{}}},
		{"another driver's P", iocOf(linux.IocRead, 'P', 4, 16), func(r *rig, a, b uint64) uint64 { return a }, nil, want{"write arg", [2]uint64{16, 0}}},
		{"an array that is nowhere", iocOf(inOut, 'd', 0xb5, 16), func(r *rig, a, b uint64) uint64 { return r.words(0, 9) }, nil,
			want{"read arg, write arg", [2]uint64{}}},
	} {
		r := newRig(t)
		a, b := r.room(200, 0), r.room(200, 0)
		arg := tc.arg(r, a, b)
		r.t.refuse = true
		if tc.answer != nil {
			r.t.during = func() { tc.answer(r, arg) }
		}
		r.must("ioctl", 3, tc.cmd, arg)
		var got []string
		for _, w := range r.w.list {
			if _, name, ok := strings.Cut(w.param, ")"); ok && (w.what == "read" || w.what == "write") && w.r.Len() > 0 {
				if name == "" {
					name = "arg"
				}
				got = append(got, w.what+" "+name)
			}
		}
		if s := strings.Join(got, ", "); s != tc.want.checked {
			t.Errorf("%s: checked %q, want %q", tc.name, s, tc.want.checked)
		}
		for i, start := range []uint64{a, b} {
			n := uint64(0)
			for n < 200 && r.w.wrote(start+n) {
				n++
			}
			if n != tc.want.wrote[i] {
				t.Errorf("%s: %d bytes of array %d count as written, want %d", tc.name, n, i, tc.want.wrote[i])
			}
		}
		if warned := len(r.warn) > 0; warned != (tc.name == "PRIVCMD_HYPERCALL") {
			t.Errorf("%s: warnings %q", tc.name, r.warn)
		}
	}
	if row := deviceRow(uint32(iocOf(0, kvmType, 0x41, 0))); row == nil || !row.newFD {
		t.Error("KVM_CREATE_VCPU gives no descriptor")
	}
}
