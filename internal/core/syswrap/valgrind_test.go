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

// nameExceptions are names of Valgrind 3.19 that we do not use, or calls where it looks at other things than we do.
var nameExceptions = map[string]string{
	"getcpu getcpu(tcache)":                     "the kernel has not used it since 2.6.24",
	"process_vm_readv process_vm_readv(lvec)":   "the count of elements is too high in this test, the kernel does not look at them",
	"process_vm_writev process_vm_writev(lvec)": "as process_vm_readv",
	"sched_getattr sched_setattr(attr->size)":   "the kernel only writes there",
	"bpf bpf(attr->query.prog_cnt)":             "it lies beyond the size that this test gives",
	"membarrier membarrier(cmd)":                "Valgrind has the parameters of the call's first version",
	"membarrier membarrier(cpu_id)":             "as membarrier(cmd)",
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
		if r.e.rows[nr].absent != "" {
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
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], " ", "_")
		}
		for _, name := range want {
			checked++
			if _, ok := nameExceptions[f[1]+" "+name]; !ok && !slices.Contains(got, name) {
				t.Errorf("%s %s: %s is not among %v", f[0], f[1], name, got)
			}
		}
		if f[0] == "reg" {
			for _, name := range got {
				if _, ok := nameExceptions[f[1]+" "+name]; !ok && !slices.Contains(want, name) {
					t.Errorf("%s %s: %s is not among Valgrind's %v", f[0], f[1], name, want)
				}
			}
		}
	}
	if checked < 900 {
		t.Errorf("only %d names checked", checked)
	}
}
