/* SPDX-License-Identifier: Apache-2.0
 * main.c - cpushare-relay: the sockets of a relay and STUN server
 */
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bytes.h"
#include "cli.h"
#include "file.h"
#include "log.h"
#include "loop.h"
#include "notify.h"
#include "relay.h"
#include "tls_server.h"
#include "udp_socket.h"

#define MAX_SOCKETS 8
#define ROUNDS 8 /* batches before other sockets have their turn */
#define DATAGRAM_BYTES 9216
#define TICK_US (5 * SECOND_US)

struct server {
	struct relay *relay;
	struct loop *loop;
	struct server_socket {
		struct server *server;
		struct udp_socket udp;
		uint8_t number;
		bool waits; /* for the kernel to take more */
	} sockets[MAX_SOCKETS];
	size_t count;
	struct tls_server *tls;		    /* NULL: none */
	const struct udp_socket *receiving; /* NULL: none */
	mono_time now;			    /* of the batch under way */
	wall_time wall;
};

static void send_packet(void *context, const struct address *to, const uint8_t *packet, size_t len)
{
	struct server *s = context;
	if (to->via >= TLS_VIA_FIRST) {
		tls_server_send(s->tls, to, packet, len);
		return;
	}
	struct udp_socket *udp = &s->sockets[to->via].udp;
	if (s->receiving && udp_holds(s->receiving, packet)) {
		udp_pass_on(udp, to, packet, len);
		return;
	}
	memcpy(udp_room(udp, len), packet, len);
	udp_send_later(udp, NULL, to, len, false);
}

/* What a batch left in the queues goes out; what the kernel does not take waits for it. */
static void flush_udp(struct server *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct server_socket *k = &s->sockets[i];
		udp_flush(&k->udp);
		if (k->udp.full != k->waits && loop_fd_change(s->loop, k->udp.fd, EPOLLIN | (k->udp.full ? EPOLLOUT : 0)) == OK)
			k->waits = k->udp.full;
	}
}

static void on_packet(void *context, uint8_t *packet, size_t len, const struct address *from)
{
	const struct server_socket *k = context;
	struct address a = *from;
	a.via = k->number;
	relay_input(k->server->relay, packet, len, &a, k->server->now, k->server->wall);
}

static void on_packets(void *context, int fd, uint32_t events)
{
	struct server_socket *k = context;
	struct server *s = k->server;
	bool more = true;
	(void)fd;
	(void)events;
	s->receiving = &k->udp;
	for (int round = 0; round < ROUNDS && more; round++) {
		s->now = clock_mono();
		s->wall = clock_wall();
		more = udp_receive(&k->udp, on_packet, k);
		flush_udp(s);
	}
	s->receiving = NULL;
	if (s->tls)
		tls_server_flush(s->tls);
}

/* A packet may be larger than the path it goes on to: its sender will find that out. */
static void too_big(void *context, struct peer *peer, const struct address *to, size_t len)
{
	(void)context, (void)peer, (void)to, (void)len;
}

static void tls_packet(void *context, uint8_t *packet, size_t len, const struct address *from)
{
	const struct server *s = context;
	relay_input(s->relay, packet, len, from, clock_mono(), clock_wall());
}

static void tls_batch(void *context)
{
	flush_udp(context);
}

static void on_tick(void *context, mono_time now)
{
	struct server *s = context;
	struct relay_status st;
	struct tls_server_status tls = { 0 };
	relay_tick(s->relay, now, clock_wall());
	if (s->tls) {
		tls_server_tick(s->tls, now);
		tls_server_status(s->tls, &tls);
	}
	relay_status(s->relay, &st);
	log_debug("relay",
		  "bindings=%zu forwarded=%llu forwarded_bytes=%llu dropped=%llu refused=%llu stun=%llu tls=%zu tls_refused=%llu",
		  st.bindings, (unsigned long long)st.forwarded, (unsigned long long)st.forwarded_bytes,
		  (unsigned long long)st.dropped, (unsigned long long)st.refused, (unsigned long long)st.stun, tls.connections,
		  (unsigned long long)tls.refused);
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
	if (s->count == MAX_SOCKETS)
		return E_LIMIT;
	TRY(listen_address(text, &a));
	struct server_socket *k = &s->sockets[s->count];
	*k = (struct server_socket){ .server = s, .number = (uint8_t)s->count };
	address_to_socket(&a, address_is_v4(&a) ? AF_INET : AF_INET6, &name);
	if (udp_open(&k->udp, &name, a.port, DATAGRAM_BYTES, 0, too_big, s) != OK)
		return E_IO;
	s->count++;
	socklen_t len = sizeof name;
	if (getsockname(k->udp.fd, (struct sockaddr *)&name, &len) < 0)
		return E_IO;
	TRY(address_of_socket(&name, &bound));
	TRY(loop_fd_add(s->loop, k->udp.fd, EPOLLIN, on_packets, k));
	log_info("listening", "address=%s", address_format(&bound, shown));
	return OK;
}

static err_t open_listener(struct server *s, const char *text)
{
	struct address a;
	struct sockaddr_storage name;
	char shown[ADDRESS_TEXT_SIZE];
	int one = 1;
	TRY(listen_address(text, &a));
	int family = address_is_v4(&a) ? AF_INET : AF_INET6;
	socklen_t len = address_to_socket(&a, family, &name);
	AUTO_FD fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return E_IO;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&name, len) < 0 || listen(fd, SOMAXCONN) < 0)
		return E_IO;
	len = sizeof name;
	if (getsockname(fd, (struct sockaddr *)&name, &len) < 0)
		return E_IO;
	TRY(address_of_socket(&name, &a));
	TRY(tls_server_listen(s->tls, fd));
	fd = -1;
	log_info("listening by TLS", "address=%s", address_format(&a, shown));
	return OK;
}

/* The relay's own key, which it makes where there is none. */
static err_t tls_key(const char *path, char **ret_pem)
{
	AUTO_FREE char *key = NULL, *cert = NULL;
	AUTO_BUF both = { .max = 65536 };
	size_t len;
	err_t e = file_read(path, 65536, ret_pem, &len);
	if (e != E_NOT_FOUND)
		return e;
	TRY(certificate_make("cpushare-relay", &key, &cert));
	buf_puts(&both, key);
	buf_puts(&both, cert);
	TRY(both.error);
	TRY(file_write(path, both.data, both.len, 0600));
	*ret_pem = buf_take(&both);
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

/* All of an option's addresses. */
static err_t open_all(struct server *s, const struct cli *cli, const char *option, err_t (*open)(struct server *, const char *))
{
	for (int i = 0; i < cli_option_count(cli, option); i++) {
		const char *text = cli_text_at(cli, option, i);
		err_t e = open(s, text);
		if (e == OK)
			continue;
		fprintf(stderr, "cpushare-relay: --%s %s: %s\n", option, text,
			e == E_LIMIT ? "at most 8 are listened at"
			: e == E_IO  ? strerror(errno)
				     : "must be a numeric address and a port, as in 192.0.2.7:3478");
		return e;
	}
	return OK;
}

static err_t open_tls(struct server *s, const struct cli *cli, int64_t rate_bytes)
{
	struct tls_server_config config = {
		.loop = s->loop, .rate_bytes = rate_bytes, .packet = tls_packet, .batch = tls_batch, .context = s
	};
	AUTO_FREE char *pem = NULL;
	int64_t most, per_prefix;
	sha256 pin;
	struct rlimit files;
	char text[SHA256_TEXT_SIZE];
	const char *path = cli_text(cli, "tls-key", NULL);
	TRY(cli_int(cli, "max-tls", 1024, 1, TLS_MAX_CONNECTIONS, &most));
	TRY(cli_int(cli, "max-tls-per-prefix", 64, 1, TLS_MAX_CONNECTIONS, &per_prefix));
	config.max_connections = (size_t)most;
	config.max_per_prefix = (size_t)per_prefix;
	if (cli_option_count(cli, "listen-tls") == 0)
		return OK;
	if (!path) {
		fprintf(stderr, "cpushare-relay: --listen-tls needs --tls-key, a file for the relay's own key\n");
		return E_INVALID;
	}
	err_t e = tls_key(path, &pem);
	config.pem = pem;
	if (e == OK)
		e = tls_server_new(&config, &s->tls, &pin);
	if (e != OK) {
		fprintf(stderr, "cpushare-relay: --tls-key %s: %s\n", path,
			e == E_INVALID ? "must hold a P-256 key and its certificate" : err_name(e));
		return e;
	}
	/* A connection is a descriptor. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	log_info("the key for TLS", "pin=%s", sha256_format(pin, text));
	return open_all(s, cli, "listen-tls", open_listener);
}

static int serve(struct server *s, const struct cli *cli, const struct relay_config *config)
{
	if (loop_new(&s->loop) != OK || relay_new(config, &s->relay) != OK)
		return EXIT_ERROR;
	if (open_all(s, cli, "listen", open_socket) != OK || open_tls(s, cli, config->rate_bytes) != OK)
		return EXIT_USAGE;
	if (!loop_timer_add(s->loop, TICK_US, on_tick, s) || loop_signal_add(s->loop, SIGTERM, on_signal, s->loop) != OK ||
	    loop_signal_add(s->loop, SIGINT, on_signal, s->loop) != OK)
		return EXIT_ERROR;
	notify_ready(s->loop);
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
	signal(SIGPIPE, SIG_IGN);
	int code = serve(&server, cli, &config);
	tls_server_free(server.tls);
	for (size_t i = 0; i < server.count; i++)
		udp_close(&server.sockets[i].udp);
	relay_free(server.relay);
	loop_free(server.loop);
	return code;
}

static int command_pin(struct cli *cli)
{
	AUTO_FREE char *pem = NULL;
	char text[SHA256_TEXT_SIZE];
	sha256 pin;
	err_t e = tls_key(cli_arg(cli, 0), &pem);
	if (e == OK)
		e = certificate_pin(pem, &pin);
	if (e != OK)
		return cli_error(cli, EXIT_ERROR, "%s: %s", cli_arg(cli, 0),
				 e == E_INVALID ? "holds no certificate" : err_name(e));
	puts(sha256_format(pin, text));
	return EXIT_OK;
}

static const struct cli_option serve_options[] = {
	{ "listen", 'l', "ADDRESS", "UDP address and port, as in 192.0.2.7:3478; may be given again, up to 8" },
	{ "listen-tls", 't', "ADDRESS",
	  "TCP address and port for endpoints whose UDP is blocked, as in 192.0.2.7:443; may be given again" },
	{ "tls-key", 0, "FILE", "the relay's own key for TLS; made where there is none" },
	{ "max-tls", 0, "N", "TLS connections at a time; 1024" },
	{ "max-tls-per-prefix", 0, "N", "of them from one /24 or /48; 64" },
	{ "ticket-key", 'k', "KEY", "the market's public key for tickets: 64 hex digits, or a file of them" },
	{ "rate", 0, "SIZE", "bytes a second that one endpoint may have forwarded; 16M" },
	{ "max-bindings", 0, "N", "endpoints at a time; 4096" },
	{ "log", 0, "LEVEL", "error, warn, info or debug; info" },
	{ .name = NULL },
};

static const struct cli_command commands[] = {
	{ "serve", "", "relay packets and answer STUN, in the foreground",
	  "Give it two --listen of different addresses or ports: endpoints that ask both learn what kind of NAT they are behind. "
	  "[::]:3478 listens everywhere, for IPv4 too. With --listen-tls it also serves endpoints whose UDP is blocked, best at "
	  "port 443.\n\n"
	  "  cpushare-relay serve --listen 192.0.2.7:3478 --listen 192.0.2.7:3479 --listen-tls 192.0.2.7:443 \\\n"
	  "    --tls-key /var/lib/cpushare/relay.pem --ticket-key /etc/cpushare/ticket.pub\n\n"
	  "The market makes the ticket key when its setting relay.relays is there, and leaves the public half in "
	  "DIR/relay/ticket.pub. The setting names this relay as 192.0.2.7:3478/192.0.2.7:443/PIN.",
	  serve_options, 0, 0, command_serve },
	{ "pin", "FILE", "print the pin of a key for TLS, which is made where there is none",
	  "The market's setting relay.relays names it: 192.0.2.7:3478/192.0.2.7:443/PIN.", NULL, 1, 1, command_pin },
	{ .name = NULL },
};

static const struct cli_program program = {
	.name = "cpushare-relay",
	.summary = "help machines behind NATs to reach each other",
	.details = "A STUN server, and a relay for the sealed packets of members that cannot reach each other directly, by UDP "
		   "or by TLS. It keeps nothing on "
		   "disk but its own key and sees nothing but sealed packets; it serves whoever has a ticket of the market.",
	.commands = commands,
	.version = CPUSHARE_VERSION,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
