/* SPDX-License-Identifier: Apache-2.0
 * main.c - cpushare-relay: the sockets of a relay and STUN server
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bytes.h"
#include "cli.h"
#include "file.h"
#include "log.h"
#include "loop.h"
#include "relay.h"

#define MAX_SOCKETS 8
#define BATCH 32
#define ROUNDS 8 /* batches before other sockets have their turn */
#define DATAGRAM_BYTES 9216
#define SOCKET_BYTES (4 << 20)
#define TICK_US (5 * SECOND_US)

struct server {
	struct relay *relay;
	struct loop *loop;
	struct server_socket {
		struct server *server;
		int fd, family;
		uint8_t number;
	} sockets[MAX_SOCKETS];
	size_t count;
	uint8_t rooms[BATCH][DATAGRAM_BYTES];
};

static void send_packet(void *context, const struct address *to, const uint8_t *packet, size_t len)
{
	const struct server *s = context;
	const struct server_socket *socket = &s->sockets[to->via];
	struct sockaddr_storage name;
	socklen_t name_len = address_to_socket(to, socket->family, &name);
	if (name_len > 0)
		(void)sendto(socket->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&name, name_len);
}

static void on_packets(void *context, int fd, uint32_t events)
{
	struct server_socket *socket = context;
	struct server *s = socket->server;
	struct mmsghdr messages[BATCH] = { 0 };
	struct iovec parts[BATCH];
	struct sockaddr_storage names[BATCH];
	(void)events;
	for (int round = 0, n = BATCH; round < ROUNDS && n == BATCH; round++) {
		for (int i = 0; i < BATCH; i++) {
			parts[i] = (struct iovec){ s->rooms[i], sizeof s->rooms[i] };
			messages[i].msg_hdr = (struct msghdr){
				.msg_iov = &parts[i], .msg_iovlen = 1, .msg_name = &names[i], .msg_namelen = sizeof names[i]
			};
		}
		n = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT, NULL);
		mono_time now = clock_mono();
		wall_time wall = clock_wall();
		for (int i = 0; i < n; i++) {
			struct address from;
			if ((messages[i].msg_hdr.msg_flags & MSG_TRUNC) || address_of_socket(&names[i], &from) != OK)
				continue;
			from.via = socket->number;
			relay_input(s->relay, s->rooms[i], messages[i].msg_len, &from, now, wall);
		}
	}
}

static void on_tick(void *context, mono_time now)
{
	struct server *s = context;
	struct relay_status st;
	relay_tick(s->relay, now, clock_wall());
	relay_status(s->relay, &st);
	log_debug("relay", "bindings=%zu forwarded=%llu forwarded_bytes=%llu dropped=%llu refused=%llu stun=%llu", st.bindings,
		  (unsigned long long)st.forwarded, (unsigned long long)st.forwarded_bytes, (unsigned long long)st.dropped,
		  (unsigned long long)st.refused, (unsigned long long)st.stun);
}

static void on_signal(void *context, int signal)
{
	(void)signal;
	loop_stop(context);
}

/* ---- starting ---- */
/* Port 0 takes any: it is read as port 1 would be and set afterwards. */
static err_t listen_address(const char *text, struct address *ret_address)
{
	char copy[ADDRESS_TEXT_SIZE];
	size_t len = strlen(text);
	if (len < 2 || strcmp(text + len - 2, ":0") != 0)
		return address_parse(text, ret_address);
	TRY(text_copy(copy, sizeof copy, text));
	copy[len - 1] = '1';
	TRY(address_parse(copy, ret_address));
	ret_address->port = 0;
	return OK;
}

static err_t open_socket(struct server *s, const char *text)
{
	struct address a, bound;
	struct sockaddr_storage name;
	char shown[ADDRESS_TEXT_SIZE];
	int one = 1, bytes = SOCKET_BYTES;
	TRY(listen_address(text, &a));
	struct server_socket *k = &s->sockets[s->count];
	*k = (struct server_socket){ .server = s, .family = address_is_v4(&a) ? AF_INET : AF_INET6, .number = (uint8_t)s->count };
	socklen_t len = address_to_socket(&a, k->family, &name);
	k->fd = socket(k->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (k->fd < 0)
		return E_IO;
	s->count++;
	if (k->family == AF_INET6)
		(void)setsockopt(k->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	(void)setsockopt(k->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
	(void)setsockopt(k->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
	if (bind(k->fd, (struct sockaddr *)&name, len) < 0)
		return E_IO;
	len = sizeof name;
	if (getsockname(k->fd, (struct sockaddr *)&name, &len) < 0)
		return E_IO;
	TRY(address_of_socket(&name, &bound));
	TRY(loop_fd_add(s->loop, k->fd, EPOLLIN, on_packets, k));
	log_info("listening", "address=%s", address_format(&bound, shown));
	return OK;
}

/* 64 hex digits, or a file of them. */
static err_t read_key(const char *text, ed25519_public *ret_key)
{
	AUTO_FREE char *data = NULL;
	size_t len;
	if (hex_decode(text, ret_key->bytes, sizeof ret_key->bytes) == OK)
		return OK;
	TRY(file_read(text, 4096, &data, &len));
	data[strcspn(data, " \t\r\n")] = '\0';
	return hex_decode(data, ret_key->bytes, sizeof ret_key->bytes);
}

static err_t open_sockets(struct server *s, const struct cli *cli)
{
	for (int i = 0; i < cli_option_count(cli, "listen"); i++) {
		const char *text = cli_text_at(cli, "listen", i);
		err_t e = s->count == MAX_SOCKETS ? E_LIMIT : open_socket(s, text);
		if (e == OK)
			continue;
		fprintf(stderr, "cpushare-relay: --listen %s: %s\n", text,
			e == E_LIMIT ? "at most 8 are listened at"
			: e == E_IO  ? strerror(errno)
				     : "must be a numeric address and a port, as in 192.0.2.7:3478");
		return e;
	}
	return OK;
}

static int serve(struct server *s, const struct cli *cli, const struct relay_config *config)
{
	if (loop_new(&s->loop) != OK || relay_new(config, &s->relay) != OK)
		return EXIT_ERROR;
	if (open_sockets(s, cli) != OK)
		return EXIT_USAGE;
	if (!loop_timer_add(s->loop, TICK_US, on_tick, s) || loop_signal_add(s->loop, SIGTERM, on_signal, s->loop) != OK ||
	    loop_signal_add(s->loop, SIGINT, on_signal, s->loop) != OK)
		return EXIT_ERROR;
	return loop_run(s->loop) == OK ? EXIT_OK : EXIT_ERROR;
}

static int command_serve(struct cli *cli)
{
	static struct server server;
	struct relay_config config = { .send = send_packet, .context = &server };
	enum log_level level;
	int64_t bindings;
	const char *key = cli_text(cli, "ticket-key", NULL);
	if (log_level_parse(cli_text(cli, "log", "info"), &level) != OK) {
		fprintf(stderr, "cpushare-relay: --log must be error, warn, info or debug\n");
		return EXIT_USAGE;
	}
	log_init("cpushare-relay", level);
	if (!key || read_key(key, &config.ticket_key) != OK) {
		fprintf(stderr, "cpushare-relay: --ticket-key must be the market's key: 64 hex digits, or a file of them\n");
		return EXIT_USAGE;
	}
	if (cli_option_count(cli, "listen") == 0) {
		fprintf(stderr, "cpushare-relay: --listen must name at least one address\n");
		return EXIT_USAGE;
	}
	if (cli_size(cli, "rate", 16 << 20, &config.rate_bytes) != OK ||
	    cli_int(cli, "max-bindings", 4096, 1, RELAY_MAX_BINDINGS, &bindings) != OK)
		return EXIT_USAGE;
	config.max_bindings = (size_t)bindings;
	int code = serve(&server, cli, &config);
	for (size_t i = 0; i < server.count; i++)
		close(server.sockets[i].fd);
	relay_free(server.relay);
	loop_free(server.loop);
	return code;
}

static const struct cli_option serve_options[] = {
	{ "listen", 'l', "ADDRESS", "UDP address and port, as in 192.0.2.7:3478; may be given again, up to 8" },
	{ "ticket-key", 'k', "KEY", "the market's public key for tickets: 64 hex digits, or a file of them" },
	{ "rate", 0, "SIZE", "bytes a second that one endpoint may have forwarded; 16M" },
	{ "max-bindings", 0, "N", "endpoints at a time; 4096" },
	{ "log", 0, "LEVEL", "error, warn, info or debug; info" },
	{ .name = NULL },
};

static const struct cli_command commands[] = {
	{ "serve", "", "relay packets and answer STUN, in the foreground",
	  "Give it two --listen of different addresses or ports: endpoints that ask both learn what kind of NAT they are behind. "
	  "Name the "
	  "addresses that the world sees, not 0.0.0.0, where the machine has several.\n\n"
	  "  cpushare-relay serve --listen 192.0.2.7:3478 --listen 192.0.2.7:3479 --ticket-key /etc/cpushare/ticket.pub",
	  serve_options, 0, 0, command_serve },
	{ .name = NULL },
};

static const struct cli_program program = {
	.name = "cpushare-relay",
	.summary = "help machines behind NATs to reach each other",
	.details = "A STUN server, and a relay for the sealed packets of members that cannot reach each other directly. It keeps "
		   "nothing on "
		   "disk and sees nothing but sealed packets; it serves whoever has a ticket of the market.",
	.commands = commands,
	.version = CPUSHARE_VERSION,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
