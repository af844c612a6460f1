// A fault, and then another program in the same process: what was lost is not looked for.
#include "../corpus.h"

int main(void)
{
	char *p = calloc(1, 10), *argv[] = {"true", NULL};
	HIDE(p);
	USE(p[PICK(10, 9)]);
	PICK((void)0, free(p));
	execve(PICK("/does/not/exist", "/does/not/exist"), argv, NULL);
	return 0;
}
