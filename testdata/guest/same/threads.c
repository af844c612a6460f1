// POSIX threads: creation, joining, results, mutexes, conditions, barriers, thread-local data, once, cancellation, keys.
// build: gcc -O0 -pthread
// build: gcc -O2 -pthread
// build: gcc -O2 -pthread -static
// build: musl-gcc -O2 -static
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define N 8
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static long counter, turn, destroyed, inits;
static atomic_long atomics;
static __thread long tls = 5;

static void init(void) { inits++; }
static void destroy(void *p) {
	pthread_mutex_lock(&mu);
	destroyed += (long)p;
	pthread_mutex_unlock(&mu);
}

static void *worker(void *arg) {
	long id = (long)arg;
	pthread_once(&once, init);
	pthread_setspecific(key, (void *)(id + 1));
	for (int i = 0; i < 20000; i++) {
		if (i % 10 == 0) {
			pthread_mutex_lock(&mu);
			counter++;
			pthread_mutex_unlock(&mu);
		}
		atomic_fetch_add(&atomics, 1);
		tls += id;
	}
	pthread_barrier_wait(&barrier);
	// Take turns, in order.
	pthread_mutex_lock(&mu);
	while (turn != id)
		pthread_cond_wait(&cond, &mu);
	printf("thread %ld: tls %ld\n", id, tls);
	turn++;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mu);
	return (void *)(id * id);
}

static sem_t ready;
static void *sleeper(void *arg) {
	sem_post(&ready);
	for (;;)
		pause();
	return NULL;
}
static volatile int hits;
static void hit(int sig) { hits++; sem_post(&ready); }
static void *shortlived(void *arg) { return malloc(10); }

int main(void) {
	pthread_t t[N];
	long sum = 0;
	pthread_key_create(&key, destroy);
	pthread_barrier_init(&barrier, NULL, N);
	for (long i = 0; i < N; i++)
		pthread_create(&t[i], NULL, worker, (void *)i);
	for (int i = 0; i < N; i++) {
		void *r;
		pthread_join(t[i], &r);
		sum += (long)r;
	}
	printf("counter %ld, atomics %ld, results %ld, destroyed %ld, inits %ld, main's tls %ld\n", counter, (long)atomics, sum,
	       destroyed, inits, tls);
	sem_init(&ready, 0, 0);
	signal(SIGUSR1, hit);
	pthread_create(&t[0], NULL, sleeper, NULL);
	sem_wait(&ready);
	pthread_kill(t[0], SIGUSR1);
	sem_wait(&ready);
	pthread_cancel(t[0]);
	void *r;
	pthread_join(t[0], &r);
	printf("hits %d, cancelled %d\n", hits, r == PTHREAD_CANCELED);
	for (int i = 0; i < 200; i++) {
		pthread_create(&t[0], NULL, shortlived, NULL);
		pthread_join(t[0], &r);
		free(r);
	}
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[0], &attr, sleeper, NULL);
	for (int i = 0; i < 3; i++)
		sem_wait(&ready);
	puts("leaving with threads asleep");
	return 4;
}
