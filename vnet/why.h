/* SPDX-License-Identifier: Apache-2.0
 * why.h - how a peer is reached, and why not directly
 */
#ifndef VNET_WHY_H
#define VNET_WHY_H

#include "peer.h"
#include "vnet_status.h"

/* What we know of our own side. */
struct why_local {
	enum vnet_mapping mapping;
	bool stun_silent;
};
enum vnet_why why_not_direct(const struct peer *p, const struct why_local *local);
void peer_status(const struct peer *p, const struct why_local *local, mono_time now, struct vnet_peer_status *ret_status);

#endif
