// The smallest real program in every shape of executable that compilers make.
// build: gcc -O2
// build: gcc -O2 -no-pie
// build: gcc -O2 -static
// build: gcc -O2 -static-pie
// build: gcc -O2 -Wl,-z,now
// build: gcc -O2 -Wl,-z,norelro -Wl,-z,lazy
// build: gcc -O0 -fcf-protection=full -Wl,-z,noseparate-code
// build: musl-gcc -O2
// build: musl-gcc -O2 -static
#include <stdio.h>

int main(int argc, char **argv) {
	printf("hello, %d argument(s)\n", argc - 1);
	for (int i = 1; i < argc; i++)
		puts(argv[i]);
	return 3;
}
