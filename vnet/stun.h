/* SPDX-License-Identifier: Apache-2.0
 * stun.h - "what address do my packets have where they reach you?": the binding request and its answer (RFC 8489)
 */
#ifndef VNET_STUN_H
#define VNET_STUN_H

#include "address.h"

#define STUN_HEADER_BYTES 20
#define STUN_REQUEST_BYTES (STUN_HEADER_BYTES + 8)     /* with FINGERPRINT */
#define STUN_ANSWER_BYTES (STUN_HEADER_BYTES + 24 + 8) /* at most: an IPv6 address, or four unknown attributes; FINGERPRINT */
#define STUN_MAX_BYTES 548			       /* of a message that is looked at (RFC 8489 section 6.1) */

struct stun_id { /* of a transaction: 96 random bits */
	uint8_t bytes[12];
};
enum stun_kind { STUN_REQUEST, STUN_ANSWER };
struct stun_message {
	enum stun_kind kind;
	struct stun_id id;
	struct address mapped; /* of an answer */
};

/* Both return the length. */
size_t stun_put_request(struct stun_id id, uint8_t *packet);				  /* STUN_REQUEST_BYTES */
size_t stun_put_answer(struct stun_id id, const struct address *mapped, uint8_t *packet); /* STUN_ANSWER_BYTES */

/* The error that a request gets to which stun_get() said E_UNSUPPORTED: 420, with the attributes that are not understood (section 6.3.1).
 * STUN_ANSWER_BYTES; 0: it was no request. */
size_t stun_put_unknown(const uint8_t *request, size_t len, uint8_t *packet);

/* A datagram that may be STUN's by its first byte (RFC 7983). */
bool stun_is(const uint8_t *packet, size_t len);
/* E_INVALID: no whole binding request or success response, a length or FINGERPRINT that does not hold, an answer without
 * XOR-MAPPED-ADDRESS. E_UNSUPPORTED: an attribute that must be understood and is not. */
MUST_CHECK err_t stun_get(const uint8_t *packet, size_t len, struct stun_message *ret_message);

#endif
