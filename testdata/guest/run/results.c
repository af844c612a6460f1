// Ends in the way its argument says, after calls of functions by which a profile tells how far it came.
// build: gcc -O1 -pthread
// build: gcc -O1 -pthread -static
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile kept;

__attribute__((noinline)) void before(void) {
	kept = malloc(5000);
	__asm__ volatile("");
}

__attribute__((noinline)) void turn(void) { // two instructions
	__asm__ volatile("nop");
}

__attribute__((noinline)) void after(int n) {
	kept = malloc(n * 1000);
	for (int i = 0; i < n; i++)
		turn();
}

static void *thread(void *arg) {
	after(7);
	syscall(SYS_exit_group, 3);
	return arg;
}

int main(int argc, char **argv) {
	const char *how = argc > 1 ? argv[1] : "";
	before();
	// Results are left where a program started.
	if (strstr(how, "exec") == NULL && chdir("/") != 0)
		return 1;
	if (!strcmp(how, "term"))
		kill(getpid(), SIGTERM);
	if (!strcmp(how, "abort"))
		abort();
	if (!strcmp(how, "thread")) {
		pthread_t t;
		pthread_create(&t, NULL, thread, NULL);
		pause();
	}
	if (!strcmp(how, "fork")) {
		pid_t child = fork();
		after(child ? 10 : 20);
		if (child)
			waitpid(child, NULL, 0);
		exit(0);
	}
	if (!strcmp(how, "forkexec")) {
		pid_t child = fork();
		if (child == 0) {
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		waitpid(child, NULL, 0);
	}
	if (!strcmp(how, "exec"))
		execl("/bin/true", "true", NULL);
	if (!strcmp(how, "noexec"))
		execl("/dev/null", "true", NULL);
	after(5);
	return 0;
}
