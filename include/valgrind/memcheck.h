/* Requests to memcheck; see valgrind.h.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GOGRIND_MEMCHECK_H
#define GOGRIND_MEMCHECK_H

#include "valgrind.h"

enum gg_memcheck_request {
	VG_USERREQ__MAKE_MEM_NOACCESS = VG_USERREQ_TOOL_BASE('M', 'C'),
	VG_USERREQ__MAKE_MEM_UNDEFINED = VG_USERREQ_TOOL_BASE('M', 'C') + 1,
	VG_USERREQ__MAKE_MEM_DEFINED = VG_USERREQ_TOOL_BASE('M', 'C') + 2,
	VG_USERREQ__DISCARD = VG_USERREQ_TOOL_BASE('M', 'C') + 3,
	VG_USERREQ__CHECK_MEM_IS_ADDRESSABLE = VG_USERREQ_TOOL_BASE('M', 'C') + 4,
	VG_USERREQ__CHECK_MEM_IS_DEFINED = VG_USERREQ_TOOL_BASE('M', 'C') + 5,
	VG_USERREQ__DO_LEAK_CHECK = VG_USERREQ_TOOL_BASE('M', 'C') + 6,
	VG_USERREQ__COUNT_LEAKS = VG_USERREQ_TOOL_BASE('M', 'C') + 7,
	VG_USERREQ__GET_VBITS = VG_USERREQ_TOOL_BASE('M', 'C') + 8,
	VG_USERREQ__SET_VBITS = VG_USERREQ_TOOL_BASE('M', 'C') + 9,
	VG_USERREQ__CREATE_BLOCK = VG_USERREQ_TOOL_BASE('M', 'C') + 10,
	VG_USERREQ__MAKE_MEM_DEFINED_IF_ADDRESSABLE = VG_USERREQ_TOOL_BASE('M', 'C') + 11,
	VG_USERREQ__COUNT_LEAK_BLOCKS = VG_USERREQ_TOOL_BASE('M', 'C') + 12,
	VG_USERREQ__ENABLE_ADDR_ERROR_REPORTING_IN_RANGE = VG_USERREQ_TOOL_BASE('M', 'C') + 13,
	VG_USERREQ__DISABLE_ADDR_ERROR_REPORTING_IN_RANGE = VG_USERREQ_TOOL_BASE('M', 'C') + 14
};

#define GG_MC(def, code, a1, a2, a3, a4) VALGRIND_DO_CLIENT_REQUEST_EXPR(def, code, a1, a2, a3, a4, 0)

/* What may be done with [addr, addr + len) from now on. */
#define VALGRIND_MAKE_MEM_NOACCESS(addr, len) GG_MC(0, VG_USERREQ__MAKE_MEM_NOACCESS, addr, len, 0, 0)
#define VALGRIND_MAKE_MEM_UNDEFINED(addr, len) GG_MC(0, VG_USERREQ__MAKE_MEM_UNDEFINED, addr, len, 0, 0)
#define VALGRIND_MAKE_MEM_DEFINED(addr, len) GG_MC(0, VG_USERREQ__MAKE_MEM_DEFINED, addr, len, 0, 0)
#define VALGRIND_MAKE_MEM_DEFINED_IF_ADDRESSABLE(addr, len) GG_MC(0, VG_USERREQ__MAKE_MEM_DEFINED_IF_ADDRESSABLE, addr, len, 0, 0)

/* Reports what is not as claimed; the first such address, 0 if all is well. */
#define VALGRIND_CHECK_MEM_IS_ADDRESSABLE(addr, len) GG_MC(0, VG_USERREQ__CHECK_MEM_IS_ADDRESSABLE, addr, len, 0, 0)
#define VALGRIND_CHECK_MEM_IS_DEFINED(addr, len) GG_MC(0, VG_USERREQ__CHECK_MEM_IS_DEFINED, addr, len, 0, 0)
#define VALGRIND_CHECK_VALUE_IS_DEFINED(lvalue) VALGRIND_CHECK_MEM_IS_DEFINED((volatile unsigned char *)&(lvalue), (unsigned long)sizeof(lvalue))

/* Gives a piece of memory a name for messages; the handle is for VALGRIND_DISCARD. */
#define VALGRIND_CREATE_BLOCK(addr, len, name) GG_MC(0, VG_USERREQ__CREATE_BLOCK, addr, len, name, 0)
#define VALGRIND_DISCARD(handle) GG_MC(0, VG_USERREQ__DISCARD, 0, handle, 0, 0)

/* Searches for leaks now: all, those that grew, those that changed, only the summary. */
#define VALGRIND_DO_LEAK_CHECK ((void)GG_MC(0, VG_USERREQ__DO_LEAK_CHECK, 0, 0, 0, 0))
#define VALGRIND_DO_ADDED_LEAK_CHECK ((void)GG_MC(0, VG_USERREQ__DO_LEAK_CHECK, 0, 1, 0, 0))
#define VALGRIND_DO_CHANGED_LEAK_CHECK ((void)GG_MC(0, VG_USERREQ__DO_LEAK_CHECK, 0, 2, 0, 0))
#define VALGRIND_DO_QUICK_LEAK_CHECK ((void)GG_MC(0, VG_USERREQ__DO_LEAK_CHECK, 1, 0, 0, 0))

/* The last search's results, stored in four lvalues of type unsigned long. */
#define GG_MC_COUNT(code, leaked, dubious, reachable, suppressed) \
	do { \
		unsigned long gg_count[4] = {0, 0, 0, 0}; \
		GG_MC(0, code, &gg_count[0], &gg_count[1], &gg_count[2], &gg_count[3]); \
		(leaked) = gg_count[0], (dubious) = gg_count[1], (reachable) = gg_count[2], (suppressed) = gg_count[3]; \
	} while (0)
#define VALGRIND_COUNT_LEAKS(leaked, dubious, reachable, suppressed) \
	GG_MC_COUNT(VG_USERREQ__COUNT_LEAKS, leaked, dubious, reachable, suppressed)
#define VALGRIND_COUNT_LEAK_BLOCKS(leaked, dubious, reachable, suppressed) \
	GG_MC_COUNT(VG_USERREQ__COUNT_LEAK_BLOCKS, leaked, dubious, reachable, suppressed)

/* Copies V bits (1 is undefined) of n bytes at addr to and from bits: 0 natively, 1 done, 3 not all is accessible. */
#define VALGRIND_GET_VBITS(addr, bits, n) ((unsigned)GG_MC(0, VG_USERREQ__GET_VBITS, addr, bits, n, 0))
#define VALGRIND_SET_VBITS(addr, bits, n) ((unsigned)GG_MC(0, VG_USERREQ__SET_VBITS, addr, bits, n, 0))

/* Whether errors about addresses in [addr, addr + len) are reported. */
#define VALGRIND_DISABLE_ADDR_ERROR_REPORTING_IN_RANGE(addr, len) GG_MC(0, VG_USERREQ__DISABLE_ADDR_ERROR_REPORTING_IN_RANGE, addr, len, 0, 0)
#define VALGRIND_ENABLE_ADDR_ERROR_REPORTING_IN_RANGE(addr, len) GG_MC(0, VG_USERREQ__ENABLE_ADDR_ERROR_REPORTING_IN_RANGE, addr, len, 0, 0)

#endif
