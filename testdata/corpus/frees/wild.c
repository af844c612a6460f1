// A number that never was a pointer.
#include "../corpus.h"

int main(void)
{
	void *p = PICK((void *)0x1235, NULL);
	HIDE(p);
	free(p);
	return 0;
}
