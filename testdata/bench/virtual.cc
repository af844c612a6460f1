// Virtual calls through a shuffled array of objects: indirect branches whose targets change.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

struct Op {
	virtual ~Op() = default;
	virtual uint64_t apply(uint64_t x) const = 0;
};
template <int K> struct Step : Op {
	uint64_t apply(uint64_t x) const override { return x * (K * 2 + 1) + (x >> (K + 3)); }
};

int main() {
	std::vector<std::unique_ptr<Op>> ops;
	uint32_t seed = 3;
	for (int i = 0; i < 10000; i++) {
		seed = seed * 1664525u + 1013904223u;
		switch ((seed >> 16) % 6) {
		case 0: ops.push_back(std::make_unique<Step<0>>()); break;
		case 1: ops.push_back(std::make_unique<Step<1>>()); break;
		case 2: ops.push_back(std::make_unique<Step<2>>()); break;
		case 3: ops.push_back(std::make_unique<Step<3>>()); break;
		case 4: ops.push_back(std::make_unique<Step<4>>()); break;
		default: ops.push_back(std::make_unique<Step<5>>()); break;
		}
	}
	uint64_t x = 1;
	for (int round = 0; round < 8000; round++)
		for (auto &op : ops)
			x = op->apply(x);
	std::printf("%lu\n", (unsigned long)x);
	return 0;
}
