// Every signal that can be handled reaches the thread it is sent to, however it is sent, also those that language runtimes and
// debuggers like to keep for themselves.
// build: gcc -O2 -pthread
// build: musl-gcc -O2 -static
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int got, code, tid;

static void on_signal(int sig, siginfo_t *info, void *context) {
	code = info->si_code;
	tid = syscall(SYS_gettid);
	got = sig;
}

static int fds[2];
static atomic_int other, interrupted;

static void *reader(void *arg) {
	char c;
	other = syscall(SYS_gettid);
	while (read(fds[0], &c, 1) < 0)
		interrupted += errno == EINTR;
	return NULL;
}

// spinner is what a garbage collector interrupts.
static void *spinner(void *arg) {
	other = syscall(SYS_gettid);
	while (!got)
		;
	return NULL;
}

int main(void) {
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = on_signal;
	sa.sa_flags = SA_SIGINFO;
	int self = syscall(SYS_gettid), pid = getpid();
	for (int sig = 1; sig <= 64; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP || sig >= 32 && sig < 36)
			continue;
		sigaction(sig, &sa, NULL);
		printf("%d:", sig);
		got = 0;
		syscall(SYS_tgkill, pid, self, sig);
		printf(" tgkill %d %d %d", got, code, tid == self);
		got = 0;
		syscall(SYS_tkill, self, sig);
		printf(" tkill %d %d %d", got, code, tid == self);
		got = 0;
		kill(pid, sig);
		printf(" kill %d %d", got, code);
		got = 0;
		sigqueue(pid, sig, (union sigval){0});
		printf(" sigqueue %d %d\n", got, code);
	}
	int sigs[] = {SIGURG, SIGPROF, SIGSTKFLT, SIGUSR1, 63, 64};
	pipe(fds);
	for (unsigned i = 0; i < sizeof sigs / sizeof *sigs; i++) {
		pthread_t t;
		got = other = interrupted = 0;
		pthread_create(&t, NULL, reader, NULL);
		while (!other)
			usleep(100);
		while (!interrupted) { // a signal may come before the thread reads
			syscall(SYS_tgkill, pid, other, sigs[i]);
			usleep(5000);
		}
		write(fds[1], "x", 1);
		pthread_join(t, NULL);
		printf("in read: %d %d, interrupted %d\n", got, tid == other, interrupted > 0);
		got = other = 0;
		pthread_create(&t, NULL, spinner, NULL);
		while (!other)
			usleep(100);
		syscall(SYS_tgkill, pid, other, sigs[i]);
		pthread_join(t, NULL);
		printf("in a loop: %d %d\n", got, tid == other);
	}
	sigset_t set;
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (unsigned i = 0; i < sizeof sigs / sizeof *sigs; i++) {
		got = 0;
		syscall(SYS_tgkill, pid, self, sigs[i]);
		sigset_t pending;
		sigpending(&pending);
		printf("blocked: %d, pending %d", got, sigismember(&pending, sigs[i]));
		siginfo_t info;
		sigemptyset(&set);
		sigaddset(&set, sigs[i]);
		printf(", waited for %d", sigtimedwait(&set, &info, &(struct timespec){5, 0}) == sigs[i]);
		printf(" %d\n", info.si_code);
	}
	return 0;
}
