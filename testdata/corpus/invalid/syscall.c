// System calls with buffers that the program has no right to. Two write over what lies behind: in threads of Valgrind's, its own heap.
// case: write -DCALL=write(fd,p,20)
// case: read -DCALL=read(fd,p,20)
// case: writev -DCALL=writev(fd,&v,1)
// case: stat once -DCALL=stat(name,(void*)p)
// case: open -DCALL=open(p,O_RDONLY)
// case: getcwd -DCALL=syscall(SYS_getcwd,p,20)
// case: uname once -DCALL=uname((void*)p)
// case: pipe -DCALL=pipe((int*)(p+8))
// case: time -DCALL=clock_getres(0,(void*)p)
#include "../corpus.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>

const char *name = "/";

int main(void)
{
	char *p = calloc(1, PICK(12, 400));
	int fd = open("/dev/zero", O_RDWR);
	struct iovec v = {p, 20};
	memset(p, '/', 12);
	HIDE(p);
	SEEN();
	CALL;
	close(fd);
	free(p);
	return 0;
}
