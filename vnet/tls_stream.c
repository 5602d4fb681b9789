/* SPDX-License-Identifier: Apache-2.0
 * tls_stream.c - packets over one TLS 1.3 connection, each behind its length in two bytes
 *
 * How it works: packets wait in a queue and not in the kernel (TCP_NOTSENT_LOWAT), so that old ones can still be dropped and control
 * goes first. Some of them at a time are moved to a stage, from where TLS takes them; what stands there is sent whole, as a
 * stream has no gaps. TLS 1.3 only: no tickets, no resumption, no early data, no renegotiation.
 */
#include "tls_stream.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bytes.h"

#define NOTSENT_BYTES (64 << 10)
#define STAGE_BYTES (PACKET_QUEUE_PREFIX + PACKET_QUEUE_MAX_PACKET)
#define GONE_MS 20000 /* unacknowledged so long: the other side is gone (RFC 5482) */
/* AES-128 first: what is inside is sealed with 256 bits already. */
#define CIPHERS "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define GROUPS "X25519:P-256"

struct tls_stream {
	SSL *ssl;
	int fd;
	sha256 pin;
	bool up, blocked; /* blocked: TLS has something to write that the kernel does not take */
	struct packet_queue queue;
	size_t staged, sent; /* of stage */
	uint8_t stage[STAGE_BYTES];
	struct frames frames;
};

/* ---- frames ---- */
uint8_t *frames_room(struct frames *f, size_t *ret_size)
{
	memmove(f->room, f->room + f->taken, f->used - f->taken);
	f->used -= f->taken;
	f->taken = 0;
	*ret_size = sizeof f->room - f->used;
	return f->room + f->used;
}

void frames_add(struct frames *f, size_t len)
{
	f->used += len;
}

err_t frames_next(struct frames *f, uint8_t **ret_packet, size_t *ret_len)
{
	struct reader r = reader_of(f->room + f->taken, f->used - f->taken);
	size_t len = read_u16(&r);
	if (r.bad)
		return E_AGAIN;
	if (len < FRAMES_MIN_PACKET)
		return E_INVALID;
	if (reader_left(&r) < len)
		return E_AGAIN;
	*ret_packet = f->room + f->taken + PACKET_QUEUE_PREFIX;
	*ret_len = len;
	f->taken += PACKET_QUEUE_PREFIX + len;
	return OK;
}

/* ---- contexts ---- */
static err_t context_new(const SSL_METHOD *method, SSL_CTX **ret_context)
{
	SSL_CTX *c = SSL_CTX_new(method);
	if (!c)
		return E_NOMEM;
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	if (SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 || SSL_CTX_set_ciphersuites(c, CIPHERS) != 1 ||
	    SSL_CTX_set1_groups_list(c, GROUPS) != 1 || SSL_CTX_set_num_tickets(c, 0) != 1) {
		SSL_CTX_free(c);
		return E_INTERNAL;
	}
	*ret_context = c;
	return OK;
}

err_t tls_client_context(SSL_CTX **ret_context)
{
	TRY(context_new(TLS_client_method(), ret_context));
	pin_require(*ret_context);
	return OK;
}

err_t tls_server_context(const char *key_pem, const char *cert_pem, SSL_CTX **ret_context, sha256 *ret_pin)
{
	SSL_CTX *c;
	TRY(context_new(TLS_server_method(), &c));
	err_t e = pin_load(c, key_pem, cert_pem, ret_pin);
	if (e != OK) {
		SSL_CTX_free(c);
		return e;
	}
	*ret_context = c;
	return OK;
}

static void set_number(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value); /* each makes it better; none is needed */
}

void tls_tune(int fd)
{
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	set_number(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_number(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, NOTSENT_BYTES);
	set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, GONE_MS);
}

/* ---- one connection ---- */
err_t tls_stream_new(SSL_CTX *context, int fd, const sha256 *pin, struct tls_stream **ret_stream)
{
	struct tls_stream *s = calloc(1, sizeof *s);
	SSL *ssl = s ? SSL_new(context) : NULL;
	if (!ssl || SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		free(s);
		close(fd);
		return E_NOMEM;
	}
	s->ssl = ssl;
	s->fd = fd;
	if (pin) {
		s->pin = *pin;
		SSL_set_app_data(ssl, &s->pin);
		SSL_set_connect_state(ssl);
	} else {
		SSL_set_accept_state(ssl);
	}
	*ret_stream = s;
	return OK;
}

void tls_stream_free(struct tls_stream *s)
{
	if (!s)
		return;
	if (s->up)
		(void)SSL_shutdown(s->ssl); /* says goodbye where that can be done at once */
	ERR_clear_error();
	SSL_free(s->ssl);
	close(s->fd);
	packet_queue_clear(&s->queue);
	free(s);
}

bool tls_stream_is_up(const struct tls_stream *s)
{
	return s->up;
}

/* What OpenSSL said to a call: true where it may be tried again later. */
static bool later(struct tls_stream *s, int result)
{
	int error = SSL_get_error(s->ssl, result);
	ERR_clear_error();
	if (error == SSL_ERROR_WANT_WRITE)
		s->blocked = true;
	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static bool shake_hands(struct tls_stream *s)
{
	s->blocked = false;
	int n = SSL_do_handshake(s->ssl);
	s->up = n == 1;
	return s->up || later(s, n);
}

bool tls_stream_read(struct tls_stream *s, tls_packet_fn *fn, void *context, size_t *ret_bytes)
{
	size_t size, len;
	uint8_t *packet, *room = frames_room(&s->frames, &size);
	bool open = true;
	err_t e;
	*ret_bytes = 0;
	if (!s->up && !shake_hands(s))
		return false;
	if (!s->up)
		return true;
	/* Each read has room for a whole record, so that none of it stays behind in OpenSSL, where poll does not see it. */
	for (; size >= FRAMES_RECORD; size -= len, room += len, *ret_bytes += len) {
		int n = SSL_read(s->ssl, room, (int)size);
		if (n <= 0) {
			open = later(s, n);
			break;
		}
		len = (size_t)n;
		frames_add(&s->frames, len);
	}
	while ((e = frames_next(&s->frames, &packet, &len)) == OK)
		fn(context, packet, len);
	return open && e == E_AGAIN;
}

/* ---- out ---- */
void tls_stream_send(struct tls_stream *s, const uint8_t *packet, size_t len, bool control, mono_time now)
{
	packet_queue_put(&s->queue, packet, len, control, now);
}

bool tls_stream_flush(struct tls_stream *s, mono_time now)
{
	if (!s->up)
		return true;
	s->blocked = false;
	for (;;) {
		if (s->sent == s->staged) {
			s->sent = 0;
			s->staged = packet_queue_take(&s->queue, s->stage, sizeof s->stage, FRAMES_RECORD, now);
			if (s->staged == 0)
				return true;
		}
		int n = SSL_write(s->ssl, s->stage + s->sent, (int)(s->staged - s->sent));
		if (n <= 0)
			return later(s, n);
		s->sent += (size_t)n;
	}
}

uint32_t tls_stream_events(const struct tls_stream *s)
{
	return s->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN;
}
