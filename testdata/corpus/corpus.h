// What the programs of the corpus share: how fault and twin differ, and how a program keeps its compiler from seeing
// through it.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// PICK is its first argument in the program with the fault and its second one in the repaired twin.
#ifdef TWIN
#define PICK(fault, twin) twin
#else
#define PICK(fault, twin) fault
#endif

// NOINLINE functions keep their frame, and are compiled as written.
#define NOINLINE __attribute__((noinline, noclone))

// HIDE makes the compiler forget what it knows of the integer or pointer x, and of memory.
#define HIDE(x) __asm__ volatile("" : "+r"(x) : : "memory")

// USE stores x. A value that is only loaded is nothing to Valgrind, whose optimiser drops the load.
#define USE(x)                                                                                                        \
	do {                                                                                                          \
		volatile __typeof__((x) + 0) used_ = (x);                                                              \
		(void)used_;                                                                                           \
	} while (0)

// SEEN makes memory look as if it were read and written by others.
#define SEEN() __asm__ volatile("" : : : "memory")

// STEP is something that is done or not: a compiler cannot make a conditional move of the jump around it.
#define STEP() __asm__ volatile("nop" : : : "memory")

// FRESH is memory for n of type T from the heap: undefined, or in the twin zero.
#define FRESH(T, n) ((T *)PICK(malloc((n) * sizeof(T)), calloc((n), sizeof(T))))

// REQUEST is a client request, as the headers valgrind.h and memcheck.h make them: the registers and the sequence of
// rotations are what tools look for. Natively it does nothing and is worth fallback.
#define REQUEST(fallback, code, a, b, c)                                                                              \
	({                                                                                                            \
		volatile uint64_t request_[6] = {(code), (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), 0, 0};           \
		uint64_t result_ = (fallback);                                                                         \
		__asm__ volatile("rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\t"         \
				 "xchgq %%rbx, %%rbx"                                                                  \
				 : "+d"(result_)                                                                       \
				 : "a"(request_)                                                                       \
				 : "cc", "memory", "rdi");                                                             \
		result_;                                                                                               \
	})
#define MEMCHECK_REQUEST(n) (0x4d430000 + (n))
#define MAKE_NOACCESS(p, n) REQUEST(0, MEMCHECK_REQUEST(0), p, n, 0)
#define MAKE_UNDEFINED(p, n) REQUEST(0, MEMCHECK_REQUEST(1), p, n, 0)
#define MAKE_DEFINED(p, n) REQUEST(0, MEMCHECK_REQUEST(2), p, n, 0)
#define CHECK_ADDRESSABLE(p, n) REQUEST(0, MEMCHECK_REQUEST(4), p, n, 0)
#define CHECK_DEFINED(p, n) REQUEST(0, MEMCHECK_REQUEST(5), p, n, 0)
#define LEAK_CHECK(quick, mode) REQUEST(0, MEMCHECK_REQUEST(6), quick, mode, 0)

// With THREADS defined, that many threads run what is called main in the program, all at once.
#ifdef THREADS
#include <pthread.h>
static int body(void);
static pthread_barrier_t start_;
static void *thread_(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&start_);
	return (void *)(intptr_t)body();
}
int main(void)
{
	pthread_t threads_[THREADS];
	intptr_t status_ = 0;
	pthread_barrier_init(&start_, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads_[i], NULL, thread_, NULL);
	for (int i = 0; i < THREADS; i++) {
		void *one;
		pthread_join(threads_[i], &one);
		status_ |= (intptr_t)one;
	}
	return (int)status_;
}
#define main body
#endif
