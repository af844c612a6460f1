// Code that one thread unmaps, protects and maps anew while another one runs it: each call returns what one of the versions says,
// or ends in SIGSEGV.
// build: gcc -O1 -pthread
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { size = 1 << 16, functions = 64 };
static char *code;
static atomic_int stop, calls, faults, wrong, other;
static _Thread_local sigjmp_buf env;

static void handler(int sig, siginfo_t *info, void *c) {
	if (sig != SIGSEGV || (char *)info->si_addr < code || (char *)info->si_addr >= code + size) other++;
	siglongjmp(env, 1);
}

static void *caller(void *p) {
	for (unsigned i = 0; !stop; i++) {
		if (sigsetjmp(env, 1)) {
			faults++;
			continue;
		}
		int r = ((int (*)(int))(code + i % functions * (size / functions)))(7);
		wrong += r != 1007 && r != 2007;
		calls++;
	}
	return NULL;
}

// fill writes functions that add base to their argument, each with some code that is jumped over.
static void fill(int base) {
	for (int i = 0; i < functions; i++) {
		unsigned char f[] = {0x8d, 0x87, 0, 0, 0, 0, 0x74, 0x00, 0x75, 0x00, 0xc3}; // lea base(%rdi),%eax; je; jne; ret
		memcpy(f + 2, &base, 4);
		memcpy(code + i * (size / functions), f, sizeof f);
	}
}

int main(void) {
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	code = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fill(1000);
	pthread_t t[2];
	for (int i = 0; i < 2; i++) pthread_create(&t[i], NULL, caller, NULL);
	for (int i = 0; i < 300; i++) {
		usleep(i % 3 * 300);
		switch (i % 3) {
		case 0:
			munmap(code, size);
			break;
		case 1:
			mmap(code, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
			fill(i % 2 ? 1000 : 2000);
			mprotect(code, size, PROT_READ | PROT_EXEC);
			break;
		case 2:
			usleep(500);
			mprotect(code, size, PROT_NONE);
			mprotect(code, size, PROT_READ | PROT_EXEC);
			break;
		}
	}
	stop = 1;
	for (int i = 0; i < 2; i++) pthread_join(t[i], NULL);
	printf("calls %d, faults %d, wrong %d, other signals %d\n", calls > 0, faults > 0, (int)wrong, (int)other);
	return 0;
}
