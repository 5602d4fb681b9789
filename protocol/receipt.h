/* SPDX-License-Identifier: Apache-2.0
 * receipt.h - what an order cost, signed by the market: anybody can check it later, without asking the market
 *
 * GET /v1/orders/{id}/receipt is one JSON object. The market signs, with the Ed25519 key that GET /v1/market names receipt_key, the text
 * "cpushare-receipt-v1", a NUL, and the object without its member "signature" in canonical form (RFC 8785: no blanks, members
 * sorted; all numbers are integers). Each lease has the last usage record that its machine signed, with the machine's key: the record
 * names the hash of the one before it, so a machine has signed one history of counters and no two.
 */
#ifndef PROTOCOL_RECEIPT_H
#define PROTOCOL_RECEIPT_H

#include "machine.h"
#include "price.h"

#define RECEIPT_MAX_BYTES (1024 * 1024)

/* Adds receipt_key and signature. */
MUST_CHECK err_t receipt_sign(json_t *receipt, const struct ed25519_key *key);

struct receipt_line {
	uuid lease;
	char name[NAME_SIZE];
	struct prices prices;
	uint32_t memory_mib;
	struct counters counters;
	money charged, commission;
	bool has_usage, usage_cut;
	struct usage usage;
	ed25519_public machine_key;
	money cost; /* of the counters that the machine signed, at these prices */
};
struct receipt_check {
	uuid order;
	ed25519_public key; /* the market's that signed it */
	struct receipt_line lines[ORDER_MAX_COUNT];
	size_t count;
	money charged;
};
/* Checks all of it: the market's signature by the key in it (whether that is the market's own is the caller's to know), each machine's, that
 * the counters are those which were signed, that nothing was charged beyond what they cost, and the sums. E_CORRUPT or E_INVALID: why
 * is in error. Leaves the object as it was. */
MUST_CHECK err_t receipt_verify(json_t *receipt, struct receipt_check *ret, struct json_error *error);

#endif
