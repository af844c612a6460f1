// 80-bit arithmetic, bit for bit: precision and rounding control, stack manipulation, transcendental functions.
// build: gcc -O0 -lm
// build: gcc -O2 -lm
// build: gcc -O2 -mfpmath=387 -lm
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static void show(const char *name, long double v) {
	uint64_t mant;
	uint16_t se;
	memcpy(&mant, &v, 8);
	memcpy(&se, (char *)&v + 8, 2);
	printf("%-10s %04x:%016llx\n", name, se, (unsigned long long)mant);
}

static void control(uint16_t cw) { __asm__ volatile("fldcw %0" : : "m"(cw)); }

int main(void) {
	volatile long double a = 1.0L / 3, b = 2.718281828459045235360287L, c = -1e4930L;
	show("add", a + b);
	show("mul", a * b);
	show("div", b / a);
	show("huge", c * 1e2L);
	show("tiny", 1e-4930L / 7);
	show("sqrt", sqrtl(b));
	show("sin", sinl(b));
	show("atan2", atan2l(a, b));
	show("exp", expl(a));
	show("log", logl(b));
	show("pow", powl(b, a));
	show("fmod", fmodl(b * 1000, a));

	long double r;
	__asm__("fsin" : "=t"(r) : "0"(b));
	show("fsin", r);
	__asm__("fptan; fstp %%st(0)" : "=t"(r) : "0"(a));
	show("fptan", r);
	__asm__("fyl2x" : "=t"(r) : "0"(b), "u"(a) : "st(1)");
	show("fyl2x", r);
	__asm__("f2xm1" : "=t"(r) : "0"(a));
	show("f2xm1", r);

	// Rounding control is bits 10-11, precision control bits 8-9.
	for (int rc = 0; rc < 4; rc++)
		for (int pc = 0; pc < 4; pc++) {
			if (pc == 1)
				continue; // reserved
			control((uint16_t)(0x7f | rc << 10 | pc << 8));
			volatile long double q = b / a + a;
			control(0x37f);
			printf("rc %d pc %d ", rc, pc);
			show("", q);
		}

	// A full register stack, exchanged and popped in both directions.
	double out[8];
	__asm__ volatile("fninit; fld1; fldpi; fldl2e; fldln2; fldlg2; fldl2t; fldz; fld1\n\t"
			 "fxch %%st(5); faddp; fsubrp; fmul %%st(2), %%st; fchs; fxch %%st(3)\n\t"
			 "fstpl 0(%0); fstpl 8(%0); fstpl 16(%0); fstpl 24(%0); fstpl 32(%0); fstpl 40(%0)"
			 : : "r"(out) : "memory", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)");
	for (int i = 0; i < 6; i++) {
		uint64_t bits;
		memcpy(&bits, &out[i], 8);
		printf("slot %d %016llx\n", i, (unsigned long long)bits);
	}
	uint16_t sw;
	__asm__ volatile("fld1; fldz; fcompp; fnstsw %0" : "=a"(sw) : : "st");
	printf("status %x\n", sw & 0x4500);
	int64_t i64;
	__asm__ volatile("fldl2t; fistpll %0" : "=m"(i64) : : "st");
	printf("rounded %lld\n", (long long)i64);
	char env[108];
	__asm__ volatile("fld1; fldpi; fsave %0; frstor %0; faddp; fstpl %1" : "+m"(env), "=m"(out[0]));
	printf("saved %a\n", out[0]);
	return 0;
}
