// String functions written out by compilers and libraries read whole words of strings that end in between.
// only: twin
#include "../corpus.h"

int main(void)
{
	for (int n = 1; n < 70; n++) {
		char *p = malloc(n + 1), *q = malloc(n + 1);
		for (int i = 0; i < n; i++)
			p[i] = q[i] = 'a' + i % 26;
		p[n] = q[n] = 0;
		HIDE(p);
		HIDE(q);
		if (strlen(p) != (size_t)n || strcmp(p, q) != 0 || strchr(p, 0) != p + n || memcmp(p, q, n) != 0)
			return 1;
		if (strncmp(p, q, n) != 0 || strrchr(p, 'a') == NULL || memchr(p, 0, n + 1) != p + n)
			return 2;
		free(p);
		free(q);
	}
	return 0;
}
