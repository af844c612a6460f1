// Mapping calls with their results and errors, and what is in the pages afterwards.
// build: gcc -O1
// build: gcc -O1 -no-pie
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHOW(expr) do { errno = 0; long v_ = (long)(expr); printf("%s = %ld, %s\n", #expr, v_, errno ? strerror(errno) : "ok"); } while (0)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static int fails(void *p) { return p == MAP_FAILED; }

int main(void) {
	char *a = mmap(NULL, 1 << 20, RW, ANON, -1, 0);
	memset(a, 1, 1 << 20);
	SHOW(munmap(a + 4096, 4096));
	SHOW(mmap(a + 4096, 4096, RW, ANON | MAP_FIXED, -1, 0) == a + 4096);
	printf("fresh page %d, neighbour %d\n", a[4096], a[8192]);
	SHOW(fails(mmap(a, 4096, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0)));
	SHOW(fails(mmap(a + 1, 4096, RW, ANON | MAP_FIXED, -1, 0)));
	SHOW(fails(mmap(NULL, 0, RW, ANON, -1, 0)));
	SHOW(fails(mmap(NULL, 4096, RW, MAP_PRIVATE, 99, 0)));
	SHOW(fails(mmap(NULL, 1ul << 62, RW, ANON, -1, 0)));
	SHOW(fails(mmap((void *)0x7ffffffff000, 4096, RW, ANON | MAP_FIXED, -1, 0)));
	SHOW(munmap(a + 1, 4096));
	SHOW(munmap((void *)0x5000, 4096));
	SHOW(mprotect(a + 3 * 4096, 4096, PROT_READ));
	SHOW(mprotect(a + 5, 4096, PROT_READ));
	SHOW(msync(a, 4096, MS_ASYNC));
	SHOW(madvise(a + 8192, 4096, MADV_DONTNEED));
	printf("dropped %d\n", a[8192]);
	unsigned char vec[2];
	SHOW(mincore(a, 8192, vec));
	SHOW(mincore((void *)0x5000, 4096, vec));

	SHOW(fails(mremap(a, 1 << 20, 4 << 20, MREMAP_MAYMOVE))); // several mappings by now
	a = mmap(NULL, 1 << 20, RW, ANON, -1, 0);
	memset(a, 1, 1 << 20);
	char *b = mremap(a, 1 << 20, 4 << 20, MREMAP_MAYMOVE);
	printf("grown %d, %d %d\n", !fails(b), b[0], b[3 << 20]);
	b = mremap(b, 4 << 20, 64 << 10, 0);
	printf("shrunk %d %d\n", !fails(b), b[20000]);
	char *hole = mmap(NULL, 1 << 20, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	char *c = mremap(b, 64 << 10, 64 << 10, MREMAP_MAYMOVE | MREMAP_FIXED, hole + 8192);
	printf("moved %d %d\n", c == hole + 8192, c[20000]);
	SHOW(fails(mremap(b, 4096, 8192, 0)));

	// A file: shared and private views, truncation, holes.
	int fd = open("mapped", O_RDWR | O_CREAT | O_TRUNC, 0644);
	SHOW(ftruncate(fd, 12288));
	char *shared = mmap(NULL, 12288, RW, MAP_SHARED, fd, 0);
	char *priv = mmap(NULL, 8192, RW, MAP_PRIVATE, fd, 4096);
	strcpy(shared + 4096, "shared");
	printf("private sees %s\n", priv);
	strcpy(priv, "mine");
	printf("shared still %s\n", shared + 4096);
	char buf[16] = "";
	SHOW(pread(fd, buf, 7, 4096));
	printf("file has %s\n", buf);
	SHOW(pwrite(fd, "written", 7, 8192));
	printf("mapping has %.7s\n", shared + 8192);
	SHOW(munmap(shared, 12288));
	SHOW(fails(mmap(NULL, 4096, RW, MAP_SHARED, open("/proc/self/exe", O_RDONLY), 0)));

	// brk, by the system call: libc has its own ideas.
	char *end = (char *)syscall(SYS_brk, 0);
	char *grown = (char *)syscall(SYS_brk, end + 100000);
	printf("brk grew %ld\n", (long)(grown - end));
	memset(end, 7, 100000);
	SHOW((char *)syscall(SYS_brk, end) == end);
	SHOW((char *)syscall(SYS_brk, 4096) == end);
	grown = (char *)syscall(SYS_brk, end + 8192);
	printf("brk again %ld, page zero %d\n", (long)(grown - end), end[5000]);

	SHOW(mlock(c, 4096));
	SHOW(munlock(c, 4096));
	// Hints are honoured when the place is free.
	char *hint = mmap(NULL, 1 << 20, RW, ANON, -1, 0);
	munmap(hint, 1 << 20);
	SHOW(mmap(hint, 4096, RW, ANON, -1, 0) == hint);
	char *low = mmap(NULL, 4096, RW, ANON | MAP_32BIT, -1, 0);
	printf("low %d\n", !fails(low) && (uintptr_t)low < 1ul << 31);
	char *big = mmap(NULL, 8ul << 30, RW, ANON | MAP_NORESERVE, -1, 0);
	printf("8 GB %d\n", !fails(big));
	big[7ul << 30] = 5;
	printf("%d\n", big[7ul << 30] + big[1ul << 30]);
	SHOW(munmap(big, 8ul << 30));
	int file = memfd_create("pages", 0);
	SHOW(ftruncate(file, 3 * 4096));
	for (int i = 0; i < 3; i++) SHOW(pwrite(file, &"abc"[i], 1, i * 4096));
	char *view = mmap(NULL, 3 * 4096, RW, MAP_SHARED, file, 0);
	SHOW(remap_file_pages(view, 4096, 0, 2, 0));
	SHOW(remap_file_pages(view + 8192, 4096, 0, 1, 0));
	SHOW(remap_file_pages(view, 4096, PROT_READ, 2, 0));
	printf("%c%c%c\n", view[0], view[4096], view[8192]);
	// What the program sees of its own mappings.
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int stack = 0, heap = 0, exe = 0, foreign = 0, mine = 0;
	while (fgets(line, sizeof line, maps)) {
		unsigned long from, to;
		sscanf(line, "%lx-%lx", &from, &to);
		stack += strstr(line, "[stack]") && from <= (uintptr_t)line && (uintptr_t)line < to;
		heap += strstr(line, "[heap]") != NULL;
		exe += strstr(line, "/mappings\n") != NULL;
		mine += from <= (uintptr_t)c && (uintptr_t)c < to;
		foreign += strstr(line, "nulgrind") || strstr(line, "memcheck");
	}
	printf("maps: stack %d, heap %d, executable %d, own %d, tool %d\n", stack, heap > 0, exe > 0, mine, foreign);
	return 0;
}
