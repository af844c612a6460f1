// A call into a library that was unloaded.
// levels: -O2
// shared: yes
// flags: -ldl
#include "../corpus.h"
#include <dlfcn.h>

#ifdef LIBRARY
void work(void) { SEEN(); }
#else
int main(void)
{
	char name[300];
	ssize_t n = readlink("/proc/self/exe", name, 290);
	strcpy(name + n, ".so");
	void *library = dlopen(name, RTLD_NOW);
	void (*work)(void) = (void (*)(void))dlsym(library, "work");
	PICK(dlclose(library), 0);
	HIDE(work);
	work();
	PICK(0, dlclose(library));
	return 0;
}
#endif
