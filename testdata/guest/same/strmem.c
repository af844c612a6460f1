// String and memory functions against plain loops, at all alignments, near pages that cannot be accessed.
// build: gcc -g -O1 -fno-builtin -fno-tree-loop-distribute-patterns
// build: gcc -g -O1 -fno-builtin -fno-tree-loop-distribute-patterns -static
// build: musl-gcc -g -O1 -fno-builtin -fno-tree-loop-distribute-patterns
#define _GNU_SOURCE
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>
#include <sys/mman.h>

#define N 300

static char *room(void) { // N bytes in front of a page without access
	char *p = mmap(0, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(p + 8192, 4096, PROT_NONE);
	return p + 8192 - N;
}

static unsigned rnd(void) {
	static unsigned s = 12345;
	return (s = s * 1103515245 + 12345) >> 8;
}

static int bad;
static void want(const char *fn, long got, long expect) {
	if (got != expect && bad++ < 20)
		printf("%s: %ld, not %ld\n", fn, got, expect);
}

static long sgn(long x) { return (x > 0) - (x < 0); }
static long off(const void *p, const void *base) { return p ? (const char *)p - (const char *)base : -1; }

static size_t len(const char *s) { size_t n = 0; while (s[n]) n++; return n; }
static long find(const char *s, size_t n, int c, int zero) {
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] == (unsigned char)c) return i;
		if (zero && !s[i]) return -1;
	}
	return -1;
}
static long last(const char *s, size_t n, int c) {
	long r = -1;
	for (size_t i = 0; i < n; i++) if ((unsigned char)s[i] == (unsigned char)c) r = i;
	return r;
}
static long compare(const unsigned char *a, const unsigned char *b, size_t n, int zero) {
	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
		if (zero && !a[i]) return 0;
	}
	return 0;
}

// lower is tolower of the locale that a program begins with.
static int lower(int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

// alike compares n characters at most without regard to case.
static int alike(const unsigned char *s, const unsigned char *t, size_t n) {
	for (; n && lower(*s) == lower(*t) && *s; s++, t++) n--;
	return n ? (lower(*s) > lower(*t)) - (lower(*s) < lower(*t)) : 0;
}

// folding asks the functions to which upper and lower case are the same. Strings end where a and b end.
static void folding(char *a, char *b) {
	static locale_t volatile none;
	locale_t l = newlocale(LC_ALL_MASK, "C", none);
	for (int round = 0; round < 2000; round++) {
		size_t n = rnd() % (round & 1 ? 40 : N), m = rnd() % (n + 2);
		char *s = a + N - n - 1, *t = b + N - n - 1;
		for (size_t k = 0; k < n; k++) {
			s[k] = round % 4 ? 'A' + rnd() % 3 + rnd() % 2 * 32 : rnd() % 255 + 1;
			t[k] = round % 8 < 4 ? lower(s[k]) : s[k];
		}
		s[n] = t[n] = 0;
		if (n && rnd() % 2) t[rnd() % n] = rnd();
		int want1 = alike((void *)s, (void *)t, n + 1), want2 = alike((void *)s, (void *)t, m);
		want("strcasecmp", sgn(strcasecmp(s, t)), want1);
		want("strcasecmp_l", sgn(strcasecmp_l(t, s, l)), -want1);
		want("strncasecmp", sgn(strncasecmp(s, t, m)), want2);
		want("strncasecmp_l", sgn(strncasecmp_l(t, s, m, l)), -want2);
		want("strncasecmp all", sgn(strncasecmp(s, t, -1)), want1);
		char needle[8] = {0};
		size_t from = rnd() % (n + 1), e = 0;
		for (int k = 0; k < 3 && s[from + k]; k++) needle[k] = lower(s[from + k]);
		while (alike((void *)(s + e), (void *)needle, len(needle))) e++;
		if (needle[0]) want("strcasestr", off(strcasestr(s, needle), s), e);
		want("strcasestr none", strcasestr(s, "\1\1\1\1") == NULL, 1);
	}
	freelocale(l);
}

int main(void) {
	char *a = room(), *b = room(), *c = malloc(N), *d = malloc(N);
	int volatile big = 0x1000000; // characters are ints: only their low bytes count
	for (int round = 0; round < 4000; round++) {
		size_t n = rnd() % (round & 1 ? 40 : N), i = rnd() % (N - n + 1), j = rnd() % (N - n + 1);
		if (round % 3 == 0) i = N - n;
		if (round % 5 == 0) j = N - n;
		char *s = a + i, *t = b + j;
		for (size_t k = 0; k < n; k++) s[k] = 'a' + rnd() % 20;
		for (size_t k = 0; k < n; k++) t[k] = s[k];
		if (n) s[n - 1] = 0;
		if (n && rnd() % 2) t[rnd() % n] = rnd();
		if (n) t[n - 1] = 0;
		int ch = 'a' + rnd() % 22;
		want("memchr", off(memchr(s, ch + big, n), s), find(s, n, ch, 0));
		want("memrchr", off(memrchr(s, ch, n), s), last(s, n, ch));
		want("memcmp", sgn(memcmp(s, t, n)), compare((void *)s, (void *)t, n, 0));
		want("strncmp", sgn(strncmp(s, t, n)), compare((void *)s, (void *)t, n, 1));
		want("strnlen", strnlen(s, n), n ? len(s) : 0);
		memset(c, 'x', N);
		memcpy(c + i, s, n);
		want("memcpy", compare((void *)(c + i), (void *)s, n, 0), 0);
		want("memcpy edge", i ? c[i - 1] : 'x', 'x');
		want("memcpy edge", i + n < N ? c[i + n] : 'x', 'x');
		want("mempcpy", off(mempcpy(c + j, s, n), c + j), n);
		want("mempcpy copy", compare((void *)(c + j), (void *)s, n, 0), 0);
		memset(d + j, ch + big, n);
		for (size_t k = 0; k < n; k++) want("memset", d[j + k], ch);
		{ // overlapping in both directions
			size_t x = rnd() % (n + 1), m = rnd() % (n - x + 1), y = rnd() % (n - m + 1);
			for (size_t k = 0; k < n; k++) c[k] = d[k] = rnd();
			memmove(c + y, c + x, m);
			for (size_t k = 0; k < n; k++) want("memmove", c[k], d[k >= y && k < y + m ? k - y + x : k]);
			bcopy(d + x, d + y, m);
			want("bcopy", compare((void *)c, (void *)d, n, 0), 0);
		}
		if (!n) continue;
		want("strlen", strlen(s), len(s));
		want("strchr", off(strchr(s, ch + big), s), find(s, n, ch, 1));
		want("strchr 0", off(strchr(s, 0), s), len(s));
		want("strrchr", off(strrchr(s, ch + big), s), last(s, len(s), ch));
		want("strrchr 0", off(strrchr(s, big), s), len(s));
		long f = find(s, n, ch, 1);
		want("strchrnul", off(strchrnul(s, ch), s), f < 0 ? (long)len(s) : f);
		want("strcmp", sgn(strcmp(s, t)), compare((void *)s, (void *)t, n, 1));
		memset(c, 'x', N);
		want("strcpy", off(strcpy(c + j, s), c + j), 0);
		want("strcpy copy", compare((void *)(c + j), (void *)s, len(s) + 1, 0), 0);
		want("strcpy edge", j + n < N ? c[j + n] : 'x', 'x');
		want("strcpy edge", j ? c[j - 1] : 'x', 'x');
		want("stpcpy", off(stpcpy(c + j, s), c + j), len(s));
		size_t m = rnd() % n + 1, l = len(s) < m ? len(s) : m;
		memset(c, 'x', N);
		want("strncpy", off(strncpy(c + j, s, m), c + j), 0);
		for (size_t k = 0; k < m; k++) want("strncpy copy", c[j + k], k < l ? s[k] : 0);
		want("strncpy edge", j + m < N ? c[j + m] : 'x', 'x');
		want("stpncpy", off(stpncpy(c + j, s, m), c + j), l);
		{
			char big1[2 * N + 1], big2[2 * N + 1];
			size_t h = rnd() % 20;
			memset(big1, 'q', h), big1[h] = 0;
			strcpy(big2, big1);
			strcat(big1, s);
			want("strcat", strlen(big1), h + len(s));
			want("strcat copy", strcmp(big1 + h, s), 0);
			strncat(big2, s, m);
			want("strncat", strlen(big2), h + l);
			want("strncat copy", strncmp(big2 + h, s, l), 0);
			char set[3] = {ch, ch + 1, 0};
			size_t sp = 0;
			while (s[sp] && s[sp] != set[0] && s[sp] != set[1]) sp++;
			want("strcspn", strcspn(s, set), sp);
			want("strpbrk", off(strpbrk(s, set), s), s[sp] ? (long)sp : -1);
			sp = 0;
			while (s[sp] && (s[sp] == set[0] || s[sp] == set[1])) sp++;
			want("strspn", strspn(s, set), sp);
			char needle[8] = {0};
			size_t at = rnd() % (len(s) + 1);
			for (int k = 0; k < 3 && s[at + k]; k++) needle[k] = s[at + k];
			char *hit = strstr(s, needle);
			size_t e = 0;
			while (compare((void *)(s + e), (void *)needle, len(needle), 0)) e++;
			want("strstr", off(hit, s), e);
		}
		wchar_t w[N], v[N];
		for (size_t k = 0; k < n; k++) w[k] = s[k] * 1000 - 110000;
		for (size_t k = 0; k < n; k++) if (!s[k]) w[k] = 0;
		want("wcslen", wcslen(w) <= len(s), 1);
		want("wcsnlen", wcsnlen(w, n), wcslen(w));
		wcscpy(v, w);
		want("wcscmp", wcscmp(v, w), 0);
		v[wcslen(v) / 2] -= 1;
		want("wcscmp less", sgn(wcscmp(v, w)), wcslen(w) ? -1 : sgn(wcscmp(v, w)));
		want("wcsncmp", wcsncmp(v, w, wcslen(w) / 2), 0);
		want("wcschr", wcschr(w, w[0]) - w, 0);
		want("wcsrchr 0", wcsrchr(w, 0) - w, wcslen(w));
		want("wmemchr", wmemchr(w, 0, n) - w, wcslen(w));
	}
	folding(a, b);
	char *large = malloc(1 << 20), *other = malloc(1 << 20);
	for (int k = 0; k < 1 << 20; k++) large[k] = rnd() | 1;
	large[(1 << 20) - 1] = 0;
	strcpy(other, large);
	want("large strcpy", memcmp(large, other, 1 << 20), 0);
	memmove(other + 7, other, (1 << 20) - 7);
	want("large memmove", memcmp(large, other + 7, (1 << 20) - 7), 0);
	want("large strlen", strlen(large), (1 << 20) - 1);
	printf("%d wrong\n", bad);
	return bad != 0;
}
