/* SPDX-License-Identifier: Apache-2.0
 * pings.h - pings that a user asked for: what went out, and what came back
 *
 * Pure, and apart from the path's own probes (path.h), whose timing and tokens they do not touch.
 */
#ifndef VNET_PINGS_H
#define VNET_PINGS_H

#include "address.h"
#include "clock.h"
#include "path.h"
#include "vnet_status.h"

#define PINGS_KEPT 8 /* of one peer; older ones are forgotten */

struct pings {
	struct {
		uint64_t token; /* 0: none */
		int64_t sent_us;
		struct address to;
		struct vnet_ping result;
	} kept[PINGS_KEPT];
	unsigned next;
};

/* One goes out over that path now. Returns its token, never 0. */
uint64_t pings_sent(struct pings *s, const struct path *path, mono_time now);
/* False: no ping of ours that waits has this token. */
bool pings_answered(struct pings *s, uint64_t token, mono_time now);
/* E_NOT_FOUND: forgotten, or never sent. */
MUST_CHECK err_t pings_result(const struct pings *s, uint64_t token, struct vnet_ping *ret_result, struct address *ret_to);

#endif
