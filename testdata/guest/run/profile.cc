// What profiles are to show: functions that are inlined and not, of a template and of a class, that compute and allocate.
// build: g++ -O1 -g -Wl,--build-id
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace work {

template <class T> static inline __attribute__((always_inline)) T square(T x) {
	return x * x;
}

struct Maker {
	std::vector<int *> made;
	__attribute__((noinline)) long sum(int n);
	__attribute__((noinline)) void make(int n);
};

long Maker::sum(int n) {
	long s = 0;
	for (int i = 0; i < n; i++)
		s += square<long>(i) ^ s;
	return s;
}

static inline __attribute__((always_inline)) int *numbers(int n) {
	return new int[n];
}

void Maker::make(int n) {
	made.push_back(numbers(n));
}

} // namespace work

int main() {
	work::Maker m;
	m.made.reserve(100);
	for (int i = 0; i < 100; i++)
		m.make(1000);
	std::printf("%ld\n", m.sum(100000));
	for (int *p : m.made)
		delete[] p;
	return 0;
}
