package dispatch

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const first = 700

// TestMain is the test's other process: its runtime has no poller yet, which the process of a test has from the start.
func TestMain(m *testing.M) {
	if os.Getenv("DISPATCH_CHILD") == "" {
		os.Exit(m.Run())
	}
	// The runtime wants the thread to stop now and then, with signals.
	var busy atomic.Bool
	busy.Store(true)
	go func() {
		for busy.Load() {
			runtime.GC()
		}
	}()
	moved, ok, err := High(first, func() {
		for range 20000 {
			unix.Getpid()
		}
		busy.Store(false)
		time.AfterFunc(time.Hour, func() {}).Stop() // starts the poller
	})
	// The handler is gone: this one stays where the kernel puts it.
	fd, e := unix.Eventfd(0, unix.EFD_CLOEXEC)
	fmt.Println(len(moved), ok, err, e)
	fmt.Println("late", fd)
	for _, fd := range moved {
		if fd < first {
			fmt.Println("moved to", fd)
		}
	}
	for fd := range 2 * first {
		var buf [64]byte
		if n, err := unix.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd), buf[:]); err == nil {
			fmt.Println(fd, string(buf[:n]))
		}
	}
	time.Sleep(time.Millisecond) // the poller works
	os.Exit(0)
}

// The runtime's descriptors are high ones, the next one of the same kind is not.
func TestHigh(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "DISPATCH_CHILD=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if lines[0] == "0 false <nil> <nil>" {
		t.Skip("the kernel has no syscall user dispatch")
	}
	if lines[0] != "2 true <nil> <nil>" {
		t.Errorf("moved, ok, errors: %s, wanted 2 true", lines[0])
	}
	late := strings.TrimPrefix(lines[1], "late ")
	for _, l := range lines[2:] {
		number, name, _ := strings.Cut(l, " ")
		fd, _ := strconv.Atoi(number)
		if polled := strings.Contains(name, "event"); polled && fd < first && number != late {
			t.Errorf("descriptor %d is %s: below %d", fd, name, first)
		}
	}
	if n, _ := strconv.Atoi(late); n >= first {
		t.Errorf("an eventfd that was opened later has number %s", late)
	}
}
