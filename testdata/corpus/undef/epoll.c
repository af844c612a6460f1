// What epoll_ctl reads of an event: the events, of which the fault leaves a part open. Its data are given back as they are, and most
// programs set a part of that union only, as both do here.
#include "../corpus.h"
#include <sys/epoll.h>

int main(void)
{
	int ends[2], set = epoll_create1(0);
	struct epoll_event *e = malloc(sizeof *e);
	if (pipe(ends) != 0)
		return 1;
	e->data.fd = ends[0];
	PICK(*(uint16_t *)&e->events = EPOLLIN, e->events = EPOLLIN);
	SEEN();
	epoll_ctl(set, EPOLL_CTL_ADD, ends[0], e);
	epoll_ctl(set, EPOLL_CTL_DEL, ends[0], NULL);
	free(e);
	close(set);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
