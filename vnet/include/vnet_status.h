/* SPDX-License-Identifier: Apache-2.0
 * vnet_status.h - what can be seen of a running endpoint: each peer's path, and why it is not direct
 */
#ifndef VNET_STATUS_H
#define VNET_STATUS_H

#include "vnet.h"

enum vnet_path { VNET_PATH_NONE, VNET_PATH_CONNECTING, VNET_PATH_DIRECT, VNET_PATH_RELAYED, VNET_PATH_COUNT };
extern const char *const vnet_path_names[VNET_PATH_COUNT]; /* "none", "connecting", "direct", "relayed" */

/* Why a peer is not reached directly: the first that holds, in the order that why.c asks. */
enum vnet_why {
	VNET_WHY_NONE,		/* it is */
	VNET_WHY_TRYING,	/* not all ways have been tried yet */
	VNET_WHY_KEY_MISMATCH,	/* a handshake was refused */
	VNET_WHY_NO_CANDIDATES, /* the peer announces no address */
	VNET_WHY_UDP_BLOCKED,	/* no STUN server answers us */
	VNET_WHY_PEER_SILENT,	/* nothing has come from the peer, over no path */
	VNET_WHY_LOST,		/* it was, and does not answer any more */
	VNET_WHY_BOTH_NATS,	/* both sides' NATs map by destination */
	VNET_WHY_OUR_NAT,	/* ours does */
	VNET_WHY_PEER_NAT,	/* the peer's does */
	VNET_WHY_PEER_PRIVATE,	/* the peer announces only addresses of its own site */
	VNET_WHY_UNANSWERED,	/* probes to all its addresses go unanswered */
	VNET_WHY_COUNT
};
extern const char *const vnet_why_names[VNET_WHY_COUNT]; /* "none", "trying", ... */
const char *vnet_why_sentence(enum vnet_why why);	 /* for people: what it means, what helps */

struct vnet_peer_status {
	uuid id;
	char name[VNET_NAME_SIZE];
	uint32_t ip;
	struct in6_addr ip6; /* of the network's prefix, as it was heard; :: before */
	enum vnet_path path;
	enum vnet_candidate_kind kind;	   /* of the path in use */
	bool relay_tls;			   /* relayed: our way to the relay is TLS, not UDP */
	bool learned;			   /* nobody announced its address: the peer was heard from there */
	char address[VNET_CANDIDATE_SIZE]; /* the peer's (or the relay's) of the path in use; "" where none */
	enum vnet_why why_not_direct;
	int64_t rtt_us; /* smoothed (RFC 6298 section 2), -1 unknown */
	int loss_permille; /* of the last minute's pings over the path in use, thousandths that went unanswered; -1: none were sent */
	enum vnet_cipher cipher;		/* of the packets to it, where they go direct or relayed */
	uint16_t datagram_bytes;		/* UDP payload that the path in use carries whole (RFC 8899 PLPMTU); 0: no path */
	uint64_t handshakes, handshake_repeats; /* begun; their flights that were sent again */
	uint64_t tx_bytes, rx_bytes;		/* inner frames, from and to the port */
	uint64_t tx_frames, rx_frames;
	uint64_t dropped;     /* sealed wrongly, replayed, no key, queue full */
	int64_t last_seen_us; /* monotonic, 0 never */
};
/* How the NAT before us maps our port (RFC 4787 section 4.1): alike for all destinations, so that a peer reaches us where the STUN
 * servers saw us, or for each one anew. Without a NAT it is independent. Unknown until two servers answered. */
enum vnet_mapping { VNET_MAPPING_UNKNOWN, VNET_MAPPING_INDEPENDENT, VNET_MAPPING_DEPENDENT, VNET_MAPPING_COUNT };
extern const char *const vnet_mapping_names[VNET_MAPPING_COUNT]; /* "unknown", "independent", "dependent" */

struct vnet_status {
	uint64_t tx_bytes, rx_bytes; /* of the port, all peers together: what is metered */
	uint64_t tx_frames, rx_frames;
	struct vnet_rates rates; /* as they were set */
	uint64_t over;		 /* frames to the port that its rate had no room for */
	uint64_t spoofed;	 /* frames from the port with a foreign MAC or address */
	uint64_t strangers;	 /* packets that no peer of ours sent */
	int64_t first_rx_us;	 /* monotonic: when the first of rx_frames came, 0 none did */
	size_t peer_count, connected;
	enum vnet_mapping mapping;
	bool stun_silent; /* there are STUN servers, and none answers: UDP seems to be blocked */
};
void vnet_status(const struct vnet *v, struct vnet_status *ret_status);
/* Returns how many there are; fills at most max. */
size_t vnet_peer_statuses(const struct vnet *v, struct vnet_peer_status *ret_statuses, size_t max);

/* What each STUN server says. Returns how many there are. */
struct vnet_stun_status {
	char server[VNET_CANDIDATE_SIZE];
	char mapped[VNET_CANDIDATE_SIZE]; /* under which address our packets reach it; "": not answered */
	int64_t rtt_us;			  /* -1 unknown */
};
size_t vnet_stun_statuses(const struct vnet *v, struct vnet_stun_status ret_statuses[VNET_MAX_STUN_SERVERS]);

/* Connects to the relay's TLS address as an endpoint does, by the config's proxy where there is one, until both have shaken hands and the
 * relay has shown the key that it is to have, and hangs up. Waits, up to timeout_ms. ret_why: what went wrong, a text that stays. Any error:
 * not so. Only tls_address and tls_pin of the relay are used, only the proxy of the config. */
MUST_CHECK err_t vnet_try_relay(const struct vnet_relay *relay, const struct vnet_config *config, int timeout_ms, int64_t *ret_us,
				const char **ret_why);

/* Shows each frame at the port: outbound where the machine sent it, and whether it is refused or answered here or not; else one that
 * goes to the machine. Super-frames are shown as they pass: whole where the machine hands them over, in segments where they come from a
 * peer. The frame is valid only during the call, which must not wait. fn NULL: no more. */
typedef void vnet_watch_fn(void *context, bool outbound, const uint8_t *frame, size_t len);
void vnet_watch(struct vnet *v, vnet_watch_fn *fn, void *context);

/* Sends one sealed ping to the peer's endpoint over the path in use. The caller looks for its result later; of one peer the last 8 are
 * remembered. E_NOT_FOUND: no such peer, no such ping any more. E_UNAVAILABLE: no path to the peer now. */
struct vnet_ping {
	enum vnet_path path; /* direct or relayed: what it went over */
	bool relay_tls;
	char address[VNET_CANDIDATE_SIZE]; /* the peer's, or the relay's */
	int64_t rtt_us;			   /* -1: not answered so far */
};
MUST_CHECK err_t vnet_ping(struct vnet *v, uuid peer, mono_time now, uint64_t *ret_token);
MUST_CHECK err_t vnet_ping_result(const struct vnet *v, uuid peer, uint64_t token, struct vnet_ping *ret_ping);

#endif
