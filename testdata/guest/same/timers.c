// Timers: POSIX timers that signal the process, a thread, or start one, with values and overruns; interval timers of all three
// clocks; timerfd; what is left of an interrupted sleep; time limits of calls that wait.
// build: gcc -O1 -pthread
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static volatile sig_atomic_t hits, value, code, right_thread;
static pid_t expected;

static void on_timer(int sig, siginfo_t *si, void *context) {
	hits++;
	value = si->si_value.sival_int;
	code = si->si_code;
	right_thread = expected == (pid_t)syscall(SYS_gettid);
}

static void on_plain(int sig) { hits++; }

static void on(int sig, int info, int flags) {
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_flags = flags;
	if (info) {
		sa.sa_flags |= SA_SIGINFO;
		sa.sa_sigaction = on_timer;
	} else {
		sa.sa_handler = on_plain;
	}
	sigaction(sig, &sa, NULL);
	hits = 0;
}

static double now(void) {
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void posix_timers(void) {
	on(SIGRTMIN + 3, 1, 0);
	expected = getpid();
	struct sigevent ev;
	memset(&ev, 0, sizeof ev);
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = SIGRTMIN + 3;
	ev.sigev_value.sival_int = 77;
	timer_t t;
	timer_create(CLOCK_MONOTONIC, &ev, &t);
	struct itimerspec it = {{0, 2000000}, {0, 2000000}}, left;
	timer_settime(t, 0, &it, NULL);
	while (hits < 5)
		pause();
	timer_gettime(t, &left);
	printf("signals %d, value %d, SI_TIMER %d, interval %ld\n", hits >= 5, value, code == SI_TIMER, left.it_interval.tv_nsec);
	sigset_t block, old;
	sigemptyset(&block);
	sigaddset(&block, SIGRTMIN + 3);
	sigprocmask(SIG_BLOCK, &block, &old);
	usleep(50000);
	siginfo_t si;
	int r = sigtimedwait(&block, &si, &(struct timespec){1, 0});
	int overrun = timer_getoverrun(t) > 5;
	printf("overrun %d %d\n", r == SIGRTMIN + 3, overrun);
	timer_delete(t);
	sigtimedwait(&block, &si, &(struct timespec){0, 0});
	sigprocmask(SIG_SETMASK, &old, NULL);
	hits = 0;
	it.it_interval.tv_nsec = 0;
	ev.sigev_notify = SIGEV_THREAD_ID;
	ev.sigev_notify_thread_id = expected = (pid_t)syscall(SYS_gettid);
	right_thread = 0;
	timer_create(CLOCK_REALTIME, &ev, &t);
	timer_settime(t, 0, &it, NULL);
	while (hits < 1)
		pause();
	printf("one shot to thread %d\n", right_thread);
	timer_delete(t);
	printf("gone %d\n", syscall(SYS_timer_delete, 12345) == -1 && errno == EINVAL);
}

static sem_t started;
static void in_thread(union sigval v) {
	value = v.sival_int;
	sem_post(&started);
}

static void thread_timer(void) {
	struct sigevent ev;
	memset(&ev, 0, sizeof ev);
	ev.sigev_notify = SIGEV_THREAD;
	ev.sigev_notify_function = in_thread;
	ev.sigev_value.sival_int = 5;
	timer_t t;
	sem_init(&started, 0, 0);
	timer_create(CLOCK_MONOTONIC, &ev, &t);
	timer_settime(t, 0, &(struct itimerspec){{0, 0}, {0, 1000000}}, NULL);
	while (sem_wait(&started) && errno == EINTR) {}
	printf("thread with %d\n", value);
	timer_delete(t);
}

static void interval_timers(void) {
	static const struct { int which, sig; const char *name; } list[] = {
	    {ITIMER_REAL, SIGALRM, "real"}, {ITIMER_VIRTUAL, SIGVTALRM, "virtual"}, {ITIMER_PROF, SIGPROF, "prof"}};
	for (int i = 0; i < 3; i++) {
		on(list[i].sig, 0, SA_RESTART);
		struct itimerval it = {{0, 4000}, {0, 4000}}, old;
		setitimer(list[i].which, &it, NULL);
		volatile unsigned long spins = 0;
		while (hits < 3)
			spins++;
		memset(&it, 0, sizeof it);
		setitimer(list[i].which, &it, &old);
		printf("%s %d %ld\n", list[i].name, hits >= 3, (long)old.it_interval.tv_usec);
		signal(list[i].sig, SIG_IGN);
	}
	on(SIGALRM, 0, 0);
	alarm(100);
	printf("alarm %u\n", alarm(0));
}

static void file_timer(void) {
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	unsigned long long n = 0;
	printf("not yet %d\n", read(fd, &n, sizeof n) == -1 && errno == EAGAIN);
	timerfd_settime(fd, 0, &(struct itimerspec){{0, 1000000}, {0, 1000000}}, NULL);
	usleep(20000);
	struct pollfd p = {fd, POLLIN, 0};
	int r = poll(&p, 1, 5000);
	ssize_t got = read(fd, &n, sizeof n);
	printf("timerfd %d %d %d\n", r, (int)got, n >= 10);
	close(fd);
}

static void interrupted(void) {
	on(SIGALRM, 0, 0);
	// The timer comes again, for it may come before the call; nobody waits as long as the call would.
	struct itimerval it = {{0, 20000}, {0, 20000}};
	struct timespec want = {100, 0}, left = {999, 9};
	setitimer(ITIMER_REAL, &it, NULL);
	int r = nanosleep(&want, &left);
	printf("nanosleep %d %d, %d\n", r, errno == EINTR, left.tv_sec < 100 && left.tv_sec > 0);
	on(SIGALRM, 0, SA_RESTART);
	double begin = now();
	struct timeval tv = {100, 0};
	r = select(0, NULL, NULL, NULL, &tv);
	printf("select %d %d\n", r, errno == EINTR);
	r = clock_nanosleep(CLOCK_MONOTONIC, 0, &want, &left);
	printf("clock_nanosleep %d %d\n", r == EINTR, now() - begin < 100);
	struct timespec until;
	begin = now();
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 60000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	while ((r = sem_timedwait(&started, &until)) && errno == EINTR) {}
	printf("sem_timedwait %d %d\n", r, errno == ETIMEDOUT && now() - begin > 0.04);
	pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec++;
	pthread_mutex_lock(&mu);
	printf("pthread_cond_timedwait %d\n", pthread_cond_timedwait(&cond, &mu, &until) == ETIMEDOUT);
	memset(&it, 0, sizeof it);
	setitimer(ITIMER_REAL, &it, NULL);
	begin = now();
	r = poll(NULL, 0, 30);
	printf("poll %d %d\n", r, now() - begin >= 0.029);
}

int main(void) {
	posix_timers();
	thread_timer();
	interval_timers();
	file_timer();
	interrupted();
	return 0;
}
