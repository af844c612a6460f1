// A signal that comes while a program executes another is not lost: it runs the handler of the old one, or ends the new one. Blocked ones
// wait for the new one.
// build: gcc -O1
// build: gcc -O1 -static
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void handler(int sig) { _exit(42); }

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

// round makes a child that executes another program, and sends it a signal some time after it has announced that.
static int round(char *self, int blocked, double later) {
	int fds[2], st;
	char b;
	if (pipe(fds)) return -1;
	pid_t pid = fork();
	if (pid == 0) {
		struct sigaction sa = {.sa_handler = handler};
		sigaction(SIGUSR1, &sa, NULL);
		sigset_t s;
		sigemptyset(&s);
		sigaddset(&s, SIGUSR1);
		if (blocked) sigprocmask(SIG_BLOCK, &s, NULL);
		write(fds[1], "x", 1);
		execl(self, self, blocked ? "blocked" : "open", NULL);
		_exit(3);
	}
	close(fds[1]);
	read(fds[0], &b, 1);
	for (double t = now() + later; now() < t;)
		;
	kill(pid, SIGUSR1);
	waitpid(pid, &st, 0);
	close(fds[0]);
	return WIFSIGNALED(st) ? WTERMSIG(st) == SIGUSR1 && !blocked : WEXITSTATUS(st) == 42;
}

// pending makes a child in which sig is blocked and pending, and executes another program, after one that is not there.
static int pending(char *self, int sig) {
	int st;
	pid_t pid = fork();
	if (pid == 0) {
		char number[12];
		sigset_t s;
		sigemptyset(&s);
		sigaddset(&s, sig);
		sigprocmask(SIG_BLOCK, &s, NULL);
		raise(sig);
		sprintf(number, "%d", sig);
		execl("/nowhere", "/nowhere", NULL);
		execl(self, self, "pending", number, NULL);
		_exit(3);
	}
	waitpid(pid, &st, 0);
	return WIFEXITED(st) && WEXITSTATUS(st) == 42;
}

int main(int argc, char **argv) {
	if (argc > 1 && !strcmp(argv[1], "open")) {
		usleep(500000);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "blocked")) {
		sigset_t s;
		sigemptyset(&s);
		sigaddset(&s, SIGUSR1);
		struct timespec t = {1, 0};
		return sigtimedwait(&s, NULL, &t) == SIGUSR1 ? 42 : 1;
	}
	if (argc > 2 && !strcmp(argv[1], "pending")) {
		sigset_t s;
		sigpending(&s);
		for (int i = 1; i < 65; i++)
			if (sigismember(&s, i) == 1 && i != atoi(argv[2])) return i;
		return sigismember(&s, atoi(argv[2])) ? 42 : 1;
	}
	int open = 0, blocked = 0;
	for (int i = 0; i < 200; i++)
		open += round(argv[0], 0, (i % 100) * 5e-6);
	for (int i = 0; i < 50; i++)
		blocked += round(argv[0], 1, i * 10e-6);
	printf("%d open, %d blocked\n", open, blocked);
	int sig[] = {SIGSEGV, SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSYS, SIGURG, SIGPROF, SIGSTKFLT, SIGTERM, 34, 63, 64};
	for (unsigned i = 0; i < sizeof sig / sizeof *sig; i++)
		printf("signal %d pending: %d\n", sig[i], pending(argv[0], sig[i]));
	return 0;
}
