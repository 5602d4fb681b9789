/* SPDX-License-Identifier: Apache-2.0
 * transport.h - one HTTP exchange with the market, for client.c and events.c only
 */
#ifndef PROTOCOL_TRANSPORT_H
#define PROTOCOL_TRANSPORT_H

#include <curl/curl.h>
#include "client.h"
#include "clock.h"

#define CLIENT_ANSWER_MAX (8 << 20)

struct client {
	CURL *easy; /* one handle: its connections, TLS sessions and addresses are used again */
	char *url;  /* without a slash at the end */
	char *pin, *token, *user_agent;
	int timeout_ms, silence_ms;
	const _Atomic int64_t *most_bytes_s; /* or NULL */
	const atomic_bool *cancel;	     /* or NULL */
	bool tls, loopback;
	char error[CURL_ERROR_SIZE];
};

/* More bytes of the answer's body; false gives up. */
typedef bool transport_body_fn(void *context, const void *data, size_t len);

struct transport {
	const char *method, *path;
	const void *body; /* NULL: none */
	size_t body_len;
	const char *content_type, *accept;
	const char *idempotency_key, *last_event_id; /* NULL: not sent */
	int timeout_ms;				     /* of the whole exchange, 0: no bound */
	int silence_ms;				     /* longest time without a byte, 0: no bound */
	transport_body_fn *body_fn;
	void *context;
	/* Set by transport_run(). */
	const struct client *client;
	mono_time last_byte, looked; /* looked: at this computer's addresses */
	int status;
	bool stopped;  /* body_fn gave up */
	bool hopeless; /* nothing came back, and trying again does not help */
	bool was_silent, has_moved;
};
/* OK: an answer came, of any status, and was read to its end or until body_fn gave up. E_UNAVAILABLE: not; *ret_problem says
 * why. E_INVALID: the path or a header would break the request's lines. */
MUST_CHECK err_t transport_run(struct client *client, struct transport *t, struct problem *ret_problem);
int transport_status(struct client *client); /* while the body comes in */
/* The kind of failure that a status stands for; OK for 2xx. */
err_t transport_err(int status);
/* Shorter where the client is cancelled meanwhile. */
void transport_sleep(const struct client *client, int64_t us);

#endif
