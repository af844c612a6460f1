// Code that is written while it runs: fresh mappings, code patched in place, protections flipped, one address with
// different code after munmap, two mappings of the same pages.
// build: gcc -O1
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int (*fn)(void);

static void check(int ok, const char *what) {
	if (!ok) {
		printf("failed: %s\n", what);
		_exit(1);
	}
}

// mov $v,%eax; ret
static void emit(unsigned char *p, int v) {
	p[0] = 0xb8;
	memcpy(p + 1, &v, 4);
	p[5] = 0xc3;
}

static unsigned char *map(void *at, size_t n, int prot) {
	unsigned char *p = mmap(at, n, prot, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
	check(p != MAP_FAILED, "mmap");
	return p;
}

int main(void) {
	unsigned char *p = map(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC);
	long s = 0;
	for (int i = 0; i < 2000; i++) {
		emit(p, i);
		s += ((fn)p)();
	}
	printf("rewritten %ld\n", s);

	// Only an immediate changes, in code that crosses a page.
	s = 0;
	emit(p + 4093, 1);
	for (int i = 0; i < 500; i++) {
		int v = i * 3;
		memcpy(p + 4094, &v, 4);
		s += ((fn)(p + 4093))();
	}
	printf("across pages %ld\n", s);

	// Code that changes itself ahead of its own execution: mov byte $77 into the next instruction's immediate.
	static const unsigned char self[] = {0xc6, 0x05, 0x01, 0x00, 0x00, 0x00, 77, 0xb8, 5, 0, 0, 0, 0xc3};
	memcpy(p, self, sizeof self);
	printf("ahead of itself %d\n", ((fn)p)());

	// Data beside code on one page changes often; the code does not.
	s = 0;
	emit(p, 11);
	volatile int *data = (int *)(p + 2048);
	for (int i = 0; i < 3000; i++) {
		*data = i;
		s += ((fn)p)() + *data;
	}
	printf("beside data %ld\n", s);

	// W^X, as careful JIT compilers do.
	unsigned char *w = map(NULL, 4096, PROT_READ | PROT_WRITE);
	s = 0;
	for (int i = 0; i < 100; i++) {
		check(mprotect(w, 4096, PROT_READ | PROT_WRITE) == 0, "mprotect rw");
		emit(w, i * i);
		check(mprotect(w, 4096, PROT_READ | PROT_EXEC) == 0, "mprotect rx");
		s += ((fn)w)();
	}
	printf("flipped %ld\n", s);

	// Another mapping at the same address.
	s = 0;
	for (int i = 0; i < 50; i++) {
		check(munmap(w, 4096) == 0, "munmap");
		check(map(w, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) == w, "same place");
		emit(w, -i);
		s += ((fn)w)();
	}
	printf("remapped %ld\n", s);

	// The same pages writable here and executable there.
	int fd = memfd_create("code", 0);
	check(fd >= 0 && ftruncate(fd, 4096) == 0, "memfd");
	unsigned char *rw = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	unsigned char *rx = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	check(rw != MAP_FAILED && rx != MAP_FAILED, "two views");
	emit(rw, 1234);
	printf("two views %d\n", ((fn)rx)());

	// read(2) as the writer of code.
	int pipefd[2];
	check(pipe(pipefd) == 0, "pipe");
	s = 0;
	for (int i = 0; i < 50; i++) {
		unsigned char code[6];
		emit(code, i);
		check(write(pipefd[1], code, 6) == 6 && read(pipefd[0], p, 6) == 6, "pipe");
		s += ((fn)p)();
	}
	printf("by the kernel %ld\n", s);
	return 0;
}
