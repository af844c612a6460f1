// A parent that traces its children: one that executes a program, by fork and by vfork, one that stops itself, with registers,
// memory and system calls looked at in the executed program.
// build: gcc -O1
// build: musl-gcc -O1 -static
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void follow(const char *how, pid_t pid) {
	int st, traps = 0, other = 0;
	struct user_regs_struct regs;
	if (waitpid(pid, &st, 0) != pid)
		exit(1);
	printf("%s: stopped %d by %d", how, WIFSTOPPED(st), WSTOPSIG(st));
	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) == 0)
		printf(", exec's result %d", (int)regs.rax);
	errno = 0;
	ptrace(PTRACE_PEEKTEXT, pid, (void *)regs.rip, 0);
	printf(", text %d\n", errno == 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
			break;
		if (WSTOPSIG(st) == (SIGTRAP | 0x80))
			traps++;
		else
			other++;
	}
	printf("%s: system calls %d, other stops %d, exit %d\n", how, traps > 5, other, WEXITSTATUS(st));
}

int main(void) {
	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 0; i < 20; i++) {
		pid_t pid = i % 2 ? fork() : vfork();
		if (pid == 0) {
			ptrace(PTRACE_TRACEME, 0, 0, 0);
			setpgid(0, 0);
			execl("/bin/sh", "sh", "-c", "exit 7", NULL);
			_exit(9);
		}
		follow(i % 2 ? "fork" : "vfork", pid);
	}
	int st;
	pid_t pid = fork();
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(3);
	}
	waitpid(pid, &st, 0);
	printf("stop %d\n", WIFSTOPPED(st) && WSTOPSIG(st) == SIGSTOP);
	ptrace(PTRACE_KILL, pid, 0, 0);
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	printf("killed %d\n", WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
	return 0;
}
