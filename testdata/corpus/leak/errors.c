// --errors-for-leak-kinds: what is reachable is an error too.
// options: --errors-for-leak-kinds=reachable
#include "../corpus.h"

void *reachable;

int main(void)
{
	reachable = malloc(10);
	PICK((void)0, free(reachable));
	return 0;
}
