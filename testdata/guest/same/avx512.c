// AVX-512 with masks, embedded rounding, broadcast, compress/expand, gathers and scatters, at the edge of a mapping.
// build: gcc -O1 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd
// build: gcc -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd -mprefer-vector-width=512 -static
// needs: avx512f avx512bw avx512dq avx512vl avx512cd
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static uint32_t seed = 5;
static uint32_t rnd(void) { return seed = seed * 1664525u + 1013904223u; }
static uint64_t h = 14695981039346656037u;

static void mix(__m512i v) {
	uint64_t w[8];
	memcpy(w, &v, 64);
	for (int i = 0; i < 8; i++)
		h = (h ^ w[i]) * 1099511628211u;
}
static __m512i any(void) {
	uint32_t w[16];
	for (int i = 0; i < 16; i++)
		w[i] = rnd();
	return _mm512_loadu_si512(w);
}
static __m512 floats(void) { return _mm512_div_ps(_mm512_cvtepi32_ps(any()), _mm512_set1_ps(257.0f)); }

static float sums[64];
__attribute__((noinline)) static void plain(const float *a, float *out, int n) {
	for (int i = 0; i < n; i++)
		out[i] = a[i] * 1.5f + out[n - 1 - i];
}

int main(void) {
	int *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || munmap((char *)page + 4096, 4096) != 0)
		return 1;
	for (int i = 0; i < 1024; i++)
		page[i] = (int)rnd();
	for (int i = 0; i < 2000; i++) {
		__m512i a = any(), b = any();
		__m512 f = floats(), g = floats();
		__mmask16 k = (__mmask16)rnd(), k2 = (__mmask16)(rnd() >> 3);
		__mmask64 kb = (uint64_t)rnd() << 32 | rnd();
		mix(_mm512_mask_add_epi32(a, k, a, b));
		mix(_mm512_maskz_sub_epi8(kb, a, b));
		mix(_mm512_mask_blend_epi16((__mmask32)kb, a, b));
		mix(_mm512_ternarylogic_epi64(a, b, any(), 0x96));
		mix(_mm512_permutexvar_epi16(a, b));
		mix(_mm512_permutex2var_epi32(a, b, any()));
		mix(_mm512_maskz_compress_epi32(k, a));
		mix(_mm512_mask_expand_epi32(a, k, b));
		mix(_mm512_conflict_epi32(_mm512_and_si512(a, _mm512_set1_epi32(7))));
		mix(_mm512_lzcnt_epi64(b));
		mix(_mm512_rolv_epi32(a, b));
		mix(_mm512_mullo_epi64(a, b));
		mix(_mm512_castps_si512(_mm512_add_round_ps(f, g, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)));
		mix(_mm512_castps_si512(_mm512_mask_fmadd_ps(f, k, g, f)));
		mix(_mm512_castps_si512(_mm512_getexp_ps(f)));
		mix(_mm512_castps_si512(_mm512_scalef_ps(f, _mm512_set1_ps(3))));
		mix(_mm512_castps_si512(_mm512_rcp14_ps(f)));
		mix(_mm512_castps_si512(_mm512_range_ps(f, g, 3)));
		mix(_mm512_cvttps_epu32(f));
		mix(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(a)));
		mix(_mm512_maskz_broadcastd_epi32(k, _mm512_castsi512_si128(b)));
		mix(_mm512_movm_epi8(_mm512_cmpgt_epi8_mask(a, b)));
		mix(_mm512_maskz_set1_epi32(_kxor_mask16(_kandn_mask16(k, k2), _kshiftli_mask16(k, 3)), i));
		h += _mm512_cmp_ps_mask(f, g, _CMP_UNORD_Q) + _mm512_test_epi32_mask(a, b) + _kortestz_mask16_u8(k, k2);
		h += (uint64_t)_mm512_reduce_add_epi64(a);
		// Masked-off elements lie in no mapping and must not fault, with k given and with k empty.
		mix(_mm512_maskz_loadu_epi32((__mmask16)(k & 7), page + 1021));
		_mm512_mask_storeu_epi32(page + 1021, (__mmask16)(k2 & 7), a);
		_mm512_mask_storeu_epi32(page + 1024, 0, a);
		mix(_mm512_mask_i32gather_epi32(a, k, _mm512_and_si512(b, _mm512_set1_epi32(1023)), page, 4));
		_mm512_mask_i32scatter_epi32(page, k2, _mm512_and_si512(a, _mm512_set1_epi32(511)), b, 4);
		_mm512_mask_compressstoreu_epi32(page + 1024 - __builtin_popcount(k), k, a);
		// Registers that only EVEX reaches.
		__m512i v;
		__asm__("vmovdqa64 %1, %%zmm29; vpaddq %2%{1to8%}, %%zmm29, %%zmm31; vprolq $9, %%zmm31, %0"
			: "=v"(v) : "v"(a), "m"(*(long long *)page) : "xmm29", "xmm31");
		mix(v);
		uint64_t kk;
		__asm__("kmovq %1, %%k6; knotq %%k6, %%k7; kaddq %%k6, %%k7, %%k5; kunpckdq %%k5, %%k6, %%k4; kmovq %%k4, %0"
			: "=r"(kk) : "r"(kb) : "k4", "k5", "k6", "k7");
		h ^= kk;
	}
	for (int i = 0; i < 1024; i++)
		h = h * 31 + (uint32_t)page[i];
	float in[64];
	for (int i = 0; i < 64; i++)
		in[i] = (float)i / 3;
	for (int i = 0; i < 10; i++)
		plain(in, sums, 61);
	for (int i = 0; i < 64; i++)
		h = h * 31 + (uint32_t)(sums[i] * 16);
	printf("%016lx\n", h);
	return 0;
}
