// A mount namespace of its own, and that of another process entered by setns; a user namespace made for a child. Without privileges the
// calls fail, which is to be the same, too.
// build: gcc -O1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int same_as(pid_t pid) {
	char name[64], a[64] = "", b[64] = "";
	snprintf(name, sizeof name, "/proc/%d/ns/mnt", pid);
	readlink(name, a, sizeof a - 1);
	readlink("/proc/self/ns/mnt", b, sizeof b - 1);
	return strcmp(a, b) == 0;
}

int main(void) {
	int up[2], down[2];
	pipe(up);
	pipe(down);
	pid_t child = fork();
	char c = 'x';
	if (child == 0) {
		c = unshare(CLONE_NEWNS) ? errno : 0;
		write(up[1], &c, 1);
		read(down[0], &c, 1);
		_exit(0);
	}
	read(up[0], &c, 1);
	printf("unshared: %s, the same namespace %d\n", strerror(c), same_as(child));
	char name[64];
	snprintf(name, sizeof name, "/proc/%d/ns/mnt", child);
	int fd = open(name, O_RDONLY);
	chdir("/usr");
	int r = setns(fd, CLONE_NEWNS);
	printf("setns %s, the same namespace %d\n", r ? strerror(errno) : "done", same_as(child));
	printf("of another kind: %s\n", setns(fd, CLONE_NEWUTS) ? strerror(errno) : "done");
	write(down[1], &c, 1);
	waitpid(child, NULL, 0);
	printf("/etc is there: %d\n", access("/etc/passwd", R_OK) == 0);
	fflush(stdout);
	pid_t user = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);
	if (user == 0)
		_exit(getuid() == 65534 ? 5 : 6);
	int status = -1;
	if (user > 0)
		waitpid(user, &status, 0);
	printf("user namespace: %d, status %#x\n", user > 0, status);
	fflush(stdout);
	int done = 0;
	for (int i = 0; i < 50; i++) { // of a process of its own, which goes on
		pid_t own = fork();
		if (own == 0) {
			char *p = malloc(100000);
			if (unshare(CLONE_NEWUSER | (i % 2 ? CLONE_NEWNS : CLONE_NEWPID))) _exit(1);
			free(p);
			pid_t grandchild = fork();
			if (grandchild == 0) _exit(i % 2 || getpid() == 1);
			if (waitpid(grandchild, &status, 0) != grandchild || WEXITSTATUS(status) != 1) _exit(3);
			_exit(getuid() == 65534 ? 5 : 6);
		}
		waitpid(own, &status, 0);
		done += WIFEXITED(status) && WEXITSTATUS(status) == 5;
	}
	printf("unshared users: %d\n", done);
	return 0;
}
