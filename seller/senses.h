/* SPDX-License-Identifier: Apache-2.0
 * senses.h - how this computer fares, for policy.h: read from /proc, /sys and /dev, without the guests' own part
 *
 * What somebody types is never looked at: input devices are read only to see that there was something, and it is thrown away.
 * Everything is bounded; what is not readable, or not as it should be, is POLICY_UNKNOWN.
 */
#ifndef SELLER_SENSES_H
#define SELLER_SENSES_H

#include <sys/types.h>
#include "policy.h"

struct senses;

/* root: where proc, sys and dev are, "/"; another one for tests. */
MUST_CHECK err_t senses_new(const char *root, struct senses **ret_senses);
void senses_free(struct senses *s);

/* Fills in what can be measured: USER, BATTERY, CPU, QUEUE, MEMORY, MEMORY_PRESSURE, IO_PRESSURE, TEMPERATURE, METERED and DISK (free
 * where disk_path is), and leaves the other values alone. own: processes whose CPU time and tasks, with all their descendants',
 * are ours. CPU and QUEUE need two readings. */
void senses_read(struct senses *s, const pid_t *own, size_t own_count, const char *disk_path, wall_time now_wall, mono_time now,
		 int64_t *values);

/* By what the last reading could have seen a user: how many input devices could be opened, and whether there was a terminal. */
struct sense_sources {
	size_t inputs;
	bool terminals;
};
struct sense_sources senses_sources(const struct senses *s);

#endif
