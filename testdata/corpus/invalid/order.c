// Several errors of several kinds, in their order.
#include "../corpus.h"

int main(void)
{
	int *a = calloc(4, sizeof(int)), *b = calloc(2, sizeof(int));
	HIDE(a);
	HIDE(b);
	b[PICK(2, 1)] = 1;
	USE(a[PICK(5, 1)]);
	free(PICK((char *)a + 4, (char *)a));
	USE(b[PICK(-1, 1)]);
	free(PICK(a, NULL));
	free(b);
	return 0;
}
