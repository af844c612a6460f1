// build: gcc -g -O0 -pthread
// A program with a fault before and after each of the ways in which processes end, begin or become others.
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void bad(int i)
{
	char *volatile p = malloc(8);
	p[8 + i] = 1;
}

static void *thread(void *x)
{
	bad(1);
	syscall(SYS_exit_group, 3);
	return x;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	bad(0);
	if (!strcmp(how, "term"))
		kill(getpid(), SIGTERM);
	if (!strcmp(how, "kill"))
		kill(getpid(), SIGKILL);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "segv"))
		*(volatile int *)0 = 1;
	if (!strcmp(how, "_exit"))
		_exit(7);
	if (!strcmp(how, "thread")) {
		pthread_t t;
		pthread_create(&t, 0, thread, 0);
		pause();
	}
	if (!strcmp(how, "exec"))
		execl("/bin/true", "true", (char *)0);
	if (!strcmp(how, "badexec")) {
		execl("/nonexistent", "x", (char *)0);
		bad(2);
	}
	if (!strcmp(how, "fork")) {
		if (!fork()) {
			bad(3);
			_exit(0);
		}
		wait(0);
		bad(4);
	}
	if (!strcmp(how, "orphan")) {
		int ends[2];
		char c;
		if (pipe(ends))
			return 1;
		if (!fork()) {
			close(ends[1]);
			bad(5);
			while (read(ends[0], &c, 1) > 0) // until the parent has gone
				;
			bad(6);
			_exit(0);
		}
		bad(7);
	}
	if (!strcmp(how, "forkexec")) {
		if (!fork()) {
			bad(8);
			execl("/bin/true", "true", (char *)0);
		}
		wait(0);
		bad(9);
	}
	if (!strcmp(how, "vfork")) {
		if (!vfork()) {
			execl("/bin/true", "true", (char *)0);
			_exit(1);
		}
		wait(0);
		bad(10);
	}
	return 0;
}
