// Many blocks of one stack are one record.
#include "../corpus.h"

NOINLINE void lose(int n)
{
	char *p = malloc(n);
	HIDE(p);
	PICK((void)0, free(p));
}

int main(void)
{
	for (int i = 1; i <= 50; i++)
		lose(i);
	lose(3);
	return 0;
}
