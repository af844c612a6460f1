// A write to a constant: it is addressable, but the kernel says no.
#include "../corpus.h"

const char text[] = "constant";
char variable[] = "variable";

int main(void)
{
	char *p = PICK((char *)text, variable);
	HIDE(p);
	p[1] = 'x';
	return 0;
}
