// Chains of && and || whose later parts look at what is set only if the earlier ones hold; compilers evaluate them in any order.
// only: twin
#include "../corpus.h"

struct item { char has; int value; short size; char end; };
struct bits { unsigned a : 1, b : 3, c : 12; unsigned char set; };

NOINLINE static int two(struct item *p) { return p->has && p->value == 7; }

NOINLINE static int three(struct item *p)
{
	if (p->has && p->value > 3 && p->size < 9)
		return 5;
	return 6;
}

NOINLINE static int loop(struct item *p, int n)
{
	int r = 0;
	for (int i = 0; i < n; i++)
		if (p[i].has && p[i].value == i)
			r++;
	return r;
}

NOINLINE static int text(const char *s, int n) { return n > 2 && s[0] == 'x' && s[1] == 'y' && s[2] == 'z'; }
NOINLINE static int bytes(const unsigned char *s) { return s[0] == 1 && s[1] == 2; }
NOINLINE static int fields(struct bits *p) { return p->set && p->a && p->b == 2 && p->c == 100; }

NOINLINE static int local(int a, int *b)
{
	int x;
	if (a > 5)
		x = *b;
	return a > 5 && x == 3;
}

NOINLINE static void fill(int c, int *out)
{
	if (c)
		*out = 1;
}

NOINLINE static int called(int c)
{
	int x;
	fill(c, &x);
	return c && x == 1 ? 10 : 20;
}

NOINLINE static int number(int c, double d)
{
	double x;
	if (c > 3)
		x = d;
	return c > 3 && x < 2.0 ? 10 : 20;
}

int main(void)
{
	struct item *p = malloc(8 * sizeof *p);
	struct bits *z = malloc(sizeof *z);
	char *s = malloc(3);
	unsigned char *b = malloc(2);
	int q = 3;
	for (int i = 0; i < 8; i++)
		p[i].has = 0;
	b[0] = 9;
	z->set = 0;
	int r = two(p) + three(p) + loop(p, 8) + text(s, 1) + bytes(b) + fields(z);
	z->set = 1;
	z->a = 0;
	r += fields(z) + local(2, &q) + local(9, &q) + called(0) + called(1) + number(1, 1) + number(9, 1);
	USE(r);
	free(p);
	free(z);
	free(s);
	free(b);
	return 0;
}
