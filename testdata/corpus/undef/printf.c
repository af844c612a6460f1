// printf of an undefined number.
// case: decimal -DFORM=d -DT=int
// case: hex -DFORM=lx -DT=long
// case: string -DFORM=s -DT=char* -DSTRING
// case: float -DFORM=g -DT=double
// library: how it goes about it is not compared
#include "../corpus.h"
#include "../asm.h"

int main(void)
{
	char line[2000];
#ifdef STRING
	char *text = FRESH(char, 4);
	text[3] = 0;
	HIDE(text);
	snprintf(line, 100, "%" TEXT(FORM), text);
	free(text);
#else
	T *p = FRESH(T, 2);
	HIDE(p);
	snprintf(line, sizeof line, "%" TEXT(FORM), p[1]);
	free(p);
#endif
	return 0;
}
