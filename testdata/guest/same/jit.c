// A small compiler of expressions, run many times over a growing code buffer: what language JITs look like from outside.
// build: gcc -O2
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static unsigned char *out;
static void b(int n, ...) {
	va_list ap;
	va_start(ap, n);
	while (n-- > 0)
		*out++ = (unsigned char)va_arg(ap, int);
	va_end(ap);
}

static uint32_t seed = 1;
static uint32_t rnd(void) { return seed = seed * 1664525u + 1013904223u; }

// Emits code that leaves the value of a random expression of x (rdi) in rax.
static void expr(int depth) {
	if (depth == 0) {
		if (rnd() >> 31)
			b(3, 0x48, 0x89, 0xf8); // mov %rdi,%rax
		else {
			uint32_t v = rnd();
			b(1, 0xb8);
			memcpy(out, &v, 4);
			out += 4;
		}
		return;
	}
	expr(depth - 1);
	b(1, 0x50); // push %rax
	expr(depth - 1);
	b(1, 0x59); // pop %rcx
	switch (rnd() >> 29) {
	case 0: b(3, 0x48, 0x01, 0xc8); break;                         // add
	case 1: b(3, 0x48, 0x29, 0xc8); break;                         // sub
	case 2: b(4, 0x48, 0x0f, 0xaf, 0xc1); break;                   // imul
	case 3: b(3, 0x48, 0x31, 0xc8); break;                         // xor
	case 4: b(7, 0x48, 0x39, 0xc8, 0x48, 0x0f, 0x4c, 0xc1); break; // cmp; cmovl
	case 5: b(3, 0x48, 0xd3, 0xc0); break;                         // rol %cl
	case 6: b(5, 0x48, 0x39, 0xc8, 0x74, 0x00); break;             // cmp; je +0
	default: b(3, 0x48, 0x21, 0xc8); break;                        // and
	}
}

int main(void) {
	size_t size = 1 << 20;
	unsigned char *base = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return 1;
	uint64_t h = 0;
	out = base;
	for (int i = 0; i < 1500; i++) {
		if (out > base + size - 8192)
			out = base; // old code is overwritten
		unsigned char *f = out;
		expr(2 + i % 4);
		b(1, 0xc3);
		for (uint64_t x = 0; x < 20; x++)
			h = h * 31 + ((uint64_t(*)(uint64_t))f)(x * 0x9e3779b97f4a7c15u);
		if (i % 100 == 0)
			printf("%d %016lx\n", i, h);
	}
	printf("%016lx\n", h);
	return 0;
}
