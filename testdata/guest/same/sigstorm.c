// Many queued signals: from a thread, from a child, in bursts that come through at once, and by kill and raise. None is lost.
// build: gcc -O2 -pthread
// build: musl-gcc -O2 -static
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define N 20000
#define MANY 100000
static atomic_long got, sum;

static void on_value(int sig, siginfo_t *info, void *context) {
	got++;
	sum += info->si_value.sival_int;
}

static void on_usr(int sig) { got++; }

static void send(pid_t to, int n) {
	for (int i = 0; i < n; i++) {
		union sigval v = {.sival_int = i};
		while (sigqueue(to, SIGRTMIN + 1, v) && errno == EAGAIN)
			usleep(50);
	}
}

static void *sender(void *arg) {
	send(getpid(), MANY);
	return arg;
}

static void wait_for(long n) {
	for (int i = 0; i < 20000 && got < n; i++)
		usleep(1000);
}

static void report(const char *what) {
	printf("%s: %ld signals, sum %ld\n", what, (long)got, (long)sum);
	got = sum = 0;
}

int main(void) {
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = on_value;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGRTMIN + 1, &sa, NULL);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);

	pthread_t t;
	pthread_create(&t, NULL, sender, NULL);
	for (volatile long spin = 0; got < MANY && spin < 20000000000; spin++)
		;
	pthread_join(t, NULL);
	wait_for(MANY);
	report("from a thread");

	sigprocmask(SIG_BLOCK, &set, NULL);
	int status;
	pid_t parent = getpid(), child = fork();
	if (child == 0) {
		send(parent, 3000);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0)
		;
	printf("held back: %ld\n", (long)got);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	report("burst");

	child = fork();
	if (child == 0) {
		send(parent, N);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0)
		;
	wait_for(N);
	report("from a child");

	signal(SIGUSR1, on_usr);
	for (int i = 0; i < N; i++)
		raise(SIGUSR1);
	report("raise");
	for (int i = 0; i < N; i++)
		kill(getpid(), SIGUSR1);
	report("kill");
	return 0;
}
