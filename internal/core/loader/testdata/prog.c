// Program for the loader's tests: enough of everything that its image has text, constants, relocated constants, data
// and more bss than a page.
#include <stdio.h>
char zeros[100000];
int number = 42;
const char *const names[] = {"one", "two"};
int main(int argc, char **argv) {
	printf("%s %d %d %s\n", argv[0], argc, number + zeros[argc], names[argc & 1]);
	return 0;
}
