// Signals that a process without other threads sends to itself have been handled when the call returns; musl's sigqueue blocks
// them in between, so that the kernel looks for a thread that does not.
// build: gcc -O1
// build: musl-gcc -O1 -static
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile int got;

static void handler(int sig) { got++; }

int main(void) {
	int sigs[] = {SIGCHLD, SIGHUP, SIGTERM, SIGUSR1, SIGWINCH, SIGCONT, SIGTSTP, SIGPROF, SIGSYS};
	for (unsigned i = 0; i < sizeof sigs / sizeof *sigs; i++) {
		struct sigaction sa = {.sa_handler = handler};
		sigaction(sigs[i], &sa, NULL);
		int late = 0;
		for (int n = 0; n < 3000; n++) {
			got = 0;
			sigqueue(getpid(), sigs[i], (union sigval){0});
			late += got != 1;
			got = 0;
			kill(getpid(), sigs[i]);
			late += got != 1;
		}
		printf("%d: %d late\n", sigs[i], late);
	}
	return 0;
}
