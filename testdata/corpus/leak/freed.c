// A freed block does not keep others.
#include "../corpus.h"

__thread void **kept; // each thread frees its own

int main(void)
{
	kept = malloc(16);
	kept[0] = malloc(24);
	kept[1] = NULL;
	SEEN();
	PICK((void)0, free(kept[0]));
	free(kept);
	SEEN();
	return 0;
}
