// Program without C library.
int counter = 1;
char space[5];
void _start(void) {
	for (;;)
		counter += space[0];
}
