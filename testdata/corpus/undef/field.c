// A structure for the kernel with one field that was never set.
// options: --track-origins=yes
#include "../corpus.h"
#include <poll.h>

int main(void)
{
	struct pollfd v[2], *p = v;
	v[0].fd = v[1].fd = -1;
	v[0].events = POLLIN;
	PICK((void)0, v[1].events = POLLIN);
	HIDE(p);
	poll(p, 2, 0);
	return 0;
}
