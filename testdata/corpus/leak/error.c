// An early return on an error forgets what was allocated before.
#include "../corpus.h"

NOINLINE char *load(const char *name)
{
	char *buffer = malloc(512);
	HIDE(buffer);
	FILE *f = fopen(name, "r");
	if (f == NULL) {
		PICK((void)0, free(buffer));
		return NULL;
	}
	fclose(f);
	return buffer;
}

int main(void)
{
	char *p = load("/does/not/exist");
	free(p);
	return 0;
}
