// Does what its argument says, for tests of core options.
// build: gcc -O1 -g
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static void handler(int sig) { write(1, "handled\n", 8); }

static void *thread(void *p) {
    pause();
    return p;
}

int main(int argc, char **argv) {
    const char *what = argv[1];
    if (!strcmp(what, "signal")) {
        signal(SIGUSR1, handler);
        raise(SIGUSR1);
        kill(getpid(), SIGUSR1);
    } else if (!strcmp(what, "threads")) {
        for (int i = 0; i < 8; i++) {
            pthread_t t;
            if (pthread_create(&t, 0, thread, 0)) return 2;
            write(1, "t", 1);
        }
    } else if (!strcmp(what, "int80")) {
        long r;
        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory");
        __asm__ volatile("int $0x80" : "=a"(r) : "a"(20L) : "memory");
        printf("%d\n", (int)r);
    } else if (!strcmp(what, "spin")) {
        struct timespec ts;
        do
            for (volatile int i = 0; i < 1000000; i++) {}
        while (!clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts) && ts.tv_sec < 2);
    } else if (!strcmp(what, "work")) { // as much work on any machine, nearly all of it in main
        for (volatile int i = 0; i < 20000000; i++) {}
    } else if (!strcmp(what, "maps")) {
        unsigned long start = 0;
        FILE *f = fopen("/proc/self/maps", "r");
        fscanf(f, "%lx", &start);
        void *low = mmap((void *)0x20000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        printf("%s %s\n", start >= 0x10000000 ? "above" : "below", low == MAP_FAILED ? "refused" : "mapped");
    } else if (!strcmp(what, "ioctl")) {
        // _IOW of a type that nobody has, with an argument in freed memory.
        void *p = malloc(64);
        free(p);
        ioctl(1, 0x4040ff01, p);
    }
    return 0;
}
