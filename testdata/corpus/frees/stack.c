// A local variable.
#include "../corpus.h"

int main(void)
{
	char local[16] = {0}, *p = PICK(local, NULL);
	HIDE(p);
	free(p);
	return 0;
}
