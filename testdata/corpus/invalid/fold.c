// Functions to which upper and lower case are the same read beyond a block because its string has no end.
// case: strcasecmp -DCALL=strcasecmp(p,q)
// case: strcasecmp-second -DCALL=strcasecmp(q,p)
// case: strncasecmp -DCALL=strncasecmp(p,q,12)
// case: strcasecmp_l -DCALL=strcasecmp_l(p,q,l)
// case: strncasecmp_l -DCALL=strncasecmp_l(q,p,12,l)
// case: strcasestr -DCALL=(long)strcasestr(p,needle)
// case: strcasestr-for -DCALL=(long)strcasestr(q,p)
#include "../corpus.h"
#include <locale.h>
#include <strings.h>

char buffer[16] = "xXxXxXxXxXx", needle[4] = "yz";

NOINLINE long fold(const char *p, const char *q, locale_t l) { return CALL; }

int main(void)
{
	char *p = malloc(PICK(8, 9));
	locale_t l = newlocale(LC_ALL_MASK, "C", 0);
	memset(p, 'x', 8);
	PICK((void)0, p[8] = 0);
	SEEN();
	USE(fold(p, buffer, l));
	freelocale(l);
	free(p);
	return 0;
}
