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

#define TICKET_LIFE_US (LEASE_MAX_S * SECOND_US + DAY_US) /* a lease is given its ticket once, at its start */

struct relays {
	struct ed25519_key *key; /* NULL: there are no relays */
	uint64_t quota_bytes;
	struct network_view view; /* its stun and relays, without tickets */
};

/* Words with blanks between, into rows of CANDIDATE_SIZE. */
static err_t words(const char *text, const char *setting, char (*list)[CANDIDATE_SIZE], size_t max, size_t *ret_count,
		   char *error)
{
	char copy[257], *rest;
	size_t n = 0;
	TRY(text_copy(copy, sizeof copy, text));
	for (char *word = strtok_r(copy, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest)) {
		if (n == max) {
			snprintf(error, 256, "%s: at most %zu addresses", setting, max);
			return E_LIMIT;
		}
		if (!network_address_valid(word) || text_copy(list[n], CANDIDATE_SIZE, word) != OK) {
			snprintf(error, 256, "%s: must be numeric addresses with ports, as in 192.0.2.7:3478, not %.64s", setting,
				 word);
			return E_INVALID;
		}
		n++;
	}
	*ret_count = n;
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
	char relays[RELAY_MAX][CANDIDATE_SIZE];
	r->quota_bytes = (uint64_t)s->relay_quota_bytes;
	TRY(words(s->relay_stun, "relay.stun", r->view.stun, STUN_MAX, &r->view.stun_count, error));
	TRY(words(s->relays, "relay.relays", relays, RELAY_MAX, &r->view.relay_count, error));
	for (size_t i = 0; i < r->view.relay_count; i++)
		memcpy(r->view.relays[i].address, relays[i], sizeof relays[i]);
	if (r->view.relay_count == 0)
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

void relays_add(const struct relays *r, uuid peer, wall_time now, struct network_view *n)
{
	struct ticket t = { .network = n->id, .peer = peer, .expires = { now.us + TICKET_LIFE_US } };
	if (!r)
		return;
	t.quota_bytes = r->quota_bytes;
	/* By the day, so that a member that asks again gets the same one, and no quota of its own with it. */
	t.expires.us -= t.expires.us % DAY_US;
	memcpy(n->stun, r->view.stun, sizeof n->stun);
	n->stun_count = r->view.stun_count;
	n->relay_count = r->view.relay_count;
	for (size_t i = 0; i < n->relay_count; i++) {
		n->relays[i] = r->view.relays[i];
		ticket_sign(&t, r->key, n->relays[i].ticket);
	}
}
