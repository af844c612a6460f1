package syswrap

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/tool"
)

// fdRecorder is a Descriptors that remembers.
type fdRecorder struct{ list []string }

func (d *fdRecorder) Opened(_ tool.Thread, fd int, name string, copied bool) {
	d.list = append(d.list, fmt.Sprintf("opened %s %v", filepath.Base(name), copied))
}
func (d *fdRecorder) Closed(_ tool.Thread, fd int) { d.list = append(d.list, "closed") }
func (d *fdRecorder) NotOpen(_ tool.Thread, call string, fd int) {
	d.list = append(d.list, fmt.Sprintf("%s: %d is not open", call, fd))
}

func TestOpenedAndClosed(t *testing.T) {
	for _, tc := range []struct {
		name string
		run  func(r *rig)
		want []string
	}{
		{"open", func(r *rig) { r.close(r.do("open", r.str("/dev/null"), 0)) }, []string{"opened null false", "closed"}},
		{"dup", func(r *rig) { r.close(r.do("dup", 2)) }, []string{"opened . true", "closed"}},
		{"fcntl", func(r *rig) { r.close(r.do("fcntl", 2, unix.F_DUPFD, 300)) }, []string{"opened . true", "closed"}},
		{"dup2 to itself", func(r *rig) { r.do("dup2", 2, 2) }, nil},
		{"pipe", func(r *rig) {
			a := r.room(8, 0)
			r.do("pipe", a)
			for i := range uint64(2) {
				fd, _ := (&Call{e: r.e, t: r.t}).load32(a + 4*i)
				r.close(int64(fd))
			}
		}, []string{"opened . false", "opened . false", "closed", "closed"}},
		{"close of what is not open", func(r *rig) { r.close(499) }, []string{"close: 499 is not open"}},
		{"write to a file for reading", func(r *rig) {
			fd := r.do("open", r.str("/dev/null"), unix.O_RDONLY)
			r.do("write", uint64(fd), r.room(1, 0), 1) // EBADF, too
			r.close(fd)
		}, []string{"opened null false", "closed"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := &fdRecorder{}
			r := newRig(t, func(c *Config) { c.Descriptors = d })
			tc.run(r)
			if !reflect.DeepEqual(d.list, tc.want) {
				t.Errorf("got %q, want %q", d.list, tc.want)
			}
		})
	}
}

func (r *rig) close(fd int64) { r.do("close", uint64(fd)) }

// TestRenumber: the highest numbers below the guest's limit are given out, and a descriptor keeps its flags.
func TestRenumber(t *testing.T) {
	r := newRig(t, func(c *Config) { c.ModifyFDs = "high" })
	a := r.do("open", r.str("/dev/null"), unix.O_CLOEXEC)
	b := r.do("open", r.str("/dev/null"), 0)
	if a != 511 || b != 510 {
		t.Errorf("descriptors %d, %d", a, b)
	}
	if fa, fb := r.do("fcntl", uint64(a), unix.F_GETFD), r.do("fcntl", uint64(b), unix.F_GETFD); fa != unix.FD_CLOEXEC || fb != 0 {
		t.Errorf("flags %d, %d", fa, fb)
	}
	r.close(a)
	if c := r.do("open", r.str("/dev/null"), 0); c != 511 {
		t.Errorf("then %d", c)
	} else {
		r.close(c)
	}
	r.close(b)
}

// TestPairLimit: a pair of descriptors of which the guest's limit allows only one does not come to be.
func TestPairLimit(t *testing.T) {
	first := newRig(t).do("dup", 2)
	unix.Close(int(first))
	r := newRig(t, func(c *Config) { c.NoFile.Cur = uint64(first) + 1 })
	if res := r.do("pipe", r.room(8, 0)); res != errno(unix.EMFILE) {
		t.Errorf("result %d", res)
	}
	if fd := newRig(t).do("dup", 2); fd != first {
		t.Errorf("descriptor %d is still open", first)
	} else {
		unix.Close(int(fd))
	}
}

func TestImpossibleFD(t *testing.T) {
	var lines []string
	r := newRig(t, func(c *Config) { c.WarnFD = func(l string) { lines = append(lines, l) } })
	r.close(-1)
	r.close(600) // above the soft limit of the rig, below the hard one
	r.close(900)
	r.do("dup2", 2, none)
	r.do("openat", none, r.str("/dev/null/x"), 0)
	r.do("openat", none, r.str("x"), 0)
	r.do("fstat", none, r.room(200, 0)) // not one of those that Valgrind looks at
	want := []string{"Warning: invalid file descriptor -1 in syscall close()", "Warning: invalid file descriptor 900 in syscall close()",
		"Warning: invalid file descriptor -1 in syscall dup2()", "Warning: invalid file descriptor -1 in syscall openat()"}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("got %q", lines)
	}
}
