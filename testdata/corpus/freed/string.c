// Functions of the C library on freed strings.
// case: strlen -DCALL=strlen(p)
// case: strcmp -DCALL=strcmp(p,other)
// case: strcpy -DCALL=(long)strcpy(p,other)
// case: memset -DCALL=(long)memset(p,0,5)
// case: puts -DCALL=fputs(p,f)
// library: how it goes about it is not compared
#include "../corpus.h"

int main(void)
{
	char *p = strdup("abcdefg"), *other = "abc";
	FILE *f = fopen("/dev/null", "w");
	HIDE(p);
	PICK(free(p), (void)0);
	long n = CALL;
	USE(n);
	PICK((void)0, free(p));
	fclose(f);
	return 0;
}
