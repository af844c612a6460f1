// Functions for wide characters that run over the end of a block.
// case: wcslen -DCALL=wcslen(p)
// case: wcscpy -DCALL=(long)wcscpy(p,text)
// case: wmemset -DCALL=(long)wmemset(p,L'z',5)
// library: how it goes about it is not compared
#include "../corpus.h"
#include <wchar.h>

wchar_t text[] = L"wide";

int main(void)
{
	wchar_t *p = calloc(PICK(4, 5), sizeof *p);
	for (int i = 0; i < 4; i++)
		p[i] = L'x';
	HIDE(p);
	long n = CALL;
	USE(n);
	free(p);
	return 0;
}
