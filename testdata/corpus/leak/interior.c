// A block to whose middle alone something points: possibly lost.
// case: eight -DBY=8
// case: end -DBY=63
#include "../corpus.h"

char *kept;

int main(void)
{
	kept = malloc(64);
	HIDE(kept);
	kept += PICK(BY, 0);
	SEEN();
	return 0;
}
