// An open-addressing hash table of strings: mixed loads and stores, compares, hard to predict branches.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE (1u << 18)
static struct slot { char key[16]; uint32_t count; } *table;

static uint32_t hash(const char *s) {
	uint32_t h = 2166136261u;
	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619u;
	return h;
}

static void add(const char *key) {
	uint32_t i = hash(key) & (SIZE - 1);
	while (table[i].count && strcmp(table[i].key, key) != 0)
		i = (i + 1) & (SIZE - 1);
	if (!table[i].count)
		strcpy(table[i].key, key);
	table[i].count++;
}

int main(void) {
	table = calloc(SIZE, sizeof *table);
	uint32_t seed = 1, used = 0, most = 0;
	for (int i = 0; i < 6000000; i++) {
		char key[16];
		seed = seed * 1664525u + 1013904223u;
		uint32_t v = (seed >> 8) % 150000;
		int n = 0;
		do
			key[n++] = (char)('a' + v % 26);
		while (v /= 26);
		key[n] = 0;
		add(key);
	}
	for (uint32_t i = 0; i < SIZE; i++) {
		used += table[i].count > 0;
		most = table[i].count > most ? table[i].count : most;
	}
	printf("%u %u\n", used, most);
	free(table);
	return 0;
}
