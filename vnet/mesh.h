/* SPDX-License-Identifier: Apache-2.0
 * mesh.h - all sealed talk with all peers of one network: packets, frames and time in; packets and frames out
 *
 * No socket and no clock here: vnet.c carries the packets, the tests carry them through a simulated network.
 */
#ifndef VNET_MESH_H
#define VNET_MESH_H

#include "gate.h"
#include "handshake.h"
#include "map.h"
#include "segment.h"
#include "vnet.h"

struct peer;

#define MESH_HEADROOM INNER_MAX_BYTES /* that mesh_send() may overwrite in front of a frame */

struct mesh_io {
	void *context;
	/* Room for one packet of up to len bytes that goes to peer; never NULL. commit() sends what was written, or nothing for len 0. */
	uint8_t *(*reserve)(void *context, size_t len);
	void (*commit)(void *context, struct peer *peer, const struct address *to, size_t len);
	/* A frame of the peer's. Valid until the function returns; its bytes may be changed. A segment (o->gso), or a frame that is o->loose, stands in the packet
	 * that mesh_input() was given, and is valid as long as that. */
	void (*deliver)(void *context, struct peer *peer, uint8_t *frame, size_t len, const struct offload *o);
	void (*reached)(void *context, struct peer *peer);	 /* it answers, after it did not; may be NULL */
	void (*log)(void *context, int level, const char *line); /* may be NULL */
};

struct mesh_index {
	uint32_t index; /* 0: free */
	struct peer *peer;
};

struct mesh {
	struct mesh_io io;
	struct identity *identity;
	uuid network, self;
	uint16_t frame_max; /* bytes of the largest frame */
	uint32_t subnet, netmask;
	uint64_t prefix; /* of IPv6 */
	struct gate gate;
	struct peer **peers;
	size_t count;
	uint32_t generation;			/* counts the times that a peer went */
	struct address relays[VNET_MAX_RELAYS]; /* with via */
	bool relay_tls[VNET_MAX_RELAYS];	/* reached so */
	size_t relay_count;
	bool relay_is_up;				 /* we were bound at one of them */
	struct address reflexive[VNET_MAX_STUN_SERVERS]; /* where we are seen */
	size_t reflexive_count;
	int64_t made_us;
	struct map by_hint;	    /* of their C2 packets, to position in peers */
	struct mesh_index *indexes; /* by the low INDEX_SLOT_BITS of the index */
	size_t index_size;
	uint64_t jitter_state;
	uint64_t strangers;
	int64_t due_us;
	size_t attempts; /* handshakes under way */
	bool untidy;	 /* there were some since the memory was tidied up */
	int64_t tidy_us;
	const struct peer *busy; /* the one of the last packet or frame: due_us does not know yet what it wants; NULL: none */
};

/* An address inside the network itself: reaching a peer there would go in a circle. */
bool mesh_is_inside(const struct mesh *m, const struct address *a);

/* Takes identity, also where it fails. network, subnet, mtu: of the config. */
MUST_CHECK err_t mesh_init(struct mesh *m, const struct vnet_network *network, uuid self, struct identity *identity,
			   const struct mesh_io *io, mono_time now);
void mesh_leave(struct mesh *m, mono_time now); /* tells the peers that we go */
void mesh_clear(struct mesh *m);

/* Desired state, as vnet_set_peers(); the list has been checked for doubles. */
MUST_CHECK err_t mesh_set_peers(struct mesh *m, const struct vnet_peer *peers, size_t count, mono_time now);
/* Exactly these relays lead to the peers, too; addresses with via. */
void mesh_set_relays(struct mesh *m, const struct address *relays, size_t count, mono_time now);
/* We are bound at that one: peers may be reached through it now. */
void mesh_relay_up(struct mesh *m, const struct address *relay, bool tls, mono_time now);
/* STUN servers see us there: peers that are reached through a relay are told so. */
void mesh_set_reflexive(struct mesh *m, const struct address *addresses, size_t count, mono_time now);
/* Where we are seen; or that nobody will tell. */
bool mesh_knows_itself(const struct mesh *m, mono_time now);
struct peer *mesh_find(const struct mesh *m, uuid id);

/* A UDP datagram; its bytes are changed. */
void mesh_input(struct mesh *m, uint8_t *packet, size_t len, const struct address *from, mono_time now);
/* Seals a frame to a peer. MESH_HEADROOM bytes in front of frame are ours to change during the call; the frame is as before after
 * it. With o->gso it is a super-frame and may be longer than the network's frames. False where it cannot go now: the peer has no keys or no path. */
bool mesh_send(struct mesh *m, struct peer *p, uint8_t *frame, size_t len, const struct offload *o, mono_time now);
/* The kernel said EMSGSIZE to a packet of len bytes. */
void mesh_too_big(struct mesh *m, struct peer *p, const struct address *to, size_t len, mono_time now);
/* Our addresses changed: every path is tried again. */
void mesh_wake(struct mesh *m, mono_time now);

void mesh_tick(struct mesh *m, mono_time now);
int64_t mesh_due_us(const struct mesh *m); /* when mesh_tick() has something to do */

/* ---- for peer.c ---- */
/* A fresh index that leads to p; 0 without memory. */
uint32_t mesh_index_new(struct mesh *m, struct peer *p);
void mesh_index_free(struct mesh *m, uint32_t index);
int64_t mesh_jitter(struct mesh *m, int64_t span); /* 0 .. span - 1 */
void mesh_log(struct mesh *m, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
