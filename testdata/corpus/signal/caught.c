// A null pointer whose signal is caught: the error is reported and the program goes on.
#include "../corpus.h"
#include <setjmp.h>
#include <signal.h>

static __thread sigjmp_buf back;

static void handler(int n) { siglongjmp(back, 1); }

int main(void)
{
	int value = 1, *p = PICK(NULL, &value);
	signal(SIGSEGV, handler);
	HIDE(p);
	if (sigsetjmp(back, 1) == 0)
		*p = 1;
	SEEN();
	return 0;
}
