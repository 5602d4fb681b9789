/* SPDX-License-Identifier: Apache-2.0
 * net.h - the simulated internet: hosts, NATs (RFC 4787), servers, and the weather
 */
#ifndef SIMULATE_NET_H
#define SIMULATE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "address.h"

/* Mapping and filtering (RFC 4787 sections 4.1 and 5): what of the remote address they depend on. */
enum dependence { INDEPENDENT, ADDRESS_DEPENDENT, PORT_DEPENDENT };

#define NO_SITE (-1)
#define SITE_HOLES 256

struct site { /* a NAT and what is behind it */
	uint32_t ip;
	int outer; /* the site that it is itself behind, or NO_SITE */
	enum dependence mapping, filtering;
	bool hairpin; /* between two of its own (section 6) */
	int64_t timeout_us;
	struct hole {
		struct address inside, remote;
		uint16_t port;
		int64_t used_us;
	} * holes; /* hole_count of them, room for more */
	size_t hole_count, hole_room;
};

struct host {
	int site; /* or NO_SITE: public */
	uint32_t ip;
	uint16_t port;
	bool cut;	  /* its cable is out */
	size_t mtu_bytes; /* of its line: larger UDP payloads vanish */
	void *owner;
	void (*take)(void *owner, uint8_t *data, size_t len, const struct address *from);
};

struct weather { /* what becomes of packets, each per mille */
	unsigned loss, twice, damage, late;
	int64_t delay_us, late_us; /* the longest way's; of those that are late */
};
extern struct weather weather;

struct packet {
	struct address from, to;
	size_t len;
	uint8_t data[];
};

struct address address_v4_of(uint32_t ip, uint16_t port);

int net_add_site(const struct site *s);
struct site *net_site(int i);
void net_forget_holes(int site);	   /* it was switched off and on */
void net_move_site(int site, uint32_t ip); /* its provider gave it another address, too */
void net_add_host(struct host *h);
void net_remove_host(struct host *h);
void net_clear(void);

/* False: too large for the host's own line (EMSGSIZE). */
bool net_send(struct host *h, const struct address *to, const uint8_t *data, size_t len);
/* Puts a packet on the internet as if it came from there; it comes out once at most. */
void net_inject(const struct address *from, const struct address *to, const uint8_t *data, size_t len);

/* Is told of each packet that crosses the internet. */
extern void (*net_tap)(const struct packet *p);
/* Is told where packets go that lead to nobody. */
extern void (*net_lost)(const struct packet *p);
extern uint64_t net_packets, net_bytes;

#endif
