// The child has the fault, and its report comes into the same log, before the parent's end.
// once: what the stacks of other threads point to in the child is chance
#include "../corpus.h"
#include <sys/wait.h>

int main(void)
{
	char *p = calloc(1, 10);
	HIDE(p);
	pid_t child = fork();
	if (child == 0) {
		p[PICK(11, 9)] = 1;
		HIDE(p);
		free(p);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	USE(p[PICK(10, 9)]);
	free(p);
	return 0;
}
