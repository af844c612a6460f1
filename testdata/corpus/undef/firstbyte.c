// A buffer that is wrong in two ways: the first byte that is wrong is reported.
// case: undefined -DFROM=0 -DDEFINED=3
// case: short -DFROM=0 -DDEFINED=8
// case: before -DFROM=-1 -DDEFINED=3
#include "../corpus.h"
#include <fcntl.h>

int main(void)
{
	int fd = open("/dev/null", O_WRONLY);
	char *p = FRESH(char, 8);
	memset(p, 1, DEFINED);
	HIDE(p);
	SEEN();
	write(fd, PICK(p + FROM, p), PICK(20, 8));
	HIDE(p);
	close(fd);
	free(p);
	return 0;
}
