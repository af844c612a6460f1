// A search for the end of a string that reads eight bytes at a time, as in a library of one's own: what lies behind the
// end does not matter.
// only: twin
#include "../corpus.h"

NOINLINE size_t length(const char *s)
{
	const uint64_t ones = 0x0101010101010101, highs = ones << 7;
	for (const uint64_t *p = (const uint64_t *)s;; p++) {
		uint64_t zero = (*p - ones) & ~*p & highs;
		if (zero)
			return (const char *)p - s + __builtin_ctzll(zero) / 8;
	}
}

int main(void)
{
	char *p = calloc(1, 32);
	strcpy(p, "eleven char");
	HIDE(p);
	size_t n = length(p);
	free(p);
	return n != 11;
}
