// A timer set to a time of which a part is missing.
#include "../corpus.h"
#include <sys/timerfd.h>

int main(void)
{
	struct itimerspec *t = malloc(sizeof *t);
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	t->it_value.tv_sec = 100;
	t->it_value.tv_nsec = 0;
#ifdef TWIN
	t->it_interval.tv_sec = t->it_interval.tv_nsec = 0;
#endif
	HIDE(t);
	timerfd_settime(fd, 0, t, NULL);
	struct itimerspec *small = malloc(PICK(10, sizeof *t));
	HIDE(small);
	timerfd_gettime(fd, small);
	struct itimerspec *old = malloc(PICK(12, sizeof *t));
	HIDE(old);
	t->it_interval = (struct timespec){0, 0};
	timerfd_settime(fd, 0, t, old);
	free(old);
	free(small);
	free(t);
	close(fd);
	return 0;
}
