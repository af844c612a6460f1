// A global variable, in several segments.
// case: data -DWHAT=data
// case: bss -DWHAT=bss
// case: constant -DWHAT=constant
// case: code -DWHAT=main
#include "../corpus.h"

char data[20] = "data", bss[20];
const char constant[20] = "constant";
int main(void);

int main(void)
{
	void *p = PICK((void *)WHAT, NULL);
	HIDE(p);
	free(p);
	return 0;
}
