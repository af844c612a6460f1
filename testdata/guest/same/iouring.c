// Reads and writes a file through io_uring, whose rings the kernel maps where it likes only (since Linux 6.5).
// build: gcc -O1
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int ring;
static struct io_uring_params p;
static char *sq, *cq;
static struct io_uring_sqe *sqes;

static int submit(int op, int fd, void *addr, unsigned len, unsigned long off) {
	unsigned *tail = (unsigned *)(sq + p.sq_off.tail), mask = *(unsigned *)(sq + p.sq_off.ring_mask);
	unsigned i = *tail & mask;
	memset(&sqes[i], 0, sizeof sqes[i]);
	sqes[i].opcode = op, sqes[i].fd = fd, sqes[i].addr = (unsigned long)addr, sqes[i].len = len, sqes[i].off = off;
	sqes[i].user_data = 100 + op;
	((unsigned *)(sq + p.sq_off.array))[i] = i;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1) return -1;
	unsigned *head = (unsigned *)(cq + p.cq_off.head);
	struct io_uring_cqe *c = (struct io_uring_cqe *)(cq + p.cq_off.cqes) + (*head & *(unsigned *)(cq + p.cq_off.ring_mask));
	int res = c->user_data == 100 + (unsigned)op ? c->res : -1000;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return res;
}

int main(void) {
	ring = syscall(SYS_io_uring_setup, 4, &p);
	if (ring < 0) {
		puts("not allowed");
		return 0;
	}
	size_t s = p.sq_off.array + p.sq_entries * 4, c = p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe);
	sq = mmap(NULL, s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, c, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, p.sq_entries * sizeof *sqes, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	int fd = open("uring.txt", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *text = malloc(3000), *back = malloc(3000), *one = malloc(5), *two = malloc(8);
	for (int i = 0; i < 3000; i++) text[i] = 'a' + i % 26;
	printf("write %d\n", submit(IORING_OP_WRITE, fd, text, 3000, 0));
	printf("read %d\n", submit(IORING_OP_READ, fd, back, 3000, 0));
	int same = 0;
	for (int i = 0; i < 3000; i++) same += back[i] == text[i];
	printf("same %d\n", same);
	struct iovec v[2] = {{one, 5}, {two, 8}};
	printf("readv %d %.5s %.8s\n", submit(IORING_OP_READV, fd, v, 2, 26 * 100 - 3), one, two);
	printf("nop %d, bad %d\n", submit(IORING_OP_NOP, -1, NULL, 0, 0), submit(IORING_OP_READ, -1, back, 1, 0));
	for (int i = 0; i < 20; i++)
		if (submit(IORING_OP_NOP, -1, NULL, 0, 0) != 0) puts("nop fails");
	munmap(sq, s);
	printf("%d %d\n", mmap(NULL, s, PROT_READ, MAP_SHARED, ring, 0x4000) == MAP_FAILED, close(ring));
	return 0;
}
