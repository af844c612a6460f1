// Prints by client requests; printf_test.go formats the same.
#include <valgrind/valgrind.h>

int main(void) {
  VALGRIND_PRINTF("%d %u %ld %lu %lld\n", -5, 4000000000u, -1L, ~0UL, -3LL);
  VALGRIND_PRINTF("%x %X %lx %p %c %s %% end\n", 0xbeef, 0xbeef, 0xdeadbeefcafeUL, (void *)0x1234abcd, 'q', "str");
  VALGRIND_PRINTF("[%5d][%-5d][%05d][%8x][%08x][%-8x][%10s][%-10s]\n", 42, 42, 42, 0xab, 0xab, 0xab, "str", "str");
  VALGRIND_PRINTF("[%s][%p]\n", (char *)0, (void *)0);
  VALGRIND_PRINTF("%f %.2f %8.3f\n", 3.141592653589793, 2.5, 1.5);
  return 0;
}
