/* SPDX-License-Identifier: Apache-2.0
 * node.h - one machine of the simulation: the mesh, the STUN client and the relay clients as vnet.c ties them together
 */
#ifndef SIMULATE_NODE_H
#define SIMULATE_NODE_H

#include "net.h"
#include "peer.h"
#include "reflexive.h"
#include "relay_client.h"

#define MAX_SERVERS 2

struct server {
	struct host host;
	struct relay *relay; /* NULL: killed */
	int64_t heard_us;
};

struct link { /* two that were introduced to each other */
	struct node *a, *b;
	bool on;
};

struct node {
	int number;
	bool up;
	bool impostor; /* has neither the key nor a ticket of the member that it says to be */
	struct mesh mesh;
	struct reflexive reflexive;
	struct relay_client relays[VNET_MAX_RELAYS];
	struct host host;
	char *key, *cert;
	struct p256_key *relay_key;
	struct vnet_peer self; /* as the market knows it */
	uint64_t version;      /* of self */
	const struct vnet_network *network;
	struct link **links;
	size_t link_count;
	int64_t clock_us;  /* its clock is that much ahead of the world's */
	int64_t frozen_us; /* until then nothing of it runs */
	int64_t due_us;	   /* of the event that wakes it, in the world's time; INT64_MAX: none */
	bool publishing, fetching;
	bool missed; /* news came while it was frozen */
	int idle_ticks;
	size_t packets; /* that it sent */
	uint8_t out[RELAY_HEADER_BYTES + PATH_TOP_BYTES + 64];
};

extern struct node *acting; /* whose code runs */
extern struct server servers[MAX_SERVERS];
extern size_t server_count;
extern bool with_relay;	 /* the servers do not speak STUN only */
extern size_t peers_now; /* of all machines together */

mono_time node_now(const struct node *n);

void servers_start(size_t count);
void server_kill(size_t i);
void server_start(size_t i); /* anew, with no memory */
void servers_clear(void);

/* Makes a machine of its network, switched off. */
struct node *node_new(int number, const struct vnet_network *network, const struct host *at);
/* The same member with another key, as the others know it: for an impostor. */
struct node *node_impostor(const struct node *of, const struct host *at);
void node_free(struct node *n);
void node_link(struct link *l);

void node_start(struct node *n);
void node_crash(struct node *n);
void node_leave(struct node *n);			       /* a farewell, then off */
void node_freeze(struct node *n, int64_t us, bool clock_runs); /* suspended: its clock runs on (CLOCK_BOOTTIME) or stands */
void node_thaw(struct node *n);				       /* before its time: only where its clock ran on */
void node_move(struct node *n, const struct host *to);	       /* other addresses, which its kernel tells it of */
/* What the market says about its peers is another thing than before: it will hear of it soon. */
void node_news(struct node *n);

struct peer *node_peer(const struct node *n, const struct node *of);
bool link_is_reached(const struct link *l); /* by both */
/* One frame to a peer of it. */
bool node_send(struct node *n, const struct node *to, size_t len);
/* As if it had sent packets more under the keys in use. */
void node_age_keys(struct node *n, const struct node *to, uint64_t packets);

#endif
