/* SPDX-License-Identifier: Apache-2.0
 * http_wire.c - tests of a connection's bytes in TLS, against a client that is no friend
 */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto.h"
#include "tap.h"
#include "wire.h"

#define TURNS 50

static SSL_CTX *context, *client_context;
static struct wire wire;
static SSL *client;
static int client_fd;

static enum wire_result reads(char *to, size_t max)
{
	size_t len = 0;
	bool more;
	memset(to, 0, max);
	return wire_read(&wire, to, max - 1, &len, &more);
}

static bool meet(void)
{
	int fds[2];
	char text[8];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) || wire_open(&wire, fds[0], context) != OK)
		return false;
	client_fd = fds[1];
	client = SSL_new(client_context);
	SSL_set_fd(client, client_fd);
	SSL_set_connect_state(client);
	for (int i = 0; i < TURNS; i++) {
		int done = SSL_do_handshake(client);
		if (reads(text, sizeof text) == WIRE_GONE)
			return false;
		if (done == 1 && SSL_is_init_finished(wire.tls))
			return true;
	}
	return false;
}

static void part(void)
{
	SSL_free(client);
	close(client_fd);
	wire_close(&wire);
}

static int new_keys(int count)
{
	int sent = 0;
	while (sent < count && SSL_key_update(client, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 && SSL_do_handshake(client) == 1)
		sent++;
	return sent;
}

static void says_something(void)
{
	char text[8];
	ok(meet(), "a handshake");
	for (int i = 0; i < 100; i++)
		if (new_keys(1) != 1 || SSL_write(client, "hello", 5) != 5 || reads(text, sizeof text) != WIRE_DONE)
			ok(false, "keys may change with what is said, also the %dth time", i + 1);
	is_text(text, "hello", "what is said comes, with new keys each time");
	is_int(reads(text, sizeof text), WIRE_WANTS_IN, "and no more");
	part();
}

static void says_nothing(void)
{
	char text[8];
	ok(meet(), "a handshake");
	is_int(new_keys(200), 200, "a client changes its keys without end");
	is_int(reads(text, sizeof text), WIRE_GONE, "it is not listened to any more");
	is_int(reads(text, sizeof text), WIRE_GONE, "nor later");
	part();
}

int main(void)
{
	char *key, *certificate;
	if (certificate_make("localhost", &key, &certificate) != OK || wire_context_new(key, certificate, &context) != OK)
		return 1;
	client_context = SSL_CTX_new(TLS_client_method());
	says_something();
	says_nothing();
	SSL_CTX_free(client_context);
	wire_context_free(context);
	free(key);
	free(certificate);
	return done_testing();
}
