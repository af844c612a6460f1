// Makes random signal calls, seeded by the argument, and says on stdout what it asked and what the kernel answered;
// calls_test.go asks the same of the package. Lines:
//
//	S address-of-handler address-of-restorer
//	A sig act handler flags mask old size = result oldhandler oldflags oldmask
//	M how set mask old size = result oldmask
//	P size bad = result mask
//	T alt sp flags size old = result oldsp oldflags oldsize
//	K sig way value = result         way: 0 kill, 1 tgkill, 2 sigqueue, 3 sigqueue to the thread
//	W mask sec nsec timeout size info = result code value
//	U mask size = result
//	H sig code value mask            a handler ran
//
// act, set, alt, old, info and timeout are 0 (null), 1 (there) or 2 (bad address).
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

typedef uint64_t u64;
typedef unsigned long ul;

struct ksa { u64 handler, flags, restorer, mask; };

static u64 state;
static char altmem[65536] __attribute__((aligned(64)));
static u64 handlers[65];  // as the kernel has them

void restorer(void);
__asm__("restorer: mov $15, %eax; syscall");

static u64 rnd(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state;
}
static unsigned below(unsigned n) { return (rnd() >> 20) % n; }

static long sys(long nr, u64 a, u64 b, u64 c, u64 d) {
  long r = syscall(nr, a, b, c, d);
  return r == -1 ? -errno : r;
}

static u64 mask(void) {
  u64 m = 0;
  sys(SYS_rt_sigprocmask, 0, 0, (u64)&m, 8);
  return m;
}

static u64 pending(void) {
  u64 m = 0;
  sys(SYS_rt_sigpending, (u64)&m, 8, 0, 0);
  return m;
}

static void handler(int sig, siginfo_t *si, void *uc) {
  int e = errno;
  printf("H %d %d %ld %lx\n", sig, si->si_code, si->si_code == SI_QUEUE ? (long)si->si_value.sival_int : 0, (ul)mask());
  errno = e;
}

static int maybe(void) { unsigned n = below(8); return n == 0 ? 2 : n < 3 ? 0 : 1; }
static u64 ptr(int m, void *p) { return m == 0 ? 0 : m == 1 ? (u64)p : 8; }
static u64 size(void) { return below(12) ? 8 : below(17); }
static u64 somemask(void) { return below(3) ? rnd() & rnd() : rnd() | rnd(); }
static int harmless(int s) { return s == SIGCHLD || s == SIGCONT || s == SIGURG || s == SIGWINCH; }

static void action(void) {
  struct ksa sa, old = {0};
  int sig = (int)below(68) - 1, act = maybe(), o = maybe();
  u64 n = size();
  sa.handler = below(3) ? (u64)handler : harmless(sig) && below(2) ? 0 : 1;
  sa.flags = (rnd() & ~(u64)(SA_ONSTACK | SA_RESETHAND)) | SA_SIGINFO | 0x04000000;
  sa.restorer = (u64)restorer;
  sa.mask = somemask();
  long r = sys(SYS_rt_sigaction, sig, ptr(act, &sa), ptr(o, &old), n);
  if (n == 8 && act == 1 && sig > 0 && sig < 65 && sig != SIGKILL && sig != SIGSTOP) handlers[sig] = sa.handler;
  printf("A %d %d %lx %lx %lx %d %ld = %ld %lx %lx %lx\n", sig, act, (ul)sa.handler, (ul)sa.flags, (ul)sa.mask, o, (ul)n, r, (ul)old.handler, (ul)old.flags, (ul)old.mask);
}

static void procmask(void) {
  u64 m = somemask(), old = 0, n = size();
  int how = below(5), s = maybe(), o = maybe();
  // Handlers run before the call returns: what was asked is said first.
  printf("M %d %d %lx %d %ld\n", how, s, (ul)m, o, (ul)n);
  long r = sys(SYS_rt_sigprocmask, how, ptr(s, &m), ptr(o, &old), n);
  printf("= %ld %lx\n", r, (ul)old);
}

static void pend(void) {
  u64 m = 0, n = below(3) ? 8 : below(10);
  int bad = below(8) == 0;
  long r = sys(SYS_rt_sigpending, ptr(1 + bad, &m), n, 0, 0);
  printf("P %ld %d = %ld %lx\n", (ul)n, bad, r, (ul)m);
}

static void alt(void) {
  static const unsigned flags[] = {0, 0, 1, 2, 3, 4, 1u << 31, 1u << 31 | 1, 1u << 31 | 2};
  static const unsigned sizes[] = {0, 100, 2047, 2048, 4096, 32768};
  stack_t s, old;
  memset(&s, 0, sizeof s), memset(&old, 0, sizeof old);
  s.ss_sp = altmem + 64 * below(4), s.ss_flags = flags[below(9)], s.ss_size = sizes[below(6)];
  int a = maybe(), o = maybe();
  long r = sys(SYS_sigaltstack, ptr(a, &s), ptr(o, &old), 0, 0);
  printf("T %d %lx %x %ld %d = %ld %lx %x %ld\n", a, (ul)s.ss_sp, s.ss_flags, (ul)s.ss_size, o, r, (ul)old.ss_sp, old.ss_flags, (ul)old.ss_size);
}

static void send(void) {
  int sig, way = below(4), value = below(1000);
  do sig = 1 + below(64); while (sig == SIGKILL || sig == SIGSTOP);
  siginfo_t si;
  memset(&si, 0, sizeof si);
  si.si_code = SI_QUEUE, si.si_signo = sig, si.si_value.sival_int = value;
  printf("K %d %d %d\n", sig, way, value);
  long r = 0;
  switch (way) {
  case 0: r = sys(SYS_kill, getpid(), sig, 0, 0); break;
  case 1: r = sys(SYS_tgkill, getpid(), gettid(), sig, 0); break;
  case 2: r = sys(SYS_rt_sigqueueinfo, getpid(), sig, (u64)&si, 0); break;
  case 3: r = sys(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sig, (u64)&si); break;
  }
  printf("= %ld\n", r);
}

static void timedwait(void) {
  u64 m = somemask(), n = size();
  struct timespec ts = {0, below(3) ? 0 : below(2000)};
  if (below(8) == 0) ts.tv_sec = -1;
  if (below(8) == 0) ts.tv_nsec = 1000000000 + below(2);
  int to = below(8) ? 1 : 2, inf = maybe();
  siginfo_t si;
  memset(&si, 0, sizeof si);
  long r = sys(SYS_rt_sigtimedwait, (u64)&m, ptr(inf, &si), ptr(to, &ts), n);
  printf("W %lx %ld %ld %d %ld %d = %ld %d %d\n", (ul)m, ts.tv_sec, ts.tv_nsec, to, (ul)n, inf, r, si.si_code, si.si_code == SI_QUEUE ? si.si_value.sival_int : 0);
}

static void suspend(void) {
  u64 m = somemask(), p = pending() & ~m, n = size();
  int wakes = 0;
  for (int s = 1; s < 65; s++)
    if (p >> (s - 1) & 1 && handlers[s] > 1) wakes = 1;
  if (!wakes) return;
  printf("U %lx %ld\n", (ul)m, (ul)n);
  printf("= %ld\n", sys(SYS_rt_sigsuspend, (u64)&m, n, 0, 0));
}

int main(int argc, char **argv) {
  static char buf[1 << 22];
  setvbuf(stdout, buf, _IOFBF, sizeof buf);
  state = strtoull(argv[1], 0, 10) * 0x9e3779b97f4a7c15 + 1;
  stack_t none = {.ss_flags = SS_DISABLE};
  sys(SYS_sigaltstack, (u64)&none, 0, 0, 0);
  printf("S %lx %lx\n", (ul)handler, (ul)restorer);
  for (int s = 1; s < 65; s++) {
    struct ksa sa = {(u64)handler, SA_SIGINFO | 0x04000000, (u64)restorer, 0};
    if (sys(SYS_rt_sigaction, s, (u64)&sa, 0, 8) == 0) handlers[s] = (u64)handler;
  }
  void (*ops[])(void) = {action, procmask, pend, alt, send, send, send, send, timedwait, suspend};
  for (int i = atoi(argv[2]); i > 0; i--) ops[below(10)]();
  return 0;
}
