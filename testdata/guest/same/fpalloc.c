// Floating-point and vector state across calls of the allocator, which Go code performs.
// build: gcc -O2 -lm
// build: gcc -O2 -mno-sse4 -lm
#include <fenv.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static volatile int ticks;
static volatile double seen;
static void tick(int sig) {
	ticks++;
	long double x = 1.5L;
	seen = (double)(x * x) + sqrt(2.0);
	free(malloc(1000));
}

int main(void) {
	free(malloc(1000)); // the C library keeps it for the handler, which must not get into the middle of its other work
	signal(SIGALRM, tick);
	struct itimerval t = {{0, 1000}, {0, 1000}};
	setitimer(ITIMER_REAL, &t, NULL);
	const int modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
	volatile double one = 1, three = 3;
	volatile long double lone = 1, lthree = 3;
	int bad = 0;
	for (int m = 0; m < 4; m++) {
		fesetround(modes[m]);
		double want = one / three;
		long double lwant = lone / lthree;
		for (int i = 0; i < 20000; i++) {
			char *p = malloc(10 + i % 300);
			double d = one / three;
			long double l = lone / lthree;
			p = realloc(p, 400);
			bad += d != want || l != lwant || fegetround() != modes[m];
			// eight places on the x87 stack are free behind a call
			long double a = lone + i, b = a + lone, c = b + lone, e = c + lone, f = e + lone, g = f + lone, h = g + lone;
			bad += (int)(a + (b + (c + (e + (f + (g + (h + a))))))) != 8 * i + 29;
			free(p);
		}
		printf("mode %d: %a %La, %d bad\n", m, want, lwant, bad);
	}
	printf("%s\n", ticks > 0 && fabs(seen - 3.664) < 0.01 ? "signals came" : "no signals");
	return 0;
}
