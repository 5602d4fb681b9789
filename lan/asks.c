/* SPDX-License-Identifier: Apache-2.0
 * asks.c - what the control socket is asked about a vnet
 */
#include "asks.h"
#include <string.h>
#include "json.h"
#include "peers.h"
#include "rates.h"

static json_t *answer_error(const struct json_error *error, err_t failed)
{
	json_t *out = json_object();
	json_put_text(out, "error", *error->what ? error->what : err_name(failed));
	return out;
}

static json_t *answer_status(struct vnet *v, json_t *request)
{
	json_t *out = json_object();
	struct vnet_status status;
	struct vnet_candidates_text candidates;
	(void)request;
	vnet_status(v, &status);
	peers_own_candidates(v, &candidates);
	json_put_sha256(out, "pin", vnet_pin(v));
	json_put(out, "candidates", candidates_to_json(&candidates));
	json_put_int(out, "port", vnet_port_number(v));
	json_put_text(out, "mapping", vnet_mapping_names[status.mapping]);
	json_put_bool(out, "stun_silent", status.stun_silent);
	json_put_int(out, "tx_bytes", (int64_t)status.tx_bytes);
	json_put_int(out, "rx_bytes", (int64_t)status.rx_bytes);
	rates_put(out, &status.rates);
	json_put_int(out, "over", (int64_t)status.over);
	json_put_int(out, "first_rx_us", status.first_rx_us);
	json_put_int(out, "spoofed", (int64_t)status.spoofed);
	json_put_int(out, "strangers", (int64_t)status.strangers);
	json_put(out, "peers", peers_status_to_json(v));
	return out;
}

static json_t *answer_peers(struct vnet *v, json_t *request)
{
	struct json_error error = { .what = "" };
	struct peer_list list = { .peers = NULL };
	struct relay_list relays = { .count = 0 };
	struct json_reader r;
	char word[8];
	json_open(&r, request, &error);
	json_take_text(&r, "ask", word, sizeof word);
	peer_list_take(&r, "peers", &list);
	bool has_relays = json_has(&r, "relays");
	if (has_relays)
		relay_list_take(&r, "relays", &relays);
	err_t failed = json_close(&r);
	if (!failed && has_relays)
		failed = peers_relays(v, &relays, clock_mono());
	if (!failed)
		failed = peers_introduce(v, &list, clock_mono());
	peer_list_clear(&list);
	return failed ? answer_error(&error, failed) : json_object();
}

static json_t *answer_rates(struct vnet *v, json_t *request)
{
	struct json_error error = { .what = "" };
	struct vnet_rates rates = { 0 };
	struct json_reader r;
	char word[8];
	json_open(&r, request, &error);
	json_take_text(&r, "ask", word, sizeof word);
	rates_take(&r, &rates);
	err_t failed = json_close(&r);
	if (!failed)
		failed = vnet_set_rates(v, &rates);
	return failed ? answer_error(&error, failed) : json_object();
}

static json_t *answer_ping(struct vnet *v, json_t *request)
{
	struct json_error error = { .what = "" };
	struct json_reader r;
	char word[8];
	uuid peer = { 0 };
	uint64_t token = 0;
	json_open(&r, request, &error);
	json_take_text(&r, "ask", word, sizeof word);
	json_take_uuid(&r, "peer", &peer);
	err_t failed = json_close(&r);
	if (!failed)
		failed = vnet_ping(v, peer, clock_mono(), &token);
	if (failed)
		return answer_error(&error, failed);
	json_t *out = json_object();
	json_put_int(out, "token", (int64_t)token);
	return out;
}

static json_t *answer_pong(struct vnet *v, json_t *request)
{
	struct json_error error = { .what = "" };
	struct json_reader r;
	char word[8];
	uuid peer = { 0 };
	uint64_t token = 0;
	struct vnet_ping ping;
	json_open(&r, request, &error);
	json_take_text(&r, "ask", word, sizeof word);
	json_take_uuid(&r, "peer", &peer);
	json_take_u64(&r, "token", &token);
	err_t failed = json_close(&r);
	if (!failed)
		failed = vnet_ping_result(v, peer, token, &ping);
	if (failed)
		return answer_error(&error, failed);
	json_t *out = json_object();
	json_put_text(out, "path", vnet_path_names[ping.path]);
	json_put_text(out, "relay", ping.path != VNET_PATH_RELAYED ? "" : ping.relay_tls ? "tls" : "udp");
	json_put_text(out, "address", ping.address);
	json_put_int(out, "rtt_us", ping.rtt_us);
	return out;
}

json_t *asks_answer(struct vnet *v, const char *ask, json_t *request)
{
	static const struct {
		const char *ask;
		json_t *(*answer)(struct vnet *v, json_t *request);
	} table[] = { { "status", answer_status },
		      { "peers", answer_peers },
		      { "rates", answer_rates },
		      { "ping", answer_ping },
		      { "pong", answer_pong } };
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (!strcmp(ask, table[i].ask))
			return table[i].answer(v, request);
	return NULL;
}
