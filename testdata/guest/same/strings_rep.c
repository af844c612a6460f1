// String instructions with every element size, both directions, zero counts, and overlapping operands.
// build: gcc -O1
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static unsigned char buf[4096];

static unsigned hash(void) {
	unsigned h = 2166136261u;
	for (size_t i = 0; i < sizeof buf; i++)
		h = (h ^ buf[i]) * 16777619u;
	return h;
}

static void fill(void) {
	for (size_t i = 0; i < sizeof buf; i++)
		buf[i] = (unsigned char)(i * 7 + (i >> 5));
}

#define MOVS(suffix, back)                                                                                            \
	static void movs##suffix##back(void *d, const void *s, uint64_t n) {                                          \
		__asm__ volatile(#back "; rep movs" #suffix "; cld" : "+D"(d), "+S"(s), "+c"(n) : : "memory", "cc");      \
		printf("movs" #suffix " " #back ": %ld %ld %lu %08x\n", (long)((unsigned char *)d - buf),              \
		       (long)((const unsigned char *)s - buf), n, hash());                                             \
	}
MOVS(b, cld) MOVS(w, cld) MOVS(l, cld) MOVS(q, cld) MOVS(b, std) MOVS(w, std) MOVS(l, std) MOVS(q, std)

#define STOS(suffix)                                                                                                  \
	static void stos##suffix(void *d, uint64_t v, uint64_t n) {                                                   \
		__asm__ volatile("rep stos" #suffix : "+D"(d), "+c"(n) : "a"(v) : "memory");                           \
		printf("stos" #suffix ": %ld %lu %08x\n", (long)((unsigned char *)d - buf), n, hash());                \
	}
STOS(b) STOS(w) STOS(l) STOS(q)

#define SCAN(name, insn)                                                                                              \
	static void name(const void *d, uint64_t v, uint64_t n) {                                                     \
		unsigned char z;                                                                                       \
		__asm__ volatile(insn "; setz %0" : "=r"(z), "+D"(d), "+c"(n) : "a"(v) : "memory", "cc");               \
		printf(#name ": %ld %lu %d\n", (long)((const unsigned char *)d - buf), n, z);                          \
	}
SCAN(repne_scasb, "repne scasb") SCAN(repe_scasb, "repe scasb") SCAN(repne_scasw, "repne scasw")
SCAN(repne_scasl, "repne scasl") SCAN(repne_scasq, "repne scasq")

static void cmps(const void *d, const void *s, uint64_t n) {
	unsigned char z, c;
	__asm__ volatile("repe cmpsb; setz %0; setc %1" : "=r"(z), "=r"(c), "+D"(d), "+S"(s), "+c"(n) : : "memory", "cc");
	printf("cmpsb: %ld %lu %d %d\n", (long)((const unsigned char *)d - buf), n, z, z ? 0 : c);
}

int main(void) {
	fill();
	movsbcld(buf + 100, buf, 1000);
	movswcld(buf + 101, buf + 3, 500);
	movslcld(buf + 7, buf + 2000, 300);
	movsqcld(buf + 8, buf, 200); // overlapping: repeats a pattern
	movsbstd(buf + 3000, buf + 2995, 900);
	movswstd(buf + 3000, buf + 1000, 0);
	movslstd(buf + 3000, buf + 2000, 400);
	movsqstd(buf + 2048, buf + 2040, 100);
	stosb(buf + 1, 0x5a, 77);
	stosw(buf + 200, 0xbeef, 33);
	stosl(buf + 401, 0xdeadbeef, 21);
	stosq(buf + 1000, 0x0123456789abcdef, 100);
	stosb(buf, 1, 0);
	fill();
	repne_scasb(buf, buf[999], 2000);
	repne_scasb(buf, 0, 0);
	repe_scasb(buf + 10, buf[10], 100);
	repne_scasw(buf, 0x7777, 300);
	repne_scasl(buf, *(uint32_t *)(buf + 40), 300);
	repne_scasq(buf, *(uint64_t *)(buf + 80), 300);
	memcpy(buf + 2048, buf, 1024);
	buf[2500]++;
	cmps(buf, buf + 2048, 1024);
	cmps(buf, buf + 2048, 100);
	cmps(buf + 9, buf, 1);
	uint64_t sum = 0, v;
	const void *p = buf;
	for (int i = 0; i < 64; i++) {
		__asm__ volatile("lodsq" : "=a"(v), "+S"(p) : : "memory");
		sum = sum * 3 + v;
	}
	printf("lodsq %016lx\n", sum);
	return 0;
}
