/* SPDX-License-Identifier: Apache-2.0
 * outlook.h - what the market sees of this machine, and what its line lets an ethernet do, looked at now and then in a thread of its own
 */
#ifndef SELLER_OUTLOOK_H
#define SELLER_OUTLOOK_H

#include <stdatomic.h>
#include "json.h"
#include "machine.h"
#include "settings.h"
#include "survey.h"

struct outlook;
/* Looks at once, at the line each half hour and at the market each minute. Settings and identity must outlive it. */
MUST_CHECK err_t outlook_new(const struct settings *settings, const struct identity *identity, struct outlook **ret_outlook);
void outlook_free(struct outlook *o);
/* Where the line is free, and the owner lets so many bytes more pass, the market may measure it: a few seconds, once a day at most. What that has
 * moved since the last call is in ret_moved_bytes. */
void outlook_line(struct outlook *o, bool is_free, uint64_t left_bytes, uint64_t *ret_moved_bytes);
/* What was measured of the line, where it was. */
void outlook_terms(struct outlook *o, struct offer_terms *terms);
/* For `status`: {"market": the market's answer to why there is no work, or null, "nat", "direct", "relay_rtt_us"}. */
json_t *outlook_to_json(struct outlook *o);

/* The market's servers, as this machine is told them. cancel: of struct client_config, or NULL. */
MUST_CHECK err_t outlook_servers(const struct settings *settings, const struct identity *identity, const atomic_bool *cancel,
				 struct netcheck *ret);
/* In a report's words. */
enum nat_kind outlook_nat(const struct survey *s);

#endif
