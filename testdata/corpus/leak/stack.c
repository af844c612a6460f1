// A block to which only main's frame points when exit is called.
// levels: -O0
#include "../corpus.h"

int main(void)
{
	char *volatile p = malloc(50);
	PICK((void)0, free((void *)p));
	exit(0);
}
