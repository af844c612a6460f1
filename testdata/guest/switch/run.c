// Runs generated pieces of code from registers and memory with given values and V bits, and writes the values and V bits that
// they leave (internal/e2e/switch_test.go has the layout of the file and of the areas).
// build: gcc -g -O1 -mno-avx
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <valgrind/memcheck.h>

enum { CODE = 0x30000000, IN = 0x31000000, OUT = 0x31010000, AREA = 4096, PATTERNS = 3 };

struct pattern {
	unsigned char value[AREA], undefined[AREA];
};

struct head {
	uint64_t cases, rounds;
	unsigned char order[48]; // pattern of each round
};

struct entry {
	uint64_t code, patterns; // offsets in the file
};

static sigjmp_buf back;
static volatile sig_atomic_t running;

static void fault(int sig) {
	if (!running)
		_exit(3);
	siglongjmp(back, sig);
}

static void alarmed(int sig) { (void)sig; }

static void put(const void *p, size_t n) {
	for (const char *c = p; n > 0;) {
		ssize_t k = write(1, c, n);
		if (k <= 0)
			_exit(4);
		c += k;
		n -= k;
	}
}

static void call(uintptr_t code) {
	__asm__ volatile("call *%0"
	                 : "+a"(code)
	                 :
	                 : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
	                   "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

static unsigned char result[2][2][AREA]; // values and V bits, of in and out

int main(int argc, char **argv) {
	int fd = open(argv[1], O_RDONLY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0)
		return 2;
	const int fixed = MAP_PRIVATE | MAP_FIXED;
	char *file = mmap((void *)CODE, st.st_size, PROT_READ | PROT_EXEC, fixed, fd, 0);
	unsigned char *area[2];
	area[0] = mmap((void *)IN, AREA, PROT_READ | PROT_WRITE, fixed | MAP_ANONYMOUS, -1, 0);
	area[1] = mmap((void *)OUT, AREA, PROT_READ | PROT_WRITE, fixed | MAP_ANONYMOUS, -1, 0);
	if (file != (char *)CODE || area[0] == MAP_FAILED || area[1] == MAP_FAILED)
		return 2;
	struct sigaction act = {.sa_handler = fault, .sa_flags = SA_NODEFER};
	sigaction(SIGILL, &act, 0);
	sigaction(SIGSEGV, &act, 0);
	sigaction(SIGBUS, &act, 0);
	sigaction(SIGFPE, &act, 0);
	sigaction(SIGTRAP, &act, 0);
	if (argc > 2) { // signals all the time, in microseconds
		act.sa_handler = alarmed;
		act.sa_flags = SA_RESTART;
		sigaction(SIGALRM, &act, 0);
		struct itimerval every = {{0, atoi(argv[2])}, {0, atoi(argv[2])}};
		setitimer(ITIMER_REAL, &every, 0);
	}
	const struct head *h = (void *)file;
	const struct entry *e = (void *)(h + 1);
	for (uint64_t i = 0; i < h->cases; i++) {
		const struct pattern *p = (void *)(file + e[i].patterns);
		for (uint64_t n = 0; n < h->rounds; n++) {
			const struct pattern *q = &p[h->order[n]];
			memcpy(area[0], q->value, AREA);
			memset(area[1], 0, AREA);
			(void)VALGRIND_SET_VBITS(area[0], q->undefined, AREA);
			uint64_t sig = sigsetjmp(back, 1);
			if (sig == 0) {
				running = 1;
				call(CODE + e[i].code);
			}
			running = 0;
			for (int k = 0; k < 2; k++) {
				memset(result[1][k], 0, AREA);
				(void)VALGRIND_GET_VBITS(area[k], result[1][k], AREA);
				(void)VALGRIND_MAKE_MEM_DEFINED(area[k], AREA);
				memcpy(result[0][k], area[k], AREA);
			}
			put(&sig, sizeof sig);
			put(result, sizeof result);
		}
	}
	return 0;
}
