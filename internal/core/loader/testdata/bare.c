// Program without C library.
int counter = 1;
char space[9000];
void _start(void) {
	for (;;)
		counter += space[0];
}
