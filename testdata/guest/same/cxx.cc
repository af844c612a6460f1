// C++: exceptions through many frames and destructors, virtual calls, RTTI, containers, streams, static and thread-local
// initialisation.
// build: g++ -O0
// build: g++ -O2
// build: g++ -O2 -static
// build: g++ -O2 -no-pie
#include <algorithm>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <stdexcept>
#include <string>
#include <typeinfo>
#include <unordered_map>
#include <vector>

static int alive, destroyed;
struct Guard {
	Guard() { alive++; }
	~Guard() { alive--; destroyed++; }
};

struct Shape {
	virtual ~Shape() = default;
	virtual double area() const = 0;
	virtual const char *name() const { return "shape"; }
};
struct Square : Shape {
	double s;
	explicit Square(double s) : s(s) {}
	double area() const override { return s * s; }
	const char *name() const override { return "square"; }
};
struct Named {
	virtual ~Named() = default;
	std::string label = "label";
};
struct Circle : Named, virtual Shape {
	double r;
	explicit Circle(double r) : r(r) {}
	double area() const override { return 3 * r * r; }
};

struct Odd : std::runtime_error {
	int n;
	explicit Odd(int n) : std::runtime_error("odd " + std::to_string(n)), n(n) {}
};

static int dig(int depth, int n) {
	Guard g;
	if (depth == 0) {
		if (n % 3 == 0)
			throw Odd(n);
		if (n % 3 == 1)
			throw n;
		return n;
	}
	try {
		return dig(depth - 1, n) + 1;
	} catch (const Odd &) {
		if (depth % 4 == 0)
			throw;
		std::throw_with_nested(std::logic_error("level " + std::to_string(depth)));
	}
}

static int unwrap(const std::exception &e) {
	try {
		std::rethrow_if_nested(e);
	} catch (const std::exception &inner) {
		return 1 + unwrap(inner);
	} catch (...) {
		return 1000;
	}
	return 0;
}

struct Early {
	std::map<std::string, int> m{{"one", 1}, {"two", 2}};
	~Early() { std::cout << "static destroyed " << m.size() << "\n"; }
};
static Early early;
thread_local Guard local;

int main() {
	long caught = 0, nested = 0;
	for (int i = 0; i < 300; i++) {
		try {
			caught += dig(i % 20, i);
		} catch (int n) {
			caught += n * 2;
		} catch (const std::exception &e) {
			caught += (long)std::string(e.what()).size();
			nested += unwrap(e);
		}
	}
	std::cout << "caught " << caught << " nested " << nested << " alive " << alive << " destroyed " << destroyed << "\n";

	std::vector<std::unique_ptr<Shape>> shapes;
	for (int i = 0; i < 1000; i++)
		if (i % 3)
			shapes.push_back(std::make_unique<Square>(i));
		else
			shapes.push_back(std::make_unique<Circle>(i));
	double sum = 0;
	int circles = 0, squares = 0;
	for (auto &s : shapes) {
		sum += s->area();
		squares += std::string(s->name()) == "square";
		if (auto *n = dynamic_cast<Named *>(s.get()))
			circles += n->label.size() == 5;
	}
	std::cout << "area " << sum << " circles " << circles << " squares " << squares << " "
		  << (typeid(*shapes[1]) == typeid(Square)) << "\n";
	try {
		Shape &sh = *shapes[1];
		(void)dynamic_cast<Circle &>(sh);
	} catch (const std::bad_cast &e) {
		std::cout << e.what() << "\n";
	}

	std::vector<int> v(5000);
	std::iota(v.begin(), v.end(), 0);
	unsigned seed = 3;
	for (size_t i = v.size(); i > 1; i--)
		std::swap(v[i - 1], v[(seed = seed * 1664525 + 1013904223) % i]);
	std::stable_sort(v.begin(), v.end(), [](int a, int b) { return a % 100 < b % 100; });
	std::map<std::string, std::vector<int>> m;
	for (int x : v)
		m[std::to_string(x % 37)].push_back(x);
	long h = 0;
	for (auto &[k, list] : m)
		h = h * 31 + (long)(k.size() + list.size()) + list.front();
	std::cout << "sorted " << v[0] << " " << v[4999] << " map " << h << "\n";
	std::function<long(long)> fib = [&](long n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); };
	std::cout << "fib " << fib(18) << "\n";
	std::istringstream in("3.25 abc 42");
	double d;
	std::string w;
	int i;
	in >> d >> w >> i;
	std::cout << d << w << i << " " << (bool)(in >> i) << "\n";
	try {
		v.at(5000) = 1;
	} catch (const std::out_of_range &) {
		std::cout << "out of range\n";
	}
	(void)&local;
	return 0;
}
