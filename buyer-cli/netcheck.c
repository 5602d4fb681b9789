/* SPDX-License-Identifier: Apache-2.0
 * netcheck.c - net netcheck: what this machine's network lets an ethernet do, before one is rented
 *
 * How it works: what an endpoint without a network found within some seconds (lan/survey.h) is judged here. Beside it, relays are called
 * by TLS, by the environment's HTTP proxy where it names one, the clock is compared with the market's, and a datagram as large as
 * ethernet carries is sent to learn what the way to the servers takes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bytes.h"
#include "commands.h"
#include "file.h"
#include "json.h"
#include "netcheck.h"
#include "output.h"
#include "proxy.h"
#include "session.h"
#include "survey.h"

#define TLS_MS 5000
#define ICMP_US (SECOND_US / 4) /* for a router's word on a datagram that was too large */
#define SKEW_US (30 * SECOND_US)
#define FULL_PAYLOAD 1472 /* of IPv4 in ethernet's 1500 */
#define RELAY_FIX "a firewall between here and there, or the relay is down"
#define NEEDED_MTU 1280 /* a datagram of 1200 bytes with its headers, and IPv6's least */

struct checking {
	struct cli *cli;
	struct netcheck servers;
	wall_time before, after; /* the market's answer */
	/* found */
	struct survey s;
	/* judged */
	json_t *items;
	bool udp, tls;
};

/* ---- what stands beside it ---- */
/* "192.0.2.7:443" or "[2001:db8::1]:443"; the market's words, checked by protocol/netcheck.c. */
static socklen_t socket_address(const char *text, struct sockaddr_storage *ret)
{
	char copy[CANDIDATE_SIZE];
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	int64_t port;
	if (text_copy(copy, sizeof copy, text) != OK)
		return 0;
	char *colon = strrchr(copy, ':');
	if (!colon || int_parse(colon + 1, &port) != OK)
		return 0;
	*colon = 0;
	memset(ret, 0, sizeof *ret);
	if (*copy != '[') {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return inet_pton(AF_INET, copy, &in->sin_addr) == 1 ? sizeof *in : 0;
	}
	copy[strcspn(copy, "]")] = 0;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	return inet_pton(AF_INET6, copy + 1, &in6->sin6_addr) == 1 ? sizeof *in6 : 0;
}

/* What the kernel knows of the path's MTU after a datagram of ethernet's size went out, whose bytes no server answers; 0 unknown. */
static int path_mtu(const char *address)
{
	static const uint8_t nothing[FULL_PAYLOAD] = { 0xff };
	struct sockaddr_storage name;
	socklen_t len = socket_address(address, &name), mtu_len = sizeof(int);
	AUTO_FD fd = len ? socket(name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	bool v4 = name.ss_family == AF_INET;
	int probe = v4 ? IP_PMTUDISC_DO : IPV6_PMTUDISC_DO, mtu = 0;
	if (fd < 0 || connect(fd, (struct sockaddr *)&name, len))
		return 0;
	(void)setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &probe, sizeof probe);
	(void)!send(fd, nothing, v4 ? FULL_PAYLOAD : FULL_PAYLOAD - 20, MSG_DONTWAIT);
	struct pollfd p = { fd, 0, 0 };
	(void)poll(&p, 1, ICMP_US / 1000); /* an error ends it at once */
	return getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &mtu_len) ? 0 : mtu;
}

/* ---- the judgement ---- */
enum result { RESULT_OK, RESULT_WARN, RESULT_FAIL, RESULT_UNKNOWN };
static const char *const result_names[] = { "ok", "warn", "FAIL", "unknown" };

/* fix: what helps; NULL where nothing has to. */
static void judge(struct checking *c, const char *check, enum result result, const char *fix, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
static void judge(struct checking *c, const char *check, enum result result, const char *fix, const char *fmt, ...)
{
	char detail[256];
	json_t *item = json_object();
	va_list args;
	va_start(args, fmt);
	vsnprintf(detail, sizeof detail, fmt, args);
	va_end(args);
	json_put_text(item, "check", check);
	json_put_text(item, "result", result_names[result]);
	json_put_text(item, "detail", detail);
	json_put_text(item, "fix", fix ? fix : "");
	json_array_append_new(c->items, item);
}

static void judge_udp(struct checking *c)
{
	const struct vnet_stun_status *v4 = survey_answer(&c->s, false), *v6 = survey_answer(&c->s, true);
	c->udp = v4 || v6;
	if (!c->s.stun_count && !c->s.relay_count)
		judge(c, "udp", RESULT_UNKNOWN, "its operator can name some: relay.stun",
		      "the market names no servers to try it with");
	else if (!c->udp)
		judge(c, "udp", RESULT_FAIL,
		      "let UDP out, to any port; until then peers are reached through a relay's TLS, slower",
		      "no server answers");
	else
		judge(c, "udp", RESULT_OK, NULL, "%s answers", v4 ? v4->server : v6->server);
	if (v4)
		judge(c, "ipv4", RESULT_OK, NULL, "seen as %s%s", v4->mapped,
		      survey_is_own(&c->s, v4->mapped) ? ", without a NAT" : ", behind a NAT");
	if (v6)
		judge(c, "ipv6", RESULT_OK, NULL, "seen as %s", v6->mapped);
	else
		judge(c, "ipv6", RESULT_UNKNOWN, NULL, "no server answers by it");
}

static void judge_nat(struct checking *c)
{
	const struct vnet_stun_status *v4 = survey_answer(&c->s, false);
	if (c->s.mapping == VNET_MAPPING_DEPENDENT)
		judge(c, "nat", c->s.mapped ? RESULT_OK : RESULT_WARN,
		      c->s.mapped ? NULL : "switch on PCP, NAT-PMP or UPnP at the router, forward a port, or use IPv6",
		      "gives each destination another port: many peers are reached through a relay only");
	else if (c->s.mapping == VNET_MAPPING_INDEPENDENT)
		judge(c, "nat", RESULT_OK, NULL, "%s",
		      v4 && survey_is_own(&c->s, v4->mapped) ? "none" : "gives all destinations the same port");
	else
		judge(c, "nat", RESULT_UNKNOWN, NULL, "it takes two STUN servers' answers to tell");
	for (size_t i = 0; i < c->s.candidate_count; i++)
		if (c->s.candidates[i].kind == VNET_MAPPED) {
			judge(c, "port mapping", RESULT_OK, NULL, "the gateway gave %s", c->s.candidates[i].address);
			return;
		}
	judge(c, "port mapping", RESULT_UNKNOWN, NULL, "no gateway answered PCP or NAT-PMP in time");
}

/* The endpoint's own way there: a proxy that the environment names, and the key that the market does. */
static void judge_tls(struct checking *c, size_t i)
{
	struct vnet_relay relay = { .tls_pin = c->servers.relays[i].tls_pin };
	struct vnet_config config = { .key_pem = NULL };
	const char *why = "";
	int64_t us;
	proxy_from_environment(&config);
	memcpy(relay.tls_address, c->servers.relays[i].tls, sizeof relay.tls_address);
	bool good = vnet_try_relay(&relay, &config, TLS_MS, &us, &why) == OK;
	c->tls |= good;
	if (good)
		judge(c, "relay by tls", RESULT_OK, NULL, "%s answers%s%s in %.2f ms", relay.tls_address,
		      *config.proxy ? " by the proxy " : "", config.proxy, (double)us / 1e3);
	else
		judge(c, "relay by tls", c->udp ? RESULT_WARN : RESULT_FAIL,
		      *config.proxy ? "the proxy that https_proxy names has to let connections to there pass" : RELAY_FIX,
		      "%s: %s", relay.tls_address, why);
	explicit_bzero(&config, sizeof config);
}

static void judge_relays(struct checking *c)
{
	char regions[SURVEY_REGIONS_SIZE];
	for (size_t i = 0; i < c->s.relay_count; i++) {
		const struct vnet_stun_status *s = &c->s.relays[i];
		if (*s->mapped)
			judge(c, "relay", RESULT_OK, NULL, "%s answers in %.2f ms", s->server, (double)s->rtt_us / 1e3);
		else
			judge(c, "relay", RESULT_FAIL, RELAY_FIX, "%s does not answer by UDP", s->server);
	}
	if (*survey_regions_text(&c->s, &c->servers, regions))
		judge(c, "regions", RESULT_OK, NULL, "%s", regions);
	for (size_t i = 0; i < c->servers.relay_count; i++)
		if (*c->servers.relays[i].tls)
			judge_tls(c, i);
}

static void judge_rest(struct checking *c)
{
	const char *server = c->servers.stun_count    ? c->servers.stun[0]
			     : c->servers.relay_count ? c->servers.relays[0].address
						      : NULL;
	int mtu = server && c->udp ? path_mtu(server) : 0;
	int64_t skew_us = c->servers.now.us - (c->before.us / 2 + c->after.us / 2);
	bool skewed = skew_us > SKEW_US || skew_us < -SKEW_US;
	if (!mtu)
		judge(c, "mtu", RESULT_UNKNOWN, NULL, "no server to send to");
	else
		judge(c, "mtu", mtu >= NEEDED_MTU ? RESULT_OK : RESULT_FAIL,
		      mtu >= NEEDED_MTU ? NULL : "packets of 1280 bytes must pass", "%d bytes, as far as routers say", mtu);
	judge(c, "clock", skewed ? RESULT_WARN : RESULT_OK, skewed ? "set this machine's clock" : NULL, "%.1f s %s the market's",
	      (double)(skew_us < 0 ? -skew_us : skew_us) / 1e6, skew_us < 0 ? "ahead of" : "behind");
}

static const char *verdict_of(const struct checking *c)
{
	if (!c->s.stun_count && !c->s.relay_count)
		return "the market names no servers: peers are tried directly all the same";
	if (!c->udp)
		return c->tls ? "UDP is blocked: peers are reached through a relay's TLS" : "peers cannot be reached from here";
	if (c->s.mapping == VNET_MAPPING_DEPENDENT && !c->s.mapped)
		return c->s.relay_count ? "many peers will be reached through a relay"
					: "many peers will not be reached: there is no relay";
	return "peers will be reached directly, but for those behind harder NATs";
}

/* An exit code. */
static int tell(struct checking *c)
{
	static const struct column columns[] = { { "CHECK", "check", CELL_TEXT },
						 { "RESULT", "result", CELL_TEXT },
						 { "FOUND", "detail", CELL_TEXT },
						 { .title = NULL } };
	bool nothing = (c->s.stun_count || c->s.relay_count) && !c->udp && !c->tls;
	size_t i;
	json_t *item;
	if (output_form(c->cli) == FORM_JSON) {
		AUTO_JSON out = json_object();
		json_object_set(out, "items", c->items);
		json_put_text(out, "verdict", verdict_of(c));
		output_object(c->cli, out, NULL, NULL);
	} else {
		output_list(c->cli, c->items, columns, "check");
	}
	json_array_foreach (c->items, i, item)
		if (*field_text(item, "fix"))
			output_note(c->cli, "%s: %s\n", field_text(item, "check"), field_text(item, "fix"));
	if (!nothing)
		output_note(c->cli, "%s\n", verdict_of(c));
	return nothing ? cli_error(c->cli, EXIT_NO_ANSWER, "%s", verdict_of(c)) : EXIT_OK;
}

int command_net_netcheck(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	struct checking c = { .cli = cli };
	struct json_error error = { .what = "" };
	int code = session_open(cli, true, &s);
	/* The first call may make a connection; the second one's time is the clock's. */
	for (int i = 0; i < 2 && !code; i++) {
		json_decref(answer);
		answer = NULL;
		c.before = clock_wall();
		code = session_call(&s, "GET", "/v1/netcheck", NULL, false, &answer);
		c.after = clock_wall();
	}
	if (code)
		return code;
	if (netcheck_from_json(answer, &c.servers, &error))
		return cli_error(cli, EXIT_ERROR, "the market's answer is not understood: %s %s", error.field, error.what);
	c.items = json_array();
	if (survey_make(&c.servers, &c.s)) {
		code = cli_error(cli, EXIT_ERROR, "no endpoint can be made here");
	} else {
		judge_udp(&c);
		judge_nat(&c);
		judge_relays(&c);
		judge_rest(&c);
		code = tell(&c);
	}
	json_decref(c.items);
	return code;
}
