/* SPDX-License-Identifier: Apache-2.0
 * limits.c - what the owner lets guests take: the settings' part of policy.h
 */
#include "limits.h"
#include <stdio.h>
#include <string.h>

#define MIB (1LL << 20)

/* The owner's words for policy.h's levels. */
static const char *const words[POLICY_LEVEL_COUNT] = { "run", "close", "throttle", "pause" };

static int level_of(const char *word)
{
	for (int level = 0; level < POLICY_LEVEL_COUNT; level++)
		if (!strcmp(word, words[level]))
			return level;
	return -1;
}

err_t limits_check(struct limits *l, char *error, size_t size)
{
	const char *const levels[][2] = { { "user", l->user }, { "battery", l->battery }, { "metered", l->metered } };
	char why[128] = "";
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (level_of(levels[i][1]) < 0) {
			snprintf(error, size, "limits.%s must be run, close, throttle or pause, not \"%s\"", levels[i][0],
				 levels[i][1]);
			return E_INVALID;
		}
	if (strcmp(l->metered_is, "auto") != 0 && strcmp(l->metered_is, "yes") != 0 && strcmp(l->metered_is, "no") != 0) {
		snprintf(error, size, "network.metered must be auto, yes or no, not \"%s\"", l->metered_is);
		return E_INVALID;
	}
	if ((l->up_bits_s && l->up_bits_s < LIMITS_LEAST_BITS_S) || (l->down_bits_s && l->down_bits_s < LIMITS_LEAST_BITS_S)) {
		snprintf(error, size, "limits.up and limits.down must be 0, or %dkbit or more", LIMITS_LEAST_BITS_S / 1000);
		return E_INVALID;
	}
	l->idle = !strcmp(l->priority, "idle");
	if (!l->idle && strcmp(l->priority, "normal") != 0) {
		snprintf(error, size, "limits.priority must be idle or normal, not \"%s\"", l->priority);
		return E_INVALID;
	}
	if (hours_parse(l->hours_text, &l->hours, why, sizeof why)) {
		snprintf(error, size, "limits.hours %s", why);
		return E_INVALID;
	}
	return OK;
}

/* The level applies from 1 on. */
static void when_true(struct policy_limit *limit, enum policy_level level)
{
	if (level != POLICY_OPEN)
		limit->at[level] = 1;
}

/* Up to three numbers from which on levels apply; 0 is never. A tenth better than the limit ends the level. */
static void when_above(struct policy_limit *limit, int64_t throttle, int64_t pause, int64_t unit)
{
	int64_t least = throttle && (!pause || throttle < pause) ? throttle : pause;
	limit->at[POLICY_THROTTLED] = throttle ? throttle * unit : POLICY_NEVER;
	limit->at[POLICY_PAUSED] = pause ? pause * unit : POLICY_NEVER;
	limit->slack = least * unit / 10;
}

void limits_policy(const struct limits *l, struct policy *ret_policy)
{
	struct policy_limit *of = ret_policy->limits;
	policy_init(ret_policy);
	for (int reason = POLICY_BATTERY; reason < POLICY_REASON_COUNT; reason++) {
		of[reason].enter_us = l->react_us;
		of[reason].leave_us = l->calm_us;
	}
	/* What the owner says, the clock and somebody's hand are no flutter. */
	when_true(&of[POLICY_OWNER], POLICY_PAUSED);
	when_true(&of[POLICY_DRAIN], POLICY_CLOSED);
	when_true(&of[POLICY_HOURS], POLICY_PAUSED);
	int user = level_of(l->user);
	if (user > POLICY_OPEN)
		of[POLICY_USER].at[user] = -(l->user_idle_us / SECOND_US);
	when_true(&of[POLICY_BATTERY], (enum policy_level)level_of(l->battery));
	when_true(&of[POLICY_METERED], (enum policy_level)level_of(l->metered));
	when_above(&of[POLICY_CPU], l->cpu_throttle, l->cpu_pause, 10);
	when_above(&of[POLICY_QUEUE], l->queue_throttle, l->queue_pause, 1000);
	when_above(&of[POLICY_MEMORY_PRESSURE], 0, l->memory_pressure, 10);
	when_above(&of[POLICY_IO_PRESSURE], 0, l->io_pressure, 10);
	when_above(&of[POLICY_TEMPERATURE], l->heat_throttle, l->heat_pause, 1000);
	of[POLICY_TEMPERATURE].slack = 3000;
	if (l->memory_free_bytes) {
		of[POLICY_MEMORY].at[POLICY_PAUSED] = -(l->memory_free_bytes / MIB);
		of[POLICY_MEMORY].at[POLICY_CLOSED] = -(2 * l->memory_free_bytes / MIB);
		of[POLICY_MEMORY].slack = l->memory_free_bytes / MIB / 4;
	}
	if (l->disk_free_bytes) {
		of[POLICY_DISK].at[POLICY_CLOSED] = -(l->disk_free_bytes / MIB);
		of[POLICY_DISK].slack = l->disk_free_bytes / MIB / 10;
	}
	if (l->traffic_bytes) {
		of[POLICY_TRAFFIC].at[POLICY_CLOSED] = l->traffic_bytes / MIB * 9 / 10;
		of[POLICY_TRAFFIC].at[POLICY_PAUSED] = l->traffic_bytes / MIB;
	}
}
