// A pointer just behind a block does not keep it.
#include "../corpus.h"

char *kept;

int main(void)
{
	kept = malloc(64);
	HIDE(kept);
	kept += PICK(64, 0);
	SEEN();
	return 0;
}
