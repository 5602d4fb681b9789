/* SPDX-License-Identifier: Apache-2.0
 * sense_text.h - what the kernel says in /proc and /sys, read strictly: what is not as the kernel writes it is refused
 *
 * All return E_INVALID where the text is another, and then leave the result alone. Texts end with NUL.
 */
#ifndef SELLER_SENSE_TEXT_H
#define SELLER_SENSE_TEXT_H

#include <stdint.h>
#include "err.h"

/* /proc/stat: ticks of all processors together since the start, and the tasks that run or could (proc(5)). */
struct sense_cpu {
	uint64_t busy_ticks, all_ticks; /* busy: neither idle, nor waiting for a disk, nor stolen by a hypervisor */
	uint32_t runnable;
};
MUST_CHECK err_t sense_cpu(const char *text, struct sense_cpu *ret);
/* /proc/pressure/...: "some avg10", in permille (Documentation/accounting/psi.rst). */
MUST_CHECK err_t sense_pressure(const char *text, int64_t *ret_permille);
/* /proc/meminfo: MemAvailable. */
MUST_CHECK err_t sense_available(const char *text, int64_t *ret_mib);
/* /proc/PID/stat, and a thread's: its state's letter and its CPU time. The name in it may hold anything. */
struct sense_task {
	char state;
	uint64_t ticks;
};
MUST_CHECK err_t sense_task(const char *text, struct sense_task *ret);
/* A file of one number, such as a sensor's. */
MUST_CHECK err_t sense_number(const char *text, int64_t min, int64_t max, int64_t *ret_value);
/* /proc/net/route: the interface of the default route with the least metric. E_NOT_FOUND: there is none. */
#define SENSE_INTERFACE_SIZE 16
MUST_CHECK err_t sense_default_route(const char *text, char *ret_interface);

#endif
