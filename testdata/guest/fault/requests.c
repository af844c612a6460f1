// Client requests that make, hide and describe errors, as compiled from Valgrind's headers.
// build: gcc -g -O0
#include <stdlib.h>
#include <string.h>
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>

#ifdef CLEAN
#define BAD 0
#else
#define BAD 1
#endif

static char area[4096];
static volatile int sink;

__attribute__((noinline)) static void touch(char *p) { sink = *p; }
__attribute__((noinline)) static void hidden(char *p) { sink = *p; }
__attribute__((noinline)) static void decide(char *p) { if (*p) sink = 1; }

int main(void) {
	char *p = malloc(10);
	memset(p, 1, 10);
	unsigned before = VALGRIND_COUNT_ERRORS;
	VALGRIND_DISABLE_ERROR_REPORTING;
	hidden(p + 10);
	VALGRIND_DISABLE_ERROR_REPORTING;
	VALGRIND_ENABLE_ERROR_REPORTING;
	hidden(p + 11);
	VALGRIND_ENABLE_ERROR_REPORTING;
	if (VALGRIND_COUNT_ERRORS != before)
		return 1;
	touch(p + 9 + BAD);
	VALGRIND_MAKE_MEM_NOACCESS(p, 5);
	if (BAD)
		VALGRIND_CHECK_MEM_IS_ADDRESSABLE(p, 10);
	VALGRIND_MAKE_MEM_UNDEFINED(p, 5);
	if (BAD)
		VALGRIND_CHECK_MEM_IS_DEFINED(p + 3, 5);
	if (BAD)
		decide(p + 4);
	VALGRIND_MAKE_MEM_DEFINED_IF_ADDRESSABLE(p, 20);
	VALGRIND_CHECK_MEM_IS_DEFINED(p, 10);
	unsigned char v[4] = {0, 0xff, 0x0f, 0}, w[4] = {9, 9, 9, 9};
	if (VALGRIND_SET_VBITS(p, v, 4) == 1 && VALGRIND_GET_VBITS(p, w, 4) == 1 && memcmp(v, w, 4))
		return 2;
	if (BAD)
		decide(p + 2);
	VALGRIND_MAKE_MEM_DEFINED(p, 4);

	VALGRIND_MAKE_MEM_NOACCESS(area, sizeof area);
	VALGRIND_MALLOCLIKE_BLOCK(area + 100, 50, 8, 0);
	touch(area + 100 + (BAD ? 50 : VALGRIND_MAKE_MEM_DEFINED(area + 100, 50) * 0));
	if (BAD)
		touch(area + 96);
	VALGRIND_RESIZEINPLACE_BLOCK(area + 100, 50, 60, 8);
	if (BAD)
		touch(area + 160);
	VALGRIND_FREELIKE_BLOCK(area + 100, 8);
	if (BAD)
		VALGRIND_FREELIKE_BLOCK(area + 100, 8);

	char *pool = area + 1000;
	VALGRIND_CREATE_MEMPOOL(pool, 16, 0);
	VALGRIND_MEMPOOL_ALLOC(pool, pool + 200, 20);
	if (BAD)
		touch(pool + 190);
	VALGRIND_MEMPOOL_CHANGE(pool, pool + 200, pool + 300, 30);
	VALGRIND_MEMPOOL_FREE(pool, pool + 300);
	if (BAD) {
		touch(pool + 200);
		VALGRIND_MEMPOOL_FREE(pool, pool + 300);
		VALGRIND_MEMPOOL_ALLOC(pool + 8, pool + 300, 8);
	}
	if (!VALGRIND_MEMPOOL_EXISTS(pool) && RUNNING_ON_VALGRIND)
		return 3;
	VALGRIND_DESTROY_MEMPOOL(pool);

	int named = VALGRIND_CREATE_BLOCK(area + 2000, 100, "my block");
	if (BAD)
		touch(area + 2010);
	VALGRIND_DISCARD(named);
	VALGRIND_DISABLE_ADDR_ERROR_REPORTING_IN_RANGE(area + 3000, 100);
	hidden(area + 3000);
	VALGRIND_ENABLE_ADDR_ERROR_REPORTING_IN_RANGE(area + 3000, 100);
	VALGRIND_MAKE_MEM_DEFINED(area, sizeof area);
	free(p);
	return 0;
}
