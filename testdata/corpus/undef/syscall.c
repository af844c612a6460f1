// System calls with undefined arguments and buffers.
// case: buffer -DCALL=write(fd,p,100)
// case: length -DCALL=write(fd,ok,p[1]&7)
// case: descriptor -DCALL=close((p[3]&1)+1000)
// case: vector -DCALL=writev(fd,&v,1)
// case: name -DCALL=access(p,0)
// case: sigaction -DCALL=syscall(SYS_rt_sigaction,10,p,NULL,8)
// case: timespec -DCALL=nanosleep((void*)p,NULL)
// case: sendto -DCALL=sendto(-1,p,20,0,NULL,0)
// case: bind -DCALL=bind(-1,(void*)p,16)
// case: fcntl -DCALL=fcntl(fd,F_SETLK,p)
// case: ioctl -DCALL=ioctl(fd,TIOCSWINSZ,p)
// case: setsockopt -DCALL=setsockopt(-1,1,2,p,4)
// case: prlimit -DCALL=prlimit(0,7,(void*)p,NULL)
// case: poll -DCALL=poll((void*)p,1,0)
// library: how it goes about it is not compared
#include "../corpus.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

int main(void)
{
	char *p = malloc(400), ok[16] = "text";
	int fd = open("/dev/null", O_WRONLY);
	struct iovec v = {p, 30};
	PICK((void)0, memset(p, 0, 400));
	HIDE(p);
	SEEN();
	CALL;
	HIDE(p);
	close(fd);
	free(p);
	return 0;
}
