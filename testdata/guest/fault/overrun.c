// Reads and writes beyond both ends of heap blocks, of several sizes.
// build: gcc -g -O0
// build: gcc -g -O2
// build: gcc -g -O1 -no-pie
// build: gcc -g -O1 -gdwarf-4 -static
// build: musl-gcc -g -O1 -static
#include <stdlib.h>
#include <string.h>

#ifdef CLEAN
#define OFF 1
#else
#define OFF 0
#endif

static __attribute__((noinline)) void write_int(volatile int *p, int i) { p[i - OFF] = 7; }

static __attribute__((noinline)) int read_char(volatile char *p, int i) { return p[i - OFF]; }

static __attribute__((noinline)) void underrun(volatile char *p) {
	p[OFF - 1] = 1;
}

static __attribute__((noinline)) long straddle(char *p, int n) {
	long v;
	memcpy(&v, p + n - 4 - 4 * OFF, sizeof v);
	return v;
}

int main(void) {
	int *volatile a = malloc(10 * sizeof *a);
	memset(a, 0, 10 * sizeof *a);
	write_int(a, 10);
	char *b = calloc(13, 1);
	int s = read_char(b, 13);
	underrun(b);
	char *c = calloc(1, 32);
	s += (int)straddle(c, 32);
	free(a);
	free(b);
	free(c);
	return s & 1;
}
