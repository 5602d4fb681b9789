/* SPDX-License-Identifier: Apache-2.0
 * network.c - networks, peers and their candidates as JSON
 */
#include <arpa/inet.h>
#include "bytes.h"
#include "field.h"
#include "network.h"
#include "paths.h"

/* ---- addresses ---- */
/* 1 .. 65535 in decimal, nothing around it. */
static bool port_valid(const char *text)
{
	unsigned port = 0;
	size_t len = strlen(text);
	if (len < 1 || len > 5 || text[0] == '0')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	return port <= 65535;
}

/* A peer sends packets there because a stranger said so: to one station only, never to a group or to everybody. */
static bool unicast4(uint32_t address)
{
	return address >> 24 != 0 && address >> 28 < 14;
}

static bool unicast6(const struct in6_addr *a)
{
	if (IN6_IS_ADDR_V4MAPPED(a)) {
		struct reader r = reader_of(a->s6_addr + 12, 4);
		return unicast4(read_u32(&r));
	}
	return !IN6_IS_ADDR_UNSPECIFIED(a) && !IN6_IS_ADDR_MULTICAST(a);
}

bool network_address_valid(const char *text)
{
	char host[CANDIDATE_SIZE];
	struct in_addr v4;
	struct in6_addr v6;
	bool bracket = text[0] == '[';
	if (text_copy(host, sizeof host, text + bracket) != OK)
		return false;
	char *end = bracket ? strchr(host, ']') : strchr(host, ':');
	if (!end)
		return false;
	*end = 0;
	if (bracket && *++end != ':')
		return false;
	if (!port_valid(end + 1))
		return false;
	if (bracket)
		return inet_pton(AF_INET6, host, &v6) == 1 && unicast6(&v6);
	return inet_pton(AF_INET, host, &v4) == 1 && unicast4(ntohl(v4.s_addr));
}

/* ---- network ---- */
json_t *relay_list_to_json(const struct relay_list *l)
{
	json_t *array = json_array();
	for (size_t i = 0; i < l->count; i++) {
		const struct relay_view *v = &l->list[i];
		char ticket[TICKET_TEXT_SIZE];
		json_t *relay = json_object();
		json_put_text(relay, "address", v->address);
		if (*v->tls) {
			json_put_text(relay, "tls", v->tls);
			json_put_sha256(relay, "tls_pin", v->tls_pin);
		}
		json_put_text(relay, "ticket", hex_encode(v->ticket, TICKET_BYTES, ticket));
		json_array_append_new(array, relay);
	}
	return array;
}

json_t *network_view_to_json(const struct network_view *n)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", n->id);
	json_put_text(json, "subnet", n->subnet);
	json_put_int(json, "prefix_len", n->prefix_len);
	json_put_int(json, "mtu", n->mtu);
	if (n->stun_count) {
		json_t *stun = json_array();
		for (size_t i = 0; i < n->stun_count; i++)
			json_array_append_new(stun, json_string(n->stun[i]));
		json_put(json, "stun", stun);
	}
	if (n->relays.count)
		json_put(json, "relays", relay_list_to_json(&n->relays));
	return json;
}

static bool has_host_bits(const char *subnet, uint32_t prefix_len)
{
	struct in_addr address;
	if (inet_pton(AF_INET, subnet, &address) != 1)
		return true;
	return ntohl(address.s_addr) & (UINT32_MAX >> prefix_len);
}

static void take_stun(struct json_reader *r, struct network_view *n)
{
	json_t *array;
	if (!json_has(r, "stun") || !json_take_array(r, "stun", STUN_MAX, &array))
		return;
	for (; n->stun_count < json_array_size(array) && !r->bad; n->stun_count++) {
		char *text = n->stun[n->stun_count];
		json_element_text(r, "stun", array, n->stun_count, text, sizeof n->stun[0]);
		if (!r->bad && !network_address_valid(text))
			json_refuse(r, "stun", "must be numeric addresses with a port");
	}
}

static void take_relay(struct json_reader *r, struct relay_view *ret)
{
	char ticket[TICKET_TEXT_SIZE];
	json_take_text(r, "address", ret->address, sizeof ret->address);
	if (!r->bad && !network_address_valid(ret->address))
		json_refuse(r, "address", "must be a numeric address with a port");
	if (json_has(r, "tls")) {
		json_take_text(r, "tls", ret->tls, sizeof ret->tls);
		json_take_sha256(r, "tls_pin", &ret->tls_pin);
	} else if (json_has(r, "tls_pin")) {
		json_refuse(r, "tls_pin", "is of no use without tls");
	}
	if (!r->bad && *ret->tls && !network_address_valid(ret->tls))
		json_refuse(r, "tls", "must be a numeric address with a port");
	json_take_text(r, "ticket", ticket, sizeof ticket);
	if (!r->bad && hex_decode(ticket, ret->ticket, TICKET_BYTES) != OK)
		json_refuse(r, "ticket", "must be %d bytes in hex", TICKET_BYTES);
}

void relay_list_take(struct json_reader *r, const char *name, struct relay_list *ret)
{
	json_t *array;
	struct relay_list l = { 0 };
	if (!json_take_array(r, name, RELAY_MAX, &array))
		return;
	for (; l.count < json_array_size(array); l.count++) {
		struct json_reader object;
		bool opened = json_element_object(r, name, array, l.count, &object);
		if (opened)
			take_relay(&object, &l.list[l.count]);
		if (!opened || json_close_lenient(&object) != OK) {
			r->bad = true;
			return;
		}
	}
	*ret = l;
}

void network_view_take(struct json_reader *r, const char *name, struct network_view *ret)
{
	struct json_reader object;
	struct network_view n = { 0 };
	if (!json_take_object(r, name, &object))
		return;
	json_take_uuid(&object, "id", &n.id);
	field_ip(&object, "subnet", n.subnet);
	json_take_u32(&object, "prefix_len", 8, 30, &n.prefix_len);
	json_take_u32(&object, "mtu", 576, 9000, &n.mtu);
	take_stun(&object, &n);
	if (json_has(&object, "relays"))
		relay_list_take(&object, "relays", &n.relays);
	if (!object.bad && has_host_bits(n.subnet, n.prefix_len))
		json_refuse(&object, "subnet", "must be a network's first address");
	if (json_close_lenient(&object) == OK)
		*ret = n;
	else
		r->bad = true;
}

/* ---- candidates ---- */
static const char *const candidate_kinds[] = { "host", "fixed", "mapped", "reflexive", "relayed" };
#define CANDIDATE_KINDS 5

json_t *candidates_to_json(const struct vnet_candidates_text *c)
{
	json_t *array = json_array();
	for (size_t i = 0; i < c->count; i++) {
		json_t *json = json_object();
		json_put_text(json, "kind", c->list[i].kind);
		json_put_text(json, "address", c->list[i].address);
		json_array_append_new(array, json);
	}
	return array;
}

static void candidate_take(struct json_reader *r, char *ret_kind, size_t kind_size, char *ret_address, size_t address_size)
{
	const char *kind = candidate_kinds[field_enum(r, "kind", candidate_kinds, 0, CANDIDATE_KINDS)];
	if (text_copy(ret_kind, kind_size, kind) != OK)
		json_refuse(r, "kind", "is too long");
	json_take_text(r, "address", ret_address, address_size);
	if (!r->bad && !network_address_valid(ret_address))
		json_refuse(r, "address", "must be a numeric address with a port: 192.0.2.7:41641 or [2001:db8::1]:41641");
}

static void candidates_read(struct json_reader *r, const char *name, enum strictness strictness, struct vnet_candidates_text *ret)
{
	json_t *array;
	struct vnet_candidates_text c = { 0 };
	if (!json_take_array(r, name, CANDIDATE_MAX, &array))
		return;
	for (size_t i = 0; i < json_array_size(array); i++) {
		struct json_reader object;
		bool opened = json_element_object(r, name, array, i, &object);
		if (opened)
			candidate_take(&object, c.list[i].kind, sizeof c.list[i].kind, c.list[i].address,
				       sizeof c.list[i].address);
		if (!opened || field_close(&object, strictness) != OK) {
			r->bad = true;
			return;
		}
		c.count++;
	}
	*ret = c;
}

void candidates_take(struct json_reader *r, const char *name, struct vnet_candidates_text *ret)
{
	candidates_read(r, name, STRICT, ret);
}

/* ---- peers ---- */
static void offers_put(json_t *json, const struct peer_offers *o)
{
	if (o->gateway)
		json_put_bool(json, "gateway", true);
	if (*o->boot_file) {
		json_put_text(json, "boot_server", o->boot_server);
		json_put_text(json, "boot_file", o->boot_file);
	}
}

static void offers_take(struct json_reader *r, struct peer_offers *ret)
{
	struct peer_offers o = { 0 };
	field_maybe_bool(r, "gateway", &o.gateway);
	if (json_has(r, "boot_file") || json_has(r, "boot_server")) {
		json_take_text(r, "boot_file", o.boot_file, sizeof o.boot_file);
		field_ip(r, "boot_server", o.boot_server);
	}
	for (const char *c = o.boot_file; *c && !r->bad; c++)
		if (*c <= ' ' || *c > '~')
			json_refuse(r, "boot_file", "must be printable ASCII without spaces");
	*ret = o;
}

json_t *peer_view_to_json(const struct peer_view *p)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", p->id);
	json_put_text(json, "name", p->name);
	json_put_text(json, "mac", p->mac);
	json_put_text(json, "ip", p->ip);
	if (p->has_pin) {
		json_put_sha256(json, "pin", p->pin);
		json_put(json, "candidates", candidates_to_json(&p->candidates));
	}
	offers_put(json, &p->offers);
	return json;
}

static void peer_view_read(struct json_reader *r, struct peer_view *ret)
{
	struct peer_view p = { 0 };
	json_take_uuid(r, "id", &p.id);
	field_label(r, "name", p.name, sizeof p.name);
	field_mac(r, "mac", p.mac);
	field_ip(r, "ip", p.ip);
	p.has_pin = json_has(r, "pin");
	if (p.has_pin)
		json_take_sha256(r, "pin", &p.pin);
	if (json_has(r, "candidates"))
		candidates_read(r, "candidates", LENIENT, &p.candidates);
	offers_take(r, &p.offers);
	if (json_close_lenient(r) == OK)
		*ret = p;
	else
		r->bad = true;
}

err_t peer_view_from_json(json_t *json, struct peer_view *ret, struct json_error *error)
{
	struct json_reader r;
	json_open(&r, json, error);
	peer_view_read(&r, ret);
	return json_close_lenient(&r);
}

void peer_view_take(struct json_reader *r, const char *name, struct peer_view *ret)
{
	struct json_reader object;
	if (!json_take_object(r, name, &object))
		return;
	peer_view_read(&object, ret);
	r->bad |= object.bad;
}

void peer_list_clear(struct peer_list *l)
{
	free(l->peers);
	*l = (struct peer_list){ 0 };
}

json_t *peer_list_to_json(const struct peer_list *l)
{
	json_t *array = json_array();
	for (size_t i = 0; i < l->count; i++)
		json_array_append_new(array, peer_view_to_json(&l->peers[i]));
	return array;
}

void peer_list_take(struct json_reader *r, const char *name, struct peer_list *ret)
{
	json_t *array;
	__attribute__((cleanup(peer_list_clear))) struct peer_list l = { 0 };
	if (!json_take_array(r, name, PEER_MAX, &array))
		return;
	l.peers = calloc(json_array_size(array) + 1, sizeof *l.peers);
	if (!l.peers) {
		json_refuse(r, name, "does not fit into memory");
		return;
	}
	for (; l.count < json_array_size(array); l.count++) {
		struct json_reader object;
		if (!json_element_object(r, name, array, l.count, &object))
			return;
		peer_view_read(&object, &l.peers[l.count]);
		if (object.bad) {
			r->bad = true;
			return;
		}
	}
	*ret = l;
	l = (struct peer_list){ 0 };
}

/* ---- joining ---- */
json_t *peer_join_to_json(const struct peer_join *j)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", j->id);
	json_put_text(json, "name", j->name);
	json_put_sha256(json, "pin", j->pin);
	json_put(json, "candidates", candidates_to_json(&j->candidates));
	json_put_int(json, "peers_version", (int64_t)j->peers_version);
	if (j->path_count)
		json_put(json, "paths", paths_to_json(j->paths, j->path_count));
	offers_put(json, &j->offers);
	return json;
}

err_t peer_join_from_json(json_t *json, struct peer_join *ret, struct json_error *error)
{
	struct json_reader r;
	struct peer_join j = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "id", &j.id);
	if (!r.bad && uuid_is_zero(j.id))
		json_refuse(&r, "id", "must not be zero");
	field_label(&r, "name", j.name, sizeof j.name);
	json_take_sha256(&r, "pin", &j.pin);
	candidates_take(&r, "candidates", &j.candidates);
	field_maybe_u64(&r, "peers_version", &j.peers_version);
	if (json_has(&r, "paths"))
		paths_take(&r, "paths", j.paths, PEER_MAX, &j.path_count);
	offers_take(&r, &j.offers);
	TRY(json_close(&r));
	*ret = j;
	return OK;
}

void peer_answer_clear(struct peer_answer *a)
{
	peer_list_clear(&a->peers);
	*a = (struct peer_answer){ 0 };
}

json_t *peer_answer_to_json(const struct peer_answer *a)
{
	json_t *json = json_object();
	json_put(json, "network", network_view_to_json(&a->network));
	json_put(json, "self", peer_view_to_json(&a->self));
	json_put_int(json, "peers_version", (int64_t)a->peers_version);
	if (a->has_peers)
		json_put(json, "peers", peer_list_to_json(&a->peers));
	return json;
}

err_t peer_answer_from_json(json_t *json, struct peer_answer *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(peer_answer_clear))) struct peer_answer a = { 0 };
	json_open(&r, json, error);
	network_view_take(&r, "network", &a.network);
	peer_view_take(&r, "self", &a.self);
	json_take_u64(&r, "peers_version", &a.peers_version);
	a.has_peers = json_has(&r, "peers");
	if (a.has_peers)
		peer_list_take(&r, "peers", &a.peers);
	TRY(json_close_lenient(&r));
	*ret = a;
	a = (struct peer_answer){ 0 };
	return OK;
}
