/* SPDX-License-Identifier: Apache-2.0
 * sse.h - Server-Sent Events (WHATWG HTML section 9.2.6): bytes in, events out
 */
#ifndef PROTOCOL_SSE_H
#define PROTOCOL_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include "buf.h"
#include "err.h"

#define SSE_EVENT_MAX 1048576 /* bytes of one line, and of one event's data */
#define SSE_NAME_SIZE 64
#define SSE_ID_SIZE 128

struct sse {
	struct buf line, data;
	char event[SSE_NAME_SIZE];  /* of the event being read */
	char id[SSE_ID_SIZE];	    /* the last one seen: what Last-Event-ID says when connecting again */
	int retry_ms;		    /* what the server asks for, -1: nothing */
	size_t bom;		    /* bytes of a byte order mark seen at the start */
	bool started, after_return; /* past the mark; the last byte was a CR */
};
void sse_init(struct sse *s);
void sse_clear(struct sse *s);
/* A new connection: forgets what was half read, keeps id and retry_ms. */
void sse_restart(struct sse *s);

/* event is "message" where the stream names none. data has a NUL behind it. Returning false stops. */
typedef bool sse_event_fn(void *context, const char *event, const char *id, const char *data, size_t len);
/* E_LIMIT: a line or an event is too long. E_INVALID: an event's name is. Both leave s fit for sse_restart() only.
 * *ret_stopped: fn returned false; the rest of the bytes is dropped. */
MUST_CHECK err_t sse_feed(struct sse *s, const void *bytes, size_t len, sse_event_fn *fn, void *context, bool *ret_stopped);

#endif
