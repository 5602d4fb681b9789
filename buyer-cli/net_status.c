/* SPDX-License-Identifier: Apache-2.0
 * net_status.c - net status, peers, down: what the membership that `net up` began says of itself
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "commands.h"
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "net.h"
#include "output.h"
#include "vnet_status.h"

err_t net_control_path(const char *order, char *path, size_t size)
{
	const char *run = getenv("XDG_RUNTIME_DIR"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char dir[400];
	int n;
	if (run && *run == '/')
		n = snprintf(dir, sizeof dir, "%s/cpushare/net", run);
	else if (state && *state == '/')
		n = snprintf(dir, sizeof dir, "%s/cpushare/net", state);
	else
		n = snprintf(dir, sizeof dir, "%s/.local/state/cpushare/net", home ? home : "");
	if (n < 0 || (size_t)n >= sizeof dir)
		return E_LIMIT;
	TRY(dir_make(dir, 0700));
	n = snprintf(path, size, "%s/%s.sock", dir, order);
	return n < 0 || (size_t)n >= size ? E_LIMIT : OK;
}

int net_ask(struct cli *cli, const struct net_member *m, json_t *ask, json_t **ret_answer)
{
	if (ipc_ask(m->path, ask, 3000, ret_answer))
		return cli_error(cli, EXIT_NOT_FOUND, "this machine is not on the network of order %s: cpushare net up %s",
				 m->order, m->order);
	return EXIT_OK;
}

int net_find(struct cli *cli, struct net_member *ret_member)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_FREE char *word = strdup(cli_arg(cli, 0));
	if (!word)
		return EXIT_ERROR;
	word[strcspn(word, "/")] = 0;
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, word, ret_member->order)))
		return code;
	if (net_control_path(ret_member->order, ret_member->path, sizeof ret_member->path))
		return cli_error(cli, EXIT_ERROR,
				 "no folder for the network's control socket (XDG_RUNTIME_DIR, XDG_STATE_HOME, HOME)");
	return EXIT_OK;
}

static int ask_word(struct cli *cli, const char *word, json_t **ret_answer)
{
	struct net_member m;
	AUTO_JSON ask = json_pack("{s:s}", "ask", word);
	int code = net_find(cli, &m);
	return code ? code : net_ask(cli, &m, ask, ret_answer);
}

/* ---- what there is to see ---- */
static const char *sentence_of(const char *name)
{
	for (int i = 0; i < VNET_WHY_COUNT; i++)
		if (!strcmp(name, vnet_why_names[i]))
			return vnet_why_sentence((enum vnet_why)i);
	return name; /* a newer member's */
}

/* Adds "why": the sentence. */
static void explain(json_t *peers)
{
	size_t i;
	json_t *peer;
	json_array_foreach (peers, i, peer)
		json_put_text(peer, "why", sentence_of(field_text(peer, "why_not_direct")));
}

int command_net_status(struct cli *cli)
{
	static const struct column columns[] = { { "PEER", "name", CELL_TEXT },
						 { "IP", "ip", CELL_TEXT },
						 { "PATH", "path", CELL_TEXT },
						 { "ADDRESS", "address", CELL_TEXT },
						 { "RTT MS", "rtt_us", CELL_MS },
						 { "LOSS", "loss_permille", CELL_PERMILLE },
						 { "SENT", "tx_bytes", CELL_BYTES },
						 { "RECEIVED", "rx_bytes", CELL_BYTES },
						 { .title = NULL } };
	AUTO_JSON answer = NULL;
	size_t i;
	json_t *peer;
	int code = ask_word(cli, "status", &answer);
	if (code)
		return code;
	json_t *peers = json_object_get(answer, "peers");
	explain(peers);
	if (output_form(cli) == FORM_JSON) {
		json_object_set(answer, "items", peers);
		json_object_del(answer, "peers");
		output_object(cli, answer, NULL, NULL);
		return EXIT_OK;
	}
	output_list(cli, peers, columns, "name");
	json_array_foreach (peers, i, peer)
		if (strcmp(field_text(peer, "why_not_direct"), "none") != 0)
			output_note(cli, "%s is not reached directly: %s\n", field_text(peer, "name"), field_text(peer, "why"));
	if (json_is_true(json_object_get(answer, "stun_silent")))
		output_note(cli, "no STUN server answers: `cpushare net netcheck` looks closer\n");
	else if (!strcmp(field_text(answer, "mapping"), "dependent"))
		output_note(cli, "this machine's NAT gives each destination another port\n");
	return EXIT_OK;
}

int command_net_peers(struct cli *cli)
{
	static const struct column columns[] = { { "PEER", "name", CELL_TEXT },
						 { "PATH", "path", CELL_TEXT },
						 { "KIND", "kind", CELL_TEXT },
						 { "RELAY", "relay", CELL_TEXT },
						 { "ADDRESS", "address", CELL_TEXT },
						 { "RTT MS", "rtt_us", CELL_MS },
						 { "LOSS", "loss_permille", CELL_PERMILLE },
						 { "DATAGRAM", "datagram_bytes", CELL_NUMBER },
						 { "CIPHER", "cipher", CELL_TEXT },
						 { "SENT", "tx_bytes", CELL_BYTES },
						 { "RECEIVED", "rx_bytes", CELL_BYTES },
						 { "DROPPED", "dropped", CELL_NUMBER },
						 { "HANDSHAKES", "handshakes", CELL_NUMBER },
						 { "REPEATED", "handshake_repeats", CELL_NUMBER },
						 { "NOT DIRECT", "why_not_direct", CELL_TEXT },
						 { .title = NULL } };
	AUTO_JSON answer = NULL;
	int code = ask_word(cli, "status", &answer);
	if (code)
		return code;
	json_t *peers = json_object_get(answer, "peers");
	explain(peers);
	output_list(cli, peers, columns, "name");
	return EXIT_OK;
}

/* Of all members, as they told the market: this machine need not be one. */
int command_net_map(struct cli *cli)
{
	static const struct column columns[] = { { "FROM", "from", CELL_TEXT },
						 { "TO", "to", CELL_TEXT },
						 { "PATH", "path", CELL_TEXT },
						 { "RTT MS", "rtt_us", CELL_MS },
						 { "LOSS", "loss_permille", CELL_PERMILLE },
						 { "DATAGRAM", "datagram_bytes", CELL_NUMBER },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	char order[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, cli_arg(cli, 0), order)))
		return code;
	snprintf(path, sizeof path, "/v1/orders/%s/network", order);
	if ((code = session_call(&s, "GET", path, NULL, false, &answer)))
		return code;
	if (output_form(cli) == FORM_JSON)
		output_object(cli, answer, NULL, NULL);
	else
		output_list(cli, json_object_get(answer, "paths"), columns, "to");
	if (!json_is_true(json_object_get(answer, "complete")))
		output_note(cli, "not all of the direct paths are listed\n");
	return EXIT_OK;
}

int command_net_down(struct cli *cli)
{
	AUTO_JSON answer = NULL;
	int code = ask_word(cli, "quit", &answer);
	if (!code)
		output_note(cli, "Left.\n");
	return code;
}
