package syswrap

import (
	"os"
	"slices"
	"strings"
	"testing"

	"gogrind/internal/linux"

	"golang.org/x/sys/unix"
)

// Every number has a row, or says why it is absent, and no name has two.
func TestEveryNumberHasARow(t *testing.T) {
	e := newRig(t).e
	for nr := range linux.SyscallCount() {
		if name := linux.SyscallName(nr); name != "" && e.row(nr) == nil {
			t.Errorf("%d %s has no row", nr, name)
		}
	}
	seen := map[string]bool{}
	for _, f := range families {
		for _, r := range f.rows() {
			if seen[r.name] {
				t.Errorf("%s has two rows", r.name)
			}
			seen[r.name] = true
		}
	}
}

// The kernel headers of the machine may be newer than our table: their calls must be in it too.
func TestHeaderNumbers(t *testing.T) {
	const header = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
	text, err := os.ReadFile(header)
	if err != nil {
		t.Skip("no kernel headers: ", err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) != 3 || !strings.HasPrefix(f[1], "__NR_") {
			continue
		}
		found++
		name := strings.TrimPrefix(f[1], "__NR_")
		nr, ok := linux.SyscallNumber(name)
		if !ok {
			t.Errorf("%s %s of %s is not in the table", name, f[2], header)
		} else if f[2] != strings.TrimSpace(itoa(nr)) {
			t.Errorf("%s is %d in the table, %s in %s", name, nr, f[2], header)
		}
	}
	if found < 300 {
		t.Errorf("%s: only %d numbers found", header, found)
	}
}

func itoa(n int) string {
	if n == 0 {
		return "0"
	}
	var b []byte
	for ; n > 0; n /= 10 {
		b = append(b, byte('0'+n%10))
	}
	slices.Reverse(b)
	return string(b)
}

// What each row must keep to.
func TestRowConventions(t *testing.T) {
	for _, f := range families {
		for _, r := range f.rows() {
			if len(r.args) > 6 {
				t.Errorf("%s: %d arguments", r.name, len(r.args))
			}
			if r.absent != "" && (r.args != nil || r.do != nil) {
				t.Errorf("%s is absent, but described", r.name)
			}
			names := map[string]bool{}
			for i, p := range r.args {
				if p.kind == kSkip {
					continue
				}
				if p.name == "" || names[p.name] {
					t.Errorf("%s: argument %d has no name of its own (%q)", r.name, i, p.name)
				}
				names[p.name] = true
				if p.width != 4 && p.width != 8 {
					t.Errorf("%s(%s): width %d", r.name, p.name, p.width)
				}
				if p.kind.pointer() {
					if p.width != 8 {
						t.Errorf("%s(%s): a pointer of %d bytes", r.name, p.name, p.width)
					}
					if p.size == nil && p.kind != kString && p.kind != kPath {
						t.Errorf("%s(%s): no size", r.name, p.name)
					}
				} else if p.size != nil || p.post != nil || p.fields != nil || p.null {
					t.Errorf("%s(%s): memory behind a scalar", r.name, p.name)
				}
				if p.post != nil && !p.outMem() {
					t.Errorf("%s(%s): the kernel does not write there", r.name, p.name)
				}
				for _, f := range p.fields {
					if n, ok := p.size.(N); ok && f.off+f.size > uint64(n) {
						t.Errorf("%s(%s%s): ends at %d of %d", r.name, p.name, f.name, f.off+f.size, n)
					}
				}
				if a := argOf(p.size); a >= len(r.args) || argOf(p.post) >= len(r.args) {
					t.Errorf("%s(%s): size refers to argument %d of %d", r.name, p.name, a, len(r.args))
				}
			}
		}
	}
}

// argOf is the argument a size refers to, -1 for none.
func argOf(s Size) int {
	switch s := s.(type) {
	case Arg:
		return int(s)
	case Arg32:
		return int(s)
	case Deref32:
		return int(s)
	case Bits:
		return int(s)
	case nodes:
		return int(s)
	case BitBytes:
		return int(s)
	case times:
		return argOf(s.n)
	}
	return -1
}

// Each parameter of each row is told to the watcher before the call: registers by name and width, memory with its
// direction at the address given.
func TestEveryParameterIsChecked(t *testing.T) {
	for _, f := range families {
		for _, row := range f.rows() {
			if row.absent != "" {
				continue
			}
			nr, ok := linux.SyscallNumber(row.name)
			if !ok {
				continue
			}
			r := newRig(t)
			r.t.refuse, r.t.answer = true, -int64(unix.EINVAL)
			var args []uint64
			for _, p := range row.args {
				switch {
				case p.kind.pointer():
					a := r.room(2048, 0)
					// As a structure that starts with its size, as a count, as a string: 32.
					copy(r.bytes(a, 8), []byte{32})
					args = append(args, a)
				case p.kind == kFD || p.kind == kDirFD:
					args = append(args, none)
				default:
					args = append(args, 32)
				}
			}
			r.number(nr, args...)
			in := r.e.row(nr)
			c := &Call{Args: [6]uint64{}, e: r.e, t: r.t, row: in}
			copy(c.Args[:], args)
			for i, p := range in.args {
				if p.kind == kSkip || p.when != nil && !p.when(c) {
					continue
				}
				want := []watched{{"reg", p.register, span(uint64(i), uint64(p.width))}}
				switch {
				case p.kind == kString || p.kind == kPath:
					want = append(want, watched{"string", p.text, span(args[i], 1)})
				case p.kind == kIovIn || p.kind == kIovOut:
					want = append(want, watched{"read", p.text, span(args[i], 32*linux.SizeofIovec)})
				}
				if p.inMem() && p.fields == nil {
					want = append(want, watched{"read", p.text, span(args[i], p.size.eval(c))})
				}
				for _, f := range p.fields {
					want = append(want, watched{"read", within(p.text, f.name), span(args[i]+f.off, f.size)})
				}
				if p.outMem() {
					want = append(want, watched{"write", p.text, span(args[i], p.size.eval(c))})
				}
				for _, w := range want {
					if w.r.Empty() {
						t.Errorf("%s: nothing is checked of %s", row.name, w.param)
					} else if !slices.Contains(r.w.list, w) {
						t.Errorf("%s: no %s of %s %v in %v", row.name, w.what, w.param, w.r, r.w.list)
					}
				}
			}
		}
	}
}

// A pointer into the tool's memory does not exist for the guest, whatever the call does with it; a descriptor of the tool
// is not open.
func TestToolIsInvisible(t *testing.T) {
	for _, f := range families {
		for _, row := range f.rows() {
			nr, ok := linux.SyscallNumber(row.name)
			if !ok || row.absent != "" {
				continue
			}
			for i, p := range row.args {
				r := newRig(t)
				r.t.refuse = true
				args := make([]uint64, len(row.args))
				for j, q := range row.args {
					if q.kind.pointer() {
						args[j] = r.room(2048, 0)
						copy(r.bytes(args[j], 8), []byte{32})
					} else {
						args[j] = 32
					}
				}
				want := unix.EFAULT
				switch {
				case p.when != nil:
					continue
				case p.kind == kFD || p.kind == kDirFD:
					args[i], want = 1001, unix.EBADF
				case p.kind.pointer():
					args[i] = 0x58001000
				default:
					continue
				}
				if o := r.number(nr, args...); o.Kind != Done || o.Result != -int64(want) {
					t.Errorf("%s(%s) = %#x gives %v %v, want %v", row.name, p.name, args[i], o.Kind, unix.Errno(-o.Result), want)
				}
				if len(r.t.calls) > 0 {
					t.Errorf("%s(%s) = %#x reached the kernel", row.name, p.name, args[i])
				}
			}
		}
	}
}
