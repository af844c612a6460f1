// Forks in a PID namespace whose /proc is that of the namespace around it, with threads, and in one inside that. Without the
// privileges it prints one line.
// build: gcc -O1 -pthread
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static void *idle(void *p) {
	for (;;) pause();
	return p;
}

static int status_of(pid_t p) {
	int st = 0;
	if (waitpid(p, &st, 0) != p) return -errno;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + WTERMSIG(st);
}

static void inside(void) {
	pthread_t t;
	pthread_create(&t, NULL, idle, NULL);
	pthread_create(&t, NULL, idle, NULL);
	printf("pid %d, parent %d\n", getpid(), getppid());
	fflush(stdout);
	for (int i = 0; i < 5; i++) {
		pid_t p = fork();
		if (p == 0) _exit(10 + i);
		printf("child %d: %d\n", p > 1, p < 0 ? -errno : status_of(p));
		fflush(stdout);
	}
}

int main(void) {
	if (unshare(CLONE_NEWPID)) {
		puts("no namespace");
		return 0;
	}
	pid_t p = fork();
	if (p == 0) {
		inside();
		if (unshare(CLONE_NEWPID)) _exit(77);
		pid_t q = fork();
		if (q == 0) {
			inside();
			_exit(5);
		}
		_exit(status_of(q) + 1);
	}
	printf("outside: %d\n", status_of(p));
	return 0;
}
