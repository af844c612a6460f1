// Source and destination of a string copy overlap.
// case: strcpy-down -DCALL=strcpy(p,p+BY)
// case: strncpy -DCALL=strncpy(p+BY,p,10)
// case: stpcpy -DCALL=stpcpy(p,p+BY)
// case: strncat -DCALL=strncat(p,p+BY,5)
// case: strncpy-down -DCALL=strncpy(p,p+BY,10)
#include "../corpus.h"

int main(void)
{
	char text[128] = "0123456789", *p = text;
	long BY = PICK(5, 64);
	PICK((void)0, strcpy(text + 64, "abcdefghij"));
	HIDE(p);
	HIDE(BY);
	CALL;
	HIDE(p);
	return 0;
}
