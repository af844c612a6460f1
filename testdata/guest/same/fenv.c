// SSE rounding modes and sticky exception flags; denormals with and without FTZ/DAZ.
// build: gcc -O1 -frounding-math -lm
// build: musl-gcc -O1 -frounding-math -static
#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <xmmintrin.h>

static void flags(const char *what) {
	int f = fetestexcept(FE_ALL_EXCEPT);
	printf("%-10s%s%s%s%s%s\n", what, f & FE_INVALID ? " invalid" : "", f & FE_DIVBYZERO ? " divbyzero" : "",
	       f & FE_OVERFLOW ? " overflow" : "", f & FE_UNDERFLOW ? " underflow" : "", f & FE_INEXACT ? " inexact" : "");
	feclearexcept(FE_ALL_EXCEPT);
}

int main(void) {
	static const int modes[] = {FE_TONEAREST, FE_DOWNWARD, FE_UPWARD, FE_TOWARDZERO};
	for (int i = 0; i < 4; i++) {
		fesetround(modes[i]);
		volatile double one = 1, three = 3, x = 2.5;
		volatile float f = 1;
		printf("%d %a %a %a %ld %g\n", fegetround() == modes[i], one / three, -one / three, (double)(f / 3), lrint(x), rint(-x));
	}
	fesetround(FE_TONEAREST);
	feclearexcept(FE_ALL_EXCEPT);
	volatile double zero = 0, big = DBL_MAX, small = DBL_MIN, r;
	r = 1 / zero;
	flags("1/0");
	r = zero / zero;
	flags("0/0");
	r = big * big;
	flags("overflow");
	r = small / 3;
	flags("underflow");
	r = sqrt(-big);
	flags("sqrt");
	r = 0.5 + 0.25;
	flags("exact");
	for (int i = 0; i < 4; i++) {
		unsigned csr = _mm_getcsr();
		_mm_setcsr((csr & ~0x8040u) | (i & 1 ? 0x8000u : 0) | (i & 2 ? 0x40u : 0));
		r = small / 4;
		volatile double d = 4e-320;
		printf("ftz %d daz %d: %a %a\n", i & 1, i >> 1, r, d * 4);
		_mm_setcsr(csr);
	}
	return 0;
}
