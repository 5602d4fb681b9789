/* SPDX-License-Identifier: Apache-2.0
 * network.h - an order's network and its peers, as the market introduces them
 */
#ifndef PROTOCOL_NETWORK_H
#define PROTOCOL_NETWORK_H

#include "account.h"
#include "ticket.h"

#define PEER_MAX 320 /* of one network: 256 VMs and the buyer's own machines */
#define CANDIDATE_MAX 16
#define CANDIDATE_SIZE 64

/* [{"address":"192.0.2.7:3478","tls":"192.0.2.7:443","tls_pin":HEX,"ticket":HEX},…]: the relays (docs/RELAY.md) and one member's tickets
 * for them, good with its key only. tls and tls_pin are both there or both absent. */
#define RELAY_MAX 4
struct relay_view {
	char address[CANDIDATE_SIZE], tls[CANDIDATE_SIZE]; /* tls: "" for none */
	sha256 tls_pin;
	uint8_t ticket[TICKET_BYTES];
};
struct relay_list {
	size_t count;
	struct relay_view list[RELAY_MAX];
};
json_t *relay_list_to_json(const struct relay_list *l);
void relay_list_take(struct json_reader *r, const char *name, struct relay_list *ret);

/* {"id","subnet":"10.77.0.0","prefix_len":16,"mtu":1400,"stun":["192.0.2.7:3478",…],"relays":[…]}; stun and relays are absent where the
 * market has none, and relays where the member's key is not known yet. */
#define STUN_MAX 4
struct network_view {
	uuid id;
	char subnet[16];
	uint32_t prefix_len, mtu;
	size_t stun_count;
	char stun[STUN_MAX][CANDIDATE_SIZE];
	struct relay_list relays;
};
/* "192.0.2.7:41641" or "[2001:db8::1]:41641": numeric, of one station, with a port. */
bool network_address_valid(const char *text);
json_t *network_view_to_json(const struct network_view *n);
void network_view_take(struct json_reader *r, const char *name, struct network_view *ret);

/* JSON: [{"kind":"host","address":"192.0.2.7:41641"},…]; kind is host, fixed, mapped, reflexive or relayed; the address is
 * numeric, of one station, with a port. candidates_take refuses unknown fields: it reads what machines and buyers say. */
struct vnet_candidates_text {
	size_t count;
	struct {
		char kind[12];
		char address[CANDIDATE_SIZE];
	} list[CANDIDATE_MAX];
};
json_t *candidates_to_json(const struct vnet_candidates_text *c);
void candidates_take(struct json_reader *r, const char *name, struct vnet_candidates_text *ret);

/* What a member does for all of them, said by the buyer's machines only; fields are absent where it does not:
 * {"gateway":true,"boot_server":"10.77.1.2","boot_file":"pxelinux.0"}: it leads into the world; machines that start from the network
 * get that file from that member. */
#define BOOT_FILE_SIZE 128 /* BOOTP's */
struct peer_offers {
	bool gateway;
	char boot_server[16];
	char boot_file[BOOT_FILE_SIZE]; /* printable ASCII; "" none */
};

/* {"id","name","mac","ip","pin","candidates"} and what it offers; name is a DNS label in lower case; pin and candidates are absent
 * where not known yet. */
struct peer_view {
	uuid id;
	char name[NAME_SIZE];
	char mac[18]; /* "52:54:00:12:34:56" */
	char ip[16];
	bool has_pin;
	sha256 pin;
	struct vnet_candidates_text candidates;
	struct peer_offers offers;
};
json_t *peer_view_to_json(const struct peer_view *p);
MUST_CHECK err_t peer_view_from_json(json_t *json, struct peer_view *ret, struct json_error *error);
void peer_view_take(struct json_reader *r, const char *name, struct peer_view *ret);

struct peer_list {
	size_t count;
	struct peer_view *peers; /* heap */
};
void peer_list_clear(struct peer_list *l);
json_t *peer_list_to_json(const struct peer_list *l);
void peer_list_take(struct json_reader *r, const char *name, struct peer_list *ret);

/* How a member reaches another, as it says (paths.h has it as JSON). -1: unknown; 0 bytes: no path. */
struct path_view {
	uuid peer;
	char path[12]; /* none, connecting, direct, relayed */
	int32_t rtt_us, loss_permille;
	uint32_t datagram_bytes;
};

/* POST /v1/orders/{id}/peers: the buyer's machine joins (or, repeated each 5 s, stays: it is dropped after 60 s of silence).
 * {"id","name","pin","candidates","peers_version","paths"} and what it offers; paths is optional. The answer is a peer_answer.
 * DELETE /v1/orders/{id}/peers/{peer} leaves. */
struct peer_join {
	uuid id; /* made by the buyer's machine, kept for as long as it stays */
	char name[NAME_SIZE];
	sha256 pin;
	struct vnet_candidates_text candidates;
	struct peer_offers offers;
	uint64_t peers_version; /* that it has; 0 none */
	size_t path_count;
	struct path_view paths[PEER_MAX];
};
json_t *peer_join_to_json(const struct peer_join *j);
MUST_CHECK err_t peer_join_from_json(json_t *json, struct peer_join *ret, struct json_error *error);
struct peer_answer {
	struct network_view network;
	struct peer_view self;
	uint64_t peers_version;
	bool has_peers;
	struct peer_list peers;
};
void peer_answer_clear(struct peer_answer *a);
json_t *peer_answer_to_json(const struct peer_answer *a);
MUST_CHECK err_t peer_answer_from_json(json_t *json, struct peer_answer *ret, struct json_error *error);

#endif
