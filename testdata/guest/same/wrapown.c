// Wrappers made with the project's own header, for all numbers of arguments. Wrapped functions are called with arguments that tell
// them apart; a wrapper adds a number of its own, so that it is seen to run under a tool.
// build: gcc -g -O0
// build: gcc -g -O2 -fno-ipa-ra -fomit-frame-pointer
// build: g++ -g -O2 -fno-ipa-ra -x c++
#include "../../../include/valgrind/memcheck.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, noclone))
#ifdef __cplusplus
extern "C" {
#endif

static int on, bad;
static long seen;

static void want(const char *what, long got, long natively)
{
	long w = natively + (on ? 1000000 : 0);
	if (got != w) {
		printf("%s: %ld, not %ld\n", what, got, w);
		bad++;
	}
}

NOINLINE long get0(void) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7; }
NOINLINE void put0(void) { __asm__(""); seen = 7; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get0)(void)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_v(r, fn);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put0)(void)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_v(fn);
	seen += 1000000;
}

NOINLINE long get1(long a1) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1; }
NOINLINE void put1(long a1) { __asm__(""); seen = 7 + 3 * a1; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get1)(long a1)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_W(r, fn, a1);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put1)(long a1)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_W(fn, a1);
	seen += 1000000;
}

NOINLINE long get2(long a1, long a2) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2; }
NOINLINE void put2(long a1, long a2) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get2)(long a1, long a2)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_WW(r, fn, a1, a2);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put2)(long a1, long a2)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_WW(fn, a1, a2);
	seen += 1000000;
}

NOINLINE long get3(long a1, long a2, long a3) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3; }
NOINLINE void put3(long a1, long a2, long a3) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get3)(long a1, long a2, long a3)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_WWW(r, fn, a1, a2, a3);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put3)(long a1, long a2, long a3)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_WWW(fn, a1, a2, a3);
	seen += 1000000;
}

NOINLINE long get4(long a1, long a2, long a3, long a4) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4; }
NOINLINE void put4(long a1, long a2, long a3, long a4) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get4)(long a1, long a2, long a3, long a4)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_WWWW(r, fn, a1, a2, a3, a4);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put4)(long a1, long a2, long a3, long a4)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_WWWW(fn, a1, a2, a3, a4);
	seen += 1000000;
}

NOINLINE long get5(long a1, long a2, long a3, long a4, long a5) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5; }
NOINLINE void put5(long a1, long a2, long a3, long a4, long a5) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get5)(long a1, long a2, long a3, long a4, long a5)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_5W(r, fn, a1, a2, a3, a4, a5);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put5)(long a1, long a2, long a3, long a4, long a5)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_5W(fn, a1, a2, a3, a4, a5);
	seen += 1000000;
}

NOINLINE long get6(long a1, long a2, long a3, long a4, long a5, long a6) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6; }
NOINLINE void put6(long a1, long a2, long a3, long a4, long a5, long a6) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get6)(long a1, long a2, long a3, long a4, long a5, long a6)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_6W(r, fn, a1, a2, a3, a4, a5, a6);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put6)(long a1, long a2, long a3, long a4, long a5, long a6)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_6W(fn, a1, a2, a3, a4, a5, a6);
	seen += 1000000;
}

NOINLINE long get7(long a1, long a2, long a3, long a4, long a5, long a6, long a7) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7; }
NOINLINE void put7(long a1, long a2, long a3, long a4, long a5, long a6, long a7) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get7)(long a1, long a2, long a3, long a4, long a5, long a6, long a7)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_7W(r, fn, a1, a2, a3, a4, a5, a6, a7);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put7)(long a1, long a2, long a3, long a4, long a5, long a6, long a7)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_7W(fn, a1, a2, a3, a4, a5, a6, a7);
	seen += 1000000;
}

NOINLINE long get8(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8; }
NOINLINE void put8(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get8)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_8W(r, fn, a1, a2, a3, a4, a5, a6, a7, a8);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put8)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_8W(fn, a1, a2, a3, a4, a5, a6, a7, a8);
	seen += 1000000;
}

NOINLINE long get9(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8 + 11 * a9; }
NOINLINE void put9(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8 + 11 * a9; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get9)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_9W(r, fn, a1, a2, a3, a4, a5, a6, a7, a8, a9);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put9)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_9W(fn, a1, a2, a3, a4, a5, a6, a7, a8, a9);
	seen += 1000000;
}

NOINLINE long get10(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8 + 11 * a9 + 12 * a10; }
NOINLINE void put10(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8 + 11 * a9 + 12 * a10; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get10)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_10W(r, fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put10)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_10W(fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10);
	seen += 1000000;
}

NOINLINE long get11(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10, long a11) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8 + 11 * a9 + 12 * a10 + 13 * a11; }
NOINLINE void put11(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10, long a11) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8 + 11 * a9 + 12 * a10 + 13 * a11; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get11)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10, long a11)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_11W(r, fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put11)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10, long a11)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_11W(fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11);
	seen += 1000000;
}

NOINLINE long get12(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10, long a11, long a12) { double local[2]; memset(local, 0, sizeof local); __asm__("" : : "r"(local) : "memory"); return 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8 + 11 * a9 + 12 * a10 + 13 * a11 + 14 * a12; }
NOINLINE void put12(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10, long a11, long a12) { __asm__(""); seen = 7 + 3 * a1 + 4 * a2 + 5 * a3 + 6 * a4 + 7 * a5 + 8 * a6 + 9 * a7 + 10 * a8 + 11 * a9 + 12 * a10 + 13 * a11 + 14 * a12; }
long I_WRAP_SONAME_FNNAME_ZU(NONE, get12)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10, long a11, long a12)
{
	OrigFn fn;
	long r;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_W_12W(r, fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12);
	return r + 1000000;
}
void I_WRAP_SONAME_FNNAME_ZZ(NONE, put12)(long a1, long a2, long a3, long a4, long a5, long a6, long a7, long a8, long a9, long a10, long a11, long a12)
{
	OrigFn fn;
	VALGRIND_GET_ORIG_FN(fn);
	CALL_FN_v_12W(fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12);
	seen += 1000000;
}

#ifdef __cplusplus
}
#endif

int main(void)
{
	on = RUNNING_ON_VALGRIND != 0;
	want("get0", get0(), 7);
	put0();
	want("put0", seen, 7);
	want("get1", get1(11), 40);
	put1(11);
	want("put1", seen, 40);
	want("get2", get2(11, 22), 128);
	put2(11, 22);
	want("put2", seen, 128);
	want("get3", get3(11, 22, 33), 293);
	put3(11, 22, 33);
	want("put3", seen, 293);
	want("get4", get4(11, 22, 33, 44), 557);
	put4(11, 22, 33, 44);
	want("put4", seen, 557);
	want("get5", get5(11, 22, 33, 44, 55), 942);
	put5(11, 22, 33, 44, 55);
	want("put5", seen, 942);
	want("get6", get6(11, 22, 33, 44, 55, 66), 1470);
	put6(11, 22, 33, 44, 55, 66);
	want("put6", seen, 1470);
	want("get7", get7(11, 22, 33, 44, 55, 66, 77), 2163);
	put7(11, 22, 33, 44, 55, 66, 77);
	want("put7", seen, 2163);
	want("get8", get8(11, 22, 33, 44, 55, 66, 77, 88), 3043);
	put8(11, 22, 33, 44, 55, 66, 77, 88);
	want("put8", seen, 3043);
	want("get9", get9(11, 22, 33, 44, 55, 66, 77, 88, 99), 4132);
	put9(11, 22, 33, 44, 55, 66, 77, 88, 99);
	want("put9", seen, 4132);
	want("get10", get10(11, 22, 33, 44, 55, 66, 77, 88, 99, 110), 5452);
	put10(11, 22, 33, 44, 55, 66, 77, 88, 99, 110);
	want("put10", seen, 5452);
	want("get11", get11(11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121), 7025);
	put11(11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121);
	want("put11", seen, 7025);
	want("get12", get12(11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121, 132), 8873);
	put12(11, 22, 33, 44, 55, 66, 77, 88, 99, 110, 121, 132);
	want("put12", seen, 8873);
	char *p = (char *)malloc(10);
	VALGRIND_MAKE_MEM_DEFINED(p, 10);
	if (VALGRIND_MONITOR_COMMAND("v.info n_errs_found") != 0)
		bad++;
	free(p);
	printf("%d wrong\n", bad);
	return bad;
}
