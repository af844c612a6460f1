package syswrap

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// nameExceptions are calls, with their arguments if need be, and names for which we differ from Valgrind 3.19, and why.
var nameExceptions = []struct{ call, name, why string }{
	{"getcpu", "getcpu(tcache)", "the kernel has not used it since 2.6.24"},
	{"process_vm_", "process_vm_", "the count of elements is too high in this test, the kernel does not look at them"},
	{"sched_getattr", "sched_setattr(attr->size)", "the kernel only writes there"},
	{"membarrier", "membarrier(", "Valgrind has the parameters of the call's first version"},
	{"bpf", "bpf(attr->query.prog_cnt)", "it lies beyond the size that this test gives"},
	{"bpf 0x4,", "bpf(attr->flags)", "the command does not use it"},
	{"bpf 0x0,", "bpf(attr->map_flags", "misses its closing parenthesis"},
	{"bpf 0xb,", "bpf(attr->next_id", "misses its closing parenthesis"},
	{"bpf 0xd,", "bpf(attr->prog_id", "misses its closing parenthesis"},
	{"ioctl 0x0,0x125f,", "ioctl(arg)", "the command has no argument"},
	{"ioctl 0x0,0x1261,", "ioctl(arg)", "the command has no argument"},
	{"fcntl 0x0,0x40", "fcntl(", "Valgrind does not know the write hints"},
	{"prctl 0x", "prctl(arg", "registers that the option does not use may hold anything"},
	{"futex P,0x9,", "futex(", "Valgrind checks nothing of FUTEX_WAIT_BITSET"},
	{"futex P,0x89,", "futex(", "as without FUTEX_PRIVATE_FLAG"},
	{"futex P,0xd,", "futex(", "Valgrind does not know FUTEX_LOCK_PI2"},
	{"futex P,0x8d,", "futex(", "as without FUTEX_PRIVATE_FLAG"},
	{"semctl 0x0,0x0,0x10,", "semctl(arg)", "Valgrind does not look at the value of SETVAL"},
	{"semctl 0x0,0x0,0x14,", "semctl(arg)", "Valgrind does not know SEM_STAT_ANY"},
	{"keyctl 0x11,", "keyctl(", "Valgrind does not know KEYCTL_GET_SECURITY"},
	{"keyctl 0x15,", "keyctl(", "Valgrind does not know KEYCTL_INVALIDATE"},
}

// Suppressions match names of parameters: they must be Valgrind's. testdata/params.txt has what Valgrind itself says.
func TestValgrindNames(t *testing.T) {
	text, err := os.ReadFile("testdata/params.txt")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		nr, ok := linux.SyscallNumber(f[1])
		if !ok {
			t.Fatalf("no call %s", f[1])
		}
		r := newRig(t)
		if r.e.row(nr).absent != "" {
			continue
		}
		r.t.refuse, r.t.answer = true, -int64(unix.EFAULT)
		var got, want []string
		switch f[0] {
		case "reg":
			r.number(nr, none, none, none, none, none, none)
			got, want = r.w.names("reg"), f[2:]
		case "mem":
			ptr, _ := strconv.Atoi(f[2])
			fd, _ := strconv.Atoi(f[3])
			args := make([]uint64, 6)
			for i := range args {
				switch {
				case ptr>>i&1 != 0:
					args[i] = 0x180000001000 + uint64(i)<<16 // nothing is mapped there
				case fd>>i&1 != 0:
					args[i] = none
				default:
					args[i] = 16
				}
			}
			r.number(nr, args...)
			got, want = r.w.names("read", "string", "write"), f[4:]
		}
		if f[0] == "sub" {
			var args []uint64
			for i, a := range strings.Split(f[2], ",") {
				v, err := strconv.ParseUint(a, 0, 64)
				if err != nil { // P
					v = 0x180000001000 + uint64(i)<<16
				}
				args = append(args, v)
			}
			r.number(nr, args...)
			bar := slices.Index(f, "|")
			line := f[1] + " " + f[2]
			checked += compare(t, line, r.w.names("reg"), f[3:bar], true)
			checked += compare(t, line, r.w.names("read", "string", "write"), f[bar+1:], false)
			continue
		}
		checked += compare(t, f[1], got, want, f[0] == "reg")
	}
	if checked < 900 {
		t.Errorf("only %d names checked", checked)
	}
}

// compare reports names of call that differ: missing ones, and superfluous ones where both sets must be equal.
func compare(t *testing.T, call string, got, want []string, equal bool) (checked int) {
	t.Helper()
	for i := range got {
		got[i] = strings.ReplaceAll(got[i], " ", "_")
	}
	excepted := func(param string) bool {
		return slices.ContainsFunc(nameExceptions, func(x struct{ call, name, why string }) bool {
			return strings.HasPrefix(call, x.call) && strings.HasPrefix(param, x.name)
		})
	}
	for _, p := range want {
		checked++
		if !slices.Contains(got, p) && !excepted(p) {
			t.Errorf("%s: %s is not among %v", call, p, got)
		}
	}
	for _, p := range got {
		if equal && !slices.Contains(want, p) && !excepted(p) {
			t.Errorf("%s: %s is not among Valgrind's %v", call, p, want)
		}
	}
	return checked
}
