/* SPDX-License-Identifier: Apache-2.0
 * payout.h - money that a user takes out
 */
#ifndef PROTOCOL_PAYOUT_H
#define PROTOCOL_PAYOUT_H

#include "account.h"

/* POST /v1/payouts and, to see what it would cost, POST /v1/payouts/quote. amount: what leaves the balance. */
struct payout_request {
	money amount; /* amount_micro >= 1 */
	char provider[PROVIDER_SIZE];
	char receiver[EMAIL_SIZE]; /* an email address, an account number: as the provider wants it */
};
json_t *payout_request_to_json(const struct payout_request *p);
MUST_CHECK err_t payout_request_from_json(json_t *json, struct payout_request *ret, struct json_error *error);

struct payout {
	uuid id, account;
	char provider[PROVIDER_SIZE], receiver[EMAIL_SIZE];
	enum payout_state state;
	money amount, commission, send; /* send = amount - commission is what the receiver gets */
	bool approved;			/* else it waits for an operator */
	char note[DETAIL_SIZE];		/* why it waits or failed */
	wall_time created_at, sent_at, ended_at;
	char reference[129]; /* the provider's name of it; not in JSON */
};
json_t *payout_to_json(const struct payout *p);

#endif
