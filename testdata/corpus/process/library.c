// A library loaded with dlopen: a block allocated there, a fault there, and lost with it.
// case: fault -DFAULT
// case: lost -DLOST
// shared: yes
// flags: -ldl
#ifdef LIBRARY
#undef THREADS
#endif
#include "../corpus.h"
#include <dlfcn.h>

#ifdef LIBRARY
static __thread char *kept;

void work(int n)
{
	kept = calloc(1, 19);
	HIDE(kept);
	kept[n] = 1;
}

void done(void) { free(kept); }
#else
int main(void)
{
	char name[300];
	ssize_t n = readlink("/proc/self/exe", name, 290);
	strcpy(name + n, ".so");
	void *library = dlopen(name, RTLD_NOW);
	void (*work)(int) = (void (*)(int))dlsym(library, "work");
	void (*done)(void) = (void (*)(void))dlsym(library, "done");
#ifdef FAULT
	work(PICK(19, 18));
	done();
#else
	work(3);
	PICK((void)0, done());
#endif
	dlclose(library);
	return 0;
}
#endif
