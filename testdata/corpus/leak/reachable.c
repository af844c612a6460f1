// Blocks that are still reachable at the end: from data, from another block.
#include "../corpus.h"

void **table;

int main(void)
{
	table = calloc(10, sizeof(void *));
	for (int i = 0; i < 5; i++)
		table[i] = malloc(30);
	SEEN();
#ifdef TWIN
	for (int i = 0; i < 5; i++)
		free(table[i]);
	free(table);
#endif
	return 0;
}
