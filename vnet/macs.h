/* SPDX-License-Identifier: Apache-2.0
 * macs.h - which way a MAC address is that no member was introduced with: those behind a bridge
 */
#ifndef VNET_MACS_H
#define VNET_MACS_H

#include "bucket.h"
#include "map.h"

#define MACS_MAX 4096
#define MACS_PER_OWNER 64
#define MACS_AGE_US (300 * SECOND_US)
#define MACS_MOVES 5 /* a second in all: what moves more often is a loop or a forgery */

struct mac_entry {
	uint64_t mac;
	const void *owner;
	int64_t seen_us;
};
struct macs {
	struct mac_entry *entries; /* grows up to MACS_MAX */
	size_t count, size;
	struct map by_mac; /* to position in entries */
	struct bucket moves;
};

/* Notes that mac is with owner (any pointer that says who). False where it may not be: too many, or it moves too often. */
bool macs_learn(struct macs *m, uint64_t mac, const void *owner, mono_time now);
/* NULL: unknown or not seen for MACS_AGE_US. */
const void *macs_owner(const struct macs *m, uint64_t mac, mono_time now);
void macs_clear(struct macs *m);

#endif
