// Loading code at run time, symbols by name, backtraces through the program's own frames, exit handlers, IFUNCs.
// build: gcc -O0 -rdynamic -ldl
// build: gcc -O2 -rdynamic -fno-optimize-sibling-calls -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void names(void) {
	void *pc[10];
	int n = backtrace(pc, 10);
	char **text = backtrace_symbols(pc, n);
	for (int i = 0; i < n && i < 4; i++) {
		char *open = strchr(text[i], '('), *plus = open ? strchr(open, '+') : NULL;
		printf("frame %.*s\n", plus ? (int)(plus - open - 1) : 0, plus ? open + 1 : "");
	}
	free(text);
}
__attribute__((noinline)) void inner(void) { names(); }
__attribute__((noinline)) void outer(void) { inner(); puts("back"); }

static int impl1(int x) { return x + 1; }
static int (*resolve(void))(int) { return impl1; }
int indirect(int) __attribute__((ifunc("resolve")));

__attribute__((constructor)) static void early(void) { puts("constructor"); }
__attribute__((destructor)) static void late(void) { puts("destructor"); }
static void bye(void) { puts("atexit"); }

int main(void) {
	atexit(bye);
	outer();
	for (int i = 0; i < 20; i++) {
		void *m = dlopen("libm.so.6", RTLD_NOW);
		double (*cosine)(double) = (double (*)(double))dlsym(m, "cos");
		if (i == 0)
			printf("cos %a\n", cosine(0.5));
		dlclose(m);
	}
	printf("missing %d\n", dlopen("libnothing.so", RTLD_NOW) == NULL);
	Dl_info info;
	int known = dladdr((void *)outer, &info) != 0;
	printf("address %d %s\n", known, info.dli_sname);
	printf("ifunc %d\n", indirect(4));
	printf("self %d\n", dlsym(RTLD_DEFAULT, "outer") == (void *)outer);
	return 0;
}
