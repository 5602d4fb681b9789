/* SPDX-License-Identifier: Apache-2.0
 * traffic.h - what guests moved in this calendar month, kept in STATE/traffic.json
 */
#ifndef SELLER_TRAFFIC_H
#define SELLER_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>
#include "clock.h"
#include "err.h"

struct traffic {
	int month; /* 202611, by this machine's clock */
	uint64_t bytes;
	bool unsaved;
	wall_time saved_at;
};

/* What was saved; nothing moved where there is no such file, or where it cannot be read. */
void traffic_load(const char *path, struct traffic *ret_traffic);
/* Adds bytes; a new month begins at zero. Saves once a minute where there is something new: a crash forgets no more than that. */
MUST_CHECK err_t traffic_add(struct traffic *t, const char *path, uint64_t bytes, wall_time now);

#endif
