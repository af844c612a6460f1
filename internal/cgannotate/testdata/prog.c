/* The source of an invented profile. */
#include <stdio.h>

static int twice(int x)
{
	return 2 * x;
}

int square(int x)
{
	int y = x * x;
	return y;
}


/* nothing is executed here */







/* and here */
int main(void)
{
	printf("%d\n", square(twice(3)));
	return 0;
}
