/* SPDX-License-Identifier: Apache-2.0
 * policy.h - whether guests may run, and how fast: measurements in, a decision with its reasons out; pure
 *
 * How it works: each reason has one measurement, a number that is worse the greater it is, and a limit that says from which number
 * on which level applies. Each level of each reason is a switch of its own: it goes on once the measurement has been that bad for
 * enter_us without a break, and off once it has been better than that by more than the slack for leave_us without a break, so
 * that a measurement that flutters around a limit changes nothing. The decision is the worst level that is on. What is not known
 * speaks for nothing.
 */
#ifndef SELLER_POLICY_H
#define SELLER_POLICY_H

#include <stdbool.h>
#include <stdint.h>
#include "clock.h"

/* Each is worse for the guests than the one before it. */
enum policy_level {
	POLICY_OPEN,	  /* guests run, new ones are taken */
	POLICY_CLOSED,	  /* those that are here run on */
	POLICY_THROTTLED, /* they run a part of the time */
	POLICY_PAUSED,	  /* they are frozen */
	POLICY_LEVEL_COUNT
};
extern const char *const policy_level_names[POLICY_LEVEL_COUNT];

enum policy_reason {
	POLICY_OWNER,		/* 1: the owner said pause */
	POLICY_DRAIN,		/* 1: the owner said drain */
	POLICY_HOURS,		/* 1: outside of the owner's hours */
	POLICY_USER,		/* minus the seconds since somebody used this computer */
	POLICY_BATTERY,		/* 1: it runs on battery */
	POLICY_CPU,		/* permille of the processors that others than guests use */
	POLICY_QUEUE,		/* thousandths of a runnable task of others beyond one a processor */
	POLICY_MEMORY,		/* minus the available MiB */
	POLICY_MEMORY_PRESSURE, /* permille of the time in which somebody waited for memory (PSI, 10 s) */
	POLICY_IO_PRESSURE,	/* the same of disks */
	POLICY_TEMPERATURE,	/* thousandths of a degree Celsius, of the hottest sensor */
	POLICY_METERED,		/* 1: the way to the internet is paid by the byte */
	POLICY_TRAFFIC,		/* MiB that guests moved this month */
	POLICY_DISK,		/* minus the free MiB where the leases lie */
	POLICY_REASON_COUNT
};
extern const char *const policy_reason_names[POLICY_REASON_COUNT];

#define POLICY_UNKNOWN INT64_MIN
#define POLICY_NEVER INT64_MAX

struct policy_limit {
	int64_t at
		[POLICY_LEVEL_COUNT]; /* the number from which on the level applies, or POLICY_NEVER; at[POLICY_OPEN] is not read */
	int64_t slack;		      /* so much better it must get for the level to end */
	int64_t enter_us, leave_us;
};
struct policy {
	struct policy_limit limits[POLICY_REASON_COUNT];
};
/* Without any limit. */
void policy_init(struct policy *policy);

struct policy_switch {
	bool on, contrary; /* contrary: the measurement says otherwise, since then */
	mono_time contrary_since;
};
struct policy_state {
	struct {
		enum policy_level level;
		mono_time since; /* of the level */
		struct policy_switch switches[POLICY_LEVEL_COUNT];
	} reasons[POLICY_REASON_COUNT];
};

/* values: a measurement for each reason, or POLICY_UNKNOWN. Zeroed is a new state. Returns the level; each reason's own
 * is in the state. */
enum policy_level policy_decide(const struct policy *policy, struct policy_state *state, const int64_t *values, mono_time now);

/* A measurement in words, "other programs use 62 % of the processors". text has POLICY_TEXT_SIZE bytes. Returns text. */
#define POLICY_TEXT_SIZE 96
char *policy_explain(enum policy_reason reason, int64_t value, char *text);

#endif
