// Flags as results and as inputs: all conditions, carries through chains, partial updates, pushf/popf, lahf/sahf.
// build: gcc -O1 -mcx16
#include <stdint.h>
#include <stdio.h>

static uint64_t values[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
			    0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0x0123456789abcdef};
#define N (sizeof values / sizeof values[0])
#define DEFINED 0x8d5 // OF SF ZF AF PF CF
static uint64_t h = 14695981039346656037u;

static void mix(uint64_t v) { h = (h ^ v) * 1099511628211u; }

#define OP2(name, insn, mask)                                                                                         \
	static void name(uint64_t a, uint64_t b, uint64_t in) {                                                       \
		uint64_t f;                                                                                            \
		__asm__ volatile("push %3; popf; " insn "; pushf; pop %1"                                              \
				 : "+r"(a), "=&r"(f) : "c"(b), "r"(in) : "cc", "memory");                               \
		mix(a);                                                                                                \
		mix(f & (mask));                                                                                       \
	}
OP2(add_, "add %2, %0", DEFINED) OP2(adc_, "adc %2, %0", DEFINED) OP2(sub_, "sub %2, %0", DEFINED)
OP2(sbb_, "sbb %2, %0", DEFINED) OP2(cmp_, "cmp %2, %0", DEFINED) OP2(add32, "add %k2, %k0", DEFINED)
OP2(add16, "add %w2, %w0", DEFINED) OP2(add8, "add %b2, %b0", DEFINED) OP2(inc_, "inc %0", DEFINED)
OP2(dec_, "dec %0", DEFINED) OP2(neg_, "neg %0", DEFINED) OP2(and_, "and %2, %0", 0x8c5) OP2(xor_, "xor %2, %0", 0x8c5)
OP2(test_, "test %2, %0", 0x8c5) OP2(not_, "not %0", DEFINED) OP2(bt_, "bt %2, %0", 0x41) OP2(btc_, "btc %2, %0", 0x41)
OP2(shl_, "shl %%cl, %0", 0) OP2(shr32, "shr %%cl, %k0", 0) OP2(rcl_, "rcl $1, %0", 0x8d5) OP2(rcr8, "rcr $1, %b0", 0x8d5)
OP2(rol_, "rol %%cl, %0", 0xd4) OP2(ror1, "ror $1, %0", 0x8d5) OP2(imul_, "imul %2, %0", 0x801) OP2(xadd_, "xadd %2, %0", DEFINED)
OP2(bsf_, "bsf %2, %0", 0x40) OP2(popcnt_, "popcnt %2, %0", 0x8c5) OP2(shld_, "shld $5, %2, %0", 0xc5)
OP2(cmc_, "cmc", DEFINED) OP2(stc_, "stc", DEFINED) OP2(clc_, "clc", DEFINED) OP2(lea_, "lea 3(%0,%2,4), %0", DEFINED)

static void conditions(uint64_t a, uint64_t b) {
	unsigned bits = 0;
	unsigned char c;
#define CC(n, cc) __asm__ volatile("cmp %2, %1; set" cc " %0" : "=q"(c) : "r"(a), "r"(b) : "cc"); bits |= (unsigned)c << n;
	CC(0, "o") CC(1, "no") CC(2, "b") CC(3, "ae") CC(4, "e") CC(5, "ne") CC(6, "be") CC(7, "a")
	CC(8, "s") CC(9, "ns") CC(10, "p") CC(11, "np") CC(12, "l") CC(13, "ge") CC(14, "le") CC(15, "g")
	mix(bits);
	uint64_t r = 0;
	// The same by branches and by conditional moves.
#define JCC(n, cc) __asm__ volatile goto("cmp %1, %0; j" cc " %l2" : : "r"(a), "r"(b) : "cc" : l##n); r |= 1u << n; l##n:
	JCC(0, "o") JCC(2, "b") JCC(4, "e") JCC(6, "be") JCC(8, "s") JCC(10, "p") JCC(12, "l") JCC(14, "le")
	mix(r);
	uint64_t m = 1;
	__asm__("cmp %2, %1; cmovl %1, %0; cmova %2, %0" : "+r"(m) : "r"(a), "r"(b) : "cc");
	mix(m);
}

static void misc(uint64_t a, uint64_t b) {
	uint16_t ax = (uint16_t)a;
	__asm__ volatile("sahf; lahf" : "+a"(ax) : : "cc");
	mix(ax >> 8 & 0xd5);
	uint64_t n = (a & 15) + 1, s = 0;
	__asm__ volatile("1: add %2, %0; loop 1b" : "+r"(s), "+c"(n) : "r"(b) : "cc");
	mix(s);
	uint64_t skipped = 1;
	__asm__ volatile goto("mov %0, %%rcx; jrcxz %l1" : : "r"(a & 1) : "rcx" : zero);
	skipped = 0;
zero:
	mix(skipped);
	unsigned __int128 w = (unsigned __int128)a << 64 | b, old = w;
	mix((uint64_t)__sync_val_compare_and_swap(&w, old, w + 1));
	mix((uint64_t)w);
	uint64_t lo, hi;
	__asm__("mul %3" : "=a"(lo), "=d"(hi) : "0"(a), "r"(b) : "cc");
	mix(lo ^ hi);
	if (hi < b) {
		__asm__("div %4" : "=a"(lo), "=d"(hi) : "0"(lo), "1"(hi), "r"(b) : "cc");
		mix(lo ^ hi);
	}
}

int main(void) {
	void (*ops[])(uint64_t, uint64_t, uint64_t) = {
	    add_, adc_, sub_, sbb_, cmp_, add32, add16, add8, inc_, dec_, neg_, and_, xor_, test_, not_, bt_, btc_,
	    shl_, shr32, rcl_, rcr8, rol_, ror1, imul_, xadd_, bsf_, popcnt_, shld_, cmc_, stc_, clc_, lea_};
	for (unsigned o = 0; o < sizeof ops / sizeof ops[0]; o++) {
		for (unsigned i = 0; i < N; i++)
			for (unsigned j = 0; j < N; j++) {
				// bsf leaves its destination as it was when the source is 0, which manuals call undefined.
				if (ops[o] == bsf_ && values[j] == 0)
					continue;
				ops[o](values[i], values[j], 0x202);
				ops[o](values[i], values[j], 0x202 | DEFINED);
			}
		printf("op %u %016lx\n", o, h);
	}
	for (unsigned i = 0; i < N; i++)
		for (unsigned j = 0; j < N; j++) {
			conditions(values[i], values[j]);
			misc(values[i], values[j]);
		}
	printf("%016lx\n", h);
	return 0;
}
