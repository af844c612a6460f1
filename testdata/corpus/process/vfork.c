// posix_spawn with a block that is freed too early.
#include "../corpus.h"
#include <spawn.h>
#include <sys/wait.h>

int main(void)
{
	char *name = strdup("/bin/true"), *argv[] = {name, NULL}, *env[] = {NULL};
	pid_t child;
	HIDE(name);
	if (posix_spawn(&child, name, NULL, NULL, argv, env) == 0)
		waitpid(child, NULL, 0);
	PICK(free(name), (void)0);
	USE(name[3]);
	PICK((void)0, free(name));
	return 0;
}
