/* SPDX-License-Identifier: Apache-2.0
 * tls.c - the relay's TLS side over loopback: members bound there, slow readers, limits, what is refused
 */
#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include "relay.h"
#include "relay_client.h"
#include "tap.h"
#include "ticket.h"
#include "tls_server.h"
#include "tls_stream.h"

static struct ed25519_key *key;
static struct loop *loop;
static struct relay *relay;
static struct tls_server *server;
static struct sockaddr_in place;
static sha256 pin;
static SSL_CTX *context;
static const uuid network = { { 1 } };

static void to_connection(void *unused, const struct address *to, const uint8_t *packet, size_t len)
{
	(void)unused;
	tls_server_send(server, to, packet, len);
}

static void from_connection(void *unused, uint8_t *packet, size_t len, const struct address *from)
{
	(void)unused;
	relay_input(relay, packet, len, from, clock_mono(), clock_wall());
}

static void start(size_t most, size_t per_prefix, int64_t rate)
{
	static char *pem;
	char *key_pem, *cert_pem;
	socklen_t len = sizeof place;
	struct relay_config rc = {
		.ticket_key = ed25519_public_of(key), .max_bindings = 64, .rate_bytes = rate, .send = to_connection
	};
	if (!pem) {
		assert(certificate_make("relay", &key_pem, &cert_pem) == OK);
		assert(asprintf(&pem, "%s%s", key_pem, cert_pem) > 0);
		free(key_pem);
		free(cert_pem);
	}
	struct tls_server_config c = { .loop = loop,
				       .pem = pem,
				       .max_connections = most,
				       .max_per_prefix = per_prefix,
				       .rate_bytes = rate,
				       .packet = from_connection };
	tls_server_free(server);
	relay_free(relay);
	assert(relay_new(&rc, &relay) == OK && tls_server_new(&c, &server, &pin) == OK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	place = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert(fd >= 0 && bind(fd, (struct sockaddr *)&place, sizeof place) == 0 && listen(fd, 64) == 0);
	assert(getsockname(fd, (struct sockaddr *)&place, &len) == 0 && tls_server_listen(server, fd) == OK);
}

/* ---- an endpoint ---- */
struct member {
	struct tls_stream *stream; /* NULL: over */
	struct relay_client client;
	struct p256_key *key;
	uint8_t peer;
	bool bound, deaf; /* deaf: reads nothing */
	size_t packets, bytes;
};

static void take(void *arg, uint8_t *packet, size_t len)
{
	struct member *m = arg;
	switch (relay_client_take(&m->client, packet, len, clock_mono())) {
	case RELAY_CAME_UP:
		m->bound = true;
		break;
	case RELAY_PACKET:
		m->packets++;
		m->bytes += len;
		break;
	default:
		break;
	}
}

static void dial(struct member *m, uint8_t peer, sha256 wanted)
{
	char *key_pem, *cert_pem;
	uint8_t ticket[TICKET_BYTES];
	*m = (struct member){ .peer = peer };
	assert(certificate_make("peer", &key_pem, &cert_pem) == OK && p256_new(key_pem, &m->key) == OK);
	free(key_pem);
	free(cert_pem);
	struct ticket t = { .network = network, .peer = { { peer } }, .pin = p256_pin(p256_public_of(m->key)) };
	t.expires.us = clock_wall().us + 3600 * SECOND_US;
	t.quota_bytes = 1 << 30;
	ticket_sign(&t, key, ticket);
	relay_client_init(&m->client, &(struct address){ .port = 1 }, m->key, ticket, clock_mono());
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(fd >= 0 && connect(fd, (struct sockaddr *)&place, sizeof place) == 0);
	tls_tune(fd);
	assert(tls_stream_new(context, fd, &wanted, &m->stream) == OK);
}

static void hang_up(struct member *m)
{
	tls_stream_free(m->stream);
	p256_free(m->key);
	*m = (struct member){ .peer = 0 };
}

static void member_turn(struct member *m)
{
	uint8_t packet[RELAY_BIND_BYTES];
	size_t len, bytes;
	mono_time now = clock_mono();
	if (!m->stream || m->deaf)
		return;
	bool open = tls_stream_read(m->stream, take, m, &bytes);
	if (open && tls_stream_is_up(m->stream) && relay_client_next(&m->client, now, packet, &len))
		tls_stream_send(m->stream, packet, len, true, now);
	if (!open || !tls_stream_flush(m->stream, now)) {
		tls_stream_free(m->stream);
		m->stream = NULL;
	}
}

static void turns(struct member *members, int count, int n)
{
	for (int i = 0; i < n; i++) {
		assert(loop_once(loop, 1000) == OK);
		for (int k = 0; k < count; k++)
			member_turn(&members[k]);
	}
}

static bool all_bound(const struct member *members, int count)
{
	for (int k = 0; k < count; k++)
		if (!members[k].bound)
			return false;
	return true;
}

static bool bind_all(struct member *members, int count)
{
	for (int i = 0; i < 2000 && !all_bound(members, count); i++)
		turns(members, count, 1);
	return all_bound(members, count);
}

static void send_to(struct member *m, uint8_t peer, size_t len)
{
	static uint8_t packet[UINT16_MAX];
	packet[RELAY_HEADER_BYTES] = WIRE_DATA;
	assert(relay_client_wrap(&m->client, relay_name_of(network, (uuid){ { peer } }), packet, clock_mono()));
	tls_stream_send(m->stream, packet, len, false, clock_mono());
	if (!tls_stream_flush(m->stream, clock_mono())) {
		tls_stream_free(m->stream);
		m->stream = NULL;
	}
}

static void test_forwarding(void)
{
	struct member m[3];
	start(16, 16, 1 << 30);
	for (uint8_t i = 0; i < 3; i++)
		dial(&m[i], (uint8_t)(i + 1), pin);
	ok(bind_all(m, 3), "three members are bound by TLS");
	send_to(&m[0], 2, 1000);
	send_to(&m[1], 1, 65535);
	turns(m, 3, 50);
	ok(m[1].packets == 1 && m[1].bytes == 1000, "a packet goes to the other one");
	ok(m[0].packets == 1 && m[0].bytes == 65535, "one of 64 KiB whole");
	is_int(m[2].packets, 0, "and to nobody else");

	m[2].deaf = true;
	size_t want = 0;
	for (int i = 0; i < 2000 && m[0].stream; i++) {
		send_to(&m[0], 3, 60000);
		if (i % 10 == 0) {
			send_to(&m[0], 2, 500);
			want++;
		}
		turns(m, 3, 1);
	}
	turns(m, 3, 100);
	ok(m[0].stream && m[1].packets >= want * 9 / 10, "who does not read holds nobody up (%zu of %zu)", m[1].packets, want);
	m[2].deaf = false;
	turns(m, 3, 200);
	ok(m[2].bytes < 2000u * 60000u / 2, "and what he did not read was dropped (%zu bytes came)", m[2].bytes);
	size_t before = m[2].packets;
	send_to(&m[0], 3, 400);
	turns(m, 3, 50);
	is_int(m[2].packets - before, 1, "then he is there again");
	for (int i = 0; i < 3; i++)
		hang_up(&m[i]);
}

static void test_rate(void)
{
	struct member m[2];
	start(16, 16, 400000);
	for (uint8_t i = 0; i < 2; i++)
		dial(&m[i], (uint8_t)(i + 1), pin);
	assert(bind_all(m, 2));
	int64_t begun = clock_mono().us;
	while (clock_mono().us - begun < SECOND_US) {
		send_to(&m[0], 2, 10000);
		turns(m, 2, 1);
	}
	/* A quarter of a second's burst, a second's worth, one batch and what was on the way. */
	ok(m[1].bytes > 100000 && m[1].bytes < 900000, "who sends too fast is not read meanwhile (%zu bytes in a second)",
	   m[1].bytes);
	ok(m[0].stream && m[1].stream, "and stays");
	for (int i = 0; i < 2; i++)
		hang_up(&m[i]);
}

static size_t connections(void)
{
	struct tls_server_status st;
	tls_server_status(server, &st);
	return st.connections;
}

static void test_limits(void)
{
	struct member m[5];
	uint8_t packet[2] = { 0 };
	start(16, 3, 1 << 30);
	for (uint8_t i = 0; i < 5; i++)
		dial(&m[i], (uint8_t)(i + 1), pin);
	turns(m, 5, 200);
	is_int(connections(), 3, "one prefix has no more connections than it may");
	for (int i = 0; i < 5; i++)
		hang_up(&m[i]);
	turns(m, 0, 20);
	is_int(connections(), 0, "those that hang up are gone");

	start(2, 16, 1 << 30);
	dial(&m[0], 1, pin);
	assert(bind_all(m, 1));
	for (uint8_t i = 1; i < 4; i++) {
		dial(&m[i], (uint8_t)(i + 1), pin);
		m[i].client.next_us = INT64_MAX; /* never binds itself */
		turns(m, i + 1, 50);
	}
	is_int(connections(), 2, "no more connections than there is room for");
	ok(m[0].stream && m[3].stream, "the bound one stays and the newest too");
	ok(!m[1].stream && !m[2].stream, "unbound ones made room");
	tls_server_tick(server, (mono_time){ clock_mono().us + TLS_BIND_US });
	turns(m, 4, 50);
	ok(m[0].stream && !m[3].stream, "who is not bound in time is closed");
	tls_server_tick(server, (mono_time){ clock_mono().us + TLS_SILENT_US });
	turns(m, 4, 50);
	ok(!m[0].stream, "who is silent too");
	for (int i = 0; i < 4; i++)
		hang_up(&m[i]);

	sha256 wrong = pin;
	wrong.bytes[0] ^= 1;
	dial(&m[0], 1, wrong);
	turns(m, 1, 200);
	ok(!m[0].stream, "a relay whose key is another is left");
	hang_up(&m[0]);

	/* A stranger who speaks TLS but no packets: a length of 0. */
	SSL *ssl = SSL_new(context);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(ssl && fd >= 0 && connect(fd, (struct sockaddr *)&place, sizeof place) == 0);
	tls_tune(fd);
	SSL_set_fd(ssl, fd);
	SSL_set_app_data(ssl, &pin);
	SSL_set_connect_state(ssl);
	for (int i = 0; i < 200 && SSL_do_handshake(ssl) != 1; i++)
		turns(m, 0, 1);
	turns(m, 0, 10);
	size_t before = connections();
	is_int(SSL_write(ssl, packet, sizeof packet), 2, "a stranger sends a frame of no length");
	turns(m, 0, 50);
	ok(before == 1 && connections() == 0, "and is closed");
	SSL_free(ssl);
	close(fd);

	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(connect(fd, (struct sockaddr *)&place, sizeof place) == 0 && write(fd, "GET / HTTP/1.1\r\n\r\n", 18) == 18);
	turns(m, 0, 50);
	is_int(connections(), 0, "one who speaks no TLS too");
	close(fd);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	assert(ed25519_new(&key) == OK && loop_new(&loop) == OK && tls_client_context(&context) == OK);
	test_forwarding();
	test_rate();
	test_limits();
	tls_server_free(server);
	relay_free(relay);
	loop_free(loop);
	SSL_CTX_free(context);
	ed25519_free(key);
	return done_testing();
}
