// A system call that reads a freed buffer.
#include "../corpus.h"
#include <fcntl.h>

int main(void)
{
	char *p = calloc(1, 100);
	int fd = open("/dev/null", O_WRONLY);
	HIDE(p);
	PICK(free(p), (void)0);
	write(fd, p, 100);
	close(fd);
	PICK((void)0, free(p));
	return 0;
}
