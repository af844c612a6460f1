// An output parameter that is not set when the function fails.
#include "../corpus.h"

NOINLINE int parse(const char *s, int *value)
{
	if (*s < '0' || *s > '9')
		return -1;
	*value = *s - '0';
	return 0;
}

int main(void)
{
	int value;
	const char *s = PICK("x", "7");
	HIDE(s);
	parse(s, &value);
	SEEN();
	if (value == 3)
		STEP();
	return 0;
}
