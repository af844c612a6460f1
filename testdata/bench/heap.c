// malloc and free of mixed sizes with a live set: the cost of the allocator itself.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
	static char *live[5000];
	uint32_t seed = 7;
	uint64_t s = 0;
	for (int i = 0; i < 3000000; i++) {
		seed = seed * 1664525u + 1013904223u;
		uint32_t k = (seed >> 9) % 5000;
		if (live[k]) {
			s += (unsigned char)live[k][0];
			free(live[k]);
		}
		live[k] = malloc(16 + (seed >> 24) * 2);
		live[k][0] = (char)i;
	}
	for (int k = 0; k < 5000; k++)
		free(live[k]);
	printf("%lu\n", (unsigned long)s);
	return 0;
}
