// The buffer of getline after it has been freed.
#include "../corpus.h"

int main(void)
{
	char *line = NULL;
	size_t room = 0;
	FILE *f = fmemopen((void *)"first\nsecond\n", 13, "r");
	getline(&line, &room, f);
	fclose(f);
	HIDE(line);
	PICK(free(line), (void)0);
	USE(line[1]);
	PICK((void)0, free(line));
	return 0;
}
