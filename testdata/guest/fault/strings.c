// String and memory functions of the C library: reads and writes beyond blocks, arguments that overlap.
// build: gcc -g -O0 -fno-builtin
// build: gcc -g -O1 -fno-builtin -no-pie
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#ifdef CLEAN
#define BAD 0
#else
#define BAD 1
#endif

static char *block(const char *s, int n) {
	char *p = malloc(n);
	for (int i = 0; i < n; i++)
		p[i] = s[i];
	return p;
}

#define TEXT "the quick brown fox jumps over the lazy dog"
#define FN __attribute__((noinline)) static

static volatile long sink;
FN void length(char *s) { sink += strlen(s); }
FN void bounded(char *s, int n) { sink += strnlen(s, n); }
FN void find(char *s) { sink += strchr(s, '#') != 0; }
FN void find_last(char *s) { sink += strrchr(s, '#') != 0; }
FN void find_byte(char *s, int n) { sink += memchr(s, '#', n) != 0; }
FN void order(char *s, char *t) { sink += strcmp(s, t); }
FN void order_n(char *s, char *t, int n) { sink += strncmp(s, t, n); }
FN void order_mem(char *s, char *t, int n) { sink += memcmp(s, t, n); }
FN void copy(char *d, char *s) { strcpy(d, s); }
FN void copy_n(char *d, char *s, int n) { strncpy(d, s, n); }
FN void append(char *d, char *s) { strcat(d, s); }
FN void copy_mem(char *d, char *s, int n) { memmove(d, s, n); }
FN void fill(char *d, int n) { memset(d, 0, n); }
FN void wide(wchar_t *w) { sink += wcslen(w); }

FN void overlap_str(char *d, char *s) { strcpy(d, s); }
FN void overlap_stp(char *d, char *s) { stpcpy(d, s); }
FN void overlap_strn(char *d, char *s, int n) { strncpy(d, s, n); }
FN void overlap_memp(char *d, char *s, int n) { mempcpy(d, s, n); }
FN void overlap_wide(wchar_t *d, wchar_t *s) { wcscpy(d, s); }

int main(void) {
	int n = sizeof TEXT - BAD; // without its end
	char *s = block(TEXT, n), *t = block(TEXT, sizeof TEXT), *d = malloc(200);
	length(s);
	bounded(s, n + BAD);
	find(s);
	find_last(s);
	find_byte(s, n + BAD);
	order(s, t);
	order_n(s, t, n + BAD);
	order_mem(s, t, n + BAD);
	copy_mem(d, s, n + BAD);
	copy(d, s);
	char *small = malloc(20 - 3 * BAD);
	copy(small, "nineteen characters");
	copy_n(small, t, 20);
	small[10] = 0;
	append(small, "123456789");
	fill(small, 18);
	wchar_t *w = malloc(20 * sizeof *w);
	for (int i = 0; i < 20; i++)
		w[i] = i == 19 && !BAD ? 0 : 'a';
	wide(w);
	w[10] = 0;
	memcpy(d, t, sizeof TEXT);
	overlap_str(BAD ? d + 4 : d + 100, BAD ? d + 8 : d);
	memcpy(d, t, sizeof TEXT);
	overlap_stp(BAD ? d + 4 : d + 100, BAD ? d + 8 : d);
	memcpy(d, t, sizeof TEXT);
	overlap_strn(BAD ? d : d + 100, BAD ? d + 4 : d, 20);
	overlap_memp(d + 100 - 96 * BAD, d, 20);
	overlap_wide(BAD ? w : (wchar_t *)d, BAD ? w + 2 : w);
	free(s), free(t), free(d), free(small), free(w);
	return 0;
}
