/* SPDX-License-Identifier: Apache-2.0
 * attestation.c - a TPM's identity, the market's questions and the machine's answers as JSON
 */
#include "attestation.h"
#include <stdlib.h>
#include "bytes.h"
#include "file.h"

/* ---- bytes ---- */
void blob_clear(struct blob *b)
{
	free(b->data);
	*b = (struct blob){ .data = NULL };
}

err_t blob_set(struct blob *b, const void *data, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	if (!copy)
		return E_NOMEM;
	if (len)
		memcpy(copy, data, len);
	blob_clear(b);
	b->data = copy;
	b->len = len;
	return OK;
}

static char *blob_text(const struct blob *b)
{
	char *text = malloc(4 * ((b->len + 2) / 3) + 1);
	return text ? base64_encode(b->data, b->len, text) : NULL;
}

void blob_put(json_t *object, const char *name, const struct blob *b)
{
	AUTO_FREE char *text = b->data ? blob_text(b) : NULL;
	if (text)
		json_put_text(object, name, text);
}

/* Not empty: what is absent is left out. */
static void blob_decode(struct json_reader *r, const char *name, const char *text, size_t max, struct blob *ret)
{
	size_t size = strlen(text) / 4 * 3; /* never more than this */
	struct blob b = { .data = malloc(size ? size : 1) };
	if (!b.data) {
		json_refuse(r, name, "does not fit into memory");
	} else if (base64_decode(text, b.data, size < max ? size : max, &b.len) != OK || b.len == 0) {
		json_refuse(r, name, "must be base64 of 1 to %zu bytes", max);
		blob_clear(&b);
	} else {
		blob_clear(ret);
		*ret = b;
	}
}

void blob_take(struct json_reader *r, const char *name, size_t max, struct blob *ret)
{
	AUTO_FREE char *text = NULL;
	json_take_long_text(r, name, 4 * ((max + 2) / 3), &text);
	if (text)
		blob_decode(r, name, text, max, ret);
}

void blob_maybe(struct json_reader *r, const char *name, size_t max, struct blob *ret)
{
	if (json_has(r, name))
		blob_take(r, name, max, ret);
}

/* ---- which TPM ---- */
void tpm_identity_clear(struct tpm_identity *i)
{
	blob_clear(&i->ek_certificate);
	blob_clear(&i->ek_public);
	blob_clear(&i->ak_public);
	for (size_t n = 0; n < i->chain_count; n++)
		blob_clear(&i->chain[n]);
	i->chain_count = 0;
}

json_t *tpm_identity_to_json(const struct tpm_identity *i)
{
	json_t *json = json_object(), *chain = json_array();
	blob_put(json, "ek_certificate", &i->ek_certificate);
	for (size_t n = 0; n < i->chain_count; n++) {
		AUTO_FREE char *text = blob_text(&i->chain[n]);
		json_array_append_new(chain, json_string(text ? text : ""));
	}
	json_put(json, "chain", chain);
	blob_put(json, "ek_public", &i->ek_public);
	blob_put(json, "ak_public", &i->ak_public);
	return json;
}

static void chain_take(struct json_reader *r, struct tpm_identity *i)
{
	enum { TEXT = 4 * ((ATTESTATION_PART_MAX + 2) / 3) + 1 };
	json_t *array;
	if (!json_has(r, "chain") || !json_take_array(r, "chain", ATTESTATION_CHAIN, &array))
		return;
	AUTO_FREE char *text = calloc(1, TEXT);
	for (size_t n = 0; text && n < json_array_size(array) && !r->bad; n++) {
		char name[32];
		json_element_text(r, "chain", array, n, text, TEXT);
		snprintf(name, sizeof name, "chain[%zu]", n);
		if (!r->bad)
			blob_decode(r, name, text, ATTESTATION_PART_MAX, &i->chain[n]);
		i->chain_count = n + 1;
	}
}

err_t tpm_identity_from_json(json_t *json, struct tpm_identity *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(tpm_identity_clear))) struct tpm_identity i = { .chain_count = 0 };
	json_open(&r, json, error);
	blob_maybe(&r, "ek_certificate", ATTESTATION_PART_MAX, &i.ek_certificate);
	chain_take(&r, &i);
	blob_maybe(&r, "ek_public", ATTESTATION_PART_MAX, &i.ek_public);
	blob_take(&r, "ak_public", ATTESTATION_PART_MAX, &i.ak_public);
	if (!r.bad && !i.ek_certificate.data == !i.ek_public.data)
		json_refuse(&r, "ek_certificate", "give this or ek_public, one of them");
	TRY(json_close(&r));
	*ret = i;
	i = (struct tpm_identity){ .chain_count = 0 };
	return OK;
}

void tpm_credential_clear(struct tpm_credential *c)
{
	blob_clear(&c->blob);
	blob_clear(&c->seed);
}

json_t *tpm_credential_to_json(const struct tpm_credential *c)
{
	json_t *json = json_object();
	blob_put(json, "credential", &c->blob);
	blob_put(json, "seed", &c->seed);
	return json;
}

err_t tpm_credential_from_json(json_t *json, struct tpm_credential *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(tpm_credential_clear))) struct tpm_credential c = { .blob.data = NULL };
	json_open(&r, json, error);
	blob_take(&r, "credential", ATTESTATION_PART_MAX, &c.blob);
	blob_take(&r, "seed", ATTESTATION_PART_MAX, &c.seed);
	TRY(json_close_lenient(&r));
	*ret = c;
	c = (struct tpm_credential){ .blob.data = NULL };
	return OK;
}

sha256 activation_proof(const uint8_t *secret, size_t len, uuid machine, const uint8_t ak_name[AK_NAME_SIZE])
{
	static const char label[] = "cpushare-activation-v1";
	uint8_t text[sizeof label + sizeof machine.bytes + AK_NAME_SIZE];
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, label, sizeof label);
	write_bytes(&w, machine.bytes, sizeof machine.bytes);
	write_bytes(&w, ak_name, AK_NAME_SIZE);
	return hmac_sha256(secret, len, text, writer_len(&w));
}

json_t *activation_to_json(sha256 proof)
{
	json_t *json = json_object();
	json_put_sha256(json, "proof", proof);
	return json;
}

err_t activation_from_json(json_t *json, sha256 *ret, struct json_error *error)
{
	struct json_reader r;
	sha256 proof = { 0 };
	json_open(&r, json, error);
	json_take_sha256(&r, "proof", &proof);
	TRY(json_close(&r));
	*ret = proof;
	return OK;
}

/* ---- question and answer ---- */
json_t *registers_to_json(uint16_t registers)
{
	json_t *array = json_array();
	for (int n = 0; n < ATTESTATION_REGISTERS; n++)
		if (registers & 1u << n)
			json_array_append_new(array, json_integer(n));
	return array;
}

void registers_take(struct json_reader *r, const char *name, uint16_t *ret)
{
	json_t *array;
	uint16_t registers = 0;
	if (!json_take_array(r, name, ATTESTATION_REGISTERS, &array))
		return;
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *element = json_array_get(array, i);
		json_int_t n = json_is_integer(element) ? json_integer_value(element) : -1;
		if (n < 0 || n >= ATTESTATION_REGISTERS || registers >> n) {
			json_refuse(r, name, "must be numbers from 0 to %d, ascending", ATTESTATION_REGISTERS - 1);
			return;
		}
		registers |= (uint16_t)(1u << n);
	}
	*ret = registers;
}

json_t *question_to_json(const struct question *q)
{
	json_t *json = json_object();
	field_put_uuid(json, "lease", q->lease);
	json_put_sha256(json, "nonce", q->nonce);
	json_put_int(json, "seq", (int64_t)q->seq);
	json_put_int(json, "policy", (int64_t)q->policy);
	json_put(json, "registers", registers_to_json(q->registers));
	return json;
}

void question_take(struct json_reader *r, const char *name, struct question *ret)
{
	struct json_reader object;
	struct question q = { .seq = 0 };
	if (!json_take_object(r, name, &object))
		return;
	field_maybe_uuid(&object, "lease", &q.lease);
	json_take_sha256(&object, "nonce", &q.nonce);
	json_take_u64(&object, "seq", &q.seq);
	json_take_u64(&object, "policy", &q.policy);
	registers_take(&object, "registers", &q.registers);
	if (json_close_lenient(&object) == OK)
		*ret = q;
	else
		r->bad = true;
}

sha256 binding_hash(const struct binding *b)
{
	static const char label[] = "cpushare-quote-v1";
	uint8_t text[sizeof label + 4 * 32 + 16 + 3 * 8];
	struct writer w = writer_of(text, sizeof text);
	write_bytes(&w, label, sizeof label);
	write_bytes(&w, b->machine.bytes, sizeof b->machine.bytes);
	write_bytes(&w, b->question.lease.bytes, sizeof b->question.lease.bytes);
	write_bytes(&w, b->image.bytes, sizeof b->image.bytes);
	write_bytes(&w, b->pin.bytes, sizeof b->pin.bytes);
	write_bytes(&w, accel_names[b->accel], strlen(accel_names[b->accel]) + 1);
	write_u64(&w, b->question.policy);
	write_u64(&w, b->question.seq);
	write_u16(&w, b->question.registers);
	write_bytes(&w, b->question.nonce.bytes, sizeof b->question.nonce.bytes);
	return sha256_of(text, writer_len(&w));
}

json_t *binding_to_json(const struct binding *b)
{
	json_t *json = json_object();
	json_put(json, "question", question_to_json(&b->question));
	json_put_uuid(json, "machine", b->machine);
	json_put_sha256(json, "image", b->image);
	json_put_sha256(json, "pin", b->pin);
	json_put_text(json, "accel", accel_names[b->accel]);
	return json;
}

void binding_take(struct json_reader *r, const char *name, struct binding *ret)
{
	struct json_reader object;
	struct binding b = { .accel = ACCEL_ANY };
	if (!json_take_object(r, name, &object))
		return;
	question_take(&object, "question", &b.question);
	json_take_uuid(&object, "machine", &b.machine);
	json_take_sha256(&object, "image", &b.image);
	json_take_sha256(&object, "pin", &b.pin);
	b.accel = (enum accel)field_enum(&object, "accel", accel_names, ACCEL_KVM, ACCEL_COUNT);
	if (json_close_lenient(&object) == OK)
		*ret = b;
	else
		r->bad = true;
}

void attestation_clear(struct attestation *a)
{
	blob_clear(&a->quote);
	blob_clear(&a->signature);
	blob_clear(&a->log);
}

json_t *attestation_to_json(const struct attestation *a)
{
	json_t *json = json_object(), *values = json_array();
	char text[SHA256_TEXT_SIZE];
	for (size_t i = 0; i < a->value_count; i++)
		json_array_append_new(values, json_string(sha256_format(a->values[i], text)));
	field_put_uuid(json, "lease", a->lease);
	json_put_sha256(json, "nonce", a->nonce);
	json_put_sha256(json, "pin", a->pin);
	json_put_text(json, "accel", accel_names[a->accel]);
	blob_put(json, "quote", &a->quote);
	blob_put(json, "signature", &a->signature);
	json_put(json, "values", values);
	blob_put(json, "log", &a->log);
	return json;
}

err_t attestation_from_json(json_t *json, struct attestation *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(attestation_clear))) struct attestation a = { .value_count = 0 };
	json_t *values = NULL;
	json_open(&r, json, error);
	field_maybe_uuid(&r, "lease", &a.lease);
	json_take_sha256(&r, "nonce", &a.nonce);
	json_take_sha256(&r, "pin", &a.pin);
	a.accel = (enum accel)field_enum(&r, "accel", accel_names, ACCEL_KVM, ACCEL_COUNT);
	blob_take(&r, "quote", ATTESTATION_PART_MAX, &a.quote);
	blob_take(&r, "signature", ATTESTATION_PART_MAX, &a.signature);
	if (json_take_array(&r, "values", ATTESTATION_REGISTERS, &values))
		for (; a.value_count < json_array_size(values) && !r.bad; a.value_count++)
			json_element_sha256(&r, "values", values, a.value_count, &a.values[a.value_count]);
	blob_maybe(&r, "log", ATTESTATION_LOG_MAX, &a.log);
	TRY(json_close(&r));
	*ret = a;
	a = (struct attestation){ .value_count = 0 };
	return OK;
}
