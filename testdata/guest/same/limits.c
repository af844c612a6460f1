// Limits of memory hold for the program's mappings, and pass to the programs that it starts.
// build: gcc -O1
// build: gcc -O1 -static
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define MB (1l << 20)

static void limit(int what, long n) {
	struct rlimit l = {n, RLIM_INFINITY}, now;
	int r = setrlimit(what, &l);
	getrlimit(what, &now);
	printf("limit %d: %d, %ld\n", what, r, (long)now.rlim_cur);
}

static void *map(const char *what, long n, int prot, int flags) {
	errno = 0;
	void *p = mmap(NULL, n, prot, flags | MAP_ANONYMOUS, -1, 0);
	printf("%s: %s, %d\n", what, p == MAP_FAILED ? "fails" : "works", errno);
	return p;
}

int main(void) {
	setvbuf(stdout, NULL, _IOLBF, 1000);
	limit(RLIMIT_AS, 300 * MB);
	void *a = map("200 MB", 200 * MB, PROT_NONE, MAP_PRIVATE);
	map("200 MB more", 200 * MB, PROT_NONE, MAP_PRIVATE);
	map("200 MB in their place", 200 * MB, PROT_READ, MAP_PRIVATE);
	errno = 0;
	printf("fixed, the same place: %d, %d\n", mmap(a, 200 * MB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == a, errno);
	errno = 0;
	printf("grown by 20 MB: %d, %d\n", (a = mremap(a, 200 * MB, 220 * MB, MREMAP_MAYMOVE)) != MAP_FAILED, errno);
	errno = 0;
	printf("grown to 400 MB: %d, %d\n", mremap(a, 220 * MB, 400 * MB, MREMAP_MAYMOVE) != MAP_FAILED, errno);
	munmap(a, 220 * MB);
	void *b = map("200 MB again", 200 * MB, PROT_NONE, MAP_PRIVATE);
	munmap(b, 200 * MB);
	fflush(stdout);
	if (system("ulimit -v")) puts("system fails");

	limit(RLIMIT_AS, RLIM_INFINITY);
	limit(RLIMIT_DATA, 50 * MB);
	map("60 MB of data", 60 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	map("60 MB to read", 60 * MB, PROT_READ, MAP_PRIVATE);
	map("60 MB shared", 60 * MB, PROT_READ | PROT_WRITE, MAP_SHARED);
	errno = 0;
	printf("break 60 MB up: %d, %d\n", sbrk(60 * MB) != (void *)-1, errno);
	errno = 0;
	printf("break 1 MB up: %d, %d\n", sbrk(MB) != (void *)-1, errno);
	return 0;
}
