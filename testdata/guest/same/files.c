// Files and descriptors: the calls that every program makes, with their errors.
// build: gcc -O1
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SHOW(expr) do { errno = 0; long v_ = (long)(expr); printf("%s = %ld, %s\n", #expr, v_, v_ == -1 ? strerror(errno) : "ok"); } while (0)

int main(int argc, char **argv) {
	char buf[200] = "";
	int fd, sv[2];
	SHOW(fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0640));
	SHOW(open("file", O_RDWR | O_CREAT | O_EXCL, 0640));
	SHOW(write(fd, "0123456789", 10));
	SHOW(lseek(fd, 3, SEEK_SET));
	SHOW(read(fd, buf, 4));
	struct iovec iov[3] = {{"abc", 3}, {"", 0}, {"defg", 4}};
	SHOW(writev(fd, iov, 3));
	SHOW(pwrite(fd, "X", 1, 100));
	char x[3], y[5];
	struct iovec in[2] = {{x, 3}, {y, 5}};
	SHOW(preadv(fd, in, 2, 5));
	printf("%.3s|%.5s|%s\n", x, y, buf);
	struct stat st;
	SHOW(fstat(fd, &st));
	printf("size %ld mode %o links %ld\n", (long)st.st_size, st.st_mode, (long)st.st_nlink);
	SHOW(read(99, buf, 1));
	SHOW(read(fd, (void *)8, 10));
	SHOW(open((char *)8, O_RDONLY));
	SHOW(write(fd, (void *)-4096, 10));
	SHOW(ftruncate(fd, 5));
	SHOW(symlink("file", "link"));
	SHOW(readlink("link", buf, sizeof buf));
	SHOW(mkdir("dir", 0755));
	SHOW(rename("file", "dir/renamed"));
	SHOW(access("file", F_OK));
	SHOW(linkat(AT_FDCWD, "dir/renamed", AT_FDCWD, "hard", 0));
	SHOW(chmod("hard", 0600));
	SHOW(unlink("link"));
	SHOW(rmdir("dir"));
	DIR *d = opendir(".");
	int entries = 0;
	unsigned names = 0;
	for (struct dirent *e; (e = readdir(d));) {
		entries++;
		for (char *p = e->d_name; *p; p++)
			names += (unsigned char)*p;
	}
	closedir(d);
	printf("%d entries, %u\n", entries, names);
	int copy;
	SHOW((copy = dup(fd)) > fd);
	SHOW(dup2(fd, 50));
	SHOW(fcntl(50, F_GETFD));
	SHOW(fcntl(50, F_SETFD, FD_CLOEXEC));
	SHOW(fcntl(50, F_GETFD));
	SHOW(fcntl(fd, F_DUPFD, 60));
	SHOW(fcntl(fd, F_GETFL) & O_ACCMODE);
	SHOW(flock(fd, LOCK_EX | LOCK_NB));
	SHOW(close(copy));
	SHOW(close(copy));
	// The lowest free number is what open returns: no descriptor of the tool is in the way.
	SHOW(open("/dev/null", O_RDWR));
	SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	SHOW(send(sv[0], "message", 7, 0));
	SHOW(ioctl(sv[1], FIONREAD, &copy));
	printf("%d waiting\n", copy);
	SHOW(recv(sv[1], buf, 3, MSG_PEEK));
	SHOW(recv(sv[1], buf, sizeof buf, 0));
	struct pollfd p[2] = {{sv[0], POLLIN | POLLOUT, 0}, {sv[1], POLLIN, 0}};
	SHOW(poll(p, 2, 0));
	printf("%x %x\n", p[0].revents, p[1].revents);
	// A descriptor passed through a socket.
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } ctl;
	struct iovec one = {"!", 1};
	struct msghdr m = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = ctl.room, .msg_controllen = sizeof ctl.room};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof fd);
	SHOW(sendmsg(sv[0], &m, 0));
	one.iov_base = buf;
	SHOW(recvmsg(sv[1], &m, 0));
	memcpy(&copy, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof copy);
	SHOW(pread(copy, buf, 5, 0));
	int ep, ev;
	SHOW((ep = epoll_create1(0)) > 0);
	SHOW((ev = eventfd(0, EFD_NONBLOCK)) > 0);
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = 77};
	SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
	SHOW(epoll_wait(ep, &e, 1, 0));
	uint64_t v = 3;
	SHOW(write(ev, &v, 8));
	e.data.u64 = 0;
	SHOW(epoll_wait(ep, &e, 1, 1000));
	printf("event %lu\n", (unsigned long)e.data.u64);
	SHOW(read(ev, &v, 8));
	SHOW(read(ev, &v, 8));
	int tf = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec ts = {.it_value = {0, 1000000}};
	SHOW(timerfd_settime(tf, 0, &ts, NULL));
	SHOW(read(tf, &v, 8));
	fd_set rd;
	FD_ZERO(&rd);
	FD_SET(sv[1], &rd);
	struct timeval tv = {0, 1000};
	SHOW(select(sv[1] + 1, &rd, NULL, NULL, &tv));
	SHOW(lseek(fd, 0, SEEK_SET));
	int out = open("sent", O_CREAT | O_WRONLY, 0600);
	SHOW(sendfile(out, fd, NULL, 100));
	struct utsname u;
	SHOW(uname(&u));
	struct rlimit rl;
	SHOW(getrlimit(RLIMIT_NOFILE, &rl));
	printf("limits %ld %ld\n", (long)rl.rlim_cur, (long)rl.rlim_max);
	struct rusage ru;
	SHOW(getrusage(RUSAGE_SELF, &ru));
	SHOW(isatty(1));
	char *cwd = getcwd(buf, sizeof buf);
	printf("cwd %d, umask %o\n", cwd != NULL, umask(022));
	struct sockaddr_un sa = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int ls = socket(AF_UNIX, SOCK_STREAM, 0), cs = socket(AF_UNIX, SOCK_STREAM, 0);
	SHOW(bind(ls, (struct sockaddr *)&sa, sizeof sa));
	SHOW(listen(ls, 5));
	SHOW(connect(cs, (struct sockaddr *)&sa, sizeof sa));
	socklen_t len = sizeof sa;
	SHOW(accept(ls, (struct sockaddr *)&sa, &len) > 0);
	SHOW(getsockopt(cs, SOL_SOCKET, SO_TYPE, &copy, &len));
	SHOW(unlink("socket"));
	return 0;
}
