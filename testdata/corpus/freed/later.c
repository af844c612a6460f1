// A freed block that is used long after, when others of its size came and went.
#include "../corpus.h"

int main(void)
{
	char *p = calloc(1, 64);
	HIDE(p);
	PICK(free(p), (void)0);
	for (int i = 0; i < 500; i++) {
		char *q = malloc(64);
		HIDE(q);
		free(q);
	}
	p[10] = 1;
	PICK((void)0, free(p));
	HIDE(p);
	return 0;
}
