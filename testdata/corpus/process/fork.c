// A child of fork that does not follow its parent's log; the parent has its fault after.
// once: what the stacks of other threads point to in the child is chance
#include "../corpus.h"
#include <sys/wait.h>

int main(void)
{
	char *p = calloc(1, 10);
	HIDE(p);
	pid_t child = fork();
	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	p[PICK(10, 9)] = 1;
	HIDE(p);
	free(p);
	return 0;
}
