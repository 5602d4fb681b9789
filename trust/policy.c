/* SPDX-License-Identifier: Apache-2.0
 * policy.c - what an operator asks of machines, as JSON
 */
#include "policy.h"
#include <stdlib.h>
#include "bytes.h"

static const char *const log_names[] = { "optional", "required" };

static void reference_clear(struct reference *r)
{
	for (size_t i = 0; i < r->expectation_count; i++) {
		free(r->expectations[i].values);
		free(r->expectations[i].events);
	}
	*r = (struct reference){ .expectation_count = 0 };
}

void policy_clear(struct policy *p)
{
	for (size_t i = 0; i < p->reference_count; i++)
		reference_clear(&p->references[i]);
	free(p->references);
	*p = (struct policy){ .quoted = 0 };
}

struct policy policy_default(void)
{
	/* 0 to 3 firmware, its code and settings; 4, 5 the boot path; 7 Secure Boot; 8, 9 what GRUB ran and read; 11 a unified kernel
	 * image; 12, 14 its parameters, and keys that shim takes. */
	return (struct policy){ .quoted = 0x5bff, .replayed = 0x00ff };
}

/* ---- change ---- */

err_t policy_reference_add(struct policy *p, const char *name, struct reference **ret)
{
	struct reference r = { .expectation_count = 0 };
	for (size_t i = 0; i < p->reference_count; i++)
		if (!strcmp(p->references[i].name, name))
			return E_EXISTS;
	if (p->reference_count == POLICY_REFERENCES)
		return E_LIMIT;
	TRY(text_copy(r.name, sizeof r.name, name));
	struct reference *more = reallocarray(p->references, p->reference_count + 1, sizeof *more);
	if (!more)
		return E_NOMEM;
	p->references = more;
	*ret = &more[p->reference_count++];
	**ret = r;
	return OK;
}

err_t policy_reference_remove(struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->reference_count; i++) {
		if (strcmp(p->references[i].name, name) != 0)
			continue;
		reference_clear(&p->references[i]);
		p->reference_count--;
		memmove(&p->references[i], &p->references[i + 1], (p->reference_count - i) * sizeof *p->references);
		return OK;
	}
	return E_NOT_FOUND;
}

static struct expectation *expectation_of(struct reference *r, uint8_t pcr)
{
	for (size_t i = 0; i < r->expectation_count; i++)
		if (r->expectations[i].pcr == pcr)
			return &r->expectations[i];
	if (pcr >= ATTESTATION_REGISTERS)
		return NULL;
	struct expectation *e = &r->expectations[r->expectation_count++];
	*e = (struct expectation){ .pcr = pcr };
	return e;
}

static err_t digest_add(sha256 **list, size_t *count, size_t max, sha256 digest)
{
	for (size_t i = 0; i < *count; i++)
		if (sha256_equal((*list)[i], digest))
			return OK;
	if (*count == max)
		return E_LIMIT;
	sha256 *more = reallocarray(*list, *count + 1, sizeof *more);
	if (!more)
		return E_NOMEM;
	more[(*count)++] = digest;
	*list = more;
	return OK;
}

err_t reference_add_value(struct reference *r, uint8_t pcr, sha256 value)
{
	struct expectation *e = expectation_of(r, pcr);
	return e ? digest_add(&e->values, &e->value_count, POLICY_VALUES, value) : E_INVALID;
}

err_t reference_add_event(struct reference *r, uint8_t pcr, sha256 digest)
{
	struct expectation *e = expectation_of(r, pcr);
	return e ? digest_add(&e->events, &e->event_count, POLICY_EVENTS, digest) : E_INVALID;
}

/* ---- JSON ---- */

static json_t *digests_to_json(const sha256 *list, size_t count)
{
	json_t *array = json_array();
	char text[SHA256_TEXT_SIZE];
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(sha256_format(list[i], text)));
	return array;
}

static json_t *reference_to_json(const struct reference *r)
{
	json_t *json = json_object(), *registers = json_array();
	json_put_text(json, "name", r->name);
	for (size_t i = 0; i < r->expectation_count; i++) {
		const struct expectation *e = &r->expectations[i];
		json_t *object = json_object();
		json_put_int(object, "register", e->pcr);
		json_put(object, "values", digests_to_json(e->values, e->value_count));
		json_put(object, "events", digests_to_json(e->events, e->event_count));
		json_array_append_new(registers, object);
	}
	json_put(json, "registers", registers);
	return json;
}

json_t *policy_to_json(const struct policy *p)
{
	json_t *json = json_object(), *denied = json_array(), *references = json_array();
	char text[17];
	for (size_t i = 0; i < p->denied_count; i++) {
		snprintf(text, sizeof text, "%016llx", (unsigned long long)p->denied_firmware[i]);
		json_array_append_new(denied, json_string(text));
	}
	for (size_t i = 0; i < p->reference_count; i++)
		json_array_append_new(references, reference_to_json(&p->references[i]));
	json_put(json, "quoted", registers_to_json(p->quoted));
	json_put(json, "replayed", registers_to_json(p->replayed));
	json_put_text(json, "log", log_names[p->log_required]);
	json_put_bool(json, "first_use", p->first_use);
	json_put(json, "denied_firmware", denied);
	json_put(json, "references", references);
	return json;
}

static void digests_take(struct json_reader *r, const char *name, size_t max, struct reference *to, uint8_t pcr,
			 err_t (*add)(struct reference *, uint8_t, sha256))
{
	json_t *array;
	sha256 digest = { 0 };
	if (!json_take_array(r, name, max, &array))
		return;
	for (size_t i = 0; i < json_array_size(array) && !r->bad; i++) {
		json_element_sha256(r, name, array, i, &digest);
		if (!r->bad && add(to, pcr, digest) != OK)
			json_refuse(r, name, "does not fit");
	}
}

static void expectation_take(struct json_reader *r, struct reference *to)
{
	uint32_t pcr = 0;
	json_take_u32(r, "register", 0, ATTESTATION_REGISTERS - 1, &pcr);
	for (size_t i = 0; i < to->expectation_count && !r->bad; i++)
		if (to->expectations[i].pcr == pcr)
			json_refuse(r, "register", "is there twice");
	if (r->bad)
		return;
	size_t before = to->expectation_count;
	digests_take(r, "values", POLICY_VALUES, to, (uint8_t)pcr, reference_add_value);
	digests_take(r, "events", POLICY_EVENTS, to, (uint8_t)pcr, reference_add_event);
	if (!r->bad && to->expectation_count == before)
		json_refuse(r, "values", "needs a value here, or one in events");
}

static void reference_take(struct json_reader *r, struct policy *p)
{
	char name[NAME_SIZE] = "";
	struct reference *added;
	json_t *array;
	field_name(r, "name", name, sizeof name);
	if (r->bad || !json_take_array(r, "registers", ATTESTATION_REGISTERS, &array))
		return;
	if (json_array_size(array) == 0)
		json_refuse(r, "registers", "needs one at least"); /* it would fit every machine */
	else if (policy_reference_add(p, name, &added) != OK)
		json_refuse(r, "name", "is there twice, or does not fit");
	for (size_t i = 0; i < json_array_size(array) && !r->bad; i++) {
		struct json_reader object;
		if (!json_element_object(r, "registers", array, i, &object))
			return;
		expectation_take(&object, added);
		if (json_close(&object) != OK)
			r->bad = true;
	}
}

static void references_take(struct json_reader *r, struct policy *p)
{
	json_t *array;
	if (!json_take_array(r, "references", POLICY_REFERENCES, &array))
		return;
	for (size_t i = 0; i < json_array_size(array) && !r->bad; i++) {
		struct json_reader object;
		if (!json_element_object(r, "references", array, i, &object))
			return;
		reference_take(&object, p);
		if (json_close(&object) != OK)
			r->bad = true;
	}
}

static void firmwares_take(struct json_reader *r, struct policy *p)
{
	json_t *array;
	if (!json_take_array(r, "denied_firmware", POLICY_FIRMWARES, &array))
		return;
	for (size_t i = 0; i < json_array_size(array) && !r->bad; i++) {
		char text[17] = "";
		uint8_t bytes[8];
		json_element_text(r, "denied_firmware", array, i, text, sizeof text);
		if (!r->bad && hex_decode(text, bytes, sizeof bytes) != OK)
			json_refuse(r, "denied_firmware", "must be versions of 16 hex digits");
		struct reader at = reader_of(bytes, sizeof bytes);
		if (!r->bad)
			p->denied_firmware[p->denied_count++] = read_u64(&at);
	}
}

err_t policy_from_json(json_t *json, struct policy *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(policy_clear))) struct policy p = { .quoted = 0 };
	json_open(&r, json, error);
	registers_take(&r, "quoted", &p.quoted);
	registers_take(&r, "replayed", &p.replayed);
	p.log_required = field_enum(&r, "log", log_names, 0, 2);
	json_take_bool(&r, "first_use", &p.first_use);
	firmwares_take(&r, &p);
	references_take(&r, &p);
	if (!r.bad && !p.quoted)
		json_refuse(&r, "quoted", "needs one register at least");
	if (!r.bad && p.replayed & ~p.quoted)
		json_refuse(&r, "replayed", "may hold only what is in quoted");
	for (size_t i = 0; i < p.reference_count && !r.bad; i++)
		for (size_t k = 0; k < p.references[i].expectation_count && !r.bad; k++)
			if (!(p.quoted & 1u << p.references[i].expectations[k].pcr))
				json_refuse(&r, "references", "may name only registers that are in quoted");
	TRY(json_close(&r));
	*ret = p;
	p = (struct policy){ .quoted = 0 };
	return OK;
}
