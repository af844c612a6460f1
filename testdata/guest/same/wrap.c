// Functions of the program's own that replace and wrap others: in the executable, in the C library, in a library that comes and goes.
// build: gcc -g -O0 -ldl
// build: gcc -g -O2 -ldl
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#define NOINLINE __attribute__((noinline, noclone))

static int on; // run under a tool
static int bad;

static void want(const char *what, long got, long natively, long wrapped) {
	long w = on ? wrapped : natively;
	if (got != w) {
		printf("%s: %ld, not %ld\n", what, got, w);
		bad++;
	}
}

// A plain function of the executable, wrapped with all kinds of argument counts.
NOINLINE int plain0(void) { __asm__(""); return 7; }
NOINLINE long plain3(long a, long b, long c) { __asm__(""); return a + 10 * b + 100 * c; }
NOINLINE long plain8(long a, long b, long c, long d, long e, long f, long g, long h) { __asm__(""); return a + b + c + d + e + f + 1000 * g + 10000 * h; }
NOINLINE void nothing(int *p) { ++*p; }

int I_WRAP_SONAME_FNNAME_ZU(NONE, plain0)(void) {
	OrigFn fn;
	int r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_v(r, fn);
	return r + 100;
}

long I_WRAP_SONAME_FNNAME_ZU(NONE, plain3)(long a, long b, long c) {
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_WWW(r, fn, a + 1, b, c);
	return r + plain0(); // another wrapper in between
}

long I_WRAP_SONAME_FNNAME_ZZ(NONE, plain8)(long a, long b, long c, long d, long e, long f, long g, long h) {
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_8W(r, fn, a, b, c, d, e, f, g, h);
	return -r;
}

void I_WRAP_SONAME_FNNAME_ZU(NONE, nothing)(int *p) {
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_W(fn, p);
	CALL_FN_v_W(fn, p);
}

// Recursion comes by the wrapper each time.
NOINLINE int depth(int n) {
	if (!n)
		return 0;
	n = depth(n - 1);
	__asm__("" : "+r"(n)); // no loop
	return n + 1;
}
int I_WRAP_SONAME_FNNAME_ZU(NONE, depth)(int n) {
	OrigFn fn;
	int r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_W(r, fn, n);
	return r + 10;
}

NOINLINE int replaced(int x) { __asm__(""); return x; }
int I_REPLACE_SONAME_FNNAME_ZU(NONE, replaced)(int x) { return 2 * x; }

// The C library's, under its name with version and a pattern.
int I_WRAP_SONAME_FNNAME_ZZ(libcZdsoZa, getpZapid)(void) {
	OrigFn fn;
	int r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_v(r, fn);
	return r + 1000000;
}

// A library that is loaded later, and again.
double I_REPLACE_SONAME_FNNAME_ZU(libmZdsoZa, cbrt)(double x) { return x + 0.5; }

static volatile int signals;
static void handler(int sig) { signals += plain0(); }

int main(void) {
	on = RUNNING_ON_VALGRIND != 0;
	want("plain0", plain0(), 7, 107);
	int (*volatile pointer)(void) = plain0;
	want("pointer", pointer(), 7, 107);
	want("plain3", plain3(1, 2, 3), 321, 322 + 107);
	want("plain8", plain8(1, 2, 3, 4, 5, 6, 7, 8), 87021, -87021);
	int n = 0;
	nothing(&n);
	want("nothing", n, 1, 2);
	want("depth", depth(5), 5, 5 + 60);
	want("replaced", replaced(21), 21, 42);
	int pid = getppid();
	want("getppid", pid > 1000000, 0, 1);
	signal(SIGUSR1, handler);
	for (int i = 0; i < 10; i++)
		raise(SIGUSR1);
	want("in handlers", signals, 70, 1070);
	for (int i = 0; i < 5; i++) {
		void *m = dlopen("libm.so.6", RTLD_NOW);
		double (*cbrt)(double) = (double (*)(double))dlsym(m, "cbrt");
		want("cbrt", cbrt(8.0) * 10, 20, 85);
		dlclose(m);
	}
	char *undefined = malloc(8);
	memset(undefined, 0, 8);
	VALGRIND_DO_CLIENT_REQUEST_STMT(('M' << 24 | 'C' << 16) + 1, undefined, 1, 0, 0, 0); // its result stays undefined
	want("undefined argument", plain3(0, 0, 0) * 0 + (plain3(*undefined, 0, 0) & 0), 0, 0);
	free(undefined);
	printf("%d wrong\n", bad);
	return 0;
}
