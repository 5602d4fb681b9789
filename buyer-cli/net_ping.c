/* SPDX-License-Identifier: Apache-2.0
 * net_ping.c - net ping: sealed pings from this machine's endpoint to those of the order's VMs
 *
 * How it works: the membership that `net up` began sends each ping and measures its time; this command asks for it and looks, every few
 * milliseconds, what became of it. No guest has to answer: the far endpoint does, so that a VM that hangs is told from a path
 * that is broken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "clock.h"
#include "commands.h"
#include "file.h"
#include "interrupt.h"
#include "json.h"
#include "net.h"
#include "output.h"

#define LOOK_US (10 * MILLISECOND_US)
#define PATIENCE_US (2 * SECOND_US)

struct target {
	char id[UUID_TEXT_SIZE], name[64], ip[16];
	int64_t token; /* of the ping under way, 0: none */
	unsigned sent, answered;
	int64_t min_us, max_us, sum_us;
};
struct pinging {
	struct cli *cli;
	struct net_member member;
	struct target *targets;
	size_t count;
	json_t *lines; /* what -o json prints */
};

/* One peer by its name or address, or with NULL all of them. */
static int find_targets(struct pinging *p, const char *wanted)
{
	AUTO_JSON answer = NULL;
	AUTO_JSON ask = json_pack("{s:s}", "ask", "status");
	size_t i;
	json_t *peer;
	int code = net_ask(p->cli, &p->member, ask, &answer);
	if (code)
		return code;
	json_t *peers = json_object_get(answer, "peers");
	p->targets = calloc(json_array_size(peers) + 1, sizeof *p->targets);
	if (!p->targets)
		return EXIT_ERROR;
	json_array_foreach (peers, i, peer) {
		struct target *t = &p->targets[p->count];
		if (wanted && strcmp(wanted, field_text(peer, "name")) && strcmp(wanted, field_text(peer, "ip")))
			continue;
		snprintf(t->id, sizeof t->id, "%s", field_text(peer, "id"));
		snprintf(t->name, sizeof t->name, "%s", field_text(peer, "name"));
		snprintf(t->ip, sizeof t->ip, "%s", field_text(peer, "ip"));
		p->count++;
	}
	if (!p->count && wanted)
		return cli_error(p->cli, EXIT_NOT_FOUND, "the network has no peer %s: cpushare net peers %s", wanted,
				 p->member.order);
	if (!p->count)
		return cli_error(p->cli, EXIT_NO_ANSWER, "the network has no peers so far");
	return EXIT_OK;
}

static void tell(struct pinging *p, struct target *t, int64_t rtt_us, const char *path, const char *address)
{
	json_t *line = json_object();
	t->token = 0;
	json_put_text(line, "name", t->name);
	json_put_text(line, "ip", t->ip);
	json_put_int(line, "seq", t->sent);
	json_put_text(line, "path", path);
	json_put_text(line, "address", address);
	json_put_int(line, "rtt_us", rtt_us);
	json_array_append_new(p->lines, line);
	if (rtt_us < 0) {
		output_note(p->cli, "%s (%s) %u: no answer, %s%s%s\n", t->name, t->ip, t->sent, path, *address ? " by " : "",
			    address);
		return;
	}
	if (!t->answered || rtt_us < t->min_us)
		t->min_us = rtt_us;
	if (rtt_us > t->max_us)
		t->max_us = rtt_us;
	t->sum_us += rtt_us;
	t->answered++;
	output_note(p->cli, "%s (%s) %u: %.2f ms, %s by %s\n", t->name, t->ip, t->sent, (double)rtt_us / 1e3, path, address);
}

/* Sends one to each. */
static int send_round(struct pinging *p)
{
	for (size_t i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];
		AUTO_JSON answer = NULL;
		AUTO_JSON ask = json_pack("{s:s, s:s}", "ask", "ping", "peer", t->id);
		int code = net_ask(p->cli, &p->member, ask, &answer);
		if (code)
			return code;
		t->sent++;
		t->token = field_int(answer, "token");
		if (!t->token)
			tell(p, t, -1, "none", "");
	}
	return EXIT_OK;
}

/* Looks for what is under way. last: what has no answer now gets none. */
static int look(struct pinging *p, bool last, size_t *ret_waiting)
{
	*ret_waiting = 0;
	for (size_t i = 0; i < p->count; i++) {
		struct target *t = &p->targets[i];
		if (!t->token)
			continue;
		AUTO_JSON answer = NULL;
		AUTO_JSON ask = json_pack("{s:s, s:s, s:I}", "ask", "pong", "peer", t->id, "token", (json_int_t)t->token);
		int code = net_ask(p->cli, &p->member, ask, &answer);
		if (code)
			return code;
		bool gone = json_object_get(answer, "error") != NULL;
		int64_t rtt_us = gone ? -1 : field_int(answer, "rtt_us");
		if (rtt_us >= 0 || last || gone)
			tell(p, t, rtt_us, gone ? "none" : field_text(answer, "path"), field_text(answer, "address"));
		else
			++*ret_waiting;
	}
	return EXIT_OK;
}

static int one_round(struct pinging *p)
{
	int64_t begun = clock_mono().us;
	size_t waiting;
	int code = send_round(p);
	if (code)
		return code;
	do {
		interrupt_sleep(LOOK_US);
		if ((code = look(p, interrupted() || clock_mono().us - begun >= PATIENCE_US, &waiting)))
			return code;
	} while (waiting);
	return EXIT_OK;
}

/* An exit code: 0 where every peer answered at least once. */
static int summary(struct pinging *p)
{
	AUTO_JSON all = json_object();
	json_t *peers = json_array();
	int code = EXIT_OK;
	for (size_t i = 0; i < p->count; i++) {
		const struct target *t = &p->targets[i];
		json_t *peer = json_object();
		json_put_text(peer, "name", t->name);
		json_put_int(peer, "sent", t->sent);
		json_put_int(peer, "answered", t->answered);
		json_put_int(peer, "min_us", t->answered ? t->min_us : -1);
		json_put_int(peer, "mean_us", t->answered ? t->sum_us / t->answered : -1);
		json_put_int(peer, "max_us", t->answered ? t->max_us : -1);
		json_array_append_new(peers, peer);
		if (!t->answered)
			code = EXIT_NO_ANSWER;
		if (t->answered)
			output_note(p->cli, "%s: %u of %u answered, %.2f / %.2f / %.2f ms\n", t->name, t->answered, t->sent,
				    (double)t->min_us / 1e3, (double)t->sum_us / t->answered / 1e3, (double)t->max_us / 1e3);
		else
			output_note(p->cli, "%s: none of %u answered\n", t->name, t->sent);
	}
	json_object_set(all, "items", p->lines);
	json_put(all, "peers", peers);
	if (output_form(p->cli) == FORM_JSON)
		output_object(p->cli, all, NULL, NULL);
	if (code && output_form(p->cli) != FORM_TABLE)
		return cli_error(p->cli, code, "a peer answered none of the pings: cpushare net status %s", p->member.order);
	return code;
}

int command_net_ping(struct cli *cli)
{
	struct pinging p = { .cli = cli };
	int64_t count, interval_us;
	const char *slash = strchr(cli_arg(cli, 0), '/');
	if (cli_int(cli, "count", 4, 1, 100000, &count) || cli_duration(cli, "interval", SECOND_US, &interval_us))
		return EXIT_USAGE;
	int code = net_find(cli, &p.member);
	if (!code)
		code = find_targets(&p, slash ? slash + 1 : NULL);
	p.lines = json_array();
	interrupt_catch();
	for (int64_t i = 0; i < count && !code && !interrupted(); i++) {
		int64_t begun = clock_mono().us;
		code = one_round(&p);
		if (!code && i + 1 < count)
			interrupt_sleep(interval_us - (clock_mono().us - begun));
	}
	if (!code)
		code = summary(&p);
	json_decref(p.lines);
	free(p.targets);
	return code;
}
