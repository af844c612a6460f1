// One function per magic sequence of valgrind.h, for request_test.go to look at.
#include <valgrind/valgrind.h>

unsigned long request(void) { return VALGRIND_DO_CLIENT_REQUEST_EXPR(0, 0x1001, 0, 0, 0, 0, 0); }

unsigned long nraddr(void) {
  OrigFn fn;
  VALGRIND_GET_ORIG_FN(fn);
  return fn.nraddr;
}

unsigned long noredir(OrigFn fn) {
  unsigned long r;
  CALL_FN_W_v(r, fn);
  return r;
}

void inject(void) { VALGRIND_VEX_INJECT_IR(); }
