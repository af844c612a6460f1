package amd64

import "testing"

func TestAddress(t *testing.T) {
	gpr := [16]uint64{0: 0x1000, 1: 0x20, 3: 0xffffffff00000010, 4: 0x7000, 12: 0x500}
	for _, row := range []struct {
		name string
		code []byte
		want uint64
	}{
		{"mov 8(%rax,%rcx,4), %eax", []byte{0x8b, 0x44, 0x88, 8}, 0x1088},
		{"mov -1(%r12), %eax", []byte{0x41, 0x8b, 0x44, 0x24, 0xff}, 0x4ff},
		{"mov 0x10(%rip), %eax", []byte{0x8b, 0x05, 0x10, 0, 0, 0}, 0x400000 + 6 + 0x10},
		{"mov %fs:0x28, %rax", []byte{0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0}, 0xf0028},
		{"mov %gs:(%rax), %eax", []byte{0x65, 0x8b, 0x00}, 0xe1000},
		{"mov 1(%ebx), %eax", []byte{0x67, 0x8b, 0x43, 1}, 0x11},
		{"movabs 0x1122334455667788, %al", []byte{0xa0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11}, 0x1122334455667788},
		{"mov (,%rcx,8), %eax", []byte{0x8b, 0x04, 0xcd, 0, 0, 0, 0}, 0x100},
	} {
		var in Inst
		if err := Decode(row.code, &in); err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if got := in.Address(&gpr, 0x400000, 0xf0000, 0xe0000); got != row.want {
			t.Errorf("%s: %#x, want %#x", row.name, got, row.want)
		}
	}
}
