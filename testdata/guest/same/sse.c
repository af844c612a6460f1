// SSE to SSE4.2, AES, PCLMUL and SHA with every bit of the results.
// build: gcc -O1 -msse4.2 -mpclmul -maes
// build: gcc -O2 -msse4.2 -mpclmul -maes -static
// needs: sse4_2 pclmulqdq aes
#include <immintrin.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t seed = 7;
static uint32_t rnd(void) { return seed = seed * 1664525u + 1013904223u; }
static uint64_t h = 14695981039346656037u;

static void mix(__m128i v) {
	uint64_t w[2];
	memcpy(w, &v, 16);
	h = ((h ^ w[0]) * 1099511628211u ^ w[1]) * 1099511628211u;
}
static __m128i any(void) { return _mm_set_epi32((int)rnd(), (int)rnd(), (int)rnd(), (int)rnd()); }
// Finite numbers of moderate size, so that results are not all NaN.
static __m128 floats(void) {
	return _mm_set_ps((float)(int)rnd() / 1e6f, (float)(int)rnd() / 1e3f, (float)(int)rnd(), 1.0f / (float)(rnd() >> 8 | 1));
}
static __m128d doubles(void) { return _mm_set_pd((double)(int)rnd() / 1e6, 1.0 / ((double)rnd() + 1)); }

#define I(op) mix(op(a, b));
#define F(op) mix(_mm_castps_si128(op(f, g)));
#define D(op) mix(_mm_castpd_si128(op(d, e)));

int main(void) {
	for (int i = 0; i < 2000; i++) {
		__m128i a = any(), b = any();
		__m128 f = floats(), g = floats();
		__m128d d = doubles(), e = doubles();
		I(_mm_add_epi8) I(_mm_adds_epu16) I(_mm_sub_epi64) I(_mm_subs_epi8) I(_mm_mullo_epi16) I(_mm_mulhi_epu16)
		I(_mm_mul_epu32) I(_mm_madd_epi16) I(_mm_maddubs_epi16) I(_mm_sad_epu8) I(_mm_avg_epu8) I(_mm_min_epi16)
		I(_mm_max_epu32) I(_mm_cmpeq_epi8) I(_mm_cmpgt_epi32) I(_mm_cmpgt_epi64) I(_mm_and_si128) I(_mm_andnot_si128)
		I(_mm_shuffle_epi8) I(_mm_packs_epi32) I(_mm_packus_epi16) I(_mm_unpacklo_epi8) I(_mm_unpackhi_epi64)
		I(_mm_hadd_epi16) I(_mm_sign_epi8) I(_mm_mullo_epi32) I(_mm_sll_epi32)
		F(_mm_add_ps) F(_mm_mul_ps) F(_mm_div_ps) F(_mm_min_ps) F(_mm_max_ss) F(_mm_cmplt_ps) F(_mm_hadd_ps) F(_mm_addsub_ps)
		F(_mm_unpacklo_ps) F(_mm_movehl_ps)
		D(_mm_add_pd) D(_mm_mul_pd) D(_mm_div_sd) D(_mm_sub_pd) D(_mm_cmpnle_pd) D(_mm_hsub_pd) D(_mm_unpackhi_pd)
		mix(_mm_castps_si128(_mm_sqrt_ps(f)));
		mix(_mm_castps_si128(_mm_rcp_ps(f)));
		mix(_mm_castps_si128(_mm_rsqrt_ss(g)));
		mix(_mm_cvttps_epi32(f));
		mix(_mm_cvtpd_epi32(d));
		mix(_mm_castpd_si128(_mm_cvtps_pd(g)));
		mix(_mm_castpd_si128(_mm_round_pd(d, 1)));
		mix(_mm_castps_si128(_mm_dp_ps(f, g, 0x73)));
		mix(_mm_castps_si128(_mm_blendv_ps(f, g, _mm_castsi128_ps(a))));
		mix(_mm_blendv_epi8(a, b, _mm_castps_si128(f)));
		mix(_mm_alignr_epi8(a, b, 5));
		mix(_mm_shuffle_epi32(a, 0x4e));
		mix(_mm_srai_epi16(b, 3));
		mix(_mm_slli_si128(a, 7));
		mix(_mm_minpos_epu16(a));
		mix(_mm_mpsadbw_epu8(a, b, 5));
		mix(_mm_insert_epi16(a, i, 3));
		mix(_mm_cvtepu8_epi32(a));
		mix(_mm_cmpestrm(a, 7, b, 9, _SIDD_CMP_EQUAL_ANY));
		h += (uint64_t)_mm_cmpistri(a, b, _SIDD_CMP_EQUAL_ORDERED | _SIDD_UWORD_OPS);
		h += (uint64_t)_mm_movemask_epi8(a) + (uint64_t)_mm_movemask_ps(f) + (uint64_t)_mm_testz_si128(a, b);
		h += (uint64_t)_mm_crc32_u64(h, rnd()) + (uint64_t)_mm_extract_epi8(a, 11) + (uint64_t)_mm_comilt_sd(d, e);
		mix(_mm_clmulepi64_si128(a, b, 0x10));
		mix(_mm_aesenc_si128(a, b));
		mix(_mm_aesdeclast_si128(a, b));
		mix(_mm_aeskeygenassist_si128(a, 0x1b));
		mix(_mm_aesimc_si128(b));
		// MMX, and back to x87 by emms.
		__m64 m = _mm_add_pi16(_mm_set_pi32((int)rnd(), (int)rnd()), _mm_set1_pi8((char)i));
		m = _mm_maddubs_pi16(m, _mm_shuffle_pi8(m, _mm_set1_pi8(3)));
		h ^= (uint64_t)_mm_cvtm64_si64(m);
		_mm_empty();
		unsigned char out[32] __attribute__((aligned(16))) = {0};
		_mm_maskmoveu_si128(a, b, (char *)out);
		_mm_storeu_si128((__m128i *)(out + 13), a);
		_mm_stream_si128((__m128i *)out, _mm_lddqu_si128((__m128i *)(out + 9)));
		mix(_mm_load_si128((__m128i *)out));
		mix(_mm_loadu_si128((__m128i *)(out + 16)));
	}
	printf("%016lx\n", h);
	return 0;
}
