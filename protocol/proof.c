/* SPDX-License-Identifier: Apache-2.0
 * proof.c - a machine's answer with all that is needed to judge it again, as JSON
 */
#include "proof.h"

void proof_clear(struct proof *p)
{
	tpm_identity_clear(&p->identity);
	attestation_clear(&p->answer);
	json_decref(p->policy);
	p->policy = NULL;
}

static json_t *verdict_to_json(const struct verdict_view *v)
{
	json_t *json = json_object();
	json_put_text(json, "tier", v->tier);
	field_put_text(json, "fault", v->fault);
	field_put_text(json, "reference", v->reference);
	json_put_bool(json, "first_use", v->first_use);
	json_put_time(json, "at", v->at);
	return json;
}

static void verdict_take(struct json_reader *r, struct verdict_view *ret)
{
	struct json_reader object;
	if (!json_take_object(r, "verdict", &object))
		return;
	json_take_text(&object, "tier", ret->tier, sizeof ret->tier);
	field_maybe_text(&object, "fault", ret->fault, sizeof ret->fault);
	field_maybe_name(&object, "reference", ret->reference, sizeof ret->reference);
	json_take_bool(&object, "first_use", &ret->first_use);
	field_maybe_time(&object, "at", &ret->at);
	if (json_close_lenient(&object) != OK)
		r->bad = true;
}

json_t *proof_to_json(const struct proof *p)
{
	json_t *json = json_object();
	json_put(json, "verdict", verdict_to_json(&p->verdict));
	json_put(json, "binding", binding_to_json(&p->binding));
	json_put(json, "identity", tpm_identity_to_json(&p->identity));
	json_put(json, "answer", p->answer.quote.data ? attestation_to_json(&p->answer) : json_null());
	json_put(json, "policy", p->policy ? json_incref(p->policy) : json_null());
	return json;
}

/* A message inside of this one; error then names its field. */
static json_t *inner(struct json_reader *r, const char *name)
{
	struct json_reader object;
	return json_has(r, name) && json_take_object(r, name, &object) ? object.object : NULL;
}

err_t proof_from_json(json_t *json, struct proof *ret, struct json_error *error)
{
	struct json_reader r;
	__attribute__((cleanup(proof_clear))) struct proof p = { .policy = NULL };
	json_open(&r, json, error);
	verdict_take(&r, &p.verdict);
	if (!r.bad)
		binding_take(&r, "binding", &p.binding);
	json_t *identity = r.bad ? NULL : inner(&r, "identity");
	json_t *answer = r.bad ? NULL : inner(&r, "answer");
	json_t *policy = r.bad ? NULL : inner(&r, "policy");
	if (!r.bad && !identity)
		json_refuse(&r, "identity", "is missing");
	TRY(json_close_lenient(&r));
	TRY(tpm_identity_from_json(identity, &p.identity, error));
	if (answer)
		TRY(attestation_from_json(answer, &p.answer, error));
	p.policy = json_incref(policy);
	*ret = p;
	p = (struct proof){ .policy = NULL };
	return OK;
}
