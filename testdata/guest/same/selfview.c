// What a program can learn about itself: arguments, environment, auxiliary vector, /proc/self, its name, its times.
// build: gcc -O1
// build: gcc -O1 -no-pie
// build: gcc -O1 -static
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

extern char **environ, _start[], etext[];

static const char *base(const char *p) { return strrchr(p, '/') ? strrchr(p, '/') + 1 : p; }

static int object(struct dl_phdr_info *info, size_t size, void *data) {
	if (!strstr(info->dlpi_name, "vdso")) // the tools give programs none (package loader)
		printf("object %s, %d\n", base(info->dlpi_name), info->dlpi_phnum > 0);
	return 0;
}

int main(int argc, char **argv) {
	printf("%d:", argc);
	for (int i = 0; i < argc; i++)
		printf(" <%s>", base(argv[i]));
	puts("");
	int n = 0;
	for (char **e = environ; *e; e++, n++)
		if (strncmp(*e, "HOME=", 5) != 0)
			puts(*e);
	printf("%d variables\n", n);
	printf("entry %d, phdr %d, phnum %ld, page %ld, uid %ld, secure %ld, clktck %ld\n", getauxval(AT_ENTRY) == (uintptr_t)_start,
	       getauxval(AT_PHDR) != 0, getauxval(AT_PHNUM), getauxval(AT_PAGESZ), getauxval(AT_UID), getauxval(AT_SECURE),
	       getauxval(AT_CLKTCK));
	printf("platform %s, execfn %s, random %d\n", (char *)getauxval(AT_PLATFORM), base((char *)getauxval(AT_EXECFN)),
	       getauxval(AT_RANDOM) != 0);
	ElfW(Phdr) *ph = (void *)getauxval(AT_PHDR);
	for (unsigned long i = 0; i < getauxval(AT_PHNUM); i++)
		printf("segment %x %x %ld\n", ph[i].p_type, ph[i].p_flags, (long)ph[i].p_memsz);
	char buf[4096];
	ssize_t len = readlink("/proc/self/exe", buf, sizeof buf - 1);
	buf[len > 0 ? len : 0] = 0;
	printf("exe %s\n", base(buf));
	snprintf(buf, sizeof buf, "/proc/%d/exe", getpid());
	len = readlink(buf, buf, sizeof buf - 1);
	buf[len > 0 ? len : 0] = 0;
	printf("exe %s\n", base(buf));
	int fd = open("/proc/self/exe", O_RDONLY);
	len = read(fd, buf, 64);
	printf("type %d, same %d\n", ((ElfW(Ehdr) *)buf)->e_type, ((ElfW(Ehdr) *)buf)->e_phnum == getauxval(AT_PHNUM));
	fd = open("/proc/self/cmdline", O_RDONLY);
	len = read(fd, buf, sizeof buf);
	printf("cmdline %d:", (int)(len - (base(buf) - buf)));
	for (ssize_t i = base(buf) - buf; i < len; i++)
		putchar(buf[i] ? buf[i] : '|');
	puts("");
	prctl(PR_GET_NAME, buf);
	printf("comm %s\n", buf);
	fd = open("/proc/self/auxv", O_RDONLY);
	len = read(fd, buf, sizeof buf);
	ElfW(auxv_t) *av = (void *)buf;
	int entry = 0;
	for (; av->a_type != AT_NULL; av++)
		entry += av->a_type == AT_ENTRY && av->a_un.a_val == (uintptr_t)_start;
	printf("auxv entry %d\n", entry);
	printf("name %s\n", program_invocation_short_name);
	dl_iterate_phdr(object, NULL);
	printf("ids %d %d %d\n", getpid() == syscall(SYS_gettid), getppid() > 0, getpgrp() > 0);
	struct timespec a, b;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 1000; i++)
		clock_gettime(CLOCK_MONOTONIC, &b);
	printf("time goes on %d\n", b.tv_sec > a.tv_sec || b.tv_nsec > a.tv_nsec);
	struct timeval tv;
	time_t before = time(NULL);
	gettimeofday(&tv, NULL);
	printf("clocks agree %d\n", before <= tv.tv_sec && tv.tv_sec <= time(NULL) + 1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	printf("cpu %d, node %d\n", sched_getcpu() >= 0, a.tv_sec >= 0);
	struct rlimit rl;
	for (int i = 0; i < 16; i++) {
		getrlimit(i, &rl);
		printf("limit %d %ld %ld\n", i, (long)rl.rlim_cur, (long)rl.rlim_max);
	}
	printf("descriptors:");
	for (int i = 0; i < 1024; i++)
		if (fcntl(i, F_GETFD) != -1 || errno != EBADF)
			printf(" %d", i);
	puts("");
	return 0;
}
