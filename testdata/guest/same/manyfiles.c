// As many open files as the limit allows, all of them usable.
// build: gcc -O2
// build: musl-gcc -O2 -static
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

int main(void) {
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 2000;
	printf("limit: %d\n", setrlimit(RLIMIT_NOFILE, &limit));
	int first = -1, last = 0, fd, bad = 0;
	while ((fd = open("/dev/null", O_WRONLY)) >= 0)
		if (last = fd, first < 0)
			first = fd;
	printf("last: %d, then %d\n", last, errno == EMFILE);
	for (fd = first; fd <= last; fd++)
		if (write(fd, "x", 1) != 1 || close(fd) != 0)
			bad++;
	printf("unusable: %d\n", bad);
	return 0;
}
