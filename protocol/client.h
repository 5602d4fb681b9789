/* SPDX-License-Identifier: Apache-2.0
 * client.h - the market's client: HTTPS with a pinned key or the system's certificates, JSON, problems, retries
 */
#ifndef PROTOCOL_CLIENT_H
#define PROTOCOL_CLIENT_H

#include <jansson.h>
#include <stdatomic.h>
#include "account.h"
#include "err.h"

struct client;

struct client_config {
	const char *url;   /* "https://market.example:8443"; http only to a loopback address */
	const char *pin;   /* "sha256//BASE64" of the server's public key, or NULL/"": the system's certificate store decides */
	const char *token; /* bearer, or NULL */
	const char *user_agent;
	int timeout_ms; /* of one try; 0: 30000. Raw bytes may take ten times that */
	int silence_ms; /* after which a stream of events counts as broken; 0: 45000 */
	/* NULL, or: at most so many bytes a second are read, 0: any; it may change meanwhile. What the kernel receives before came at the
	 * line's own speed: a quarter of a second's, where that is less than 200 KiB. */
	const _Atomic int64_t *most_bytes_s;
	const atomic_bool *cancel; /* NULL, or: where it is set, what runs ends within a second or so, E_UNAVAILABLE */
};
/* Copies. E_INVALID: a bad URL, pin or token, or a pin where there is no TLS. */
MUST_CHECK err_t client_new(const struct client_config *config, struct client **ret_client);
void client_free(struct client *client);
MUST_CHECK err_t client_set_token(struct client *client, const char *token);

/* Why a call failed, for people and for exit codes. */
struct problem {
	int status;    /* HTTP, 0: nothing came back */
	char code[48]; /* of protocol/codes.h; "unreachable" where status is 0; "bad_answer" where it was not the market's JSON */
	char title[160];
	char detail[256];
	char field[96]; /* the first of errors[], or "" */
	char request_id[40];
	char server_pin[80]; /* "sha256//…" that the server showed, where that is why it failed; or "" */
	int retry_after_s;
};
/* problem+json, as the market writes it. */
json_t *problem_to_json(const struct problem *p);
/* Into a problem from any body; never fails. */
void problem_from_json(json_t *json, int status, struct problem *ret);

/* One call. body may be NULL. idempotency_key: NULL, or sent as the header; calls with a key or GET are tried again up to
 * 3 times (0.2, 0.8, 2 s) when nothing came back or the market said 429/503. ret_json: NULL where the body is empty.
 * Failure: E_UNAVAILABLE (nothing came back, 5xx), E_AUTH (401), E_DENIED (403), E_NOT_FOUND, E_CONFLICT (409), E_FUNDS (402),
 * E_LIMIT (413, 429; an answer above 8 MiB), E_INVALID (other 4xx), E_CORRUPT (the answer is no JSON), and *ret_problem filled. */
MUST_CHECK err_t client_call(struct client *client, const char *method, const char *path, json_t *body,
			     const char *idempotency_key, json_t **ret_json, struct problem *ret_problem);
/* Raw bytes up (application/octet-stream) and down (at most max bytes; E_LIMIT). */
MUST_CHECK err_t client_put_bytes(struct client *client, const char *path, const void *data, size_t len,
				  struct problem *ret_problem);
MUST_CHECK err_t client_get_bytes(struct client *client, const char *path, void *data, size_t max, size_t *ret_len,
				  struct problem *ret_problem);
/* Server-Sent Events (WHATWG HTML section 9.2): calls fn for each event until it returns false or the time is over; reconnects
 * with Last-Event-ID. timeout_ms 0: for ever. data is borrowed. OK: fn has returned false, or the market said that the stream
 * is over (204). E_TIMEOUT: the time is over. Else as above; what may pass (nothing came back, 429, 5xx) only where it never
 * worked yet. */
typedef bool client_event_fn(void *context, const char *event, const char *id, json_t *data);
MUST_CHECK err_t client_events(struct client *client, const char *path, int timeout_ms, client_event_fn *fn, void *context,
			       struct problem *ret_problem);
/* A fresh key: a UUID as text. key has 37 bytes. */
void client_idempotency_key(char *key);

#endif
