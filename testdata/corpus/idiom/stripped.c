// A static program without symbols, whose malloc cannot be found: memory from brk is zero, and calloc leaves it so.
// only: twin
// flags: -static -s
#include "../corpus.h"

int main(void)
{
	int sum = 0;
	for (int n = 1; n < 200; n++) {
		int *p = calloc(n, sizeof *p);
		HIDE(p);
		for (int i = 0; i < n; i++)
			if (p[i])
				sum++;
	}
	printf("%d\n", sum);
	return 0;
}
