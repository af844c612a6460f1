package unwind

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gogrind/internal/debuginfo"
	"gogrind/internal/guest"
)

// dumpC stops in several kinds of frames and writes at each stop: registers, what backtrace() finds, the stack's bytes.
const dumpC = `
#define _GNU_SOURCE
#include <alloca.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static FILE *out;
static char *stack_top, *volatile lowest;

static uint64_t u64[1];
static void put(uint64_t v) { u64[0] = v; fwrite(u64, 8, 1, out); }

__attribute__((noinline)) void stop(uint64_t kind)
{
	ucontext_t c;
	void *bt[64];
	getcontext(&c);
	greg_t *g = c.uc_mcontext.gregs;
	int n = backtrace(bt, 64);
	put(0x706d7564); put(kind);
	static const int order[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
		REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
	for (int i = 0; i < 17; i++) put(g[order[i]]);
	put(n);
	for (int i = 0; i < n; i++) put((uint64_t)bt[i]);
	char *lo = (char *)(g[REG_RSP] & ~4095UL);
	if (lowest && lowest < lo) lo = (char *)((uint64_t)lowest & ~4095UL);
	put((uint64_t)lo); put(stack_top - lo);
	fwrite(lo, 1, stack_top - lo, out);
	fflush(out);
}

__attribute__((noinline)) static int rec(int n) { if (n == 0) { stop(1); return 1; } int r = rec(n - 1); __asm__ volatile("" ::: "memory"); return r + n; }

static int cmp(const void *a, const void *b) { static int once; if (!once++) stop(2); return *(const int *)a - *(const int *)b; }

__attribute__((noinline)) static int dyn(int n) { volatile char *p = alloca(n); p[0] = 1; stop(3); return p[0]; }

__attribute__((noinline)) static int aligned(int n)
{
	_Alignas(64) volatile char b[128]; b[n] = 1; volatile char *p = alloca(n + 10); p[0] = 2;
	stop(4); return b[n] + p[0];
}

static void handler(int s) { (void)s; stop(5); }
__attribute__((noinline)) static int sig(void) { raise(SIGUSR1); __asm__ volatile("" ::: "memory"); return 1; }
static volatile int *bad;
static void segv(int s, siginfo_t *i, void *u) { (void)s; (void)i; ucontext_t *c = u; stop(6); c->uc_mcontext.gregs[REG_RIP] += 2; }
__attribute__((noinline)) static int fault(void) { __asm__ volatile("xor %%eax,%%eax; movl (%%rax),%%eax" ::: "rax"); return 2; }
__attribute__((noinline)) static int many(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
	stop(7); return a + b + c + d + e + f + g + h + i;
}

__attribute__((noinline)) static int deep(int n)
{
	volatile char b[600]; b[0] = n;
	if (n == 0) { lowest = (char *)&b - 512; kill(getpid(), SIGUSR2); lowest = 0; return 1; }
	int r = deep(n - 1); __asm__ volatile("" ::: "memory"); return r + b[0];
}
static void other(int s) { (void)s; stop(8); }

static void *thread(void *p)
{
	pthread_attr_t a; void *base; size_t n;
	pthread_getattr_np(pthread_self(), &a);
	pthread_attr_getstack(&a, &base, &n);
	stack_top = (char *)base + n;
	stop(9);
	return p;
}

static ucontext_t mine, context;
static void in_context(void) { stop(10); }

int main(int argc, char **argv)
{
	out = fopen(argv[1], "w");
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	void *warm[4];
	backtrace(warm, 4); /* loads libgcc_s before the maps are copied */
	rewind(maps);
	FILE *mo = fopen(argv[2], "w");
	while (fgets(line, sizeof line, maps)) {
		fputs(line, mo);
		if (strstr(line, "[stack]")) stack_top = (char *)strtoul(strchr(line, '-') + 1, 0, 16);
	}
	fclose(mo);
	int v[] = {3, 1, 2};
	int r = rec(argc + 8);
	qsort(v, 3, sizeof *v, cmp);
	r += dyn(argc + 100) + aligned(argc);
	signal(SIGUSR1, handler);
	r += sig();
	struct sigaction sa; memset(&sa, 0, sizeof sa); sa.sa_sigaction = segv; sa.sa_flags = SA_SIGINFO;
	sigaction(SIGSEGV, &sa, 0);
	r += fault();
	/* an alternate stack above the frames that the signal interrupts */
	static const int size = 65536;
	stack_t ss = {0}; ss.ss_sp = alloca(size); ss.ss_size = size;
	sigaltstack(&ss, 0);
	sa.sa_handler = other; sa.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR2, &sa, 0);
	r += deep(argc + 4);
	getcontext(&context);
	context.uc_stack.ss_sp = alloca(size); context.uc_stack.ss_size = size; context.uc_link = &mine;
	makecontext(&context, in_context, 0);
	swapcontext(&mine, &context);
	pthread_t th;
	char *keep = stack_top;
	if (pthread_create(&th, 0, thread, 0)) return 3;
	pthread_join(th, 0);
	stack_top = keep;
	r += many(1, 2, 3, 4, 5, 6, 7, 8, argc);
	return r == 0;
}
`

// dump is one stop of the test program. It is also its memory.
type dump struct {
	kind  uint64
	regs  guest.Regs
	bt    []uint64
	base  guest.Addr
	stack []byte
	space *debuginfo.Space // whose code can be read
}

func (d *dump) ReadMem(p []byte, a guest.Addr) int {
	if o := d.space.Object(a); o != nil {
		code, addr := o.Section(".text")
		if at := o.Linked(a) - addr; at < uint64(len(code)) {
			return copy(p, code[at:])
		}
	}
	if a < d.base || a >= d.base+guest.Addr(len(d.stack)) {
		return 0
	}
	return copy(p, d.stack[a-d.base:])
}

func (d *dump) WriteMem([]byte, guest.Addr) int { return 0 }

// runDump builds and runs the test program.
func runDump(t testing.TB, flags ...string) (*debuginfo.Space, []dump) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("gcc is not installed")
	}
	dir := t.TempDir()
	src, exe, out, maps := filepath.Join(dir, "d.c"), filepath.Join(dir, "d"), filepath.Join(dir, "out"), filepath.Join(dir, "maps")
	if err := os.WriteFile(src, []byte(dumpC), 0o644); err != nil {
		t.Fatal(err)
	}
	if o, err := exec.Command("gcc", append(flags, "-w", "-o", exe, src)...).CombinedOutput(); err != nil {
		t.Fatalf("gcc %v: %v\n%s", flags, err, o)
	}
	if o, err := exec.Command(exe, out, maps).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", flags, err, o)
	}
	s := debuginfo.NewSpace(debuginfo.Options{Warn: func(m string) { t.Error(m) }})
	f, err := os.Open(maps)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var lo, hi, off uint64
		var prot, dev, path string
		var inode int
		if n, _ := fmt.Sscanf(sc.Text(), "%x-%x %s %x %s %d %s", &lo, &hi, &prot, &off, &dev, &inode, &path); n == 7 && strings.HasPrefix(path, "/") {
			s.Map(path, guest.Addr(lo), hi-lo, off, prot[2] == 'x')
		}
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	next := func() uint64 {
		v := binary.LittleEndian.Uint64(b)
		b = b[8:]
		return v
	}
	var ds []dump
	for len(b) > 0 {
		if next() != 0x706d7564 {
			t.Fatal("dump is damaged")
		}
		d := dump{kind: next(), space: s}
		for i := range d.regs.GPR {
			d.regs.GPR[i] = next()
		}
		d.regs.RIP = next()
		for n := next(); n > 0; n-- {
			d.bt = append(d.bt, next())
		}
		d.base = guest.Addr(next())
		n := next()
		d.stack, b = b[:n], b[n:]
		ds = append(ds, d)
	}
	return s, ds
}

// TestAgainstBacktrace compares with what libgcc's unwinder found inside the program.
func TestAgainstBacktrace(t *testing.T) {
	for _, flags := range []string{"-O0", "-O1", "-O2", "-O2 -fomit-frame-pointer -march=native", "-O2 -static", "-O2 -static-pie", "-Os -mstackrealign",
		"-O3 -fno-omit-frame-pointer", "-O2 -no-pie", "-O2 -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-exceptions -g", "-O2 -Wl,-z,lazy -fplt"} {
		t.Run(flags, func(t *testing.T) {
			s, ds := runDump(t, strings.Fields(flags)...)
			if len(ds) != 10 {
				t.Fatalf("%d stops", len(ds))
			}
			for i := range ds {
				d := &ds[i]
				u := New(&Config{Space: s, Mem: d, Warn: func(m string) { t.Error(m) }})
				var pcs [64]guest.Addr
				n := u.Unwind(&d.regs, pcs[:])
				if strings.Contains(flags, "no-unwind") {
					// libgcc does not read .debug_frame: only main's presence can be asked for.
					found := d.kind == 10 // a context ends where it was made to begin
					for _, pc := range pcs[:n] {
						for _, f := range s.Frames(pc-1, nil) {
							found = found || f.Fn == "main" || f.Fn == "thread"
						}
					}
					if !found {
						t.Errorf("stop %d: main not found in %v", d.kind, pcs[:n])
					}
					continue
				}
				// The two differ in the first entry: pc after getcontext, after backtrace. An interrupted pc is one more here.
				bad := n != len(d.bt)
				interrupted := 0
				for k := 1; k < n && !bad; k++ {
					if uint64(pcs[k]) == d.bt[k]+1 {
						interrupted++
					} else {
						bad = uint64(pcs[k]) != d.bt[k]
					}
				}
				// Behind the system call of raise and kill the entry is as for a call.
				if want := map[uint64]int{6: 1}[d.kind]; interrupted != want {
					t.Errorf("stop %d: %d interrupted frames, want %d", d.kind, interrupted, want)
				}
				if bad {
					t.Errorf("stop %d:\n got %v\nwant %#x", d.kind, pcs[:n], d.bt)
				}
			}
		})
	}
}

// BenchmarkUnwind12 captures a stack as tools do: the stack's memory is known to be readable, and the code was seen before.
func BenchmarkUnwind12(b *testing.B) {
	s, ds := runDump(b, "-O2")
	d := &ds[0]
	_, _, errno := unix.Syscall6(unix.SYS_MMAP, uintptr(d.base), uintptr(len(d.stack)), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED_NOREPLACE, ^uintptr(0), 0)
	if errno != 0 {
		b.Skipf("the program's stack is where something of ours is: %v", errno)
	}
	defer unix.Syscall(unix.SYS_MUNMAP, uintptr(d.base), uintptr(len(d.stack)), 0)
	mem, err := os.OpenFile("/proc/self/mem", os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer mem.Close()
	if _, err := mem.WriteAt(d.stack, int64(d.base)); err != nil {
		b.Fatal(err)
	}
	u := New(&Config{Space: s, Mem: d})
	u.Stack = guest.Range{Start: d.base, End: d.base + guest.Addr(len(d.stack))}
	var pcs [12]guest.Addr
	for b.Loop() {
		if u.Unwind(&d.regs, pcs[:]) != 12 {
			b.Fatal("short")
		}
	}
}
