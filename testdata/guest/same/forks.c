// What a forked process inherits and what not: ids, masks, pending signals, timers, the stack it starts on; what exec hands on.
// build: gcc -O1 -pthread
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static volatile sig_atomic_t hups;

static void on_hup(int sig) {
	(void)sig;
	hups++;
}

static int status_of(pid_t pid) {
	int st = -1;
	if (waitpid(pid, &st, __WALL) != pid)
		return -errno;
	return WIFEXITED(st) ? WEXITSTATUS(st) : 1000 + WTERMSIG(st);
}

static int nested(int depth) {
	if (depth == 0)
		return 1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(nested(depth - 1));
	return status_of(pid) + 1;
}

static int store(void *arg) {
	*(int *)arg = 42;
	return getpid() != getppid() && getpid() == syscall(SYS_gettid) ? 5 : 6;
}

static void *idle(void *arg) {
	for (;;)
		pause();
	return arg;
}

static void *fork_here(void *arg) {
	pthread_t t;
	if ((*(pid_t *)arg = fork()) == 0) {
		// The forking thread is the child's main one, and can make threads again.
		int ok = getpid() == syscall(SYS_gettid) && pthread_create(&t, NULL, idle, NULL) == 0;
		_exit(ok ? 11 : 12);
	}
	return NULL;
}

static void *exec_here(void *arg) {
	char *argv[] = {"sh", "-c", "echo from a thread; exit 4", NULL};
	execv("/bin/sh", argv);
	return arg;
}

static void signals(void) {
	sigset_t block, old, pending;
	signal(SIGHUP, on_hup);
	sigemptyset(&block);
	sigaddset(&block, SIGHUP);
	sigprocmask(SIG_BLOCK, &block, &old);
	raise(SIGHUP);
	pid_t pid = fork();
	if (pid == 0) {
		sigpending(&pending);
		int was = sigismember(&pending, SIGHUP);
		sigprocmask(SIG_SETMASK, &old, NULL);
		_exit(was * 2 + hups);
	}
	printf("pending in child %d\n", status_of(pid));
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("in parent %d\n", (int)hups);
	if ((pid = fork()) == 0)
		for (;;)
			pause();
	kill(pid, SIGTERM);
	printf("killed %d\n", status_of(pid));
	int ready[2];
	if (pipe(ready))
		exit(1);
	if ((pid = fork()) == 0) {
		sigprocmask(SIG_BLOCK, &block, &old);
		hups = 0;
		if (write(ready[1], "r", 1) != 1)
			_exit(9);
		while (hups == 0)
			sigsuspend(&old);
		_exit(8);
	}
	char c;
	if (read(ready[0], &c, 1) == 1)
		kill(pid, SIGHUP);
	printf("handled %d\n", status_of(pid));
	struct itimerval it = {{0, 0}, {100, 0}};
	setitimer(ITIMER_REAL, &it, NULL);
	if ((pid = fork()) == 0) {
		getitimer(ITIMER_REAL, &it);
		_exit(it.it_value.tv_sec != 0);
	}
	printf("timer in child %d\n", status_of(pid));
	memset(&it, 0, sizeof it);
	setitimer(ITIMER_REAL, &it, NULL);
}

static void clones(void) {
	static char stack[65536] __attribute__((aligned(16)));
	int word = 0;
	int st = status_of(clone(store, stack + sizeof stack, SIGCHLD, &word));
	printf("own stack %d, shared %d\n", st, word);
	st = status_of(clone(store, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &word));
	printf("vfork %d, shared %d\n", st, word);
	int parent = 0, child = 0;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0, &parent, &child, 0);
	if (pid == 0)
		_exit(child == getpid() && parent == 0 ? 21 : 22);
	st = status_of(pid);
	printf("ids %d %d %d\n", st, parent == pid, child);
#ifdef P_PIDFD
	int fd = -1;
	siginfo_t si;
	if (syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &fd, 0, 0) == 0)
		_exit(1);
	printf("pidfd %d\n", waitid(P_PIDFD, (id_t)fd, &si, WEXITED));
	close(fd);
#endif
	pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (pid == 0)
		_exit(3);
	st = waitpid(pid, NULL, 0);
	printf("no exit signal %d %d, %d\n", st, errno == ECHILD, status_of(pid));
}

static void execs(void) {
	char *none[] = {"x", "y", NULL};
	execv("/nonexistent", none);
	printf("no file %d", errno == ENOENT);
	execv("/tmp", none);
	printf(", directory %d", errno == EACCES);
	int fd = open("plain", O_CREAT | O_WRONLY | O_TRUNC, 0755);
	if (write(fd, "hello\n", 6) != 6)
		exit(1);
	close(fd);
	execv("./plain", none);
	printf(", no program %d\n", errno == ENOEXEC);
	static const char script[] = "#!/bin/sh -e\necho script $0 $1 $FOO; ulimit -n; grep -E 'SigBlk|SigIgn|SigCgt' /proc/self/status\n"
				     "[ -e /proc/self/fd/20 ] && echo open 20; [ -e /proc/self/fd/21 ] || echo closed 21\n";
	fd = open("script", O_CREAT | O_WRONLY | O_TRUNC, 0755);
	if (write(fd, script, sizeof script - 1) != sizeof script - 1)
		exit(1);
	close(fd);
	pid_t pid = fork();
	if (pid == 0) {
		struct rlimit lim;
		getrlimit(RLIMIT_NOFILE, &lim);
		lim.rlim_cur = 77;
		setrlimit(RLIMIT_NOFILE, &lim);
		sigset_t s;
		sigemptyset(&s);
		sigaddset(&s, SIGSEGV);
		sigaddset(&s, SIGUSR2);
		sigprocmask(SIG_SETMASK, &s, NULL);
		signal(SIGHUP, SIG_IGN);
		signal(SIGURG, SIG_IGN);
		signal(SIGUSR1, on_hup);
		dup2(1, 20);
		dup3(1, 21, O_CLOEXEC);
		char *env[] = {"FOO=bar", "PATH=/bin:/usr/bin", NULL};
		execv("/nonexistent", none); // must change nothing
		execve("./script", none, env);
		_exit(99);
	}
	printf("script %d\n", status_of(pid));
	char *named[] = {"my name", "-c", "echo called $0", NULL};
	if ((pid = fork()) == 0)
		execv("/bin/sh", named);
	printf("name %d\n", status_of(pid));
	char *six[] = {"sh", "-c", "exit 6", NULL};
	if ((pid = fork()) == 0) {
		fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);
		fexecve(fd, six, environ);
		_exit(98);
	}
	printf("fexecve %d\n", status_of(pid));
	int err = posix_spawn(&pid, "/nonexistent", NULL, NULL, six, environ);
	printf("spawn %d", err);
	err = posix_spawn(&pid, "/bin/sh", NULL, NULL, six, environ);
	printf(", %d %d\n", err, status_of(pid));
	unlink("script");
	unlink("plain");
}

int main(void) {
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("nested %d\n", nested(5));
	pid_t many[200];
	int good = 0;
	for (int i = 0; i < 200; i++)
		if ((many[i] = fork()) == 0) {
			usleep((useconds_t)(1000 * (i % 20)));
			_exit(i % 100);
		}
	for (int i = 0; i < 200; i++)
		good += status_of(many[i]) == i % 100;
	printf("children %d\n", good);
	signals();
	clones();
	pthread_t t;
	pid_t pid;
	pthread_create(&t, NULL, fork_here, &pid);
	pthread_join(t, NULL);
	printf("forked by a thread %d\n", status_of(pid));
	if ((pid = fork()) == 0) {
		pthread_create(&t, NULL, idle, NULL);
		pthread_create(&t, NULL, exec_here, NULL);
		for (;;)
			pause();
	}
	printf("executed by a thread %d\n", status_of(pid));
	execs();
	return 0;
}
