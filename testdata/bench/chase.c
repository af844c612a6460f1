// Pointer chasing through a shuffled list larger than the caches: the time is memory's.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct node { struct node *next; uint64_t value; };

int main(void) {
	size_t n = 1 << 20;
	struct node *v = malloc(n * sizeof *v);
	uint32_t *order = malloc(n * sizeof *order);
	uint64_t seed = 1;
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	for (size_t i = n - 1; i > 0; i--) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		size_t j = (seed >> 33) % i; // below i: one cycle through all
		uint32_t t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
	for (size_t i = 0; i < n; i++) {
		v[order[i]].next = &v[order[(i + 1) % n]];
		v[i].value = i * 3;
	}
	uint64_t s = 0;
	struct node *p = v;
	for (int i = 0; i < 4000000; i++) {
		s += p->value;
		p = p->next;
	}
	printf("%lu\n", (unsigned long)s);
	free(v);
	free(order);
	return 0;
}
