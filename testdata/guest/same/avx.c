// AVX, AVX2, FMA, F16C and BMI with every bit of the results; gathers and masked accesses at the edge of a mapping.
// build: gcc -O1 -mavx2 -mfma -mf16c -mbmi -mbmi2 -madx -mlzcnt
// build: gcc -O3 -mavx2 -mfma -mf16c -mbmi -mbmi2 -madx -mlzcnt -static
// needs: avx2 fma f16c bmi1 bmi2 adx
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static uint32_t seed = 99;
static uint32_t rnd(void) { return seed = seed * 1664525u + 1013904223u; }
static uint64_t h = 14695981039346656037u;

static void mix(__m256i v) {
	uint64_t w[4];
	memcpy(w, &v, 32);
	for (int i = 0; i < 4; i++)
		h = (h ^ w[i]) * 1099511628211u;
}
static void mixf(__m256 v) { mix(_mm256_castps_si256(v)); }
static void mixd(__m256d v) { mix(_mm256_castpd_si256(v)); }
static __m256i any(void) {
	return _mm256_set_epi32((int)rnd(), (int)rnd(), (int)rnd(), (int)rnd(), (int)rnd(), (int)rnd(), (int)rnd(), (int)rnd());
}
static __m256 floats(void) { return _mm256_div_ps(_mm256_cvtepi32_ps(any()), _mm256_set1_ps(4099.0f)); }
static __m256d doubles(void) { return _mm256_cvtps_pd(_mm256_castps256_ps128(floats())); }

int main(void) {
	int *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || munmap((char *)page + 4096, 4096) != 0)
		return 1;
	for (int i = 0; i < 1024; i++)
		page[i] = (int)rnd();
	for (int i = 0; i < 2000; i++) {
		__m256i a = any(), b = any();
		__m256 f = floats(), g = floats();
		__m256d d = doubles(), e = doubles();
		mix(_mm256_add_epi64(a, b));
		mix(_mm256_mullo_epi32(a, b));
		mix(_mm256_sllv_epi32(a, _mm256_srli_epi32(b, 27)));
		mix(_mm256_shuffle_epi8(a, b));
		mix(_mm256_permutevar8x32_epi32(a, b));
		mix(_mm256_permute2x128_si256(a, b, 0x31));
		mix(_mm256_packs_epi32(a, b));
		mix(_mm256_cmpgt_epi64(a, b));
		mix(_mm256_cvtepi16_epi32(_mm256_extracti128_si256(a, 1)));
		mixf(_mm256_fmadd_ps(f, g, f));
		mixf(_mm256_fnmsub_ps(g, f, g));
		mixf(_mm256_rsqrt_ps(f));
		mixf(_mm256_cvtph_ps(_mm256_cvtps_ph(f, 0)));
		mixf(_mm256_blendv_ps(f, g, _mm256_castsi256_ps(a)));
		mixf(_mm256_cmp_ps(f, g, _CMP_NGE_UQ));
		mixd(_mm256_fmaddsub_pd(d, e, d));
		mixd(_mm256_sqrt_pd(d));
		mixd(_mm256_hadd_pd(d, e));
		mixd(_mm256_permute4x64_pd(d, 0x1b));
		mixd(_mm256_round_pd(d, 2));
		// Gathers, whose masks are consumed.
		mix(_mm256_i32gather_epi32(page, _mm256_and_si256(a, _mm256_set1_epi32(1023)), 4));
		mix(_mm256_mask_i32gather_epi32(b, page, _mm256_set1_epi32(1023 - i % 512), a, 4));
		// Masked-off elements lie in no mapping and must not fault.
		__m256i mask = _mm256_set_epi32(0, 0, 0, 0, 0, -1, -1, -1);
		mix(_mm256_maskload_epi32(page + 1021, mask));
		_mm256_maskstore_epi32(page + 1021, mask, a);
		// Upper halves are zeroed by VEX.128 instructions and by vzeroupper, kept by legacy SSE.
		__m256i v = a;
		__asm__("vpaddd %%xmm1, %%xmm0, %%xmm0" : "+Yz"(v) : "x"(b) : "xmm1");
		mix(v);
		__asm__("vmovdqa %1, %%ymm3; paddb %%xmm3, %%xmm3; vmovdqa %%ymm3, %0" : "=x"(v) : "x"(b) : "xmm3");
		mix(v);
		__asm__("vmovdqa %1, %%ymm4; vzeroupper; vmovdqa %%ymm4, %0" : "=m"(v) : "m"(b) : "memory", "xmm0", "xmm1", "xmm2",
			"xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
		mix(v);
		uint64_t x = h | 1, y = rnd();
		h += _pdep_u64(x, y) ^ _pext_u64(y, x) ^ _bzhi_u64(x, (unsigned)y & 63) ^ _andn_u64(x, y) ^ _blsr_u64(y) ^ _blsi_u64(x);
		h += _lzcnt_u64(y) * 3 + _tzcnt_u64(x) + _bextr_u64(x, 5, 17) + __builtin_popcountll(y);
		unsigned long long hi, lo = _mulx_u64(x, y, &hi), s;
		unsigned char c = _addcarryx_u64(i & 1, lo, hi, &s);
		h ^= s + c + __builtin_bswap64(lo);
		__asm__("rorx $13, %1, %0; shlx %0, %1, %1; sarx %0, %1, %0" : "=r"(s), "+r"(x));
		h ^= s ^ x;
	}
	printf("%016lx\n", h);
	return 0;
}
