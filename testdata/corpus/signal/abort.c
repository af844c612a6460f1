// abort after a fault: the process dies by the signal, with what it has lost.
#include "../corpus.h"

int main(void)
{
	char *p = malloc(10);
	HIDE(p);
	PICK(p[10] = 1, p[9] = 1);
	HIDE(p);
	PICK((void)0, free(p));
	p = NULL;
	HIDE(p);
	PICK(abort(), (void)0);
	return 0;
}
