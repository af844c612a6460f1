// Lives of threads: ten thousand short ones, two hundred at once, cancelled ones, owners of robust mutexes that end, and a main
// thread that leaves first.
// build: gcc -O1 -pthread
// build: gcc -O1 -pthread -static
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static atomic_long total;

static void *brief(void *arg) {
	total += (long)arg;
	return arg;
}

static void short_lived(void) {
	enum { rounds = 1250, batch = 8 };
	long joined = 0;
	for (int i = 0; i < rounds; i++) {
		pthread_t t[batch];
		for (int j = 0; j < batch; j++)
			if (pthread_create(&t[j], NULL, brief, (void *)(long)(i * batch + j)))
				exit(1);
		for (int j = 0; j < batch; j++) {
			void *r;
			pthread_join(t[j], &r);
			joined += (long)r;
		}
	}
	printf("short-lived: %ld %ld\n", (long)total, joined);
}

static pthread_barrier_t gate;
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static long under_lock;

static void *crowd(void *arg) {
	char room[4096];
	memset(room, (int)(long)arg, sizeof room);
	pthread_barrier_wait(&gate);
	for (int i = 0; i < 20; i++) {
		pthread_mutex_lock(&mu);
		under_lock++;
		pthread_mutex_unlock(&mu);
	}
	pthread_barrier_wait(&gate);
	return (void *)(long)room[100];
}

static void at_once(void) {
	enum { n = 200 };
	pthread_t t[n];
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	pthread_barrier_init(&gate, NULL, n);
	long sum = 0;
	for (long i = 0; i < n; i++)
		if (pthread_create(&t[i], &attr, crowd, (void *)(i % 100)))
			exit(1);
	for (int i = 0; i < n; i++) {
		void *r;
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	printf("at once: %ld %ld\n", under_lock, sum);
}

static sem_t ready;
static int fds[2];
static atomic_int cleaned;
static volatile int spins;
static void clean(void *arg) { cleaned += (int)(long)arg; }

static void *in_read(void *arg) {
	char c;
	pthread_cleanup_push(clean, (void *)1);
	pthread_cleanup_push(clean, (void *)10);
	sem_post(&ready);
	if (read(fds[0], &c, 1) >= 0)
		cleaned += 1000;
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void *in_cond(void *arg) {
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
	pthread_mutex_lock(&m);
	pthread_cleanup_push((void (*)(void *))pthread_mutex_unlock, &m);
	sem_post(&ready);
	for (;;)
		pthread_cond_wait(&c, &m);
	pthread_cleanup_pop(1);
	return NULL;
}

static void *in_loop(void *arg) {
	int old;
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	sem_post(&ready);
	for (;;)
		spins++;
	return NULL;
}

static void *shielded(void *arg) {
	int old;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	sem_post(&ready);
	usleep(20000);
	cleaned += 100;
	pthread_setcancelstate(old, NULL);
	pthread_testcancel();
	cleaned += 1000;
	return NULL;
}

static void cancellation(void) {
	void *(*const ways[])(void *) = {in_read, in_cond, in_loop, shielded};
	sem_init(&ready, 0, 0);
	if (pipe(fds))
		exit(1);
	for (int i = 0; i < 4; i++) {
		pthread_t t;
		void *r;
		pthread_create(&t, NULL, ways[i], NULL);
		while (sem_wait(&ready)) {}
		int err = pthread_cancel(t);
		pthread_join(t, &r);
		printf("cancelled %d: %d %d, cleaned %d\n", i, err, r == PTHREAD_CANCELED, (int)cleaned);
	}
}

static void *die_with(void *m) {
	pthread_mutex_lock(m);
	return NULL;
}

static void *wait_for(void *m) { return (void *)(long)pthread_mutex_lock(m); }

static void robust(void) {
	pthread_mutexattr_t attr;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_t *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 50; i++) {
		pthread_t owner;
		pthread_mutex_init(m, &attr);
		pthread_create(&owner, NULL, die_with, m);
		pthread_join(owner, NULL);
		int first = pthread_mutex_trylock(m); // the thread has ended: its mutex is free at once
		int second = pthread_mutex_consistent(m), third = pthread_mutex_unlock(m), fourth = pthread_mutex_trylock(m);
		if (i == 0 || first != EOWNERDEAD)
			printf("robust: %d %d %d %d\n", first == EOWNERDEAD, second, third, fourth);
		pthread_mutex_unlock(m);
	}
	pthread_mutex_init(m, &attr);
	pid_t pid = fork();
	if (pid == 0) {
		pthread_mutex_lock(m);
		kill(getpid(), SIGKILL);
	}
	waitpid(pid, NULL, 0);
	printf("of a dead process: %d\n", pthread_mutex_lock(m) == EOWNERDEAD);
	pthread_mutex_consistent(m);

	// One that waits for it gets it.
	pthread_t waiter;
	void *r;
	pthread_create(&waiter, NULL, wait_for, m);
	usleep(5000);
	pthread_mutex_unlock(m);
	pthread_join(waiter, &r);
	printf("waiter: %ld, then %d\n", (long)r, pthread_mutex_lock(m) == EOWNERDEAD);
	pthread_mutex_unlock(m);
	printf("not recoverable: %d\n", pthread_mutex_lock(m) == ENOTRECOVERABLE);

	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (pthread_mutex_init(m, &attr) == 0) {
		pthread_create(&waiter, NULL, die_with, m);
		pthread_join(waiter, NULL);
		printf("priority inheritance: %d\n", pthread_mutex_lock(m) == EOWNERDEAD);
	}
}

static pthread_t main_thread;

static void *outlive(void *arg) {
	void *r;
	int err = pthread_join(main_thread, &r);
	usleep(20000);
	printf("main left: %d %ld\n", err, (long)r);
	fflush(stdout);
	exit(23);
}

int main(void) {
	short_lived();
	at_once();
	cancellation();
	robust();
	fflush(stdout);
	pthread_t t;
	main_thread = pthread_self();
	pthread_create(&t, NULL, outlive, NULL);
	pthread_exit((void *)77);
}
