/* SPDX-License-Identifier: Apache-2.0
 * reflexive.h - our addresses as servers outside see them, and what they tell of the NAT between
 *
 * Pure: time and answers go in, requests come out.
 */
#ifndef VNET_REFLEXIVE_H
#define VNET_REFLEXIVE_H

#include "clock.h"
#include "stun.h"
#include "vnet_status.h"

#define REFLEXIVE_RTO_US 500000		    /* RFC 8489 section 6.2.1; doubles with each try */
#define REFLEXIVE_TRIES 7		    /* Rc */
#define REFLEXIVE_AGAIN_US (20 * SECOND_US) /* asked again after that and up to 6 s more: NATs forget after 30 s and more */
#define REFLEXIVE_SPREAD_US (6 * SECOND_US)

struct reflexive {
	struct reflexive_server {
		struct address server, mapped; /* mapped: port 0 where it is not known */
		struct stun_id id;
		uint8_t tries;		 /* of the transaction under way, 0: none is */
		bool silent;		 /* the last that ended got no answer */
		int64_t sent_us, rtt_us; /* of an answer to a first try, -1 unknown */
		int64_t next_us;
	} servers[VNET_MAX_STUN_SERVERS];
	size_t count;
};

/* Addresses that are none to send to are left out. */
void reflexive_init(struct reflexive *r, const struct address *servers, size_t count, mono_time now);
void reflexive_wake(struct reflexive *r, mono_time now); /* our own addresses changed: ask at once */

/* True with a request to send: call again until false. packet has STUN_REQUEST_BYTES. */
bool reflexive_next(struct reflexive *r, mono_time now, uint8_t *packet, size_t *ret_len, struct address *ret_to);
int64_t reflexive_due_us(const struct reflexive *r);
/* A datagram with stun_is(). False: no answer to a request of ours. ret_changed: what reflexive_addresses() gives did. */
bool reflexive_take(struct reflexive *r, const uint8_t *packet, size_t len, const struct address *from, mono_time now,
		    bool *ret_changed);

/* What is known, each once. Returns how many. */
size_t reflexive_addresses(const struct reflexive *r, struct address addresses[VNET_MAX_STUN_SERVERS]);
/* There are servers, and none of them answers. */
bool reflexive_is_silent(const struct reflexive *r);
enum vnet_mapping reflexive_mapping(const struct reflexive *r);

#endif
