/* SPDX-License-Identifier: Apache-2.0
 * gate.h - what keeps strangers and floods away from the handshake: mac1, the retry cookie, rate limits
 */
#ifndef VNET_GATE_H
#define VNET_GATE_H

#include "bucket.h"
#include "crypto.h"
#include "uuid.h"
#include "wire.h"

/* ---- mac1: proof that the sender knows both pins, checked before anything else is looked at ---- */
/* Of the packets that go from one peer to another: the key of mac1, and the hint by which the receiver finds the sender. */
struct gate_key {
	uint8_t mac[32];
	uint8_t hint[CARRIER_HINT_BYTES];
};
struct gate_key gate_key_of(uuid network, sha256 receiver_pin, sha256 sender_pin);
void gate_sign(const struct gate_key *k, uint8_t *packet, size_t len); /* fills the last CARRIER_MAC_BYTES */
bool gate_check(const struct gate_key *k, const uint8_t *packet, size_t len);

/* ---- limits on new handshakes, and the cookie ---- */
#define GATE_RATE 50	    /* handshakes a second in all */
#define GATE_PREFIX_RATE 20 /* and of one /24 or /48 */
#define GATE_BUSY_RATE 10   /* above this rate the cookie is asked for */
#define GATE_PREFIXES 256
#define GATE_SECRET_US (120 * SECOND_US)

struct gate {
	struct bucket all, busy;
	struct bucket prefixes[GATE_PREFIXES]; /* by a keyed hash of the prefix; those that share one share its rate */
	uint8_t secret[2][32];		       /* now and before */
	int64_t secret_us;
	uint64_t salt;
};
enum gate_verdict { GATE_PASS, GATE_ASK_COOKIE, GATE_DROP };

void gate_init(struct gate *g, mono_time now);
/* About a handshake's first packet with a good mac1. contended: its peer has another handshake going on. */
enum gate_verdict gate_admit(struct gate *g, const struct address *from, const struct carrier *c, bool contended, mono_time now);
/* The cookie for this address and handshake: 16 bytes. */
void gate_cookie(struct gate *g, const struct address *from, const struct carrier *c, mono_time now,
		 uint8_t cookie[CARRIER_COOKIE_BYTES]);

#endif
