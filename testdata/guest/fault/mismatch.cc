// Blocks from one family of functions given back to another.
// build: g++ -g -O0
// build: g++ -g -O2
#include <cstdlib>

struct Thing {
	int value = 3;
	virtual ~Thing() { value = 0; }
};

static __attribute__((noinline)) void give_back(int *volatile p) {
#ifdef CLEAN
	delete p;
#else
	free(p);
#endif
}

static __attribute__((noinline)) void array(char *volatile p) {
#ifdef CLEAN
	delete[] p;
#else
	delete p;
#endif
}

static __attribute__((noinline)) void object(void *volatile p) {
#ifdef CLEAN
	free(p);
#else
	delete static_cast<int *>(p);
#endif
}

static __attribute__((noinline)) void single(Thing *volatile p) {
#ifdef CLEAN
	delete p;
#else
	p->~Thing();
	::operator delete[](p);
#endif
}

int main() {
	give_back(new int(4));
	array(new char[30]);
	object(malloc(64));
	single(new Thing);
	return 0;
}
