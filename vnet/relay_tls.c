/* SPDX-License-Identifier: Apache-2.0
 * relay_tls.c - an endpoint's TLS connection to a relay, by an HTTP proxy where there is one
 *
 * How it works:
 *
 * CLOSED --tick--> CONNECTING --TCP is there--> (PROXY --2xx-->) OPEN, where the stream shakes hands and then is up
 *    ^---- refused, no answer in 10 s, a wrong pin, the other side's end: tried again after 1, 2, 4 .. 30 s
 */
#include "relay_tls.h"
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_FAILURES 5

void relay_tls_init(struct relay_tls *t, SSL_CTX *context, int epoll_fd, const struct address *relay, sha256 pin,
		    const struct address *proxy, const char *login, mono_time now)
{
	*t = (struct relay_tls){ .context = context, .epoll_fd = epoll_fd, .address = *relay, .pin = pin, .fd = -1, .what = "" };
	t->next_us = now.us;
	if (proxy)
		t->proxy = *proxy;
	if (login && strlen(login) < sizeof t->login)
		memcpy(t->login, login, strlen(login));
}

int relay_tls_fd(const struct relay_tls *t)
{
	return t->fd;
}

bool relay_tls_is_up(const struct relay_tls *t)
{
	return t->state == RELAY_TLS_OPEN && tls_stream_is_up(t->stream);
}

static void watch(struct relay_tls *t, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = t->fd };
	if (events == t->events)
		return;
	if (epoll_ctl(t->epoll_fd, t->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, t->fd, &event) == 0)
		t->events = events;
}

void relay_tls_close(struct relay_tls *t, mono_time now)
{
	if (t->state == RELAY_TLS_CLOSED)
		return;
	if (t->fd >= 0)
		(void)epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, t->fd, NULL);
	if (t->stream)
		tls_stream_free(t->stream); /* and its descriptor */
	else if (t->fd >= 0)
		close(t->fd);
	t->stream = NULL;
	t->fd = -1;
	t->events = 0;
	t->answer_len = 0;
	t->state = RELAY_TLS_CLOSED;
	t->next_us = now.us;
}

static void fail(struct relay_tls *t, const char *what, mono_time now)
{
	int64_t wait = RELAY_TLS_AGAIN_US << t->failures;
	relay_tls_close(t, now);
	t->what = what;
	t->next_us = now.us + (wait < RELAY_TLS_AGAIN_MAX_US ? wait : RELAY_TLS_AGAIN_MAX_US);
	if (t->failures < MOST_FAILURES)
		t->failures++;
}

static void dial(struct relay_tls *t, mono_time now)
{
	struct sockaddr_storage name;
	const struct address *to = t->proxy.port ? &t->proxy : &t->address;
	int family = address_is_v4(to) ? AF_INET : AF_INET6;
	socklen_t len = address_to_socket(to, family, &name);
	t->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	t->state = RELAY_TLS_CONNECTING;
	if (t->fd < 0) {
		fail(t, "TLS to the relay: no socket", now);
		return;
	}
	tls_tune(t->fd);
	if (connect(t->fd, (struct sockaddr *)&name, len) < 0 && errno != EINPROGRESS) {
		fail(t, "TLS to the relay: no way there", now);
		return;
	}
	t->next_us = now.us + RELAY_TLS_CONNECT_US;
	watch(t, EPOLLOUT);
}

void relay_tls_tick(struct relay_tls *t, mono_time now)
{
	if (relay_tls_is_up(t) || now.us < t->next_us)
		return;
	if (t->state == RELAY_TLS_CLOSED)
		dial(t, now);
	else
		fail(t, "TLS to the relay: no answer", now);
}

/* ---- steps ---- */
static void open_stream(struct relay_tls *t, mono_time now)
{
	int fd = t->fd;
	if (tls_stream_new(t->context, fd, &t->pin, &t->stream) != OK) {
		t->fd = -1; /* closed already, and out of epoll with it */
		fail(t, "TLS to the relay: out of memory", now);
		return;
	}
	t->state = RELAY_TLS_OPEN;
}

static void connected(struct relay_tls *t, mono_time now)
{
	int error = 0;
	socklen_t error_len = sizeof error;
	char request[PROXY_REQUEST_SIZE], to[ADDRESS_TEXT_SIZE];
	size_t len;
	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &error_len) < 0 || error) {
		fail(t, t->proxy.port ? "TLS to the relay: the proxy is not there" : "TLS to the relay: refused", now);
		return;
	}
	if (t->proxy.port == 0) {
		open_stream(t, now);
		return;
	}
	/* A new connection's buffer takes so little whole. */
	if (proxy_request(address_format(&t->address, to), t->login, request, &len) != OK ||
	    send(t->fd, request, len, MSG_NOSIGNAL) != (ssize_t)len) {
		fail(t, "TLS to the relay: the proxy could not be asked", now);
		return;
	}
	t->state = RELAY_TLS_PROXY;
	watch(t, EPOLLIN);
}

static void take_answer(struct relay_tls *t, mono_time now)
{
	ssize_t n = recv(t->fd, t->answer + t->answer_len, sizeof t->answer - t->answer_len, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(t, "TLS to the relay: the proxy hung up", now);
		return;
	}
	t->answer_len += (size_t)n;
	switch (proxy_answer(t->answer, t->answer_len)) {
	case OK:
		open_stream(t, now);
		return;
	case E_AGAIN:
		return;
	case E_AUTH:
		fail(t, "TLS to the relay: the proxy wants other credentials", now);
		return;
	case E_DENIED:
		fail(t, "TLS to the relay: the proxy does not allow it", now);
		return;
	default:
		fail(t, "TLS to the relay: the proxy's answer is no HTTP", now);
	}
}

void relay_tls_ready(struct relay_tls *t, tls_packet_fn *fn, void *context, mono_time now)
{
	size_t bytes;
	if (t->state == RELAY_TLS_CONNECTING)
		connected(t, now);
	else if (t->state == RELAY_TLS_PROXY)
		take_answer(t, now);
	if (t->state != RELAY_TLS_OPEN)
		return;
	bool was_up = relay_tls_is_up(t);
	if (!tls_stream_read(t->stream, fn, context, &bytes)) {
		fn(context, NULL, 0);
		fail(t,
		     was_up ? "TLS to the relay ended" : "TLS to the relay: the handshake failed, or the relay's key is another",
		     now);
		return;
	}
	if (!was_up && relay_tls_is_up(t))
		t->what = "";
	relay_tls_flush(t, now);
}

void relay_tls_send(struct relay_tls *t, const uint8_t *packet, size_t len, bool control, mono_time now)
{
	if (relay_tls_is_up(t))
		tls_stream_send(t->stream, packet, len, control, now);
}

void relay_tls_flush(struct relay_tls *t, mono_time now)
{
	if (t->state != RELAY_TLS_OPEN)
		return;
	if (!tls_stream_flush(t->stream, now))
		fail(t, "TLS to the relay ended", now);
	else
		watch(t, tls_stream_events(t->stream));
}
