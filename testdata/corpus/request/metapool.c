// A pool whose blocks are areas for another allocator: one that was divided is lost in pieces, the others as a whole.
// case: whole
// case: divided -DDIVIDED
#include "../corpus.h"

enum { MALLOCLIKE = 0x1301, FREELIKE = 0x1302, CREATE = 0x1303, ALLOC = 0x1305, FREE = 0x1306, META = 2 };

static void create(void *pool)
{
	volatile uint64_t request[6] = {CREATE, (uint64_t)pool, 0, 0, META, 0};
	uint64_t result = 0;
	__asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\txchgq %%rbx, %%rbx"
			 : "+d"(result)
			 : "a"(request)
			 : "cc", "memory", "rdi");
}

int main(void)
{
	char *area = malloc(1024), *other = malloc(1);
	long pool = 0;
	HIDE(area);
	create(&pool);
	REQUEST(0, ALLOC, &pool, area, 1000);
#ifdef DIVIDED
	REQUEST(0, MALLOCLIKE, area + 16, 30, 0);
	PICK(0, REQUEST(0, FREELIKE, area + 16, 0, 0));
#endif
	PICK(0, REQUEST(0, FREE, &pool, area, 0));
	PICK((void)0, free(area));
	area = NULL;
	HIDE(area);
	free(other);
	return 0;
}
