// Parts of the C library that are known for reports, in other versions of it: nothing is to be reported without any suppression.
// only: twin
// once: locales are the process's
#include "../corpus.h"
#include <dlfcn.h>
#include <iconv.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <pwd.h>
#include <regex.h>
#include <time.h>
#include <wchar.h>

static void *print(void *arg)
{
	char b[100];
	snprintf(b, sizeof b, "%f %Lf %ls", 1.5, 2.5L, L"abc");
	return arg;
}

extern char _DYNAMIC[] __attribute__((weak));

static void loading(void)
{
	pthread_t t[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, print, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	USE(getpwuid(0) != NULL);
	struct addrinfo *found = NULL;
	if (getaddrinfo("127.0.0.1", "80", NULL, &found) == 0)
		freeaddrinfo(found);
	iconv_t c = iconv_open("UTF-16", "ISO-8859-1");
	if (c != (iconv_t)-1) {
		char in[] = "abc", out[20], *p = in, *q = out;
		size_t n = 3, m = sizeof out;
		iconv(c, &p, &n, &q, &m);
		iconv_close(c);
	}
	void *h = dlopen("libm.so.6", RTLD_NOW);
	if (h != NULL) {
		USE(dlsym(h, "sin") != NULL);
		dlclose(h);
	}
}

int main(void)
{
	setlocale(LC_ALL, "C.UTF-8");
	if (_DYNAMIC != NULL) // a static program keeps what it loads, and the storage of its threads
		loading();
	regex_t r;
	regcomp(&r, "a(b|c)*d", REG_EXTENDED);
	USE(regexec(&r, "xxabcbd", 0, NULL, 0));
	regfree(&r);
	time_t now = 0;
	char b[99];
	USE(strftime(b, sizeof b, "%c", localtime(&now)));
	USE(wcslen(L"hello"));
	return 0;
}
