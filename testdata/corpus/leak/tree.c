// A lost tree.
#include "../corpus.h"

struct tree { struct tree *left, *right; };

NOINLINE struct tree *grow(int depth)
{
	if (depth == 0)
		return NULL;
	struct tree *t = malloc(sizeof *t);
	t->left = grow(depth - 1);
	t->right = grow(depth - 1);
	return t;
}

NOINLINE void fell(struct tree *t)
{
	if (t == NULL)
		return;
	fell(t->left);
	fell(t->right);
	free(t);
}

int main(void)
{
	struct tree *t = grow(4);
	HIDE(t);
	PICK((void)0, fell(t));
	t = NULL;
	HIDE(t);
	return 0;
}
