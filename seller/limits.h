/* SPDX-License-Identifier: Apache-2.0
 * limits.h - what the owner lets guests take: the settings' part of policy.h
 */
#ifndef SELLER_LIMITS_H
#define SELLER_LIMITS_H

#include "hours.h"
#include "policy.h"

struct limits {
	char hours_text[256];
	struct hours hours;			 /* hours_text, once it was checked */
	char user[12], battery[12], metered[12]; /* levels, in the owner's words: run, close, throttle, pause */
	char metered_is[8];			 /* auto, yes, no */
	char priority[12];			 /* idle, normal */
	bool idle;				 /* priority, once it was checked */
	int64_t user_idle_us;
	bool logind; /* its word on the user counts */
	/* 0: never. Percent of the processors, tasks, percent of the time, degrees Celsius. */
	int64_t cpu_throttle, cpu_pause, queue_throttle, queue_pause, memory_pressure, io_pressure, heat_throttle, heat_pause;
	int64_t memory_free_bytes, disk_free_bytes;
	int64_t traffic_bytes;		/* a month; 0: any */
	int64_t up_bits_s, down_bits_s; /* all guests together; 0: any */
	int64_t throttle_percent;
	int64_t react_us, calm_us; /* how long a measurement must be bad, or good, to count */
	int64_t freeze_us;	   /* a guest that was paused for longer is given back */
};

#define LIMITS_LEAST_BITS_S 64000
/* Reads the words and the hours. error (size bytes) names the setting. E_INVALID. */
MUST_CHECK err_t limits_check(struct limits *l, char *error, size_t size);
/* Of limits that were checked. */
void limits_policy(const struct limits *l, struct policy *ret_policy);

#endif
