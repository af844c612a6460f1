// Shows what the kernel does with signal frames: for each scenario it brings the CPU into a known state, has a signal
// delivered, and writes to stdout, in binary, the state before, the frame, the state at the handler's entry, the frame
// as the handler leaves it, and the state after sigreturn. frame_test.go reads the records (struct record below).
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

typedef uint64_t u64;

enum { XMAX = 16384, STACK = 65536, FRAMEMAX = 16384, FILL = 0xa5, AUTODISARM = 1u << 31 };

struct regs { u64 r[16], rip, flags; };  // r in the CPU's order: rax rcx rdx rbx rsp rbp rsi rdi r8...
struct alt { u64 sp, flags, size; };

struct record {
  u64 magic, scenario, sig, saflags, handler, restorer, samask, temp, hastemp, syscall;
  u64 frame, framelen, xsize, xfeatures;
  u64 maskbefore, maskin, maskafter;
  struct alt altbefore, altin, altafter;
  struct regs before, entry, after;
};

struct regs in, entry, out;
unsigned char inx[XMAX] __attribute__((aligned(64))), entryx[XMAX] __attribute__((aligned(64))),
    outx[XMAX] __attribute__((aligned(64)));
u64 hostsp, target, features, entryrip;
static unsigned char stack[STACK] __attribute__((aligned(64))), altmem[STACK] __attribute__((aligned(64)));
static struct record rec;
static unsigned char frame[FRAMEMAX], final[FRAMEMAX];
static int scenario;

void trigger(void);
void entrypoint(void);
void restorer(void);
void stub_ud2(void);
void stub_store(void);
void stub_syscall(void);

__asm__(
    ".text\n"
    "trigger:\n"
    " push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    " mov %rsp, hostsp(%rip)\n"
    " mov features(%rip), %eax; mov features+4(%rip), %edx; xrstor64 inx(%rip)\n"
    " pushq in+136(%rip); popfq\n"
    " mov in+0(%rip), %rax; mov in+8(%rip), %rcx; mov in+16(%rip), %rdx; mov in+24(%rip), %rbx\n"
    " mov in+32(%rip), %rsp; mov in+40(%rip), %rbp; mov in+48(%rip), %rsi; mov in+56(%rip), %rdi\n"
    " mov in+64(%rip), %r8; mov in+72(%rip), %r9; mov in+80(%rip), %r10; mov in+88(%rip), %r11\n"
    " mov in+96(%rip), %r12; mov in+104(%rip), %r13; mov in+112(%rip), %r14; mov in+120(%rip), %r15\n"
    " jmp *target(%rip)\n"
    "stub_ud2: ud2; jmp landed\n"
    "stub_store: mov %rax, (%rbx); jmp landed\n"
    "stub_syscall: syscall; jmp landed\n"
    "landed:\n"
    " mov %rax, out+0(%rip); mov %rcx, out+8(%rip); mov %rdx, out+16(%rip); mov %rbx, out+24(%rip)\n"
    " mov %rsp, out+32(%rip); mov %rbp, out+40(%rip); mov %rsi, out+48(%rip); mov %rdi, out+56(%rip)\n"
    " mov %r8, out+64(%rip); mov %r9, out+72(%rip); mov %r10, out+80(%rip); mov %r11, out+88(%rip)\n"
    " mov %r12, out+96(%rip); mov %r13, out+104(%rip); mov %r14, out+112(%rip); mov %r15, out+120(%rip)\n"
    " mov hostsp(%rip), %rsp\n"
    " pushfq; popq out+136(%rip); cld\n"
    " mov features(%rip), %eax; mov features+4(%rip), %edx; xsave64 outx(%rip)\n"
    " fninit\n"
    " movl $0x1f80, -8(%rsp); ldmxcsr -8(%rsp)\n"
    " pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    " ret\n"
    "entrypoint:\n"
    " mov %rax, entry+0(%rip); mov %rcx, entry+8(%rip); mov %rdx, entry+16(%rip); mov %rbx, entry+24(%rip)\n"
    " mov %rsp, entry+32(%rip); mov %rbp, entry+40(%rip); mov %rsi, entry+48(%rip); mov %rdi, entry+56(%rip)\n"
    " mov %r8, entry+64(%rip); mov %r9, entry+72(%rip); mov %r10, entry+80(%rip); mov %r11, entry+88(%rip)\n"
    " mov %r12, entry+96(%rip); mov %r13, entry+104(%rip); mov %r14, entry+112(%rip); mov %r15, entry+120(%rip)\n"
    " lea entrypoint(%rip), %rax; mov %rax, entry+128(%rip)\n"
    " pushfq; popq entry+136(%rip)\n"
    " mov features(%rip), %eax; mov features+4(%rip), %edx; xsave64 entryx(%rip)\n"
    " mov entry+16(%rip), %rdx; mov %rsp, %rcx\n"
    " sub $8, %rsp; call handle; add $8, %rsp\n"
    " ret\n"
    "restorer: mov $15, %eax; syscall\n");

struct ksa { u64 handler, flags, restorer, mask; };

static u64 mask(void) {
  u64 m;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, 0, &m, 8);
  return m;
}

static void setmask(u64 m) { syscall(SYS_rt_sigprocmask, SIG_SETMASK, &m, 0, 8); }

static struct alt altstate(void) {
  stack_t s;
  syscall(SYS_sigaltstack, 0, &s);
  return (struct alt){(u64)s.ss_sp, (unsigned)s.ss_flags, s.ss_size};
}

static void all(const void *p, size_t n) {
  for (const char *c = p; n;) {
    ssize_t w = write(1, c, n);
    if (w <= 0) _exit(3);
    c += w, n -= w;
  }
}

static void emit(void) {
  rec.before = in, rec.entry = entry, rec.after = out;
  rec.maskafter = mask(), rec.altafter = altstate();
  all(&rec, sizeof rec);
  all(inx, rec.xsize);
  all(frame, rec.framelen);
  all(entryx, rec.xsize);
  all(final, rec.framelen);
  all(outx, rec.xsize);
}

static void run(int sc, int sig, u64 flags, u64 samask, void (*stub)(void));

// Called by entrypoint with the frame's address last.
void handle(int sig, siginfo_t *info, ucontext_t *uc, unsigned char *fr) {
  if (sig == SIGSEGV && scenario >= 100) {  // a frame was refused: say so, and how far the kernel had got
    u64 *g = (u64 *)((char *)uc + 40);
    u64 says[3] = {0x6e6f, (u64)info->si_code, g[13]};
    all(says, sizeof says);
    _exit(0);
  }
  unsigned char *fp = *(unsigned char **)(fr + 8 + 40 + 184);
  unsigned xsize = *(unsigned *)(fp + 464 + 16);
  rec.frame = (u64)fr, rec.framelen = fp + xsize + 4 - fr, rec.xsize = xsize;
  rec.xfeatures = *(u64 *)(fp + 464 + 8);
  rec.maskin = mask(), rec.altin = altstate();
  memcpy(frame, fr, rec.framelen);

  u64 *rip = (u64 *)(fr + 8 + 40 + 128);
  rec.before = in;
  rec.before.rip = *rip, rec.before.flags = rip[1];
  in = rec.before;
  if (target == (u64)stub_ud2) *rip += 2;
  if (target == (u64)stub_store) *rip += 3;

  u64 *g = (u64 *)(fr + 8 + 40), *flg = rip + 1, *fpp = (u64 *)(fr + 8 + 40 + 184), *m = (u64 *)(fr + 8 + 40 + 256);
  switch (scenario) {
  case 20:  // every general register, all flags, mask with unblockable signals
    for (int i = 0; i < 15; i++) g[i] ^= 0x1111111111111111;
    *flg ^= ~(u64)(0x40000 | 0x100);  // all but alignment check and trap flag, which would fault
    *m = ~(u64)0 & ~((u64)1 << (SIGILL - 1));
    break;
  case 21: *fpp = 0; break;
  case 22: *(unsigned *)(fp + xsize) ^= 1; break;          // second magic: only the legacy part counts
  case 23: *(u64 *)(fp + 512) &= ~(u64)4; break;           // AVX back to its initial state
  case 24: *(u64 *)(fp + 464 + 8) &= ~(u64)4; break;       // AVX not to be restored at all
  case 25:                                                 // vector contents and rounding
    fp[160] ^= 0xff, fp[576] ^= 0xff;
    *(unsigned *)(fp + 24) = 0x7f80;
    break;
  case 26: *(u64 *)(fp + 512) &= ~(u64)3; break;           // x87 and SSE initial, MXCSR is loaded all the same
  case 27: *(u64 *)(fp + 464 + 8) = 1; break;              // only x87
  case 28: *(unsigned *)(fp + 464) = 0; break;             // first magic
  case 30: {                                               // another alternate stack, while on this one
    u64 *st = (u64 *)(fr + 8 + 16);
    st[0] += 64, st[2] -= 128;
    break;
  }
  case 31: {                                               // no alternate stack, asked for from the main stack
    unsigned *st = (unsigned *)(fr + 8 + 16);
    st[2] = 2;
    break;
  }
  case 100: *(unsigned *)(fp + 24) = 0xffff0000; break;    // reserved bits of MXCSR
  case 101: *(u64 *)(fp + 520) = 1; break;                 // header bytes that must be 0
  case 102: *fpp += 8; break;                              // misaligned
  case 103: *fpp = 64; break;                              // no memory
  case 104: *(u64 *)(fp + 512) |= (u64)1 << 40; break;     // a component that does not exist
  }
  memcpy(final, fr, rec.framelen);
  if (scenario >= 100) {
    emit();  // the state after is not known; the refusal follows
  }
}

static void run(int sc, int sig, u64 flags, u64 samask, void (*stub)(void)) {
  scenario = sc;
  memset(&rec, 0, sizeof rec);
  rec.magic = 0x656d617266676973, rec.scenario = sc, rec.sig = sig, rec.saflags = flags | 0x04000000;
  rec.handler = (u64)entrypoint, rec.restorer = (u64)restorer, rec.samask = samask;
  struct ksa sa = {rec.handler, rec.saflags, rec.restorer, samask};
  syscall(SYS_rt_sigaction, sig, &sa, 0, 8);
  memset(stack, FILL, sizeof stack);
  for (int i = 0; i < 16; i++) in.r[i] = 0x0101010101010101 * (u64)(i + 1) + sc;
  in.r[4] = (u64)stack + 48000 + 8 * (sc % 8);
  in.flags = 0x202 | 0x400 | 0x8d5;  // DF and all status flags
  in.r[3] = 0x1230;                  // where stub_store stores
  target = (u64)stub;
  if (stub == stub_syscall) {
    rec.syscall = 1, in.r[0] = SYS_tgkill, in.r[7] = getpid(), in.r[6] = gettid(), in.r[2] = sig;
  }
  rec.maskbefore = mask(), rec.altbefore = altstate();
}

static void go(void) {
  trigger();
  emit();
  setmask(0);
}

static void altstack(u64 sp, unsigned flags, u64 size) {
  stack_t s = {.ss_sp = (void *)sp, .ss_flags = flags, .ss_size = size};
  memset(altmem, FILL, sizeof altmem);
  syscall(SYS_sigaltstack, &s, 0);
}

int main(void) {
  unsigned a, b, c, d;
  __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  features = ((u64)d << 32 | a) & ~(u64)(1 << 18 | 1 << 9);
  __cpuid_count(0xd, 0, a, b, c, d);
  if (b > XMAX) return 2;
  __asm__("fxsave64 %0" : "=m"(inx));  // for the MXCSR mask
  // A known pattern in every component, in a valid standard-format area.
  *(unsigned short *)inx = 0x37f;
  for (int i = 0; i < 8; i++) {
    memset(inx + 32 + 16 * i, 0x40 + i, 10);
  }
  inx[4] = 0xff;
  *(unsigned *)(inx + 24) = 0x1fa0;
  for (int i = 160; i < 416; i++) inx[i] = i * 7;
  for (int i = 2; i < 63; i++) {
    if (!(features >> i & 1)) continue;
    __cpuid_count(0xd, i, a, b, c, d);
    for (unsigned j = 0; j < a; j++) inx[b + j] = j * 13 + i;
  }
  *(u64 *)(inx + 512) = features;

  setmask(0);
  const u64 SI = SA_SIGINFO;
  run(0, SIGILL, SI, 0, stub_ud2), go();
  run(1, SIGILL, 0, 0, stub_ud2), go();
  run(2, SIGSEGV, SI, 0x10000, stub_store), go();
  run(3, SIGUSR1, SI | SA_RESTART, 0x20400, stub_syscall), go();  // shows the fault of scenario 2
  run(4, SIGUSR1, SI | SA_NODEFER, 0x20400, stub_syscall), go();
  setmask(0x4000);
  run(5, 40, SI, ~(u64)0, stub_syscall), go();

  u64 pending = 1 << (SIGUSR2 - 1), temp = 0x8000;  // sigsuspend with SIGUSR2 pending and blocked before
  setmask(pending);
  syscall(SYS_tgkill, getpid(), gettid(), SIGUSR2);
  run(6, SIGUSR2, SI, 0, stub_syscall);
  in.r[0] = SYS_rt_sigsuspend, in.r[7] = (u64)&temp, in.r[6] = 8;
  rec.temp = temp, rec.hastemp = 1;
  go();

  for (int init = 0; init < 3; init++) {  // with components in their initial state
    u64 was = *(u64 *)(inx + 512);
    *(u64 *)(inx + 512) = (u64[]){0, 3, features & ~(u64)3}[init];
    run(7 + init, SIGILL, SI, 0, stub_ud2), go();
    *(u64 *)(inx + 512) = was;
  }

  altstack((u64)altmem, 0, 32768);
  run(10, SIGILL, SI | SA_ONSTACK, 0, stub_ud2), go();
  run(11, SIGILL, SI, 0, stub_ud2), go();  // handler that does not want it
  memset(altmem, FILL, sizeof altmem);
  run(12, SIGILL, SI | SA_ONSTACK, 0, stub_ud2);
  in.r[4] = (u64)altmem + 20000;  // on it already
  rec.altbefore.flags = SS_ONSTACK;
  go();
  memset(altmem, FILL, sizeof altmem);
  run(13, SIGILL, SI, 0, stub_ud2);
  in.r[4] = (u64)altmem + 20000;  // on it already, handler does not care
  rec.altbefore.flags = SS_ONSTACK;
  go();
  run(30, SIGILL, SI | SA_ONSTACK, 0, stub_ud2), go();
  run(31, SIGILL, SI, 0, stub_ud2), go();
  altstack((u64)altmem + 8, AUTODISARM, 32768);
  run(14, SIGILL, SI | SA_ONSTACK, 0, stub_ud2), go();
  altstack(0, SS_DISABLE, 0);
  run(15, SIGILL, SI | SA_ONSTACK, 0, stub_ud2), go();

  for (int sc = 20; sc <= 28; sc++) run(sc, SIGILL, SI, 0, stub_ud2), go();

  for (int sc = 100; sc <= 104; sc++) {
    if (fork() == 0) {
      run(sc, SIGSEGV, SI, 0, stub_ud2);
      run(sc, SIGILL, SI, 0, stub_ud2);
      trigger();
      _exit(4);
    }
    int st;
    if (syscall(SYS_wait4, -1, &st, 0, 0) < 0 || st) return 5;
  }
  return 0;
}
