// Sized and aligned deletes of the wrong kind of block.
// case: sized-malloc -DTAKE=malloc(sizeof(wide)) -DOTHER=sizeof(wide)
// case: aligned-malloc -DTAKE=aligned_alloc(64,64) -DOTHER=std::align_val_t(64)
// flags: -std=c++17
#include "../corpus.h"
#include <new>

struct wide { char c[64]; };

NOINLINE void give(void *p)
{
	::operator delete(p, OTHER);
}

int main()
{
	void *p = TAKE;
	HIDE(p);
	PICK(give(p), free(p));
	return 0;
}
