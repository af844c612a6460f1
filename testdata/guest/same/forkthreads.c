// Forks beside running threads: one counts, one allocates, one writes a pipe and one reads it, one sleeps. A child has only the
// thread that forked; no byte of the pipe is lost or read twice, and no sleep lasts longer.
// build: gcc -O2 -pthread
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile int stop;
static volatile long count;
static int fds[2];
static long sent, received, out_of_order;
static int slept_right;

static void *spin(void *arg) {
	while (!stop)
		count++;
	return arg;
}

static void *allocate(void *arg) {
	unsigned n = 1;
	while (!stop) {
		n = n * 1103515245 + 12345;
		char *p = malloc(n % 1000 + 1);
		memset(p, 1, 1);
		free(p);
	}
	return arg;
}

static void *receive(void *arg) {
	unsigned char b, next = 0;
	while (read(fds[0], &b, 1) == 1) {
		out_of_order += b != next;
		next = b + 1;
		received++;
	}
	return arg;
}

static void *send(void *arg) {
	unsigned char b = 0;
	while (!stop) {
		if (write(fds[1], &b, 1) == 1) {
			b++;
			sent++;
		}
		nanosleep(&(struct timespec){0, 200000}, NULL);
	}
	return arg;
}

static void *sleeper(void *arg) {
	struct timespec from, to, left = {0, 0};
	clock_gettime(CLOCK_MONOTONIC, &from);
	int res = nanosleep(&(struct timespec){1, 0}, &left);
	clock_gettime(CLOCK_MONOTONIC, &to);
	double s = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	slept_right = res == 0 && s >= 1;
	return arg;
}

static int child(int i) {
	char *p = malloc(100);
	sprintf(p, "%d", i);
	int res = atoi(p) % 100;
	free(p);
	if (getpid() != syscall(SYS_gettid))
		return 101;
	if (i % 7 == 0) {
		int st;
		pid_t pid = fork();
		if (pid == 0)
			_exit(7);
		if (waitpid(pid, &st, 0) != pid || WEXITSTATUS(st) != 7)
			return 102;
	}
	return res;
}

int main(void) {
	void *(*run[])(void *) = {spin, allocate, send, sleeper};
	pthread_t t[4], receiver;
	if (pipe(fds))
		return 1;
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, run[i], NULL);
	pthread_create(&receiver, NULL, receive, NULL);
	const char *long_form = getenv("FORKS"); // a thousand in the long form of the test
	int good = 0, rounds = long_form ? atoi(long_form) : 100;
	for (int i = 0; i < rounds; i++) {
		int st = -1;
		pid_t pid = fork();
		if (pid == 0)
			_exit(child(i));
		good += waitpid(pid, &st, 0) == pid && WIFEXITED(st) && WEXITSTATUS(st) == i % 100;
	}
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	close(fds[1]);
	pthread_join(receiver, NULL);
	printf("children %d, lost %ld, out of order %ld, sleep %d\n", good, sent - received, out_of_order, slept_right);
	return 0;
}
