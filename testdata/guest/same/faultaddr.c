// Faults whose siginfo says where: undefined instruction, division, int1, and addresses that belong to nobody or to the tool.
// build: gcc -O0
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
static sigjmp_buf top; extern char at[], dv[];
static void caught(int sig, siginfo_t *si, void *u) { printf("signal %d code %d %d\n", sig, si->si_code, si->si_addr==at|| si->si_addr==dv); siglongjmp(top, 1); }
int main(void){ struct sigaction sa = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_NODEFER};
 sigaction(SIGSEGV,&sa,0); sigaction(SIGILL,&sa,0); sigaction(SIGFPE,&sa,0); sigaction(SIGTRAP,&sa,0); sigaction(SIGBUS,&sa,0);
 if(!sigsetjmp(top,1)) __asm__ volatile(".globl at\nat: ud2");
 if(!sigsetjmp(top,1)) __asm__ volatile("xor %%ecx,%%ecx; xor %%edx,%%edx; mov $1,%%eax\n.globl dv\ndv: div %%ecx":::"rax","rcx","rdx");
 if(!sigsetjmp(top,1)) __asm__ volatile(".byte 0xf1");
 if(!sigsetjmp(top,1)) __asm__ volatile("mov $0x8000000000000000,%%rax; mov (%%rax),%%rax":::"rax");
 if(!sigsetjmp(top,1)) __asm__ volatile("mov $0x250000000000,%%rax; mov (%%rax),%%rax":::"rax");
 if(!sigsetjmp(top,1)) __asm__ volatile("mov $0x7fffffff0000,%%rax; mov %%rax,(%%rax)":::"rax");
 return 0;}
