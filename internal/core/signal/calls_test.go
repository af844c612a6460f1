package signal

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gogrind/internal/guest"
)

// Guest addresses that replay uses: bad faults, as testdata/calls.c's 8 does.
const (
	badAddr   guest.Addr = 8
	inAddr               = dataAddr
	outAddr              = dataAddr + 256
	thirdAddr            = dataAddr + 512
	stackTop             = 0x300000
)

// replay asks a Process what testdata/calls.c asked the kernel and writes down the answers in the same words.
type replay struct {
	*world
	out     []string
	x       []byte
	running []Info // handlers whose frames are on the stack, last on top
}

func newReplay(handler, restorer uint64) *replay {
	r := &replay{world: newWorld()}
	r.mem.add(stackTop-1<<20, make([]byte, 1<<20))
	r.main.regs.GPR[guest.RSP] = stackTop - 256
	r.x = make([]byte, XSaveSize(defaultFeatures()))
	r.main.sig.alt.flags = SS_DISABLE
	r.host.block = func(_ *Thread, left time.Duration) { time.Sleep(left) }
	for sig := 1; sig <= NSIG; sig++ {
		if !unblockable.Has(sig) {
			r.exchange(sig, Disposition{handler, SA_SIGINFO | SA_RESTORER, restorer, 0}, true)
		}
	}
	return r
}

func (r *replay) say(format string, args ...any) { r.out = append(r.out, fmt.Sprintf(format, args...)) }

// put writes words to guest memory at a, and returns a, 0 or a bad address for how 1, 0 and 2.
func (r *replay) put(how int, a guest.Addr, words ...uint64) guest.Addr {
	for i, w := range words {
		put64(r.data[int(a-dataAddr)+8*i:], w)
	}
	return [3]guest.Addr{0, a, badAddr}[how]
}

func (r *replay) word(a guest.Addr) uint64 { return get64(r.data[a-dataAddr:]) }

// settle delivers what can be delivered and runs the handlers, as the kernel does before it returns from a call with
// the given result. It returns what the call returned in the end.
func (r *replay) settle(result int64) int64 {
	th, regs := r.main.sig, &r.main.regs
	first := true
	for {
		for {
			info, act, ok := th.Next()
			if !ok {
				break
			}
			if first {
				regs.RIP = 0x5000
				Restart(result, &act, regs, 1)
				first = false
			}
			if err := th.Deliver(regs, r.x, info, act); err != nil {
				r.say("refused: %v", err)
				return 0
			}
			r.running = append(r.running, info)
		}
		if len(r.running) == 0 {
			break
		}
		info := r.running[len(r.running)-1]
		r.running = r.running[:len(r.running)-1]
		r.say("H %d %d %d %x", info.Signo(), info.Code(), value(&info), uint64(th.Mask()))
		regs.GPR[guest.RSP] += 8 // ret
		if err := th.Sigreturn(regs, r.x); err != nil {
			r.say("refused: %v", err)
			return 0
		}
	}
	if first {
		return result
	}
	return int64(regs.GPR[guest.RAX])
}

// value is si_value of sigqueue, and 0 for others.
func value(i *Info) int32 {
	if i.Code() != SI_QUEUE {
		return 0
	}
	return int32(get32(i[24:]))
}

// line replays one line of the native run.
func (r *replay) line(t *testing.T, line string) {
	scan := func(format string, args ...any) {
		if _, err := fmt.Sscanf(line, format, args...); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
	}
	var a, o, n, sig, how, sec, nsec int
	var h, f, m uint64
	switch line[0] {
	case 'A':
		scan("A %d %d %x %x %x %d %d", &sig, &a, &h, &f, &m, &o, &n)
		r.put(1, outAddr, 0, 0, 0, 0)
		// calls.c gives every action the same restorer.
		rest := r.Disposition(SIGUSR1).Restorer
		res := r.Sigaction(r.main, sig, r.put(a, inAddr, h, f, rest, m), r.put(o, outAddr), uint64(n))
		r.say("A %d %d %x %x %x %d %d = %d %x %x %x", sig, a, h, f, m, o, n, res, r.word(outAddr), r.word(outAddr+8), r.word(outAddr+24))
	case 'M':
		scan("M %d %d %x %d %d", &how, &a, &m, &o, &n)
		r.say("M %d %d %x %d %d", how, a, m, o, n)
		r.put(1, outAddr, 0)
		res := r.Sigprocmask(r.main, how, r.put(a, inAddr, m), r.put(o, outAddr), uint64(n))
		old := r.word(outAddr)
		r.say("= %d %x", r.settle(res), old)
	case 'P':
		scan("P %d %d", &n, &a)
		r.put(1, outAddr, 0)
		res := r.Sigpending(r.main, r.put(1+a, outAddr), uint64(n))
		r.say("P %d %d = %d %x", n, a, res, r.word(outAddr))
	case 'T':
		scan("T %d %x %x %d %d", &a, &h, &f, &n, &o)
		r.put(1, outAddr, 0, 0, 0)
		res := r.Sigaltstack(r.main, r.put(a, inAddr, h, f, uint64(n)), r.put(o, outAddr))
		r.say("T %d %x %x %d %d = %d %x %x %d", a, h, f, n, o, res, r.word(outAddr), r.word(outAddr+8), r.word(outAddr+16))
	case 'K':
		scan("K %d %d %d", &sig, &how, &a)
		r.say("K %d %d %d", sig, how, a)
		info := NewInfo(sig, [4]int32{SI_USER, SI_TKILL, SI_QUEUE, SI_QUEUE}[how])
		put32(info[24:], uint32(a))
		if how&1 == 0 {
			r.Queue(info)
		} else {
			r.main.sig.Queue(info)
		}
		r.say("= %d", r.settle(0))
	case 'W':
		scan("W %x %d %d %d %d %d", &m, &sec, &nsec, &how, &n, &o)
		r.put(1, outAddr, make([]uint64, 16)...)
		res := r.Sigtimedwait(r.main, r.put(1, inAddr, m), r.put(o, outAddr), r.put(how, thirdAddr, uint64(sec), uint64(nsec)), uint64(n))
		info := Info(r.data[outAddr-dataAddr:][:128])
		r.say("W %x %d %d %d %d %d = %d %d %d", m, sec, nsec, how, n, o, res, info.Code(), value(&info))
	case 'U':
		scan("U %x %d", &m, &n)
		r.say("U %x %d", m, n)
		r.say("= %d", r.settle(r.Sigsuspend(r.main, r.put(1, inAddr, m), uint64(n))))
	case 'H', '=': // ours come from settle
	default:
		t.Fatalf("line %q", line)
	}
}

func TestCallsLikeKernel(t *testing.T) {
	gcc, err := exec.LookPath("gcc")
	if err != nil {
		t.Skip("no gcc: calls can't be compared with the kernel's")
	}
	exe := filepath.Join(t.TempDir(), "calls")
	if out, err := exec.Command(gcc, "-O1", "-w", "-no-pie", "-o", exe, "testdata/calls.c").CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	for seed := 1; seed <= 10; seed++ {
		out, err := exec.Command(exe, fmt.Sprint(seed), "5000").Output()
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Split(strings.TrimSpace(string(out)), "\n")
		var handler, restorer uint64
		if _, err := fmt.Sscanf(want[0], "S %x %x", &handler, &restorer); err != nil || len(want) < 5000 {
			t.Fatalf("%d lines: %v", len(want), err)
		}
		r := newReplay(handler, restorer)
		r.say("%s", want[0])
		for _, line := range want[1:] {
			r.line(t, line)
		}
		for i, line := range want {
			if i >= len(r.out) || r.out[i] != line {
				t.Fatalf("seed %d, line %d:\ngot  %q\nwant %q\nbefore:\n%s", seed, i+1, r.out[i:min(i+1, len(r.out))], line, strings.Join(want[max(0, i-12):i], "\n"))
			}
		}
		if len(r.out) != len(want) {
			t.Errorf("seed %d: %d lines, want %d", seed, len(r.out), len(want))
		}
	}
}
