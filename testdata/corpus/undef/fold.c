// Undefined characters are compared by functions to which upper and lower case are the same.
// case: strcasecmp -DCALL=strcasecmp(t,p)
// case: strcasecmp-first -DCALL=strcasecmp(p,t)
// case: strncasecmp -DCALL=strncasecmp(t,p,6)
// case: strncasecmp-first -DCALL=strncasecmp(p,t,6)
// case: strcasecmp_l -DCALL=strcasecmp_l(t,p,l)
// case: strncasecmp_l -DCALL=strncasecmp_l(t,p,6,l)
// case: strcasestr -DCALL=(long)strcasestr(t,p)
// case: strcasestr-in -DCALL=(long)strcasestr(p,t)
// options: --malloc-fill=0x62
#include "../corpus.h"
#include <locale.h>
#include <strings.h>

NOINLINE long fold(const char *t, const char *p, locale_t l) { return CALL; }

int main(void)
{
	const char *t = "aBxBz";
	char *p = FRESH(char, 8);
	locale_t l = newlocale(LC_ALL_MASK, "C", 0);
	p[0] = 'A';
	p[2] = 'X';
	p[7] = 0;
	SEEN();
	USE(fold(t, p, l));
	freelocale(l);
	free(p);
	return 0;
}
