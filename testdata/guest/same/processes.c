// Processes: fork, vfork, posix_spawn, exec with environment and descriptors, pipes both ways, orphans, system, popen.
// build: gcc -O1
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int wait_for(pid_t pid) {
	int st = -1;
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + WTERMSIG(st);
}

int main(void) {
	char buf[256];
	int to[2], from[2];
	if (pipe(to) || pipe(from))
		return 1;
	pid_t pid = fork();
	if (pid == 0) {
		// The child has a copy: what it changes is not seen by the parent.
		long n = read(to[0], buf, sizeof buf);
		for (long i = 0; i < n; i++)
			buf[i] = (char)(buf[i] - 32);
		_exit(write(from[1], buf, (size_t)n) == n ? 5 : 6);
	}
	buf[0] = 0;
	if (write(to[1], "lower", 5) != 5)
		return 1;
	long n = read(from[0], buf, sizeof buf);
	printf("child says %.*s, status %d\n", (int)n, buf, wait_for(pid));

	// Memory is separate after fork, descriptors share their offset.
	int fd = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0644), local = 1;
	for (int i = 0; i < 20; i++)
		if ((pid = fork()) == 0) {
			local += i;
			dprintf(fd, "child %d %d\n", i, local);
			_exit(local);
		} else {
			local += wait_for(pid) == i + local;
		}
	printf("children %d, offset %ld\n", local, (long)lseek(fd, 0, SEEK_CUR));

	fflush(stdout);
	if ((pid = fork()) == 0) {
		setenv("ANSWER", "42", 1);
		dup2(1, 7);
		execl("/bin/sh", "sh", "-c", "echo answer $ANSWER $# $1 >&7; exit 3", "sh", "arg one", (char *)0);
		_exit(99);
	}
	printf("exec status %d\n", wait_for(pid));
	fflush(stdout);
	if ((pid = vfork()) == 0) {
		execl("/nonexistent", "x", (char *)0);
		_exit(errno == ENOENT ? 44 : 45);
	}
	printf("vfork status %d\n", wait_for(pid));
	fflush(stdout);
	char *argv[] = {"echo", "spawned", NULL};
	int err = posix_spawnp(&pid, "echo", NULL, NULL, argv, environ), status = wait_for(pid);
	printf("spawn %d status %d\n", err, status);
	printf("spawn %d\n", posix_spawnp(&pid, "/nonexistent", NULL, NULL, argv, environ));
	fflush(stdout);
	printf("system %d\n", system("exit 9") >> 8);
	FILE *p = popen("tr a-z A-Z", "w");
	fputs("through a pipe\n", p);
	printf("pclose %d\n", pclose(p));
	fflush(stdout);
	p = popen("seq 1 5 | paste -sd+", "r");
	if (fgets(buf, sizeof buf, p))
		fputs(buf, stdout);
	printf("pclose %d\n", pclose(p));
	// A tree of processes.
	fflush(stdout);
	int depth = 0;
	while (depth < 4 && (pid = fork()) == 0)
		depth++;
	int st = depth < 4 ? wait_for(pid) : 0;
	if (depth > 0)
		_exit(st + depth);
	printf("tree %d\n", st);
	printf("no more children %d\n", wait(NULL) == -1 && errno == ECHILD);
	return 0;
}
