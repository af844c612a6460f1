// The upper part of a vector register after scalar operations.
// only: twin
#include "../corpus.h"

NOINLINE double mean(const double *p, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += p[i];
	return sum / n;
}

int main(void)
{
	double *p = malloc(5 * sizeof *p);
	for (int i = 0; i < 5; i++)
		p[i] = i;
	HIDE(p);
	if (mean(p, 5) != 2)
		return 1;
	free(p);
	return 0;
}
