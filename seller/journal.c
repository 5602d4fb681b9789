/* SPDX-License-Identifier: Apache-2.0
 * journal.c - a lease's usage records: signed, chained, and not forgotten by a crash
 */
#include "journal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static err_t journal_path(const char *lease_dir, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/usage.json", lease_dir);
	return n < 0 || (size_t)n >= size ? E_LIMIT : OK;
}

static err_t journal_save(const struct journal *j, const char *lease_dir)
{
	char path[600];
	AUTO_JSON json = json_object();
	json_t *sent = json_array();
	json_put_int(json, "ack_seq", (int64_t)j->ack_seq);
	json_put_sha256(json, "ack_hash", j->ack_hash);
	for (int i = 0; i < JOURNAL_SENT; i++) {
		if (!j->sent[i].seq)
			continue;
		json_t *one = json_object();
		json_put_int(one, "seq", (int64_t)j->sent[i].seq);
		json_put_sha256(one, "hash", j->sent[i].hash);
		json_array_append_new(sent, one);
	}
	json_put(json, "sent", sent);
	json_put_int(json, "vcpu_ns", (int64_t)j->last.vcpu_ns);
	json_put_int(json, "running_us", (int64_t)j->last.running_us);
	json_put_sha256(json, "endpoint", j->endpoint);
	json_put_int(json, "tx_before", (int64_t)j->tx_before);
	json_put_int(json, "rx_before", (int64_t)j->rx_before);
	json_put_int(json, "tx_now", (int64_t)j->tx_now);
	json_put_int(json, "rx_now", (int64_t)j->rx_now);
	AUTO_FREE char *text = json_dumps(json, 0);
	if (!text)
		return E_NOMEM;
	TRY(journal_path(lease_dir, path, sizeof path));
	return file_write(path, text, strlen(text), 0600);
}

static void sent_add(struct journal *j, uint64_t seq, sha256 hash)
{
	memmove(&j->sent[0], &j->sent[1], sizeof j->sent - sizeof j->sent[0]);
	j->sent[JOURNAL_SENT - 1].seq = seq;
	j->sent[JOURNAL_SENT - 1].hash = hash;
}

err_t journal_load(const char *lease_dir, uuid lease, struct journal *ret)
{
	char path[600];
	AUTO_FREE char *text = NULL;
	AUTO_JSON json = NULL;
	size_t len;
	struct json_error error = { .what = "" };
	struct json_reader r;
	struct journal j = { .lease = lease };
	json_t *sent = NULL;
	TRY(journal_path(lease_dir, path, sizeof path));
	err_t e = file_read(path, 65536, &text, &len);
	if (e == E_NOT_FOUND) {
		*ret = j;
		return OK;
	}
	TRY(e);
	TRY(json_parse(text, len, &json, &error));
	json_open(&r, json, &error);
	json_take_u64(&r, "ack_seq", &j.ack_seq);
	json_take_sha256(&r, "ack_hash", &j.ack_hash);
	json_take_u64(&r, "vcpu_ns", &j.last.vcpu_ns);
	json_take_u64(&r, "running_us", &j.last.running_us);
	json_take_sha256(&r, "endpoint", &j.endpoint);
	json_take_u64(&r, "tx_before", &j.tx_before);
	json_take_u64(&r, "rx_before", &j.rx_before);
	json_take_u64(&r, "tx_now", &j.tx_now);
	json_take_u64(&r, "rx_now", &j.rx_now);
	if (json_take_array(&r, "sent", JOURNAL_SENT, &sent)) {
		for (size_t i = 0; i < json_array_size(sent); i++) {
			struct json_reader one;
			uint64_t seq = 0;
			sha256 hash = { { 0 } };
			if (!json_element_object(&r, "sent", sent, i, &one))
				break;
			json_take_u64(&one, "seq", &seq);
			json_take_sha256(&one, "hash", &hash);
			TRY(json_close(&one));
			sent_add(&j, seq, hash);
		}
	}
	TRY(json_close(&r));
	*ret = j;
	return OK;
}

void journal_traffic(struct journal *j, sha256 endpoint, uint64_t tx_bytes, uint64_t rx_bytes)
{
	if (!sha256_equal(endpoint, j->endpoint)) {
		j->tx_before += j->tx_now;
		j->rx_before += j->rx_now;
		j->tx_now = j->rx_now = 0;
		j->endpoint = endpoint;
	}
	j->tx_now = larger(j->tx_now, tx_bytes);
	j->rx_now = larger(j->rx_now, rx_bytes);
}

err_t journal_record(struct journal *j, const char *lease_dir, const struct ed25519_key *key, uint64_t vcpu_ns,
		     uint64_t running_us, struct usage *ret)
{
	struct usage u = { .seq = j->ack_seq + 1,
			   .vcpu_ns = larger(vcpu_ns, j->last.vcpu_ns),
			   .running_us = larger(running_us, j->last.running_us),
			   .tx_bytes = j->tx_before + j->tx_now,
			   .rx_bytes = j->rx_before + j->rx_now,
			   .previous = j->ack_hash };
	usage_sign(key, j->lease, &u);
	sent_add(j, u.seq, usage_hash(j->lease, &u));
	j->last = u;
	*ret = u;
	return journal_save(j, lease_dir);
}

err_t journal_acknowledge(struct journal *j, uint64_t seq, sha256 hash)
{
	if (seq == j->ack_seq && sha256_equal(hash, j->ack_hash))
		return OK;
	bool ours = false;
	for (int i = 0; i < JOURNAL_SENT; i++)
		ours |= j->sent[i].seq == seq && sha256_equal(j->sent[i].hash, hash);
	j->ack_seq = seq;
	j->ack_hash = hash;
	return ours ? OK : E_CORRUPT;
}
