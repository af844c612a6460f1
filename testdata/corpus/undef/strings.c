// Functions of the C library on strings that are not wholly set.
// case: strlen -DCALL=strlen(p)
// case: strcmp -DCALL=strcmp(p,q)
// case: strncmp -DCALL=strncmp(p,q,8)
// case: strchr -DCALL=(long)strchr(p,'z')
// case: memcmp -DCALL=memcmp(p,q,8)
// case: strcpy -DCALL=(long)strcpy(room,p)
// case: atoi -DCALL=atoi(p)
// case: strtol -DCALL=strtol(p,NULL,10)
// case: bcmp -DCALL=bcmp(p,q,8)
// library: how it goes about it is not compared
#include "../corpus.h"

char room[64];

int main(void)
{
	char *p = calloc(1, 16), *hole = malloc(1), *q = "1234567";
	PICK((void)0, *hole = '3');
	strcpy(p, "12a45");
	HIDE(hole);
	memcpy(p + 2, hole, 1);
	HIDE(p);
	HIDE(q);
	long n = CALL;
	HIDE(n);
	if (n == 77)
		STEP();
	free(p);
	free(hole);
	return 0;
}
