/* SPDX-License-Identifier: Apache-2.0
 * peer.h - one other member: its sessions, its handshakes, its paths
 */
#ifndef VNET_PEER_H
#define VNET_PEER_H

#include "fragment.h"
#include "mesh.h"
#include "pace.h"
#include "path.h"
#include "pings.h"
#include "relay_wire.h"
#include "session.h"
#include "trains.h"

/* A handshake under way. The side with the smaller pin is the DTLS client and drives it; the server only answers. */
struct attempt {
	struct handshake *dtls;
	uint64_t id;
	uint32_t local_index; /* 0: it has become a session's */
	uint32_t remote_index;
	uint8_t cookie[CARRIER_COOKIE_BYTES];
	uint8_t cookies;      /* how many we were sent */
	uint64_t seen[4];     /* bit: the other side's datagram of that number is here */
	struct address via;   /* where its last packet came from; port 0: none yet */
	size_t credit_bytes;  /* a client's: what came from via and was not yet answered with as much */
	struct address sole;  /* the only one that our last flight went to; port 0: none, or several */
	struct address extra; /* an address to try besides the candidates; port 0: none */
	bool done;
	int64_t begun_us, next_us, wait_us, repeated_us;
	int target; /* the candidate whose turn it is */
	int round;
};

#define PEER_ATTEMPTS 2 /* a server's; a client has one */

struct peer {
	struct mesh *mesh;
	uuid id;
	char name[VNET_NAME_SIZE];
	vnet_mac mac;
	uint32_t ip;
	sha256 pin;
	bool client; /* we are */
	struct gate_key to, from;
	struct relay_name relay_name;

	struct session *current;  /* what we send with */
	struct session *next;	  /* a server's: sent with only after the client was heard under it */
	struct session *previous; /* opens what was under way */
	struct attempt *attempt[PEER_ATTEMPTS];
	struct paths paths;
	struct trains trains;
	bool singly;	    /* the packet under way goes by itself */
	struct pings pings; /* that a user asked for */
	struct fragments *fragments;
	uint32_t frame_id;
	uint16_t super_id;

	int64_t retry_us; /* no handshake or wish for one before */
	uint8_t failures; /* in a row */
	bool refused;	  /* the last handshake that ended was refused: another key than the introduced one */
	uint64_t handshakes, handshake_repeats; /* begun here, ours or answered; flights that went out again */
	int64_t rekey_jitter_us;
	int64_t solicited_us;
	int wish_target;	  /* a server's wishes go to one candidate after the other */
	struct bucket complaints; /* log lines about its handshakes */
	struct bucket flood;	  /* of broadcasts and multicasts it sends us */
	bool connected;		  /* as logged */
	int64_t fragment_us;

	struct pace keep; /* what it takes from us, as it told (allot.h), until then: */
	int64_t keep_until_us;
	uint64_t came_bytes; /* on the line, since allot.c looks at that */

	uint64_t tx_bytes, rx_bytes, tx_frames, rx_frames, dropped;
	int64_t heard_us;
	uint64_t known_id; /* its machine's IPv6 interface identifier under the network's prefix, 0: none was heard */
};

MUST_CHECK err_t peer_new(struct mesh *m, const struct vnet_peer *who, mono_time now, struct peer **ret_peer);
void peer_free(struct peer *p);
/* New candidates of the same peer. */
void peer_set_candidates(struct peer *p, const struct vnet_peer *who, mono_time now);
void peer_relay_up(struct peer *p, const struct address *relay, bool tls, mono_time now); /* we are bound there */
void peer_leave(struct peer *p, mono_time now);						  /* tells it that we go */
/* One ping more than the paths send by themselves. E_UNAVAILABLE: there is no path. */
MUST_CHECK err_t peer_ping(struct peer *p, mono_time now, uint64_t *ret_token);

/* Packets whose owner mesh.c has found. */
void attempt_take(struct peer *p, const struct carrier *c, const struct address *from, mono_time now);
void attempt_take_cookie(struct peer *p, const struct cookie_reply *c, mono_time now);
void peer_take_sealed(struct peer *p, const struct wire_header *h, uint8_t *packet, size_t len, const struct address *from,
		      mono_time now);
/* We take so much of it a second; 0: any. */
void peer_tell_rate(struct peer *p, uint64_t bytes_s, mono_time now);
/* May a frame go to it: there are keys and a path, and it takes more. Else it is counted as dropped. */
bool peer_may_send(struct peer *p, mono_time now);
bool peer_send(struct peer *p, uint8_t *frame, size_t len, const struct offload *o, mono_time now);
bool peer_send_super(struct peer *p, const uint8_t *frame, size_t len, const struct offload *o, mono_time now);

void peer_tick(struct peer *p, mono_time now);
int64_t peer_due_us(const struct peer *p);
bool peer_is_connected(const struct peer *p); /* may be sent to */
bool peer_is_reached(const struct peer *p);   /* and answers */
/* May the packet that it is given to send go in one message with others (UDP_SEGMENT)? */
bool peer_takes_trains(const struct peer *p);
/* A frame went to it over the active path. */
void peer_used(struct peer *p, mono_time now);
/* The largest frame that goes to it in one piece where the network's largest would go in two, and the search for it has ended. Else
 * SIZE_MAX: what goes in more pieces costs no more a byte than what goes in one. */
size_t peer_frame_bytes(const struct peer *p, mono_time now);

/* ---- between peer.c and attempt.c ---- */
/* Seals and sends with s; false where it may not. */
bool peer_seal_to(struct peer *p, struct session *s, enum wire_type type, const uint8_t *plain, size_t len,
		  const struct address *to);
/* The handshake gave keys. Takes s. */
void peer_take_session(struct peer *p, struct session *s, const struct address *via, bool proven, mono_time now);
/* Handshakes (attempt.c). */
void attempt_tick(struct peer *p, mono_time now);
void attempt_hurry(struct peer *p, mono_time now); /* there is a new way to the peer */
int64_t attempt_due_us(const struct peer *p);
void attempt_free_all(struct peer *p, bool only_done);

#endif
