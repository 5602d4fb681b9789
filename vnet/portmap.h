/* SPDX-License-Identifier: Apache-2.0
 * portmap.h - asking the gateways for a port that leads to us: PCP (RFC 6887), else NAT-PMP (RFC 6886)
 *
 * Pure: time and answers go in, requests come out.
 */
#ifndef VNET_PORTMAP_H
#define VNET_PORTMAP_H

#include "address.h"
#include "clock.h"
#include "gateway.h"

#define PORTMAP_MAX_BYTES 1100 /* RFC 6887 section 7 */
#define PORTMAP_REQUEST_BYTES 60
#define PORTMAP_NONCE_BYTES 12
#define PORTMAP_LIFETIME_S 1200		   /* asked for; renewed after half of what was given */
#define PORTMAP_PCP_RTO_US (3 * SECOND_US) /* RFC 6887 section 8.1.1: IRT; doubles */
#define PORTMAP_PCP_TRIES 2
#define PORTMAP_PMP_RTO_US (SECOND_US / 4) /* RFC 6886 section 3.1; doubles */
#define PORTMAP_PMP_TRIES 6
#define PORTMAP_AGAIN_US (10 * MINUTE_US)    /* a gateway that maps nothing is asked again */
#define PORTMAP_SHORTEST_US (30 * SECOND_US) /* between requests that were answered, whatever the gateway says */

struct portmap {
	struct portmap_gateway {
		struct address gateway; /* ours: the address that is mapped */
		enum { PORTMAP_PCP, PORTMAP_PMP_ADDRESS, PORTMAP_PMP_PORT } step;
		uint8_t nonce[PORTMAP_NONCE_BYTES];
		uint8_t tries;		/* of the request under way, 0: none is */
		struct address mapped;	/* port 0: not */
		struct address outside; /* NAT-PMP tells the address by itself */
		int64_t next_us, expires_us;
		uint32_t epoch_s; /* the gateway's clock, at epoch_us of ours; 0: never heard */
		int64_t epoch_us;
	} gateways[GATEWAY_MAX];
	size_t count;
	uint16_t port; /* ours, in host byte order */
};

void portmap_init(struct portmap *m, uint16_t port);
/* Exactly these gateways; those that stay keep their mapping. */
void portmap_set(struct portmap *m, const struct address *gateways, size_t count, mono_time now);
void portmap_wake(struct portmap *m, mono_time now); /* something changed outside: ask at once */

/* True with a request to send: call again until false. packet has PORTMAP_REQUEST_BYTES. */
bool portmap_next(struct portmap *m, mono_time now, uint8_t *packet, size_t *ret_len, struct address *ret_to);
int64_t portmap_due_us(const struct portmap *m);
/* False: it is no gateway's answer to us. ret_changed: what portmap_addresses() gives did. */
bool portmap_take(struct portmap *m, const uint8_t *packet, size_t len, const struct address *from, mono_time now,
		  bool *ret_changed);
/* We go: true with a request that ends a mapping; call again until false. */
bool portmap_end(struct portmap *m, uint8_t *packet, size_t *ret_len, struct address *ret_to);

/* Returns how many. */
size_t portmap_addresses(const struct portmap *m, struct address addresses[GATEWAY_MAX]);

#endif
