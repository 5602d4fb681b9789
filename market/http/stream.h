/* SPDX-License-Identifier: Apache-2.0
 * stream.h - an answer that goes on: text/event-stream
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include "request.h"

struct stream;
/* Makes the answer a stream. closed is called once, when the client is gone or after stream_end(); s is freed behind it. */
typedef void stream_closed_fn(void *context);
MUST_CHECK err_t answer_stream(struct request *r, stream_closed_fn *closed, void *context, struct stream **ret_stream);
/* E_LIMIT where the client reads too slowly: the stream then ends. */
MUST_CHECK err_t stream_send(struct stream *s, const char *text, size_t len);
/* The client has so much before it that the next may wait. */
bool stream_is_full(const struct stream *s);
void stream_end(struct stream *s);

#endif
