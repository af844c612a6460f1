// Code changed through a second, writable view of its pages: the change does not touch the executable mapping.
// build: gcc -O1
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void) {
	int fd = memfd_create("code", 0);
	if (fd < 0 || ftruncate(fd, 4096) != 0)
		return 1;
	unsigned char *rw = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	unsigned char *rx = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	if (rw == MAP_FAILED || rx == MAP_FAILED)
		return 1;
	long s = 0;
	for (int i = 0; i < 100; i++) {
		rw[0] = 0xb8;
		memcpy(rw + 1, &i, 4);
		rw[5] = 0xc3;
		s += ((int (*)(void))rx)();
	}
	printf("%ld\n", s);
	return 0;
}
