/* SPDX-License-Identifier: Apache-2.0
 * path.h - the ways to one peer: probing, choosing, noticing that one died, finding its datagram size
 *
 * Pure: time, pongs and heard packets go in, pings come out. The caller seals and sends them.
 */
#ifndef VNET_PATH_H
#define VNET_PATH_H

#include "address.h"
#include "clock.h"
#include "loss.h"
#include "vnet.h"

#define PATH_LEARNED 4		       /* addresses that authenticated packets came from and nobody announced */
#define PATH_LEARN_US (60 * SECOND_US) /* in which at most so many are learned */
#define PATH_MAX_COUNT (VNET_MAX_CANDIDATES + PATH_LEARNED + VNET_MAX_RELAYS)
#define PATH_BASE_BYTES 1200 /* UDP payload that every path must carry (RFC 8899 BASE_PLPMTU) */
#define PATH_TOP_BYTES 8972
#define PATH_PING_BYTES 256 /* of a ping: it pays for its pong and three lean pings (credit_bytes) */
#define PATH_LEAN_BYTES 64  /* of a ping to an address that has to pay for it */

#define PATH_PACE_US 50000   /* between first pings to different addresses */
#define PATH_OPEN_US 400000  /* from the first opener to the first ping in earnest, and the relay's round trip more */
#define PATH_RETRY_US 250000 /* before the same ping again */
#define PATH_TRIES 5	     /* unanswered: dead */
#define PATH_DEATHS 3	     /* a learned one that never answered is given up */
#define PATH_HEARTBEAT_US (3 * SECOND_US)  /* the active path while it is used */
#define PATH_KEEPALIVE_US (15 * SECOND_US) /* the active path otherwise */
#define PATH_STANDBY_US (60 * SECOND_US)   /* the others, and dead ones, for ever */
#define PATH_EAGER_US (5 * SECOND_US)	   /* dead ones while a relay carries the data; doubles up to PATH_STANDBY_US */
#define PATH_SUSPECT_US 6500000
#define PATH_DEAD_US (30 * SECOND_US)
#define PATH_SEARCH_US (600 * SECOND_US) /* a larger datagram size is looked for again */

enum path_state {
	PATH_NEW,     /* not tried yet */
	PATH_OPENING, /* to an address behind a NAT: pings that get no farther than ours, and open it (meeting.c) */
	PATH_PROBING, /* pings under way, never answered since NEW or DEAD */
	PATH_VALID,   /* answered a ping with its own token; may carry data */
	PATH_SUSPECT, /* no pong for PATH_SUSPECT_US after a ping */
	PATH_DEAD,    /* no pong for PATH_DEAD_US, or never any; pinged anew each PATH_STANDBY_US */
	PATH_STATE_COUNT
};
extern const char *const path_state_names[PATH_STATE_COUNT];

#define PATH_RING 8
struct path_sent {
	int64_t at_us; /* 0: answered or never sent */
	uint16_t bytes;
	uint8_t number;
	bool counts; /* in loss */
};

struct path {
	struct address to;
	enum vnet_candidate_kind kind;
	bool learned;
	bool tls;	       /* of a relayed one: our way to the relay */
	bool met;	       /* NEW: a meeting was called, or is not needed */
	uint32_t credit_bytes; /* what came from there less what went there, where no more may go (path_pays) */
	enum path_state state;
	uint8_t tries;	    /* OPENING, PROBING: pings sent */
	uint8_t unanswered; /* VALID, SUSPECT: pings since the last pong */
	uint8_t deaths;	    /* in a row */
	uint8_t number;	    /* of the last ping; the token's low byte */
	uint64_t secret;    /* the token's upper 56 bits, new for each PROBING */
	struct path_sent sent[PATH_RING];
	int64_t next_us; /* the next ping is due */
	int64_t pinged_us;
	int64_t waiting_us; /* since when pings go unanswered, 0: they do not */
	int64_t heard_us, answered_us;
	int64_t srtt_us, rttvar_us; /* RFC 6298; srtt -1: unknown */
	struct loss loss;
	/* the datagram size (RFC 8899) */
	uint16_t datagram_bytes; /* proven */
	uint16_t search_bytes;	 /* being tried, 0: none */
	uint8_t search_tries, full_lost;
	bool search_modest; /* the likely size failed: go up step by step */
	bool full_turn;	    /* the next heartbeat is full-size */
	int64_t search_us;
};

struct paths {
	struct path *path; /* count of them, room for more: most peers have few */
	int count, room;
	int active;	     /* index, or -1 */
	uint16_t want_bytes; /* the datagram that carries the largest frame whole */
	int64_t pace_us, used_us;
	int64_t learned_us[PATH_LEARNED]; /* when the last ones were learned, the oldest at learned_next */
	int learned_next;
	/* meeting.c */
	bool client;	   /* of the handshakes */
	unsigned meetings; /* in a row */
	int64_t meet_us, met_us;
};

struct path_ping {
	int path;
	uint64_t token;
	uint16_t bytes; /* UDP payload */
	uint8_t hops;	/* its TTL, 0: the system's */
};

/* The TTL of what is to open our NAT and not to reach the other one; turn: another one each time, as nobody knows how far that is. */
uint8_t paths_opening_hops(unsigned turn);
/* Behind a NAT, as far as we know: openers first. */
bool path_wants_opener(const struct path *p);

void paths_init(struct paths *s, uint16_t want_bytes);
void paths_clear(struct paths *s);
/* Exactly these announced candidates; those that stay keep their state, learned ones stay. */
void paths_set(struct paths *s, const struct address *to, const enum vnet_candidate_kind *kind, int count);
/* Exactly these relays; addresses with via, and which of them are reached by TLS. */
void paths_set_relays(struct paths *s, const struct address *relays, const bool *tls, int count);
/* We are bound there, by TLS or else UDP: probe it now. */
void paths_relay_up(struct paths *s, const struct address *relay, bool tls);
int paths_find(const struct paths *s, const struct address *from);
/* An authenticated packet came from there, unannounced: a new path in PATH_NEW, in the stead of the stalest learned one. Returns its
 * index, or -1 where the address is none to send to, or too many came of late. */
int paths_learn(struct paths *s, const struct address *from, mono_time now);
/* A handshake ended over this address. proven: it works both ways, as our last flight went nowhere else. */
void paths_handshaken(struct paths *s, const struct address *via, bool proven, mono_time now);
void paths_forget(struct paths *s); /* the peer left: nothing is known any more */
void paths_wake(struct paths *s);   /* our own addresses changed: probe all again */

/* The first from index on to which large packets may go: announced, or it answered once. count where there is none. */
int paths_known(const struct paths *s, int index);

/* So many bytes of authentic packets came from path i, or (less than 0) went there in answer. An address that only the packets'
 * origin tells of is sent no more than that until it answers a ping: who sits on the way can put any address there (RFC 9000 section
 * 8.1 has the like, with three times as much). */
void paths_credit(struct paths *s, int i, int64_t bytes);
/* An authenticated packet came over path i (-1: unknown). answer: it is a pong, so it says nothing about the peer's choice. */
void paths_heard(struct paths *s, int i, bool answer, mono_time now);
/* The newest authenticated packet on path i came to that address of ours: a path that does not work is tried from there. */
void paths_ours(struct paths *s, int i, const struct address *from);
void paths_used(struct paths *s, mono_time now); /* data went out */
/* Returns false where no ping of ours has this token. */
bool paths_pong(struct paths *s, uint64_t token, mono_time now);
void paths_too_big(struct paths *s, int i, size_t bytes, mono_time now); /* EMSGSIZE */

/* ---- meeting.c ---- */
void paths_meet_soon(struct paths *s, mono_time now); /* there is something new: the next meeting is the first of a row again */
/* True where a meeting is to be called over the active path, a relay; it has begun on our side. ready: STUN servers have told where we
 * are seen, or will not: the peer must know it before it is pinged in earnest. */
bool paths_call_meeting(struct paths *s, bool ready, mono_time now);
void paths_called(struct paths *s, bool ready, mono_time now); /* the peer called one */
/* A STUN server saw the peer there; of no account where that is none to send to. */
void paths_seen(struct paths *s, const struct address *seen, mono_time now);
int64_t paths_meeting_due_us(const struct paths *s);

/* Moves the states on; true with one ping to send: call again until false. */
bool paths_next(struct paths *s, mono_time now, struct path_ping *ret_ping);
/* The datagram that the path carries, 0 while a larger one is looked for. */
size_t path_settled_bytes(const struct path *p, mono_time now);
int64_t paths_due_us(const struct paths *s);
/* Of the last minute's pings, thousandths that went unanswered; -1 where there were none. */
int path_loss_permille(const struct path *p, mono_time now);

#endif
