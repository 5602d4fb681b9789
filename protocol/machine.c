/* SPDX-License-Identifier: Apache-2.0
 * machine.c - enrolment, machines and signed usage
 */
#include "bytes.h"
#include "field.h"
#include "machine.h"

/* ---- enrolment ---- */

/* What is signed: the label with its NUL, so that no other signature of the same key can stand for this one, and the name. */
static size_t enrolment_text(const char *name, uint8_t *text, size_t size)
{
	static const char label[] = "cpushare-enrol-v1";
	struct writer w = writer_of(text, size);
	write_bytes(&w, label, sizeof label);
	write_bytes(&w, name, strlen(name));
	return writer_len(&w);
}

ed25519_signature enrolment_prove(const struct ed25519_key *key, const char *name)
{
	uint8_t text[32 + NAME_SIZE];
	return ed25519_sign(key, text, enrolment_text(name, text, sizeof text));
}

bool enrolment_proven(const struct enrolment *e)
{
	uint8_t text[32 + NAME_SIZE];
	return ed25519_verify(e->key, text, enrolment_text(e->name, text, sizeof text), e->proof);
}

json_t *enrolment_to_json(const struct enrolment *e)
{
	json_t *json = json_object();
	json_put_text(json, "name", e->name);
	json_put_hex(json, "public_key", e->key.bytes, sizeof e->key.bytes);
	json_put_hex(json, "proof", e->proof.bytes, sizeof e->proof.bytes);
	return json;
}

err_t enrolment_from_json(json_t *json, struct enrolment *ret, struct json_error *error)
{
	struct json_reader r;
	struct enrolment e = { 0 };
	json_open(&r, json, error);
	field_name(&r, "name", e.name, sizeof e.name);
	json_take_hex(&r, "public_key", e.key.bytes, sizeof e.key.bytes);
	json_take_hex(&r, "proof", e.proof.bytes, sizeof e.proof.bytes);
	TRY(json_close(&r));
	*ret = e;
	return OK;
}

json_t *enrolled_to_json(const struct enrolled *e)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", e->id);
	json_put_text(json, "name", e->name);
	json_put_text(json, "token", e->token);
	return json;
}

err_t enrolled_from_json(json_t *json, struct enrolled *ret, struct json_error *error)
{
	struct json_reader r;
	struct enrolled e = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "id", &e.id);
	field_name(&r, "name", e.name, sizeof e.name);
	json_take_text(&r, "token", e.token, sizeof e.token);
	TRY(json_close_lenient(&r));
	*ret = e;
	return OK;
}

/* ---- machine ---- */
json_t *machine_to_json(const struct machine *m)
{
	json_t *json = json_object();
	json_put_uuid(json, "id", m->id);
	json_put_uuid(json, "account", m->account);
	json_put_text(json, "name", m->name);
	field_put_text(json, "country", m->country);
	field_put_text(json, "version", m->version);
	json_put_text(json, "state", machine_state_names[m->state]);
	json_put_text(json, "accel", accel_names[m->accel]);
	json_put_int(json, "cores", m->cores);
	json_put_int(json, "memory_mib", m->memory_mib);
	json_put_int(json, "score", m->score);
	json_put_int(json, "claimed_score", m->claimed_score);
	json_put_time(json, "calibrated_at", m->calibrated_at);
	json_put_text(json, "nat", nat_kind_names[m->nat]);
	json_put_int(json, "relay_rtt_ms", m->relay_rtt_ms);
	json_put_text(json, "off_reason", m->off_reason);
	json_put_int(json, "leases", m->leases);
	prices_put(json, "", &m->prices);
	json_put_time(json, "created_at", m->created_at);
	json_put_time(json, "seen_at", m->seen_at);
	return json;
}

err_t machine_from_json(json_t *json, struct machine *ret, struct json_error *error)
{
	struct json_reader r;
	struct machine m = { 0 };
	json_open(&r, json, error);
	json_take_uuid(&r, "id", &m.id);
	field_maybe_uuid(&r, "account", &m.account);
	field_name(&r, "name", m.name, sizeof m.name);
	field_maybe_country(&r, "country", m.country);
	field_maybe_name(&r, "version", m.version, sizeof m.version);
	m.state = (enum machine_state)field_enum(&r, "state", machine_state_names, 0, MACHINE_STATE_COUNT);
	m.accel = (enum accel)field_maybe_enum(&r, "accel", accel_names, ACCEL_COUNT, ACCEL_ANY);
	json_take_u32(&r, "cores", 0, MACHINE_MAX_CORES, &m.cores);
	json_take_u32(&r, "memory_mib", 0, MACHINE_MAX_MEMORY_MIB, &m.memory_mib);
	json_take_u32(&r, "score", 0, SCORE_MAX, &m.score);
	field_maybe_u32(&r, "claimed_score", 0, SCORE_MAX, &m.claimed_score);
	field_maybe_time(&r, "calibrated_at", &m.calibrated_at);
	m.nat = (enum nat_kind)field_maybe_enum(&r, "nat", nat_kind_names, NAT_KIND_COUNT, NAT_UNKNOWN);
	field_maybe_u32(&r, "relay_rtt_ms", 0, RTT_MAX_MS, &m.relay_rtt_ms);
	field_maybe_text(&r, "off_reason", m.off_reason, sizeof m.off_reason);
	json_take_u32(&r, "leases", 0, UINT32_MAX, &m.leases);
	prices_take(&r, "", &m.prices);
	field_maybe_time(&r, "created_at", &m.created_at);
	field_maybe_time(&r, "seen_at", &m.seen_at);
	TRY(json_close_lenient(&r));
	*ret = m;
	return OK;
}

/* ---- usage ---- */
json_t *usage_to_json(const struct usage *u)
{
	json_t *json = json_object();
	json_put_int(json, "seq", (int64_t)u->seq);
	json_put_int(json, "vcpu_ns", (int64_t)u->vcpu_ns);
	json_put_int(json, "running_us", (int64_t)u->running_us);
	json_put_int(json, "tx_bytes", (int64_t)u->tx_bytes);
	json_put_int(json, "rx_bytes", (int64_t)u->rx_bytes);
	json_put_sha256(json, "previous", u->previous);
	json_put_hex(json, "signature", u->signature.bytes, sizeof u->signature.bytes);
	return json;
}

void usage_take(struct json_reader *r, const char *name, struct usage *ret)
{
	struct json_reader object;
	struct usage u = { 0 };
	if (!json_take_object(r, name, &object))
		return;
	json_take_u64(&object, "seq", &u.seq);
	if (!object.bad && u.seq == 0)
		json_refuse(&object, "seq", "must be at least 1");
	json_take_u64(&object, "vcpu_ns", &u.vcpu_ns);
	json_take_u64(&object, "running_us", &u.running_us);
	json_take_u64(&object, "tx_bytes", &u.tx_bytes);
	json_take_u64(&object, "rx_bytes", &u.rx_bytes);
	json_take_sha256(&object, "previous", &u.previous);
	json_take_hex(&object, "signature", u.signature.bytes, sizeof u.signature.bytes);
	if (json_close(&object) == OK)
		*ret = u;
	else
		r->bad = true;
}

sha256 usage_hash(uuid lease, const struct usage *u)
{
	static const char label[] = "cpushare-usage-v1";
	uint8_t text[sizeof label + 16 + 5 * 8 + 32];
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, label, sizeof label);
	write_bytes(&w, lease.bytes, sizeof lease.bytes);
	write_u64(&w, u->seq);
	write_u64(&w, u->vcpu_ns);
	write_u64(&w, u->running_us);
	write_u64(&w, u->tx_bytes);
	write_u64(&w, u->rx_bytes);
	write_bytes(&w, u->previous.bytes, sizeof u->previous.bytes);
	return sha256_of(text, writer_len(&w));
}

void usage_sign(const struct ed25519_key *key, uuid lease, struct usage *u)
{
	sha256 hash = usage_hash(lease, u);
	u->signature = ed25519_sign(key, hash.bytes, sizeof hash.bytes);
}

bool usage_verify(ed25519_public key, uuid lease, const struct usage *u)
{
	sha256 hash = usage_hash(lease, u);
	return ed25519_verify(key, hash.bytes, sizeof hash.bytes, u->signature);
}
