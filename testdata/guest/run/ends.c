// Ends in the way its argument says.
// build: gcc -O1
// build: musl-gcc -O1 -static
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void at_exit(void) { write(1, "atexit\n", 7); }

int main(int argc, char **argv) {
	const char *how = argc > 1 ? argv[1] : "return";
	setvbuf(stdout, NULL, _IOFBF, 4096);
	atexit(at_exit);
	printf("ending by %s\n", how);
	if (strcmp(how, "exit") == 0)
		exit(300); // only the low 8 bits count
	if (strcmp(how, "_exit") == 0)
		_exit(5); // unflushed output is lost
	fflush(stdout);
	if (strcmp(how, "abort") == 0)
		abort();
	if (strcmp(how, "segv") == 0)
		*(volatile int *)16 = 1;
	if (strcmp(how, "fpe") == 0)
		return 1 / (argc - 2);
	if (strcmp(how, "ill") == 0)
		__builtin_trap();
	if (strcmp(how, "trap") == 0)
		__asm__ volatile("int3");
	if (strcmp(how, "kill") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(how, "term") == 0)
		raise(SIGTERM);
	if (strcmp(how, "rt") == 0)
		raise(SIGRTMIN + 5);
	if (strcmp(how, "segv-sent") == 0)
		raise(SIGSEGV);
	if (strcmp(how, "segv-ignored") == 0) {
		signal(SIGSEGV, SIG_IGN); // a real fault kills all the same
		*(volatile int *)16 = 1;
	}
	if (strcmp(how, "segv-blocked") == 0) {
		sigset_t s;
		sigfillset(&s);
		sigprocmask(SIG_BLOCK, &s, NULL);
		*(volatile int *)16 = 1;
	}
	if (strcmp(how, "jump") == 0)
		((void (*)(void))0x1234)();
	if (strcmp(how, "overflow") == 0) {
		volatile char *p = (char *)&how;
		for (;;)
			*(p -= 4096) = 1;
	}
	if (strcmp(how, "pipe") == 0) {
		int fd[2];
		pipe(fd);
		close(fd[0]);
		write(fd[1], "x", 1);
	}
	return 42;
}
