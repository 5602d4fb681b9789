/* SPDX-License-Identifier: Apache-2.0
 * relays.c - the relays and STUN servers that members of networks are told of, and the tickets for them
 */
#include "relays.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "file.h"
#include "order.h"

#define PERIOD_US (12 * HOUR_US) /* a ticket lasts for the rest of its period and the whole next one */
#define WORD_SIZE (REGION_SIZE + 2 * CANDIDATE_SIZE + SHA256_TEXT_SIZE) /* REGION=ADDRESS/TLS-ADDRESS/PIN */

struct relays {
	struct ed25519_key *key; /* NULL: there are no relays */
	uint64_t quota_bytes;
	struct network_view view;	      /* its stun */
	struct relay_list list;		      /* without tickets */
	char regions[RELAY_MAX][REGION_SIZE]; /* where they stand, or "" */
};

/* Words with blanks between, into rows of WORD_SIZE. */
static err_t words(const char *text, const char *setting, char (*list)[WORD_SIZE], size_t max, size_t *ret_count, char *error)
{
	char copy[sizeof((struct settings *)0)->relays], *rest;
	size_t n = 0;
	TRY(text_copy(copy, sizeof copy, text));
	for (char *word = strtok_r(copy, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest)) {
		if (n == max) {
			snprintf(error, 256, "%s: at most %zu addresses", setting, max);
			return E_LIMIT;
		}
		if (text_copy(list[n], WORD_SIZE, word) != OK) {
			snprintf(error, 256, "%s: too long: %.64s", setting, word);
			return E_LIMIT;
		}
		n++;
	}
	*ret_count = n;
	return OK;
}

static bool address_take(const char *word, char address[CANDIDATE_SIZE])
{
	return word && network_address_valid(word) && text_copy(address, CANDIDATE_SIZE, word) == OK;
}

/* UDP-ADDRESS, or UDP-ADDRESS/TLS-ADDRESS/PIN. */
static bool relay_take(char *word, struct relay_view *ret)
{
	char *rest;
	const char *udp = strtok_r(word, "/", &rest), *tls = strtok_r(NULL, "/", &rest), *pin = strtok_r(NULL, "/", &rest);
	if (!address_take(udp, ret->address) || strtok_r(NULL, "/", &rest))
		return false;
	return !tls || (address_take(tls, ret->tls) && pin && sha256_parse(pin, &ret->tls_pin) == OK);
}

/* REGION= in front of a word, where it is there. */
static bool region_take(const struct settings *s, char **word, char *ret_region)
{
	char *mark = strchr(*word, '=');
	uint8_t number;
	if (!mark)
		return true;
	*mark = 0;
	if (text_copy(ret_region, REGION_SIZE, *word) != OK || region_number(s, ret_region, &number) != OK)
		return false;
	*word = mark + 1;
	return true;
}

static err_t read_lists(const struct settings *s, struct relays *r, char *error)
{
	char list[STUN_MAX > RELAY_MAX ? STUN_MAX : RELAY_MAX][WORD_SIZE];
	size_t n;
	TRY(words(s->relay_stun, "relay.stun", list, STUN_MAX, &n, error));
	for (; r->view.stun_count < n; r->view.stun_count++) {
		if (address_take(list[r->view.stun_count], r->view.stun[r->view.stun_count]))
			continue;
		snprintf(error, 256, "relay.stun: must be numeric addresses with ports, as in 192.0.2.7:3478, not %.64s",
			 list[r->view.stun_count]);
		return E_INVALID;
	}
	TRY(words(s->relays, "relay.relays", list, RELAY_MAX, &n, error));
	for (; r->list.count < n; r->list.count++) {
		char *word = list[r->list.count], *region = r->regions[r->list.count];
		if (!region_take(s, &word, region)) {
			snprintf(error, 256, "relay.relays: the region must be one of market.regions: %.64s",
				 list[r->list.count]);
			return E_INVALID;
		}
		if (relay_take(word, &r->list.list[r->list.count]))
			continue;
		snprintf(error, 256,
			 "relay.relays: must be as in 192.0.2.7:3478 or eu=192.0.2.7:3478/192.0.2.7:443/PIN, not %.64s",
			 list[r->list.count]);
		return E_INVALID;
	}
	return OK;
}

static err_t load_key(const char *data_dir, struct ed25519_key **ret_key)
{
	char path[PATH_MAX], text[66];
	snprintf(path, sizeof path, "%s/relay", data_dir);
	TRY(dir_make(path, 0700));
	snprintf(path, sizeof path, "%s/relay/ticket.pem", data_dir);
	err_t e = ed25519_load(path, ret_key);
	if (e == E_NOT_FOUND) {
		TRY(ed25519_new(ret_key));
		e = ed25519_save(*ret_key, path);
	}
	TRY(e);
	ed25519_public public = ed25519_public_of(*ret_key);
	hex_encode(public.bytes, sizeof public.bytes, text);
	text[64] = '\n';
	snprintf(path, sizeof path, "%s/relay/ticket.pub", data_dir);
	return file_write(path, text, 65, 0644);
}

static err_t load(const struct settings *s, const char *data_dir, struct relays *r, char *error)
{
	r->quota_bytes = (uint64_t)s->relay_quota_bytes;
	TRY(read_lists(s, r, error));
	if (r->list.count == 0)
		return OK;
	err_t e = load_key(data_dir, &r->key);
	if (e)
		snprintf(error, 256, "the key for relays' tickets in %.150s/relay cannot be read or made: %s", data_dir,
			 err_name(e));
	return e;
}

err_t relays_load(const struct settings *s, const char *data_dir, struct relays **ret_relays, char *error)
{
	struct relays *r = calloc(1, sizeof *r);
	snprintf(error, 256, "out of memory");
	if (!r)
		return E_NOMEM;
	err_t e = load(s, data_dir, r, error);
	if (e) {
		relays_free(r);
		return e;
	}
	*ret_relays = r;
	return OK;
}

void relays_free(struct relays *r)
{
	if (!r)
		return;
	ed25519_free(r->key);
	free(r);
}

void relays_add_stun(const struct relays *r, struct network_view *n)
{
	if (!r)
		return;
	memcpy(n->stun, r->view.stun, sizeof n->stun);
	n->stun_count = r->view.stun_count;
}

int64_t relays_period(wall_time now)
{
	return now.us / PERIOD_US;
}

void relays_for(const struct relays *r, uuid network, uuid peer, sha256 pin, wall_time now, struct relay_list *ret)
{
	struct ticket t = { .network = network, .peer = peer, .pin = pin };
	if (!r)
		return;
	t.quota_bytes = r->quota_bytes;
	/* By the period, so that a member that asks again gets the same one, and no quota of its own with it. */
	t.expires.us = (relays_period(now) + 2) * PERIOD_US;
	*ret = r->list;
	for (size_t i = 0; i < ret->count; i++)
		ticket_sign(&t, r->key, ret->list[i].ticket);
}

void relays_servers(const struct relays *r, struct netcheck *ret)
{
	if (!r)
		return;
	memcpy(ret->stun, r->view.stun, sizeof ret->stun);
	ret->stun_count = r->view.stun_count;
	ret->relay_count = r->list.count;
	for (size_t i = 0; i < ret->relay_count; i++) {
		memcpy(ret->relays[i].address, r->list.list[i].address, CANDIDATE_SIZE);
		memcpy(ret->relays[i].tls, r->list.list[i].tls, CANDIDATE_SIZE);
		ret->relays[i].tls_pin = r->list.list[i].tls_pin;
		memcpy(ret->relays[i].region, r->regions[i], REGION_SIZE);
	}
}
