// C++: a reference kept across a growing vector, an object used after its unique_ptr is gone, in nested and inlined code.
// build: g++ -g -O0
// build: g++ -g -O1
// build: g++ -g -O1 -static-libstdc++
#include <memory>
#include <string>
#include <vector>

namespace shop {
struct Item {
	std::string name;
	long price;
	explicit Item(long p) : name("a name that is too long for the short form"), price(p) {}
};

class Cart {
public:
	__attribute__((noinline)) void add(long price) { items.push_back(std::make_unique<Item>(price)); }
	__attribute__((noinline)) Item *at(size_t i) const { return items[i].get(); }
	__attribute__((noinline)) void clear() { items.clear(); }

private:
	std::vector<std::unique_ptr<Item>> items;
};

template <typename T> __attribute__((noinline)) long price_of(volatile T *item) { return item->price; }
} // namespace shop

static __attribute__((noinline)) long stale(std::vector<long> &v) {
	volatile long *first = &v[0];
	v.reserve(v.capacity() + 100);
#ifdef CLEAN
	first = &v[0];
#endif
	return *first;
}

int main() {
	shop::Cart cart;
	cart.add(5);
	shop::Item *item = cart.at(0);
#ifdef CLEAN
	long s = shop::price_of(item);
	cart.clear();
#else
	cart.clear();
	long s = shop::price_of(item);
#endif
	std::vector<long> v{1, 2, 3};
	s += stale(v);
	return s == 6 ? 0 : 1;
}
