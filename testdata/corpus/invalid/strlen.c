// Functions of the C library that read beyond a block because its string has no end.
// case: strlen -DCALL=strlen(p)
// case: strchr -DCALL=(long)strchr(p,'y')
// case: strrchr -DCALL=(long)strrchr(p,'y')
// case: strcmp -DCALL=strcmp(p,q)
// case: strncmp -DCALL=strncmp(p,q,9)
// case: strcasecmp -DCALL=strcasecmp(p,q)
// case: memchr -DCALL=(long)memchr(p,'y',9)
// case: memcmp -DCALL=memcmp(p,q,9)
// case: strspn -DCALL=strspn(p,q)
// case: strdup -DCALL=(r=strdup(p),0)
// case: strnlen -DCALL=strnlen(p,9)
// library: how it goes about it is not compared
#include "../corpus.h"

char buffer[16] = "xxxxxxxxxxx";

int main(void)
{
	char *p = malloc(PICK(8, 9)), *r = NULL;
	char *q = buffer;
	memset(p, 'x', 8);
	PICK((void)0, p[8] = 0);
	HIDE(p);
	HIDE(q);
	long n = CALL;
	USE(n);
	free(r);
	free(p);
	return 0;
}
