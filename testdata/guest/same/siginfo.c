// What a handler and waitid are told of a signal: children, faults, values, files, message queues.
// build: gcc -O1
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static siginfo_t last;
static volatile sig_atomic_t count;
static sigjmp_buf back;
static volatile int jump;

static void handler(int sig, siginfo_t *si, void *context) {
	last = *si;
	count++;
	if (jump)
		siglongjmp(back, 1);
}

static void on(int sig, int flags) {
	struct sigaction sa;
	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = handler;
	sa.sa_flags = SA_SIGINFO | flags;
	sigaction(sig, &sa, NULL);
	count = 0;
}

static void wait_for(int n) {
	sigset_t none;
	sigemptyset(&none);
	while (count < n)
		sigsuspend(&none);
}

static void children(void) {
	sigset_t block;
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, NULL);
	on(SIGCHLD, 0);
	static const struct { const char *name; int sig; } ways[] = {{"exit", 0}, {"term", SIGTERM}, {"segv", SIGSEGV}, {"stop", SIGSTOP}};
	for (int i = 0; i < 4; i++) {
		count = 0;
		pid_t pid = fork();
		if (pid == 0) {
			if (ways[i].sig)
				raise(ways[i].sig);
			while (ways[i].sig == SIGSTOP)
				pause(); // gone on with, until it is killed
			_exit(33);
		}
		wait_for(1);
		printf("%s: code %d, status %d, pid %d, uid %d\n", ways[i].name, last.si_code, last.si_status, last.si_pid == pid, last.si_uid == getuid());
		siginfo_t si;
		memset(&si, 0, sizeof si);
		int r = waitid(P_PID, pid, &si, WEXITED | WSTOPPED | WNOWAIT);
		printf("  waitid %d: %d %d %d %d\n", r, si.si_signo, si.si_code, si.si_status, si.si_pid == pid);
		if (ways[i].sig == SIGSTOP) {
			count = 0;
			waitid(P_PID, pid, &si, WSTOPPED);
			kill(pid, SIGCONT);
			wait_for(1);
			printf("  then code %d, status %d\n", last.si_code, last.si_status);
			waitid(P_PID, pid, &si, WCONTINUED);
			printf("  waitid %d %d\n", si.si_code, si.si_status);
			kill(pid, SIGTERM);
		}
		int st;
		waitpid(pid, &st, 0);
		printf("  status %#x\n", st & ~0x80);
	}
	signal(SIGCHLD, SIG_IGN);
	if (fork() == 0)
		_exit(1);
	int gone = wait(NULL);
	printf("ignored: %d %d\n", gone, errno == ECHILD);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &block, NULL);
}

static void fault(const char *name, int sig, void (*f)(void), uintptr_t addr, uintptr_t room) {
	on(sig, SA_NODEFER);
	jump = 1;
	if (sigsetjmp(back, 1) == 0)
		f();
	jump = 0;
	printf("%s: signal %d code %d address %d\n", name, last.si_signo, last.si_code, (uintptr_t)last.si_addr - addr < room);
}

static char *page, *file;
static void null(void) { *(volatile int *)8 = 1; }
static void readonly(void) { page[5] = 1; }
static void beyond(void) { (void)*(volatile char *)(file + 4096); }
static void divide(void) { volatile int z = 0; volatile int q = 5 / z; (void)q; }
static void general(void) { (void)*(volatile char *)0x8000000000000000; }
static void jumpaway(void) { ((void (*)(void))0x1230)(); }

static void faults(void) {
	page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("short", O_RDWR | O_CREAT, 0600);
	if (ftruncate(fd, 10))
		exit(1);
	file = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	fault("null", SIGSEGV, null, 8, 1);
	fault("read-only", SIGSEGV, readonly, (uintptr_t)page + 5, 1);
	fault("beyond the end", SIGBUS, beyond, (uintptr_t)file + 4096, 1);
	fault("division", SIGFPE, divide, (uintptr_t)divide, 64);
	fault("general protection", SIGSEGV, general, 0, 1);
	fault("jump", SIGSEGV, jumpaway, 0x1230, 1);
	signal(SIGSEGV, SIG_DFL);
}

static void sent(void) {
	on(SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	printf("kill: %d %d %d\n", last.si_code, last.si_pid == getpid(), last.si_uid == getuid());
	raise(SIGUSR1);
	printf("raise: %d %d\n", last.si_code, last.si_pid == getpid());
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = (void *)0x123456789abc});
	printf("sigqueue: %d %p\n", last.si_code, last.si_value.sival_ptr);
	siginfo_t si;
	memset(&si, 0, sizeof si);
	si.si_code = -60;
	si.si_pid = 4711;
	si.si_value.sival_int = 9;
	syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &si);
	printf("rt_sigqueueinfo: %d %d %d\n", last.si_code, last.si_pid, last.si_value.sival_int);
	syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &si);
	printf("rt_tgsigqueueinfo: %d %d\n", last.si_code, last.si_pid);
	on(SIGPIPE, 0);
	int p[2];
	if (pipe(p))
		exit(1);
	close(p[0]);
	ssize_t n = write(p[1], "x", 1);
	printf("pipe: %d, code %d, pid %d, %d\n", (int)n, last.si_code, last.si_pid == getpid(), count);
	close(p[1]);
}

static void files(void) {
	int p[2];
	if (pipe(p))
		exit(1);
	on(SIGRTMIN + 4, 0);
	fcntl(p[0], F_SETOWN, getpid());
	fcntl(p[0], F_SETSIG, SIGRTMIN + 4);
	fcntl(p[0], F_SETFL, O_ASYNC | O_NONBLOCK);
	if (write(p[1], "x", 1) != 1)
		exit(1);
	for (int i = 0; i < 5000 && count < 1; i++)
		usleep(1000);
	printf("file: code %d, fd %d, band %d\n", last.si_code, last.si_fd == p[0], (last.si_band & POLLIN) != 0);

	mq_unlink("/gogrind-siginfo");
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 8};
	mqd_t q = mq_open("/gogrind-siginfo", O_RDWR | O_CREAT, 0600, &attr);
	if (q < 0) {
		puts("no message queues");
		return;
	}
	on(SIGUSR2, 0);
	struct sigevent ev;
	memset(&ev, 0, sizeof ev);
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = SIGUSR2;
	ev.sigev_value.sival_int = 31;
	mq_notify(q, &ev);
	mq_send(q, "hi", 3, 0);
	for (int i = 0; i < 5000 && count < 1; i++)
		usleep(1000);
	printf("queue: code %d, value %d, pid %d\n", last.si_code, last.si_value.sival_int, last.si_pid == getpid());
	mq_close(q);
	mq_unlink("/gogrind-siginfo");
}

int main(void) {
	setvbuf(stdout, NULL, _IONBF, 0);
	sent();
	children();
	faults();
	files();
	return 0;
}
