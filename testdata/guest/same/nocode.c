// Code that is mapped but not there: beyond the end of its file, and in a page without access.
// build: gcc -O1
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static sigjmp_buf top;
static void caught(int sig, siginfo_t *si, void *u) {
	printf("signal %d code %d\n", sig, si->si_code);
	siglongjmp(top, 1);
}

int main(void) {
	struct sigaction sa = {.sa_sigaction = caught, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	int fd = memfd_create("code", 0);
	unsigned char page[4096];
	memset(page, 0x90, sizeof page);
	memcpy(page, "\xb8\x07\0\0\0\xc3", 6); // mov $7, %eax; ret
	if (fd < 0 || write(fd, page, sizeof page) != sizeof page)
		return 1;
	unsigned char *p = mmap(NULL, 3 * 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return 1;
	printf("there %d\n", ((int (*)(void))p)());
	if (sigsetjmp(top, 1) == 0)
		((void (*)(void))(p + 4096))();
	// No-operations run on to the end of the file.
	if (sigsetjmp(top, 1) == 0)
		((void (*)(void))(p + 4000))();
	mprotect(p, 4096, PROT_NONE);
	if (sigsetjmp(top, 1) == 0)
		((void (*)(void))p)();
	mprotect(p, 4096, PROT_READ);
	if (sigsetjmp(top, 1) == 0)
		((void (*)(void))p)();
	if (sigsetjmp(top, 1) == 0)
		((void (*)(void))16)();
	return 0;
}
