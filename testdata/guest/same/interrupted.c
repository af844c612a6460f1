// build: gcc -O1 -pthread
// Threads that are interrupted all the time, by signals and by code that comes and goes, do what they do in a known number of
// instructions.
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void on(int n) { (void)n; }

__attribute__((noipa)) uint64_t work(uint64_t n) {
	uint64_t s = n;
	for (uint64_t i = 0; i < n; i++) {
		s = s * 31 + i;
		if (s & 4)
			s ^= i;
		if (s & 64)
			s += 3;
	}
	return s;
}

__attribute__((noipa)) uint64_t fill(char *p, uint64_t n) {
	for (uint64_t i = 0; i < n; i++) {
		char *q = p;
		uint64_t rounds = 2000;
		__asm__ volatile("rep stosb" : "+D"(q), "+c"(rounds) : "a"(i) : "memory");
	}
	return p[5];
}

// Long enough not to be done when a signal comes: copying by one byte is not done by lines.
__attribute__((noipa)) uint64_t spread(char *p, uint64_t n) {
	for (uint64_t i = 0; i < n; i++) {
		char *from = p, *to = p + 1;
		uint64_t rounds = 60000;
		*p = i;
		__asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(rounds) : : "memory");
	}
	return p[60000];
}

static void *thread(void *arg) {
	static __thread char buf[2000], large[60001];
	uint64_t s = 0;
	for (int i = 0; i < 30; i++)
		s += work(150000) + fill(buf, 20) + spread(large, 4);
	*(uint64_t *)arg = s;
	return 0;
}

int main(void) {
	pthread_t t[3];
	uint64_t sum[3];
	signal(SIGUSR1, on);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], 0, thread, &sum[i]);
	for (int i = 0; i < 300; i++) {
		unsigned char *p = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memcpy(p, "\xb8\x07\0\0\0\xc3", 6); // mov $7, %eax; ret
		if (((int (*)(void))p)() != 7)
			return 1;
		munmap(p, 4096);
		pthread_kill(t[i % 3], SIGUSR1);
		usleep(100);
	}
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], 0);
	printf("%d\n", sum[0] == sum[1] && sum[1] == sum[2]);
	return 0;
}
