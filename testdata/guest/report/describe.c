// build: gcc -g -O0 -pthread
// Frees of what is no block: each is described by what debug information, symbols and mappings know of the address.
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct part { char b[8]; short c[4]; };
struct whole { int a; struct part in[3]; union { int i; char bytes[8]; } u; int grid[2][3]; char *p; };

char letters[16] = {1};
static int numbers[4];
struct whole global;
static pthread_barrier_t both;

__attribute__((noinline)) static void locals(int n)
{
	char table[3][5];
	int row[10];
	struct whole mine;
	free(&row[n]);
	free(&mine.in[1].c[2]);
	free(&mine.u.bytes[5]);
	free(&mine.grid[1][1]);
	free(table[1]);
	free((char *)&n + 1);
	{
		int block[3];
		free(&block[2]);
	}
}

// in_call comes back when the main thread has waited in the kernel for so long that it must be where it stays.
static void in_call(void)
{
	for (int seen = 0; seen < 30; usleep(10000)) {
		char stat[512] = "", *end;
		int fd = open("/proc/self/stat", O_RDONLY);
		if (fd < 0 || read(fd, stat, sizeof stat - 1) < 0 || !(end = strrchr(stat, ')')))
			return;
		close(fd);
		seen = end[2] == 'S' ? seen + 1 : 0;
	}
}

static void *thread(void *of_main)
{
	int own;
	pthread_setname_np(pthread_self(), "worker <1>");
	pthread_barrier_wait(&both);
	in_call(); // main waits by now
	free(&own);
	free(of_main);
	return 0;
}

int main(void)
{
	int waiting[6];
	pthread_t t;
	locals(3);
	free(&letters[3]);
	free(&numbers[2]);
	free(&global.in[2].c[1]);
	free((void *)main);
	char *map = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	free(map + 16);
	free(mmap(0, 8192, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	free((void *)16);
	pthread_barrier_init(&both, 0, 2);
	pthread_create(&t, 0, thread, &waiting[5]);
	pthread_barrier_wait(&both);
	pthread_join(t, 0);
	return 0;
}
