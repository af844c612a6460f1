// A tour through libc: formatting, parsing, sorting, searching, regular expressions, locales, time, string functions at
// page ends.
// build: gcc -O2 -lm
// build: gcc -O2 -static -lm
// build: musl-gcc -O2 -static -lm
#define _GNU_SOURCE
#include <ctype.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <regex.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <wchar.h>

static int by_value(const void *a, const void *b) { return *(const int *)a < *(const int *)b ? -1 : *(const int *)a > *(const int *)b; }

int main(void) {
	printf("%s|%10.4f|%-8d|%+e|%a|%#x|%c|%5s|%.3s|%zu|%*d\n", "text", 3.14159265, 42, 1234.5, 0.1, 255, 'c', "ab", "abcdef",
	       (size_t)99, 6, 7);
	for (double d = 1e-320; d < 1e308; d *= 12345.678)
		printf("%.17g %g\n", d, strtod("1.5e10", NULL) / d);
	printf("%Lf %.20Lg\n", 1.0L / 3, 2.0L / 3);
	double s = 0;
	for (int i = 1; i < 2000; i++)
		s += sin(i) * exp(-i / 500.0) + pow(i, 0.3) - log1p(i) + atan2(i, 7) + cbrt(i) + fmod(i, 0.7) + tgamma(i % 20 + 0.5);
	printf("%a\n", s);
	int v[1000];
	unsigned seed = 1;
	for (int i = 0; i < 1000; i++)
		v[i] = (int)((seed = seed * 1103515245 + 12345) >> 8) % 10000;
	qsort(v, 1000, sizeof v[0], by_value);
	int want = v[500], *hit = bsearch(&want, v, 1000, sizeof v[0], by_value);
	printf("%d %d %d\n", v[0], v[999], *hit);
	regex_t re;
	regmatch_t m[3];
	regcomp(&re, "([a-z]+)=([0-9]+)", REG_EXTENDED);
	printf("%d %d-%d\n", regexec(&re, "  key=123;", 3, m, 0), m[2].rm_so, m[2].rm_eo);
	regfree(&re);
	char line[] = "a,b;c", *save;
	for (char *t = strtok_r(line, ",;", &save); t; t = strtok_r(NULL, ",;", &save))
		puts(t);
	// String functions may read whole vectors, but not beyond the page.
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED || munmap(page + 4096, 4096))
		return 1;
	long sum = 0;
	for (int n = 0; n < 300; n++) {
		char *p = page + 4096 - n - 1, q[400];
		memset(p, 'a' + n % 20, (size_t)n);
		p[n] = 0;
		memcpy(q, p, (size_t)n + 1);
		sum += (long)strlen(p) + strcmp(p, q) + memcmp(p, q, (size_t)n + 1) + (strchr(p, 'z') != NULL) + (long)strspn(p, "abc");
		sum += (strrchr(p, q[0]) - p) + (long)strnlen(p, 1000) + (memchr(p, 0, (size_t)n + 1) == p + n) + strcasecmp(p, q);
		memmove(p, p + (n > 0), (size_t)n);
		memmove(q + 5, q, strlen(q) + 1);
		sum += (long)strlen(stpcpy(q, "abc")) + q[7];
	}
	printf("%ld\n", sum);
	time_t t = 1234567890;
	struct tm tm;
	gmtime_r(&t, &tm);
	char buf[100];
	strftime(buf, sizeof buf, "%Y-%m-%d %H:%M:%S %j", &tm);
	puts(buf);
	printf("%ld\n", (long)timegm(&tm));
	wchar_t w[20];
	setlocale(LC_ALL, "C.UTF-8");
	printf("%zd %d\n", mbstowcs(w, "gr\303\274n", 20), w[2]);
	int a, b;
	char word[20];
	printf("%d", sscanf("12 abc 0x1f", "%d %19s %i", &a, word, &b));
	printf(" %d %s %d\n", a, word, b);
	void *blocks[200];
	for (int round = 0; round < 20; round++)
		for (int i = 0; i < 200; i++) {
			if (round)
				free(blocks[i]);
			blocks[i] = i % 3 ? malloc((size_t)(i * round) + 1) : calloc((size_t)i + 1, 8);
			if (i % 7 == 0)
				blocks[i] = realloc(blocks[i], (size_t)(i * 50) + 1);
			memset(blocks[i], 0x5a, 1);
			if (i % 50 == 0 && round == 19)
				printf("%d", ((char *)blocks[i])[0]);
		}
	char *made;
	printf(" %d %s\n", asprintf(&made, "%d-%s", 5, "x"), made);
	printf("%" PRId64 " %lld\n", (int64_t)1 << 40, llrint(2.5));
	FILE *f = fopen("out.txt", "w+");
	for (int i = 0; i < 5000; i++)
		fprintf(f, "line %d\n", i);
	rewind(f);
	char *got = NULL;
	size_t room = 0;
	long chars = 0;
	while (getline(&got, &room, f) > 0)
		chars += (long)strlen(got);
	printf("%ld %ld\n", chars, ftell(f));
	fclose(f);
	return 0;
}
