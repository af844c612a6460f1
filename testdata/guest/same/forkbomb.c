// A fork bomb with 200 processes: each makes two more until there are enough; and a terabyte that is reserved and used here and there.
// build: gcc -O1
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { limit = 200 };

static atomic_int *made, *ended;

static void bomb(void) {
	int mine = 0;
	while (mine < 2) {
		if (atomic_fetch_add(made, 1) >= limit)
			break;
		pid_t pid = fork();
		if (pid < 0)
			_exit(2);
		if (pid == 0) {
			bomb();
			atomic_fetch_add(ended, 1);
			_exit(0);
		}
		mine++;
	}
	while (mine-- > 0) {
		int st;
		if (wait(&st) < 0 || st != 0)
			_exit(1);
	}
}

int main(void) {
	made = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ended = made + 1;
	bomb();
	printf("processes %d\n", atomic_load(ended));

	const size_t tera = (size_t)1 << 40;
	char *p = mmap(NULL, tera, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		puts("no reservation");
		return 0;
	}
	long sum = 0;
	for (size_t at = 0; at < tera; at += tera / 64)
		p[at + at / 4096 % 4096] = (char)(at >> 34);
	for (size_t at = 0; at < tera; at += tera / 64)
		sum += p[at + at / 4096 % 4096];
	printf("sum %ld, unmapped %d\n", sum, munmap(p, tera));
	for (int i = 0; i < 8; i++) {
		char *g = mmap(NULL, (size_t)1 << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (g == MAP_FAILED)
			return 1;
		g[123456789] = 1;
	}
	puts("eight gigabytes");
	return 0;
}
