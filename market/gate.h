/* SPDX-License-Identifier: Apache-2.0
 * gate.h - what every request passes before and after its handler: token, scope, transaction, idempotency, refusal
 */
#ifndef MARKET_GATE_H
#define MARKET_GATE_H

#include "market.h"

#define TOKEN_PREFIX_SESSION "cpu_ses_"
#define TOKEN_PREFIX_PERSONAL "cpu_pat_"
#define TOKEN_PREFIX_MACHINE "cpu_mac_"
#define TOKEN_PREFIX_RESET "cpu_rst_"
#define RESET_US (30 * MINUTE_US) /* for so long it lets in */
#define TOKEN_PREFIX_CONFIRM "cpu_cnf_"
/* RFC 6265bis section 4.1.3.2: a browser takes this name only over TLS, for all paths, and from this very host. */
#define SESSION_COOKIE "__Host-cpushare"
#define SCOPE(name) (1u << SCOPE_##name)

MUST_CHECK err_t gate_new(struct gate **ret_gate);
void gate_free(struct gate *gate);
/* A token was revoked or a machine retired, or may have been by another holder of the book: forget who was recognised lately. */
void gate_forget(struct gate *gate);

/* The server's hooks. */
void gate_admit(struct request *r);
void gate_run(struct request *r);

/* Makes a refusal of what a handler returned, unless it has answered. */
void gate_refuse(struct request *r, err_t e);
/* Runs fn in a transaction of its own, then answers and resumes: the end of a handler that waited. */
void gate_finish(struct request *r, route_fn *fn);

/* Of what is asked, so that a key cannot be used for something else. */
sha256 gate_request_hash(const struct request *r);
/* Answers with what was answered before under the same key; takes the body. */
void gate_replay(struct request *r, const struct stored_answer *stored);

/* ---- lists ---- */
/* ?limit=1..200 (50) and ?cursor= (what "next" was). */
MUST_CHECK err_t page_from_query(struct request *r, struct page *ret);
/* {"items": items (taken), "next": the last row's id where the page is full, else null}. */
err_t answer_page(struct request *r, json_t *items, const struct page *page, size_t count, uuid last);
err_t answer_items(struct request *r, json_t *items); /* all there is */

/* The lease that the path names first, for either side of it whose scopes are that side's; else E_NOT_FOUND. */
MUST_CHECK err_t gate_lease(struct request *r, struct lease_row *ret);

#endif
