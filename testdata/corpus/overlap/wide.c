// Wide characters: wcscpy's and wmemcpy's arguments.
// case: wcscpy -DCALL=wcscpy(p+2,p)
// once: what lies above the stack decides where it ends
#include "../corpus.h"
#include <wchar.h>

int main(void)
{
	wchar_t text[32] = L"abcdef", *p = text;
	HIDE(p);
	PICK((void)(CALL), (void)0);
	HIDE(p);
	return 0;
}
