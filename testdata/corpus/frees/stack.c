// A local variable.
// once: threads have other stacks
#include "../corpus.h"

int main(void)
{
	char local[16] = {0}, *p = PICK(local, NULL);
	HIDE(p);
	free(p);
	return 0;
}
