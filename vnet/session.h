/* SPDX-License-Identifier: Apache-2.0
 * session.h - the keys that one handshake gave: both directions, counters, replay window, age
 */
#ifndef VNET_SESSION_H
#define VNET_SESSION_H

#include "clock.h"
#include "replay.h"
#include "seal.h"

/* A session is replaced after two minutes or 2^27 packets (at 10 Gb/s much the same) and never used beyond the hard bounds:
 * forward secrecy, and a wide margin to AES-GCM's limits (RFC 8446 section 5.5: 2^24.5 full-size records at 2^-60). */
#define SESSION_REKEY_US (120 * SECOND_US)
#define SESSION_REKEY_PACKETS (1ull << 27)
#define SESSION_END_US (180 * SECOND_US)
#define SESSION_END_PACKETS (1ull << 28)
#define SESSION_PREVIOUS_US (60 * SECOND_US) /* how long the replaced session still opens what was under way */

struct session {
	uint32_t local_index, remote_index;
	struct seal send, receive;
	uint64_t sent; /* the last counter used */
	int64_t made_us;
	int64_t replaced_us; /* 0: not */
	struct replay replay;
};

MUST_CHECK err_t session_new(const struct seal_key *send, const struct seal_key *receive, uint32_t local_index,
			     uint32_t remote_index, mono_time now, struct session **ret_session);
void session_free(struct session *s);

bool session_may_send(const struct session *s, mono_time now);
bool session_wants_rekey(const struct session *s, mono_time now, int64_t jitter_us);
bool session_is_over(const struct session *s, mono_time now);

/* Seals the len bytes at packet + WIRE_HEADER_BYTES with the next counter; then they are len + WIRE_SEAL_BYTES from packet on. E_LIMIT
 * past the hard bound. */
MUST_CHECK err_t session_seal(struct session *s, enum wire_type type, uint8_t *packet, size_t len);
/* Opens in place and notes the counter. E_CORRUPT where it does not authenticate, E_EXISTS where it was there before. */
MUST_CHECK err_t session_unseal(struct session *s, const struct wire_header *h, uint8_t *packet, size_t len,
				size_t *ret_plain_len);

#endif
