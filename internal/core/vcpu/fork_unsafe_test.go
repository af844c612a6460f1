package vcpu

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestForkLayout(t *testing.T) {
	var s stopped
	if unsafe.Sizeof(s) != 64 {
		t.Errorf("an entry has %d bytes, assembly shifts by 6", unsafe.Sizeof(s))
	}
}

func TestNumber(t *testing.T) {
	if err := initOnce(); err != nil {
		t.Fatal(err)
	}
	line := "tfd:       12 events:       19 data:     6a1b40  pos:0"
	copy(forker.text, line)
	var got [3]uint64
	var i int
	for k, base := range []uint64{10, 16, 16} {
		got[k], i = number(i, len(line), base)
	}
	if got != [3]uint64{12, 0x19, 0x6a1b40} {
		t.Errorf("%q is read as %x", line, got)
	}
	if v, i := number(0, 5, 10); v != 0 || i != 5 {
		t.Errorf("a cut line gives %d at %d", v, i)
	}
}

// works uses everything of the Go runtime that a fork could have broken and returns 0, or the number of what does not work.
func works(c *Context) int {
	switch {
	case unix.Getpid() != unix.Gettid() || int(c.TID) != unix.Gettid() || int(pid) != unix.Getpid():
		return 1
	case mainContext != c.Addr():
		return 2
	}
	var garbage [][]byte
	for range 200 {
		garbage = append(garbage, make([]byte, 10000))
	}
	runtime.GC()
	runtime.KeepAlive(garbage)
	results := make(chan int)
	for i := range 20 {
		go func() {
			time.Sleep(time.Microsecond)
			results <- i
		}()
	}
	sum := 0
	for range 20 {
		sum += <-results
	}
	if sum != 190 {
		return 3
	}
	var stop atomic.Bool
	go func() {
		for !stop.Load() { // has to be preempted by a signal
		}
	}()
	runtime.GC()
	stop.Store(true)
	r, w, err := os.Pipe()
	if err != nil {
		return 4
	}
	r.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		return 5
	}
	r.SetReadDeadline(time.Time{})
	go w.Write([]byte{7})
	b := make([]byte, 1)
	if _, err := r.Read(b); err != nil || b[0] != 7 {
		return 6
	}
	return 0
}

// worksAlone has all other threads made anew and returns 0, or the number of what does not work afterwards.
func worksAlone(c *Context) int {
	n := threads()
	if r, err := c.Alone(unix.SYS_UNSHARE, &[6]uint64{unix.CLONE_THREAD}); r != 0 || err != nil { // refused to processes with several
		return 11
	}
	if threads() < n {
		return 12
	}
	if code := works(c); code != 0 {
		return 20 + code
	}
	return 0
}

// forkOnce forks, lets the child fork depth times more inside each other, and returns the child's verdict.
func forkOnce(c *Context, others []*Context, depth int) (int, error) {
	child, err := c.Fork(&ForkCall{Others: others}) // without exit signal, which a thread in a system call might get
	if err != nil {
		return 0, err
	}
	if child == 0 {
		code := works(c)
		if code == 0 {
			code = worksAlone(c)
		}
		if code == 0 && depth > 0 {
			if code, err = forkOnce(c, nil, depth-1); err != nil {
				code = 99
			}
		}
		unix.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(code), 0, 0)
	}
	var ws unix.WaitStatus
	for {
		if _, err := unix.Wait4(child, &ws, unix.WALL, nil); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if !ws.Exited() {
		return 1000 + int(ws.Signal()), nil
	}
	return ws.ExitStatus(), nil
}

// TestFork forks a process in which goroutines allocate, collect garbage and wait, and guest threads are in system calls, which
// do not notice.
func TestFork(t *testing.T) {
	c := newThread(t)
	var stop atomic.Bool
	var wg sync.WaitGroup
	load := func(f func()) {
		wg.Go(func() {
			for !stop.Load() {
				f()
			}
		})
	}
	load(func() {
		runtime.GC()
		time.Sleep(time.Millisecond)
	})
	load(func() { time.Sleep(50 * time.Microsecond) })
	load(func() { _ = make([]byte, 5000) })

	const readers = 3
	var others []*Context
	var received [readers]int
	ends := make([]int, readers)
	started := make(chan *Context)
	for i := range readers {
		var fds [2]int
		if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		ends[i] = fds[1]
		wg.Go(func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			g, err := New()
			if err != nil {
				t.Error(err)
				started <- nil
				return
			}
			*g = Context{XMask: g.XMask}
			g.Attach(0)
			defer Free(g)
			defer g.Detach()
			started <- g
			var b [1]byte
			for {
				n, aborted := g.Syscall(unix.SYS_READ, &[6]uint64{uint64(fds[0]), uint64(uintptr(unsafe.Pointer(&b))), 1})
				switch {
				case aborted:
					t.Error("a fork aborted a system call")
					return
				case n != 1:
					if n != 0 {
						t.Errorf("a fork ended a system call with %d", n)
					}
					return
				case b[0] != byte(received[i]):
					t.Errorf("byte %d is %d", received[i], b[0])
				}
				received[i]++
			}
		})
		if g := <-started; g != nil {
			others = append(others, g)
		}
	}
	const forks = 30
	for i := range forks {
		for _, fd := range ends {
			unix.Write(fd, []byte{byte(i)})
		}
		depth := 0
		if i%10 == 0 {
			depth = 3
		}
		if code, err := forkOnce(c, others, depth); err != nil || code != 0 {
			t.Errorf("fork %d: code %d, error %v", i, code, err)
		}
	}
	stop.Store(true)
	for _, fd := range ends {
		unix.Close(fd)
	}
	wg.Wait()
	for i, n := range received {
		if n != forks {
			t.Errorf("reader %d got %d of %d bytes", i, n, forks)
		}
	}
}

// TestForkFails checks that the process goes on when the kernel refuses.
func TestForkFails(t *testing.T) {
	c := newThread(t)
	const threadWithoutHandlers = unix.CLONE_THREAD // EINVAL: needs CLONE_SIGHAND
	if _, err := c.Fork(&ForkCall{Flags: threadWithoutHandlers}); !errors.Is(err, unix.EINVAL) {
		t.Errorf("error %v", err)
	}
	runtime.GC()
	if code, err := forkOnce(c, nil, 0); err != nil || code != 0 {
		t.Errorf("the next fork: code %d, error %v", code, err)
	}
}

func BenchmarkFork(b *testing.B) {
	if err := initOnce(); err != nil {
		b.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, err := New()
	if err != nil {
		b.Fatal(err)
	}
	c.Attach(0)
	defer c.Detach()
	for b.Loop() {
		child, err := c.Fork(&ForkCall{Flags: uint64(unix.SIGCHLD)})
		if err != nil {
			b.Fatal(err)
		}
		if child == 0 {
			unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		b.StopTimer()
		unix.Wait4(child, nil, 0, nil)
		b.StartTimer()
	}
	b.ReportMetric(float64(threads()), "threads")
}

func threads() (n int) {
	dir, _ := os.ReadDir("/proc/self/task")
	for _, e := range dir {
		if _, err := strconv.Atoi(e.Name()); err == nil {
			n++
		}
	}
	return n
}
