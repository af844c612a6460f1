// Functions of the C library that write or read behind a block.
// case: memset -DCALL=memset(p,1,n)
// case: memcpy-to -DCALL=memcpy(p,q,n)
// case: memcpy-from -DCALL=memcpy(q,p,n)
// case: memmove -DCALL=memmove(p,q,n)
// case: mempcpy -DCALL=mempcpy(p,q,n)
// case: strcpy -DCALL=strcpy(p,t)
// case: strncpy -DCALL=strncpy(p,t,n)
// case: stpcpy -DCALL=stpcpy(p,t)
// case: strcat -DCALL=(*p=0,strcat(p,t))
// case: sprintf -DCALL=sprintf(p,s,t)
// case: snprintf -DCALL=snprintf(p,n,s,t)
// case: bzero -DCALL=bzero(p,n)
// library: how it goes about it is not compared
#include "../corpus.h"

char room[64], text[] = "a string of some characters", form[] = "%s";

int main(void)
{
	size_t n = sizeof text;
	char *p = calloc(1, n - PICK(5, 0)), *q = room, *t = text, *s = form;
	HIDE(n);
	HIDE(p);
	HIDE(q);
	HIDE(t);
	HIDE(s);
	CALL;
	SEEN();
	free(p);
	return 0;
}
