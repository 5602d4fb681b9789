/* SPDX-License-Identifier: Apache-2.0
 * netcheck.c - the market's servers and clock as JSON
 */
#include "netcheck.h"
#include "field.h"

json_t *netcheck_to_json(const struct netcheck *n)
{
	json_t *json = json_object(), *stun = json_array(), *relays = json_array();
	json_put_time(json, "now", n->now);
	for (size_t i = 0; i < n->stun_count; i++)
		json_array_append_new(stun, json_string(n->stun[i]));
	json_put(json, "stun", stun);
	for (size_t i = 0; i < n->relay_count; i++) {
		json_t *relay = json_object();
		json_put_text(relay, "address", n->relays[i].address);
		if (*n->relays[i].tls) {
			json_put_text(relay, "tls", n->relays[i].tls);
			json_put_sha256(relay, "tls_pin", n->relays[i].tls_pin);
		}
		if (*n->relays[i].region)
			json_put_text(relay, "region", n->relays[i].region);
		json_array_append_new(relays, relay);
	}
	json_put(json, "relays", relays);
	return json;
}

static void take_address(struct json_reader *r, const char *name, char *ret_address)
{
	json_take_text(r, name, ret_address, CANDIDATE_SIZE);
	if (!r->bad && !network_address_valid(ret_address))
		json_refuse(r, name, "must be a numeric address and a port");
}

static void take_stun(struct json_reader *r, struct netcheck *n)
{
	json_t *array;
	if (!json_take_array(r, "stun", STUN_MAX, &array))
		return;
	for (; n->stun_count < json_array_size(array); n->stun_count++) {
		char *address = n->stun[n->stun_count];
		json_element_text(r, "stun", array, n->stun_count, address, CANDIDATE_SIZE);
		if (r->bad)
			return;
		if (!network_address_valid(address)) {
			json_refuse(r, "stun", "must be numeric addresses and ports");
			return;
		}
	}
}

static void take_relays(struct json_reader *r, struct netcheck *n)
{
	json_t *array;
	if (!json_take_array(r, "relays", RELAY_MAX, &array))
		return;
	for (; n->relay_count < json_array_size(array); n->relay_count++) {
		struct json_reader object;
		if (!json_element_object(r, "relays", array, n->relay_count, &object))
			return;
		take_address(&object, "address", n->relays[n->relay_count].address);
		if (json_has(&object, "tls")) {
			take_address(&object, "tls", n->relays[n->relay_count].tls);
			json_take_sha256(&object, "tls_pin", &n->relays[n->relay_count].tls_pin);
		}
		if (json_has(&object, "region"))
			field_label(&object, "region", n->relays[n->relay_count].region, sizeof n->relays[0].region);
		if (json_close_lenient(&object) != OK) {
			r->bad = true;
			return;
		}
	}
}

err_t netcheck_from_json(json_t *json, struct netcheck *ret, struct json_error *error)
{
	struct json_reader r;
	struct netcheck n = { .stun_count = 0 };
	json_open(&r, json, error);
	json_take_time(&r, "now", &n.now);
	take_stun(&r, &n);
	take_relays(&r, &n);
	TRY(json_close_lenient(&r));
	*ret = n;
	return OK;
}
