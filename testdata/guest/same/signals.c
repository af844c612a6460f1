// Signals as POSIX has them: masks, pending ones, queues with values, nesting, SA_NODEFER, SA_RESETHAND, SA_RESTART,
// sigsuspend, sigwait, alternate stacks, timers that interrupt a loop without system calls.
// build: gcc -O0
// build: gcc -O2
// build: musl-gcc -O2 -static
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int order[16], n, depth, maxdepth;
static volatile sig_atomic_t ticks;

static void note(int sig) { order[n++ & 15] = sig; }
static void nested(int sig) {
	if (++depth > maxdepth)
		maxdepth = depth;
	if (depth < 5)
		raise(sig);
	depth--;
}
static void valued(int sig, siginfo_t *si, void *ctx) { order[n++ & 15] = si->si_value.sival_int + (si->si_code == SI_QUEUE) * 1000; }
static void tick(int sig) { ticks++; }

static void on(int sig, void (*f)(int), int flags) {
	struct sigaction sa = {.sa_handler = f, .sa_flags = flags};
	sigaction(sig, &sa, NULL);
}
static void show(const char *what) {
	printf("%s:", what);
	for (int i = 0; i < n; i++)
		printf(" %d", order[i]);
	puts("");
	n = 0;
}

static sigjmp_buf top;
static char *alt;
static volatile int onalt;
static void overflow(int sig) {
	char here;
	onalt = &here > alt && &here < alt + 65536;
	siglongjmp(top, 1);
}
static int endless(int x) {
	volatile char pad[1000];
	pad[0] = (char)x;
	return endless(x + 1) + pad[0];
}

int main(void) {
	sigset_t set, old, pend;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGRTMIN + 2);
	on(SIGUSR1, note, 0);
	on(SIGUSR2, note, 0);
	raise(SIGUSR1);
	kill(getpid(), SIGUSR2);
	show("immediate");

	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR2);
	raise(SIGUSR1);
	raise(SIGUSR1); // not queued twice
	sigpending(&pend);
	printf("pending %d %d\n", sigismember(&pend, SIGUSR1), sigismember(&pend, SIGUSR2));
	sigprocmask(SIG_SETMASK, &old, NULL);
	show("unblocked");

	struct sigaction sa = {.sa_sigaction = valued, .sa_flags = SA_SIGINFO};
	sigaction(SIGRTMIN + 2, &sa, NULL);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (int i = 0; i < 4; i++)
		sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 10 + i});
	sigprocmask(SIG_SETMASK, &old, NULL);
	show("queued");

	on(SIGUSR1, nested, SA_NODEFER);
	raise(SIGUSR1);
	printf("nested %d\n", maxdepth);
	maxdepth = depth = 0;
	on(SIGUSR1, note, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	printf("reset %d, calls %d\n", sa.sa_handler == SIG_DFL, n);
	n = 0;

	// sigsuspend and sigtimedwait
	on(SIGUSR1, note, 0);
	sigprocmask(SIG_BLOCK, &set, &old);
	raise(SIGUSR1);
	sigset_t none;
	sigemptyset(&none);
	int r = sigsuspend(&none);
	printf("suspend %d %d\n", r, errno == EINTR);
	show("during");
	raise(SIGUSR2);
	siginfo_t si;
	r = sigtimedwait(&set, &si, &(struct timespec){.tv_sec = 5});
	printf("wait %d %d %d\n", r == SIGUSR2, si.si_pid == getpid(), si.si_code == SI_TKILL);
	r = sigtimedwait(&set, &si, &(struct timespec){.tv_nsec = 1000000});
	printf("wait %d %d\n", r, errno == EAGAIN);
	sigprocmask(SIG_SETMASK, &old, NULL);

	// A timer interrupts a loop that makes no call, and a blocking read, with and without restart.
	struct itimerval tv = {.it_value = {.tv_usec = 2000}, .it_interval = {.tv_usec = 2000}};
	on(SIGALRM, tick, SA_RESTART);
	setitimer(ITIMER_REAL, &tv, NULL);
	volatile unsigned long spins = 0;
	while (ticks < 5)
		spins++;
	printf("spun %d\n", spins > 0);
	int fd[2];
	char c = 0;
	if (pipe(fd))
		return 1;
	pid_t child = fork();
	if (child == 0) {
		usleep(30000);
		_exit(write(fd[1], "z", 1) == 1 ? 0 : 1);
	}
	r = (int)read(fd[0], &c, 1);
	printf("restarted %d %c\n", r, c);
	waitpid(child, NULL, 0);
	on(SIGALRM, tick, 0);
	r = (int)read(fd[0], &c, 1);
	printf("interrupted %d %d\n", r, errno == EINTR);
	setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);

	// Stack overflow, handled on an alternate stack, twice.
	alt = malloc(65536);
	stack_t ss = {.ss_sp = alt, .ss_size = 65536}, now;
	sigaltstack(&ss, NULL);
	on(SIGSEGV, overflow, SA_ONSTACK);
	for (int i = 0; i < 2; i++) {
		onalt = -1;
		if (sigsetjmp(top, 1) == 0)
			endless(0);
		sigaltstack(NULL, &now);
		printf("overflow handled on alternate stack %d, left %d\n", onalt, !(now.ss_flags & SS_ONSTACK));
	}
	// Default actions and waits.
	static const int deadly[] = {SIGTERM, SIGKILL, SIGABRT, SIGPIPE, SIGUSR1, SIGCHLD, SIGURG};
	on(SIGUSR1, SIG_DFL, 0);
	for (unsigned i = 0; i < sizeof deadly / sizeof deadly[0]; i++) {
		fflush(stdout);
		if ((child = fork()) == 0) {
			raise(deadly[i]);
			_exit(9);
		}
		int st;
		waitpid(child, &st, 0);
		printf("signal %d: %d %d\n", deadly[i], WIFSIGNALED(st) ? WTERMSIG(st) : 0, WIFEXITED(st) ? WEXITSTATUS(st) : -1);
	}
	return 0;
}
