// The name that prctl gives a thread: the kernel reads 16 bytes at most, and they need no end.
#include "../corpus.h"
#include <sys/prctl.h>

int main(void)
{
	char *name = malloc(16);
	memset(name, 'n', PICK(12, 16));
	SEEN();
	prctl(PR_SET_NAME, name);
	HIDE(name);
	free(name);
	return 0;
}
