/* Requests of a program to the tool that it runs under.
 *
 * The instruction sequence and the numbers are those of Valgrind's valgrind.h, so programs built with either header run under
 * either tool. Natively a request costs a few instructions and yields its default. With NVALGRIND defined there is no code at all.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GOGRIND_VALGRIND_H
#define GOGRIND_VALGRIND_H

#include <stdarg.h>

#if !defined(NVALGRIND) && !(defined(__x86_64__) && defined(__linux__) && defined(__GNUC__))
#define NVALGRIND 1
#endif

enum gg_request {
	VG_USERREQ__RUNNING_ON_VALGRIND = 0x1001,
	VG_USERREQ__DISCARD_TRANSLATIONS = 0x1002,
	VG_USERREQ__CLIENT_CALL0 = 0x1101,
	VG_USERREQ__CLIENT_CALL1 = 0x1102,
	VG_USERREQ__CLIENT_CALL2 = 0x1103,
	VG_USERREQ__CLIENT_CALL3 = 0x1104,
	VG_USERREQ__COUNT_ERRORS = 0x1201,
	VG_USERREQ__GDB_MONITOR_COMMAND = 0x1202,
	VG_USERREQ__CLO_CHANGE = 0x1203,
	VG_USERREQ__MALLOCLIKE_BLOCK = 0x1301,
	VG_USERREQ__FREELIKE_BLOCK = 0x1302,
	VG_USERREQ__CREATE_MEMPOOL = 0x1303,
	VG_USERREQ__DESTROY_MEMPOOL = 0x1304,
	VG_USERREQ__MEMPOOL_ALLOC = 0x1305,
	VG_USERREQ__MEMPOOL_FREE = 0x1306,
	VG_USERREQ__MEMPOOL_TRIM = 0x1307,
	VG_USERREQ__MOVE_MEMPOOL = 0x1308,
	VG_USERREQ__MEMPOOL_CHANGE = 0x1309,
	VG_USERREQ__MEMPOOL_EXISTS = 0x130a,
	VG_USERREQ__RESIZEINPLACE_BLOCK = 0x130b,
	VG_USERREQ__PRINTF_VALIST_BY_REF = 0x1403,
	VG_USERREQ__PRINTF_BACKTRACE_VALIST_BY_REF = 0x1404,
	VG_USERREQ__STACK_REGISTER = 0x1501,
	VG_USERREQ__STACK_DEREGISTER = 0x1502,
	VG_USERREQ__STACK_CHANGE = 0x1503,
	VG_USERREQ__LOAD_PDB_DEBUGINFO = 0x1601,
	VG_USERREQ__MAP_IP_TO_SRCLOC = 0x1701,
	VG_USERREQ__CHANGE_ERR_DISABLEMENT = 0x1801,
	VG_USERREQ__INNER_THREADS = 0x1902,
	VG_USERREQ__TOOL_BASES = 0x10000 /* from here on tools have numbers of their own: two letters and a number */
};

#define VG_USERREQ_TOOL_BASE(a, b) ((unsigned)((a) & 0xff) << 24 | (unsigned)((b) & 0xff) << 16)

/* gg_request: the tool finds the address of code and arguments in rax, and the default, which is the result natively, in rdx.
 * The rotations add up to none. */
#ifdef NVALGRIND
#define VALGRIND_DO_CLIENT_REQUEST_EXPR(def, code, a1, a2, a3, a4, a5) (def)
#else
#define VALGRIND_DO_CLIENT_REQUEST_EXPR(def, code, a1, a2, a3, a4, a5) \
	__extension__({ \
		volatile unsigned long gg_args[6] = {(unsigned long)(code), (unsigned long)(a1), (unsigned long)(a2), \
			(unsigned long)(a3), (unsigned long)(a4), (unsigned long)(a5)}; \
		unsigned long gg_result = (unsigned long)(def); \
		__asm__ volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi; xchgq %%rbx, %%rbx" \
			: "+d"(gg_result) : "a"(&gg_args[0]) : "cc", "memory"); \
		gg_result; \
	})
#endif

#define VALGRIND_DO_CLIENT_REQUEST(result, def, code, a1, a2, a3, a4, a5) \
	((result) = VALGRIND_DO_CLIENT_REQUEST_EXPR(def, code, a1, a2, a3, a4, a5))
#define VALGRIND_DO_CLIENT_REQUEST_STMT(code, a1, a2, a3, a4, a5) \
	((void)VALGRIND_DO_CLIENT_REQUEST_EXPR(0, code, a1, a2, a3, a4, a5))

/* How deep in tools the program runs: 0 natively. */
#define RUNNING_ON_VALGRIND ((unsigned)VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0))

/* Code in [addr, addr + len) has changed. */
#define VALGRIND_DISCARD_TRANSLATIONS(addr, len) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DISCARD_TRANSLATIONS, addr, len, 0, 0, 0)

/* The number of errors so far, and whether those of this thread count. */
#define VALGRIND_COUNT_ERRORS ((unsigned)VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__COUNT_ERRORS, 0, 0, 0, 0, 0))
#define VALGRIND_DISABLE_ERROR_REPORTING VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__CHANGE_ERR_DISABLEMENT, 1, 0, 0, 0, 0)
#define VALGRIND_ENABLE_ERROR_REPORTING VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__CHANGE_ERR_DISABLEMENT, -1, 0, 0, 0, 0)

/* A monitor command (0: there is such a one), and a command-line option. */
#define VALGRIND_MONITOR_COMMAND(text) VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__GDB_MONITOR_COMMAND, text, 0, 0, 0, 0)
#define VALGRIND_CLO_CHANGE(option) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__CLO_CHANGE, option, 0, 0, 0, 0)

/* fn(tid, arguments...). */
#define VALGRIND_NON_SIMD_CALL0(fn) VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__CLIENT_CALL0, fn, 0, 0, 0, 0)
#define VALGRIND_NON_SIMD_CALL1(fn, a1) VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__CLIENT_CALL1, fn, a1, 0, 0, 0)
#define VALGRIND_NON_SIMD_CALL2(fn, a1, a2) VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__CLIENT_CALL2, fn, a1, a2, 0, 0)
#define VALGRIND_NON_SIMD_CALL3(fn, a1, a2, a3) VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__CLIENT_CALL3, fn, a1, a2, a3, 0)

/* Blocks of an allocator of the program's own: size bytes at addr with redzone bytes at both sides. */
#define VALGRIND_MALLOCLIKE_BLOCK(addr, size, redzone, zeroed) \
	VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__MALLOCLIKE_BLOCK, addr, size, redzone, zeroed, 0)
#define VALGRIND_RESIZEINPLACE_BLOCK(addr, old_size, new_size, redzone) \
	VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__RESIZEINPLACE_BLOCK, addr, old_size, new_size, redzone, 0)
#define VALGRIND_FREELIKE_BLOCK(addr, redzone) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__FREELIKE_BLOCK, addr, redzone, 0, 0, 0)

/* Pools: pool is an address that stands for one. */
#define VALGRIND_MEMPOOL_AUTO_FREE 1
#define VALGRIND_MEMPOOL_METAPOOL 2
#define VALGRIND_CREATE_MEMPOOL(pool, redzone, zeroed) VALGRIND_CREATE_MEMPOOL_EXT(pool, redzone, zeroed, 0)
#define VALGRIND_CREATE_MEMPOOL_EXT(pool, redzone, zeroed, flags) \
	VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__CREATE_MEMPOOL, pool, redzone, zeroed, flags, 0)
#define VALGRIND_DESTROY_MEMPOOL(pool) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__DESTROY_MEMPOOL, pool, 0, 0, 0, 0)
#define VALGRIND_MEMPOOL_ALLOC(pool, addr, size) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__MEMPOOL_ALLOC, pool, addr, size, 0, 0)
#define VALGRIND_MEMPOOL_FREE(pool, addr) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__MEMPOOL_FREE, pool, addr, 0, 0, 0)
#define VALGRIND_MEMPOOL_TRIM(pool, addr, size) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__MEMPOOL_TRIM, pool, addr, size, 0, 0)
#define VALGRIND_MOVE_MEMPOOL(from, to) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__MOVE_MEMPOOL, from, to, 0, 0, 0)
#define VALGRIND_MEMPOOL_CHANGE(pool, from, to, size) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__MEMPOOL_CHANGE, pool, from, to, size, 0)
#define VALGRIND_MEMPOOL_EXISTS(pool) ((unsigned)VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__MEMPOOL_EXISTS, pool, 0, 0, 0, 0))

/* Stacks of coroutines; start is the lowest byte, end the highest. */
#define VALGRIND_STACK_REGISTER(start, end) ((unsigned)VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__STACK_REGISTER, start, end, 0, 0, 0))
#define VALGRIND_STACK_DEREGISTER(id) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__STACK_DEREGISTER, id, 0, 0, 0, 0)
#define VALGRIND_STACK_CHANGE(id, start, end) VALGRIND_DO_CLIENT_REQUEST_STMT(VG_USERREQ__STACK_CHANGE, id, start, end, 0, 0)

/* The file and line of a code address, in a buffer of 64 bytes. */
#define VALGRIND_MAP_IP_TO_SRCLOC(addr, buffer) VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__MAP_IP_TO_SRCLOC, addr, buffer, 0, 0, 0)

/* Text for the tool's log, without and with the stack; the number of bytes written. */
static int __attribute__((format(__printf__, 1, 2), unused)) VALGRIND_PRINTF(const char *format, ...)
{
	va_list args;
	int n;
	va_start(args, format);
	n = (int)VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__PRINTF_VALIST_BY_REF, format, &args, 0, 0, 0);
	va_end(args);
	return n;
}

static int __attribute__((format(__printf__, 1, 2), unused)) VALGRIND_PRINTF_BACKTRACE(const char *format, ...)
{
	va_list args;
	int n;
	va_start(args, format);
	n = (int)VALGRIND_DO_CLIENT_REQUEST_EXPR(0, VG_USERREQ__PRINTF_BACKTRACE_VALIST_BY_REF, format, &args, 0, 0, 0);
	va_end(args);
	return n;
}

/* Wrapping. A function with one of these names stands in for fnname of objects with that soname, and calls the original through
 * what VALGRIND_GET_ORIG_FN stores. In both parts Zx stands for characters that names cannot have: Za *, Zc :, Zd ., Zu _, Zh -,
 * Zp +, Zs space, ZA @, ZD $, ZL (, ZR ), ZZ Z; ZU: fnname is as it is, ZZ: it is encoded, too. NONE is an object without soname. */
#define GG_JOIN_(a, b, c, d) a##b##c##d
#define GG_JOIN(a, b, c, d) GG_JOIN_(a, b, c, d)
#define I_WRAP_SONAME_FNNAME_ZU(soname, fnname) GG_JOIN(_vgw00000ZU_, soname, _, fnname)
#define I_WRAP_SONAME_FNNAME_ZZ(soname, fnname) GG_JOIN(_vgw00000ZZ_, soname, _, fnname)

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
typedef struct {
	unsigned long nraddr; /* the original */
} OrigFn;

#define GG_REQUEST "rolq $3, %%rdi\n\trolq $13, %%rdi\n\trolq $61, %%rdi\n\trolq $51, %%rdi\n\t"

/* To be used at the beginning of a wrapper. */
#define VALGRIND_GET_ORIG_FN(orig) \
	__asm__ volatile(GG_REQUEST "xchgq %%rcx, %%rcx" : "=a"((orig).nraddr) : : "cc", "memory")

#ifdef __SSE__
#define GG_VECTORS , "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
	"xmm13", "xmm14", "xmm15"
#else
#define GG_VECTORS
#endif

#ifdef __GCC_HAVE_DWARF2_CFI_ASM
#define GG_CFA ((unsigned long)__builtin_dwarf_cfa())
#define GG_FRAME ".cfi_remember_state\n\t.cfi_def_cfa rbp, 0\n\t"
#define GG_UNFRAME ".cfi_restore_state\n\t"
#else
#define GG_CFA 0ul
#define GG_FRAME
#define GG_UNFRAME
#endif

/* Calls a[0] with the arguments behind it. stack are instructions that put those in memory which are not in registers, the last one
 * first; the red zone is left alone and the stack is aligned when they are there. Unwinders find the frame by rbp meanwhile. */
#define GG_CALL(result, stack, ...) \
	do { \
		volatile unsigned long gg_a[13] = {__VA_ARGS__}; /* all six registers are loaded */ \
		unsigned long gg_r; \
		__asm__ volatile("movq %%rbp, %%r15\n\tmovq %%rsp, %%r14\n\tmovq %2, %%rbp\n\t" GG_FRAME \
			"subq $128, %%rsp\n\tandq $-16, %%rsp\n\t" stack \
			"movq 48(%%rax), %%r9\n\tmovq 40(%%rax), %%r8\n\tmovq 32(%%rax), %%rcx\n\t" \
			"movq 24(%%rax), %%rdx\n\tmovq 16(%%rax), %%rsi\n\tmovq 8(%%rax), %%rdi\n\tmovq (%%rax), %%rax\n\t" \
			GG_REQUEST "xchgq %%rdx, %%rdx\n\t" \
			"movq %%r14, %%rsp\n\tmovq %%r15, %%rbp\n\t" GG_UNFRAME \
			: "=a"(gg_r) : "0"(&gg_a[0]), "r"(GG_CFA) \
			: "cc", "memory", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r14", "r15" GG_VECTORS); \
		result; \
	} while (0)

#define GG_ODD "subq $8, %%rsp\n\t" /* an odd number of arguments in memory */
#define GG_PUSH(n) "pushq 8*" #n "(%%rax)\n\t"
#define GG_W(x) ((unsigned long)(x))
#define GG_TO(lval) (lval) = (__typeof__(lval))gg_r
#define GG_ORIG(fn) (fn).nraddr

/* CALL_FN_W_... store a result; W is an argument of the size of a word, v is none. */
#define CALL_FN_W_v(lval, fn) \
	GG_CALL(GG_TO(lval), "", GG_ORIG(fn))
#define CALL_FN_W_W(lval, fn, a1) \
	GG_CALL(GG_TO(lval), "", GG_ORIG(fn), GG_W(a1))
#define CALL_FN_W_WW(lval, fn, a1, a2) \
	GG_CALL(GG_TO(lval), "", GG_ORIG(fn), GG_W(a1), GG_W(a2))
#define CALL_FN_W_WWW(lval, fn, a1, a2, a3) \
	GG_CALL(GG_TO(lval), "", GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3))
#define CALL_FN_W_WWWW(lval, fn, a1, a2, a3, a4) \
	GG_CALL(GG_TO(lval), "", GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4))
#define CALL_FN_W_5W(lval, fn, a1, a2, a3, a4, a5) \
	GG_CALL(GG_TO(lval), "", GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5))
#define CALL_FN_W_6W(lval, fn, a1, a2, a3, a4, a5, a6) \
	GG_CALL(GG_TO(lval), "", GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6))
#define CALL_FN_W_7W(lval, fn, a1, a2, a3, a4, a5, a6, a7) \
	GG_CALL(GG_TO(lval), GG_ODD GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7))
#define CALL_FN_W_8W(lval, fn, a1, a2, a3, a4, a5, a6, a7, a8) \
	GG_CALL(GG_TO(lval), GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8))
#define CALL_FN_W_9W(lval, fn, a1, a2, a3, a4, a5, a6, a7, a8, a9) \
	GG_CALL(GG_TO(lval), GG_ODD GG_PUSH(9) GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8), GG_W(a9))
#define CALL_FN_W_10W(lval, fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10) \
	GG_CALL(GG_TO(lval), GG_PUSH(10) GG_PUSH(9) GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8), GG_W(a9), GG_W(a10))
#define CALL_FN_W_11W(lval, fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11) \
	GG_CALL(GG_TO(lval), GG_ODD GG_PUSH(11) GG_PUSH(10) GG_PUSH(9) GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8), GG_W(a9), GG_W(a10), GG_W(a11))
#define CALL_FN_W_12W(lval, fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12) \
	GG_CALL(GG_TO(lval), GG_PUSH(12) GG_PUSH(11) GG_PUSH(10) GG_PUSH(9) GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8), GG_W(a9), GG_W(a10), GG_W(a11), GG_W(a12))

/* CALL_FN_v_... are for functions without a result. */
#define CALL_FN_v_v(fn) \
	GG_CALL((void)gg_r, "", GG_ORIG(fn))
#define CALL_FN_v_W(fn, a1) \
	GG_CALL((void)gg_r, "", GG_ORIG(fn), GG_W(a1))
#define CALL_FN_v_WW(fn, a1, a2) \
	GG_CALL((void)gg_r, "", GG_ORIG(fn), GG_W(a1), GG_W(a2))
#define CALL_FN_v_WWW(fn, a1, a2, a3) \
	GG_CALL((void)gg_r, "", GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3))
#define CALL_FN_v_WWWW(fn, a1, a2, a3, a4) \
	GG_CALL((void)gg_r, "", GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4))
#define CALL_FN_v_5W(fn, a1, a2, a3, a4, a5) \
	GG_CALL((void)gg_r, "", GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5))
#define CALL_FN_v_6W(fn, a1, a2, a3, a4, a5, a6) \
	GG_CALL((void)gg_r, "", GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6))
#define CALL_FN_v_7W(fn, a1, a2, a3, a4, a5, a6, a7) \
	GG_CALL((void)gg_r, GG_ODD GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7))
#define CALL_FN_v_8W(fn, a1, a2, a3, a4, a5, a6, a7, a8) \
	GG_CALL((void)gg_r, GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8))
#define CALL_FN_v_9W(fn, a1, a2, a3, a4, a5, a6, a7, a8, a9) \
	GG_CALL((void)gg_r, GG_ODD GG_PUSH(9) GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8), GG_W(a9))
#define CALL_FN_v_10W(fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10) \
	GG_CALL((void)gg_r, GG_PUSH(10) GG_PUSH(9) GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8), GG_W(a9), GG_W(a10))
#define CALL_FN_v_11W(fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11) \
	GG_CALL((void)gg_r, GG_ODD GG_PUSH(11) GG_PUSH(10) GG_PUSH(9) GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8), GG_W(a9), GG_W(a10), GG_W(a11))
#define CALL_FN_v_12W(fn, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12) \
	GG_CALL((void)gg_r, GG_PUSH(12) GG_PUSH(11) GG_PUSH(10) GG_PUSH(9) GG_PUSH(8) GG_PUSH(7), GG_ORIG(fn), GG_W(a1), GG_W(a2), GG_W(a3), GG_W(a4), GG_W(a5), GG_W(a6), GG_W(a7), GG_W(a8), GG_W(a9), GG_W(a10), GG_W(a11), GG_W(a12))
#endif

#endif
