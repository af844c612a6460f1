// vbits runs single instructions under Valgrind with given V bits and tells what Memcheck makes of them. It is the partner of
// valgrind_test.go, which has the layout of its records: argument 1 is a file of cases, which get their results in place.
#define _GNU_SOURCE
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <valgrind/memcheck.h>

#define IN 0x31000000UL   // registers before: 16 general, flags, 16 ymm, 8 x87 by number, 16 bytes each; top of stack, valid x87 registers, from byte 4 on whether these are MMX registers
#define OUT 0x31001000UL  // registers after: 16 general, 8 conditions, 16 ymm, 8 x87; status word; behind them, the x87 environment
#define BACK 0x31002000UL // where to go behind the instruction; saved stack pointer
#define CODE 0x40000000UL
#define ROOM 1024
#define DATA 0x30000400UL // the part of the data page that a case sets
#define WORDS 256

enum { X87 = 17 + 64, REGS = X87 + 16 + 1, OUTS = REGS };

typedef struct {
  uint64_t status, length;
  uint8_t code[16];
  uint64_t in[REGS], inv[REGS], mem[WORDS], memv[WORDS];
  uint64_t outv[OUTS], outmemv[WORDS];
} Case;

// Code before and behind the instruction: all in one block with it, as compilers have it.
extern const uint8_t before[], before_end[], behind[], behind_end[], mmx[], mmx_end[], x87[], x87_end[];
void enter(void *code);
__asm__(".text\n"
        ".globl enter\nenter:\n"
        "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rsp, 0x31002008\n"
        "lea 1f(%rip), %rax\n mov %rax, 0x31002000\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqu 0x31000000+136+32*\\n, %ymm\\n\n"
        ".endr\n"
        // All eight are pushed, then some emptied, then the stack is turned.
        "fninit\n"
        ".irp n,7,6,5,4,3,2,1,0\n"
        "fldt 0x31000000+648+16*\\n\n"
        ".endr\n"
        ".irp n,0,1,2,3,4,5,6,7\n"
        "testb $1<<\\n, 0x31000000+8*97+1\n jnz 2f\n ffree %st(\\n)\n 2:\n"
        ".endr\n"
        "movzbl 0x31000000+8*97, %eax\n"
        "3: test %eax, %eax\n jz 4f\n fincstp\n dec %eax\n jmp 3b\n"
        "4: cmpl $0, 0x31000000+8*97+4\n je 7f\n"
        ".irp n,0,1,2,3,4,5,6,7\n"
        "movq 0x31000000+648+16*\\n, %mm\\n\n"
        ".endr\n"
        "7: jmp *%rdi\n"
        "1: pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n vzeroupper\n ret\n"
        "before: push 0x31000080\n popfq\n"
        "mov 0x31000000, %rax; mov 0x31000008, %rcx; mov 0x31000010, %rdx; mov 0x31000018, %rbx; mov 0x31000028, %rbp\n"
        "mov 0x31000030, %rsi; mov 0x31000038, %rdi; mov 0x31000040, %r8; mov 0x31000048, %r9; mov 0x31000050, %r10\n"
        "mov 0x31000058, %r11; mov 0x31000060, %r12; mov 0x31000068, %r13; mov 0x31000070, %r14; mov 0x31000078, %r15\n"
        "before_end:\n"
        "behind: seto 0x31001080; setc 0x31001081; setz 0x31001082; setbe 0x31001083; sets 0x31001084; setp 0x31001085\n"
        "setl 0x31001086; setle 0x31001087\n"
        "mov %rax, 0x31001000; mov %rcx, 0x31001008; mov %rdx, 0x31001010; mov %rbx, 0x31001018; mov %rbp, 0x31001028\n"
        "mov %rsi, 0x31001030; mov %rdi, 0x31001038; mov %r8, 0x31001040; mov %r9, 0x31001048; mov %r10, 0x31001050\n"
        "mov %r11, 0x31001058; mov %r12, 0x31001060; mov %r13, 0x31001068; mov %r14, 0x31001070; mov %r15, 0x31001078\n"
        ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
        "vmovdqu %ymm\\n, 0x31001000+136+32*\\n\n"
        ".endr\n"
        "cld\n"
        "behind_end:\n"
        "mmx: \n"
        ".irp n,0,1,2,3,4,5,6,7\n"
        "movq %mm\\n, 0x31001000+648+16*\\n\n"
        ".endr\n"
        "emms\n jmp *0x31002000\n"
        "mmx_end:\n"
        "x87: fnstenv 0x31001000+8*98\n fnstsw %ax\n mov %ax, 0x31001000+8*97\n shr $11, %eax\n"
        "5: test $7, %eax\n jz 6f\n fincstp\n inc %eax\n jmp 5b\n 6:\n"
        ".irp n,0,1,2,3,4,5,6,7\n"
        "fstpt 0x31001000+648+16*\\n\n"
        ".endr\n"
        "jmp *0x31002000\n"
        "x87_end:\n");

static sigjmp_buf again;
static void caught(int sig) { siglongjmp(again, sig); }

static void map(unsigned long a, size_t n, int prot) {
  mmap((void *)a, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

int main(int argc, char **argv) {
  int fd = argc == 2 ? open(argv[1], O_RDWR) : -1;
  struct stat s;
  if (fd < 0 || fstat(fd, &s) < 0) return 2;
  Case *cases = mmap(0, s.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  long n = s.st_size / sizeof(Case);
  map(IN, 0x3000, PROT_READ | PROT_WRITE);
  map(DATA & ~0xfffUL, 0x1000, PROT_READ | PROT_WRITE);
  map(CODE, n * ROOM, PROT_READ | PROT_WRITE | PROT_EXEC);
  struct sigaction sa = {.sa_handler = caught, .sa_flags = SA_NODEFER};
  int sigs[] = {SIGSEGV, SIGILL, SIGTRAP, SIGFPE, SIGBUS};
  for (unsigned i = 0; i < 5; i++) sigaction(sigs[i], &sa, 0);
  for (volatile long i = 0; i < n; i++) {
    Case *c = &cases[i];
    if (c->status != 100) continue;
    c->status = 98; // in case that Valgrind crashes
    // Each case has a place of its own: Valgrind keeps what it cannot decode.
    uint8_t *code = (uint8_t *)(CODE + i * ROOM);
    uint8_t *p = mempcpy(code, before, before_end - before);
    p = mempcpy(p, c->code, c->length);
    p = mempcpy(p, behind, behind_end - behind);
    if (c->in[REGS - 1] >> 32)
      memcpy(p, mmx, mmx_end - mmx);
    else
      memcpy(p, x87, x87_end - x87);
    memcpy((void *)IN, c->in, sizeof c->in);
    memcpy((void *)DATA, c->mem, sizeof c->mem);
    memset((void *)OUT, 0, 0x1000);
    if (VALGRIND_SET_VBITS(IN, c->inv, sizeof c->inv) != 1 || VALGRIND_SET_VBITS(DATA, c->memv, sizeof c->memv) != 1) return 3;
    int sig = sigsetjmp(again, 1);
    if (sig == 0) {
      enter(code);
      if (VALGRIND_GET_VBITS(OUT, c->outv, sizeof c->outv) != 1 || VALGRIND_GET_VBITS(DATA, c->outmemv, sizeof c->outmemv) != 1)
        sig = 99;
      uint16_t tags = *(uint16_t *)(OUT + 8 * REGS + 8); // of the environment; what an empty register holds is not to be seen
      for (int r = 0; r < 8; r++)
        if ((tags >> 2 * r & 3) == 3) c->outv[X87 + 2 * r] = c->outv[X87 + 2 * r + 1] = ~0UL;
    }
    c->status = sig;
    VALGRIND_MAKE_MEM_DEFINED(IN, 0x3000);
    VALGRIND_MAKE_MEM_DEFINED(DATA & ~0xfffUL, 0x1000);
  }
  return 0;
}
