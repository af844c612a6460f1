// A structure for the kernel with one field that was never set.
// levels: -O0
// options: --track-origins=yes
#include "../corpus.h"
#include <fcntl.h>
#include <sys/uio.h>

int main(void)
{
	char text[8] = "abc";
	int fd = open("/dev/null", O_WRONLY);
	struct iovec v[2], *p = v;
	v[0].iov_base = v[1].iov_base = text;
	v[0].iov_len = 0;
	PICK((void)0, v[1].iov_len = 0);
	HIDE(p);
	writev(fd, (struct iovec *)p, 2);
	close(fd);
	return 0;
}
