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
	static int files[2000]; // descriptors that were open before are left alone
	int n = 0, fd, bad = 0;
	while ((fd = open("/dev/null", O_WRONLY)) >= 0)
		files[n++] = fd;
	printf("last: %d, then %d\n", files[n - 1], errno == EMFILE);
	while (n-- > 0)
		if (write(files[n], "x", 1) != 1 || close(files[n]) != 0)
			bad++;
	printf("unusable: %d\n", bad);
	return 0;
}
