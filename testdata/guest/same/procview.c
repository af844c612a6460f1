// What /proc says of the program's memory, signals and threads is the program's own, under all names that lead there.
// build: gcc -O1 -pthread
// build: gcc -O1 -pthread -static
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static char text[1 << 20];

static const char *file(const char *dir, const char *name) {
	char path[200];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	int fd = open(path, O_RDONLY), n = 0, k;
	if (fd < 0) return "";
	while ((k = read(fd, text + n, sizeof text - 1 - n)) > 0) n += k;
	text[n] = 0;
	close(fd);
	return text;
}

// value is the number behind key.
static unsigned long value(const char *t, const char *key, int base) {
	const char *p = strstr(t, key);
	return p ? strtoul(p + strlen(key), NULL, base) : -1ul;
}

static void handler(int sig) {}

static void *other(void *p) {
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &s, NULL);
	pthread_kill(pthread_self(), SIGUSR2); // blocked, so pending
	pthread_barrier_wait(p);
	pthread_barrier_wait(p);
	return NULL;
}

static void show(const char *dir) {
	const char *t = file(dir, "status");
	printf("%ld threads, pending %lx, blocked %lx, ignored %lx, caught %lx\n", (long)value(t, "\nThreads:", 10), value(t, "\nSigPnd:", 16),
	       value(t, "\nSigBlk:", 16), value(t, "\nSigIgn:", 16), value(t, "\nSigCgt:", 16));
	unsigned long size = value(t, "\nVmSize:", 10), rss = value(t, "\nVmRSS:", 10);
	printf("size %d, resident %d, peak %d, stack %d\n", size > 300 << 10 && size < 500 << 10, rss > 20 << 10 && rss < 40 << 10,
	       value(t, "\nVmHWM:", 10) >= rss && value(t, "\nVmPeak:", 10) >= size, value(t, "\nVmStk:", 10) >= 132);
	unsigned long a, b, s, x, l, d;
	if (sscanf(file(dir, "statm"), "%lu %lu %lu %lu %lu %lu", &a, &b, &s, &x, &l, &d) == 6)
		printf("statm %d %d %d\n", a > 300 << 8 && a < 500 << 8, b > 20 << 8 && b < 40 << 8, d > 20 << 8);
	t = strrchr(file(dir, "stat"), ')');
	unsigned long vsize = 0, rssp = 0;
	int threads = 0;
	sscanf(t, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %d %*d %*u %lu %lu", &threads, &vsize, &rssp);
	printf("stat: %d threads, %d, %d\n", threads, vsize > 300ul << 20 && vsize < 500ul << 20, rssp > 20 << 8 && rssp < 40 << 8);
}

int main(void) {
	struct sigaction sa = {.sa_handler = handler};
	sigaction(SIGUSR1, &sa, NULL);
	signal(SIGHUP, SIG_IGN);
	sigset_t s;
	sigemptyset(&s);
	sigaddset(&s, SIGALRM);
	sigprocmask(SIG_BLOCK, &s, NULL);
	raise(SIGALRM);
	pthread_barrier_t bar;
	pthread_barrier_init(&bar, NULL, 2);
	pthread_t t;
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 20);
	pthread_create(&t, &attr, other, &bar);
	pthread_barrier_wait(&bar);

	char *m = mmap(NULL, 300 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	madvise(m, 300 << 20, MADV_NOHUGEPAGE);
	mprotect(m + (100 << 20), 4096, PROT_READ | PROT_EXEC);
	for (int i = 0; i < 20 << 20; i += 4096) m[i] = 1;
	char dir[64];
	show("/proc/self");
	show("/proc/thread-self");
	snprintf(dir, sizeof dir, "/proc/%d", getpid());
	show(dir);
	for (int tid = getpid() + 1; tid < getpid() + 1000; tid++) { // the only other thread that the program can know of
		snprintf(dir, sizeof dir, "/proc/self/task/%d", tid);
		if (syscall(SYS_tgkill, getpid(), tid, 0) == 0 && value(file(dir, "status"), "\nSigPnd:", 16) == 1ul << (SIGUSR2 - 1)) {
			show(dir);
			break;
		}
	}

	char line[64];
	snprintf(line, sizeof line, "%lx-%lx rw-p", (long)m, (long)m + (100 << 20));
	const char *p = strstr(file("/proc/self", "smaps"), line);
	printf("smaps %d: size %lu, resident %lu\n", p != NULL, value(p ? p : "", "\nSize:", 10), value(p ? p : "", "\nRss:", 10));
	snprintf(line, sizeof line, "%lx-%lx r-xp", (long)m + (100 << 20), (long)m + (100 << 20) + 4096);
	p = strstr(text, line);
	printf("smaps %d: size %lu, resident %lu, ", p != NULL, value(p ? p : "", "\nSize:", 10), value(p ? p : "", "\nRss:", 10));
	p = p ? strstr(p, "VmFlags:") : NULL;
	printf("flags %.17s\n", p ? p : "");
	const char *name[] = {"maps", "smaps"};
	for (int i = 0; i < 2; i++) { // what the kernel has behind all that can be mapped, on most machines [vsyscall]
		p = strstr(file("/proc/self", name[i]), "\nffff");
		printf("%s: %s\n", name[i], p ? p + 1 : "nothing");
	}
	unsigned long rss = value(file("/proc/self", "smaps_rollup"), "\nRss:", 10);
	printf("rollup %d\n", rss > 20 << 10 && rss < 40 << 10);
	printf("environ %d\n", strstr(file("/proc/self", "environ"), "LC_ALL=C") != NULL || getenv("LC_ALL") == NULL);
	for (p = strtok(strdup(file("/proc/self", "limits")), "\n"); p; p = strtok(NULL, "\n"))
		if (!strstr(p, "locked")) puts(p);
	pthread_barrier_wait(&bar);
	pthread_join(t, NULL);
	return 0;
}
