// hw runs single instructions on the CPU with a fully given user state and reports the state after them. It is the
// oracle of hw_test.go: argument 1 is a file of records, which it runs one after the other and updates in place.
// Without argument it prints the XSAVE components that the kernel has enabled.
//
// Each instruction is placed at the end of a page that is followed by an inaccessible one, so execution stops with a
// fault on fetch behind it (or within it, when its bytes are cut short). All states are loaded and stored through the
// frames of signal handlers.
#define _GNU_SOURCE
#include <cpuid.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#define CODE 0x20000000UL // code page; CODE+4096 is inaccessible
#define DATA 0x30000000UL // 64 KB of data; the pages before and behind are inaccessible
#define MID 0x30008000UL  // the address most operands get
#define BEFORE 256        // bytes of data in a record before and from MID
#define AFTER 768

typedef struct { // hwRec in hw_test.go has these offsets
  uint8_t nb, sig, pad[6]; // bytes of code; signal that ended it
  uint8_t bytes[16];
  uint64_t err, cr2, rip, trap;
  uint64_t g[16]; // in the order of ModRM
  uint64_t fl;
  uint64_t k[8];
  uint8_t z[32][64];
  uint8_t st[8][16];
  uint32_t mxcsr;
  uint16_t fcw, fsw, ftw, pad2;
  uint32_t pad3;
  uint8_t mem[BEFORE + AFTER];
} rec;

static rec *R;
static long N, cur = -1, last = -2;
static uint64_t xcr0;
static uint32_t off[16]; // offsets of the XSAVE components
static greg_t flags;     // system flags to keep
static const int gmap[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                             REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

enum { AVX = 1 << 2, KREGS = 1 << 5, ZMMH = 1 << 6, HIZMM = 1 << 7 }; // components, SDM vol. 1, 13.1

static void load(ucontext_t *uc, rec *r) {
  uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
  *(uint64_t *)(fp + 512) = (3 | AVX | KREGS | ZMMH | HIZMM) & xcr0; // XSTATE_BV
  memcpy(fp, &r->fcw, 2);
  memcpy(fp + 2, &r->fsw, 2);
  memcpy(fp + 4, &r->ftw, 2);
  memcpy(fp + 24, &r->mxcsr, 4);
  for (int i = 0; i < 8; i++) memcpy(fp + 32 + 16 * i, r->st[i], 10);
  for (int i = 0; i < 16; i++) {
    memcpy(fp + 160 + 16 * i, r->z[i], 16);
    if (xcr0 & AVX) memcpy(fp + off[2] + 16 * i, r->z[i] + 16, 16);
    if (xcr0 & ZMMH) memcpy(fp + off[6] + 32 * i, r->z[i] + 32, 32);
    if (xcr0 & HIZMM) memcpy(fp + off[7] + 64 * i, r->z[16 + i], 64);
  }
  if (xcr0 & KREGS) memcpy(fp + off[5], r->k, 64);
  for (int i = 0; i < 16; i++) uc->uc_mcontext.gregs[gmap[i]] = r->g[i];
  uc->uc_mcontext.gregs[REG_EFL] = (flags & ~0xcd5) | (r->fl & 0xcd5);
  uint8_t *c = (uint8_t *)(CODE + 4096 - r->nb);
  memcpy(c, r->bytes, r->nb);
  memcpy((void *)(MID - BEFORE), r->mem, sizeof r->mem);
  uc->uc_mcontext.gregs[REG_RIP] = (greg_t)c;
}

static void store(ucontext_t *uc, rec *r, int sig) {
  uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpregs;
  uint64_t bv = *(uint64_t *)(fp + 512);
  greg_t *g = uc->uc_mcontext.gregs;
  r->sig = sig;
  r->err = g[REG_ERR], r->cr2 = g[REG_CR2], r->trap = g[REG_TRAPNO], r->rip = g[REG_RIP], r->fl = g[REG_EFL];
  for (int i = 0; i < 16; i++) r->g[i] = g[gmap[i]];
  // Components in their initial state are not in the frame.
  memset(r->z, 0, sizeof r->z), memset(r->k, 0, sizeof r->k), memset(r->st, 0, sizeof r->st);
  r->fcw = 0x37f, r->fsw = 0, r->ftw = 0;
  memcpy(&r->mxcsr, fp + 24, 4);
  if (bv & 1) {
    memcpy(&r->fcw, fp, 2), memcpy(&r->fsw, fp + 2, 2), memcpy(&r->ftw, fp + 4, 2);
    for (int i = 0; i < 8; i++) memcpy(r->st[i], fp + 32 + 16 * i, 10);
  }
  for (int i = 0; i < 16; i++) {
    if (bv & 2) memcpy(r->z[i], fp + 160 + 16 * i, 16);
    if (bv & AVX) memcpy(r->z[i] + 16, fp + off[2] + 16 * i, 16);
    if (bv & ZMMH) memcpy(r->z[i] + 32, fp + off[6] + 32 * i, 32);
    if (bv & HIZMM) memcpy(r->z[16 + i], fp + off[7] + 64 * i, 64);
  }
  if (bv & KREGS) memcpy(r->k, fp + off[5], 64);
  memcpy(r->mem, (void *)(MID - BEFORE), sizeof r->mem);
}

static void handler(int sig, siginfo_t *si, void *v) {
  ucontext_t *uc = v;
  (void)si;
  if (sig == SIGALRM) { // an endless loop: no progress since the last tick
    if (cur < 0 || cur != last) {
      last = cur;
      return;
    }
  }
  if (cur < 0)
    flags = uc->uc_mcontext.gregs[REG_EFL];
  else
    store(uc, &R[cur], sig);
  if (++cur >= N) {
    msync(R, N * sizeof(rec), MS_SYNC);
    _exit(0);
  }
  load(uc, &R[cur]);
}

int main(int argc, char **argv) {
  unsigned a, b, c, d, lo, hi;
  __cpuid(1, a, b, c, d);
  if (c & bit_OSXSAVE) {
    __asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    xcr0 = (uint64_t)hi << 32 | lo;
  }
  if (argc < 2) return printf("%#lx\n", (unsigned long)xcr0) < 0;
  for (int i = 2; i < 10; i++) {
    __cpuid_count(0xd, i, a, b, c, d);
    off[i] = b;
  }
  int fd = open(argv[1], O_RDWR);
  struct stat s;
  if (fd < 0 || fstat(fd, &s) < 0) return 2;
  N = s.st_size / sizeof(rec);
  R = mmap(0, s.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  int fix = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  mmap((void *)CODE, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, fix, -1, 0);
  mmap((void *)(CODE + 4096), 4096, PROT_NONE, fix, -1, 0);
  mmap((void *)DATA, 0x10000, PROT_READ | PROT_WRITE, fix, -1, 0);
  stack_t ss = {.ss_sp = mmap(0, 1 << 18, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = 1 << 18};
  sigaltstack(&ss, 0);
  struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigfillset(&sa.sa_mask);
  int sigs[] = {SIGSEGV, SIGILL, SIGTRAP, SIGFPE, SIGBUS, SIGALRM, SIGSYS};
  for (unsigned i = 0; i < sizeof sigs / sizeof *sigs; i++) sigaction(sigs[i], &sa, 0);
  struct itimerval tick = {{0, 100000}, {0, 100000}};
  setitimer(ITIMER_REAL, &tick, 0);
  __asm__ volatile("int3" ::: "memory");
  return 1;
}
