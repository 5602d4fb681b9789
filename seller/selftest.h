/* SPDX-License-Identifier: Apache-2.0
 * selftest.h - what this computer can do for guests and against them: each layer and condition, tried, with what mends it
 */
#ifndef SELLER_SELFTEST_H
#define SELLER_SELFTEST_H

#include <stdbool.h>
#include "settings.h"

/* fine; less than could be: guests run, and something is missing; bad: guests do not run, or not safely. */
enum selftest_state { SELFTEST_OK, SELFTEST_LESS, SELFTEST_BAD, SELFTEST_STATE_COUNT };
extern const char *const selftest_state_names[SELFTEST_STATE_COUNT]; /* "ok", "less", "bad" */

struct selftest_line {
	const char *name; /* of the layer or condition */
	enum selftest_state state;
	char detail[256]; /* what was found */
	const char *fix;  /* what mends it; "" where it is fine */
};
#define SELFTEST_LINES 16

/* Tries everything; takes some seconds. settings: NULL where this machine is not set up. Returns how many lines there are. */
size_t selftest_run(const struct settings *settings, struct selftest_line *ret_lines);

/* How much of a processor, in thousandths of a percent, a busy guest gets beside a busy program of the owner's; -1: it cannot be
 * measured. in_group: in a control group, else by the scheduler's idle class and lowest rank alone. */
int selftest_share(bool in_group);

#endif
