// Functions of the vsyscall page, which old static programs call.
// build: gcc -O1
// build: gcc -O1 -static
// needs: vsyscall
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

int main(void) {
	time_t (*now)(time_t *) = (void *)0xffffffffff600400;
	int (*of_day)(struct timeval *, void *) = (void *)0xffffffffff600000;
	int (*cpu)(unsigned *, unsigned *, void *) = (void *)0xffffffffff600800;
	time_t *t = malloc(sizeof *t);
	struct timeval *v = malloc(sizeof *v);
	unsigned *c = malloc(2 * sizeof *c);
	int right = 0;
	for (int i = 0; i < 1000; i++) {
		time_t r = now(t);
		right += r == *t && r > 1000000000;
		right += of_day(v, NULL) == 0 && v->tv_sec >= r && v->tv_usec < 1000000;
		right += cpu(c, c + 1, NULL) == 0 && c[0] < 1 << 16 && c[1] < 1 << 10;
	}
	printf("%d right\n", right);
	return 0;
}
