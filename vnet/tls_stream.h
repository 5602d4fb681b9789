/* SPDX-License-Identifier: Apache-2.0
 * tls_stream.h - packets over one TLS 1.3 connection, each behind its length in two bytes (docs/RELAY.md, "TLS")
 *
 * Non-blocking: the caller polls the descriptor for tls_stream_events().
 */
#ifndef VNET_TLS_STREAM_H
#define VNET_TLS_STREAM_H

#include "pin.h"
#include "packet_queue.h"

/* ---- packets out of a byte stream; pure ---- */
#define FRAMES_MIN_PACKET 16 /* a relay's header: nothing shorter is sent */
#define FRAMES_RECORD 16384  /* what TLS may hand over at once (RFC 8446 section 5.1) */
struct frames {		     /* zero-initialised is empty */
	uint8_t room[PACKET_QUEUE_PREFIX + PACKET_QUEUE_MAX_PACKET + 4 * FRAMES_RECORD];
	size_t used, taken;
};
/* Room for at least FRAMES_RECORD bytes of the stream. Packets handed out before are gone. */
uint8_t *frames_room(struct frames *f, size_t *ret_size);
void frames_add(struct frames *f, size_t len);
/* The next whole packet, which stays where it is until frames_room(). E_AGAIN: none is whole. E_INVALID: a length that no packet has. */
MUST_CHECK err_t frames_next(struct frames *f, uint8_t **ret_packet, size_t *ret_len);

/* ---- contexts ---- */
MUST_CHECK err_t tls_client_context(SSL_CTX **ret_context);
/* key_pem, cert_pem: as certificate_make() gives them. */
MUST_CHECK err_t tls_server_context(const char *key_pem, const char *cert_pem, SSL_CTX **ret_context, sha256 *ret_pin);
/* What a TCP connection of ours needs: non-blocking, little unsent in the kernel, an end when the other side is gone. */
void tls_tune(int fd);

/* ---- one connection ---- */
struct tls_stream;
/* Takes the connected descriptor, also where it fails. pin: the other side's, NULL for a server's (its clients have none). */
MUST_CHECK err_t tls_stream_new(SSL_CTX *context, int fd, const sha256 *pin, struct tls_stream **ret_stream);
void tls_stream_free(struct tls_stream *s); /* closes the descriptor */
bool tls_stream_is_up(const struct tls_stream *s);

typedef void tls_packet_fn(void *context, uint8_t *packet, size_t len);
/* Goes on with the handshake, reads one batch and hands out its packets, which stay where they are until the next call. Returns false when
 * the connection is over. fn may not free s. ret_bytes: how many came. */
bool tls_stream_read(struct tls_stream *s, tls_packet_fn *fn, void *context, size_t *ret_bytes);
/* Goes with the next flush, or is dropped as packet_queue.h has it. */
void tls_stream_send(struct tls_stream *s, const uint8_t *packet, size_t len, bool control, mono_time now);
/* Returns false when the connection is over. */
bool tls_stream_flush(struct tls_stream *s, mono_time now);
uint32_t tls_stream_events(const struct tls_stream *s); /* EPOLLIN, with EPOLLOUT while the kernel takes no more */

#endif
