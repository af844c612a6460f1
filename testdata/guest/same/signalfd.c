// Signals for the process that all its threads block are for signalfd, sigwait and sigpending, whoever sends them: children that end,
// others, itself; also those that are ignored, by default or on purpose.
// build: gcc -O1 -pthread
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const int sigs[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGWINCH, SIGUSR2, SIGUSR1};
enum { nsigs = sizeof sigs / sizeof sigs[0], rounds = 80 };

static sigset_t all;

static pid_t sender(int sig) {
	pid_t child = fork();
	if (child == 0) {
		kill(getppid(), sig);
		_exit(7);
	}
	return child;
}

// by_file wants the signal and the child's end from a signalfd.
static void by_file(int flags) {
	int fd = signalfd(-1, &all, flags), lost = 0, wrong = 0;
	for (int i = 0; i < rounds; i++) {
		int want = sigs[i % nsigs], seen = 0;
		pid_t child = sender(want);
		while (seen != 3) {
			struct pollfd p = {fd, POLLIN, 0};
			if (poll(&p, 1, 5000) != 1) {
				lost++;
				break;
			}
			struct signalfd_siginfo si;
			if (read(fd, &si, sizeof si) != sizeof si) {
				wrong += errno != EAGAIN;
				continue;
			}
			if ((int)si.ssi_signo == want && (pid_t)si.ssi_pid == child)
				seen |= 1;
			else if (si.ssi_signo == SIGCHLD && si.ssi_status == 7)
				seen |= 2;
			else
				wrong++;
		}
		waitpid(child, NULL, 0);
	}
	close(fd);
	printf("signalfd: %d lost, %d wrong\n", lost, wrong);
}

static void by_wait(void) {
	int lost = 0, wrong = 0;
	for (int i = 0; i < rounds; i++) {
		int want = sigs[i % nsigs], seen = 0;
		pid_t child = sender(want);
		while (seen != 3) {
			siginfo_t si;
			int got = sigtimedwait(&all, &si, &(struct timespec){5, 0});
			if (got < 0) {
				lost++;
				break;
			}
			if (got == want && si.si_pid == child)
				seen |= 1;
			else if (got == SIGCHLD && si.si_status == 7)
				seen |= 2;
			else
				wrong++;
		}
		waitpid(child, NULL, 0);
	}
	printf("sigtimedwait: %d lost, %d wrong\n", lost, wrong);
}

// to_itself: what a process sends itself is pending at once, once, and taken in the order of the numbers.
static void to_itself(void) {
	for (int i = 0; i < nsigs; i++) {
		kill(getpid(), sigs[i]);
		kill(getpid(), sigs[i]);
	}
	sigset_t pending;
	sigpending(&pending);
	int n = 0;
	for (int i = 0; i < nsigs; i++)
		n += sigismember(&pending, sigs[i]);
	printf("%d of %d pending:", n, nsigs);
	siginfo_t si;
	int got;
	while ((got = sigtimedwait(&all, &si, &(struct timespec){0, 0})) > 0)
		printf(" %d", got);
	printf("\n");
}

static void *idle(void *p) {
	pause();
	return p;
}

static void handler(int sig) {}

int main(void) {
	sigemptyset(&all);
	sigaddset(&all, SIGCHLD);
	for (int i = 0; i < nsigs; i++)
		sigaddset(&all, sigs[i]);
	sigprocmask(SIG_BLOCK, &all, NULL);
	by_file(0);
	by_wait();
	to_itself();
	for (int i = 0; i < nsigs; i++)
		signal(sigs[i], i & 1 ? SIG_IGN : handler);
	by_file(SFD_NONBLOCK);
	pthread_t t;
	pthread_create(&t, NULL, idle, NULL);
	by_wait();
	by_file(0);
	to_itself();
	return 0;
}
