// A string without room for its terminator.
#include "../corpus.h"

int main(void)
{
	const char *text = "twelve chars";
	size_t n = strlen(text);
	HIDE(n);
	char *p = malloc(n + PICK(0, 1));
	for (size_t i = 0; i <= n; i++)
		p[i] = text[i];
	HIDE(p);
	free(p);
	return 0;
}
