// A library that is loaded, loses a block and is unloaded, twice, at the same place: one loss of two blocks.
// shared: yes
// flags: -ldl
#ifdef LIBRARY
#undef THREADS
#endif
#include "../corpus.h"
#include <dlfcn.h>

#ifdef LIBRARY
void *work(int n)
{
	char *p = calloc(1, n);
	HIDE(p);
	return p;
}
#else
int main(void)
{
	char name[300];
	ssize_t n = readlink("/proc/self/exe", name, 290);
	strcpy(name + n, ".so");
	for (int i = 0; i < 2; i++) {
		void *library = dlopen(name, RTLD_NOW);
		void *(*work)(int) = (void *(*)(int))dlsym(library, "work");
		void *p = work(PICK(19 + i, 19));
		HIDE(p);
#ifdef TWIN
		free(p);
#endif
		p = NULL;
		dlclose(library);
	}
	return 0;
}
#endif
