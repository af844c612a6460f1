// A file that is used after fclose.
// library: how it goes about it is not compared
#include "../corpus.h"

int main(void)
{
	FILE *f = fopen("/dev/null", "w");
	HIDE(f);
	PICK(fclose(f), (void)0);
	int bad = ferror(f);
	USE(bad);
	PICK((void)0, fclose(f));
	return 0;
}
