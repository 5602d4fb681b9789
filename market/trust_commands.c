/* SPDX-License-Identifier: Apache-2.0
 * trust_commands.c - the operator's commands about trusted machines: the policy, its references, revocation
 *
 * Each change is a new version of one document; the market that serves sees it within seconds and asks every machine anew.
 */
#include <stdlib.h>
#include "attestations.h"
#include "bytes.h"
#include "commands.h"
#include "event_log.h"
#include "file.h"
#include "operate.h"
#include "policy.h"
#include "proof.h"

#define AUTO_POLICY __attribute__((cleanup(policy_clear))) struct policy
#define AUTO_PROOF __attribute__((cleanup(proof_clear))) struct proof

static err_t wrong(const struct cli *cli, const char *fmt, const char *what)
{
	char text[512];
	snprintf(text, sizeof text, "%s: %s", fmt, what);
	(void)cli_error(cli, EXIT_USAGE, "%s", text);
	return E_INVALID;
}

static err_t policy_parse(const struct cli *cli, const char *text, size_t len, struct policy *ret)
{
	struct json_error error = { .what = "" };
	AUTO_JSON json = NULL;
	err_t e = json_parse(text, len, &json, &error);
	if (!e)
		e = policy_from_json(json, ret, &error);
	if (!e)
		return OK;
	char what[300];
	snprintf(what, sizeof what, "%s %s", error.field, error.what);
	return wrong(cli, "the policy", what);
}

static err_t policy_load(const struct cli *cli, struct store *store, struct policy *ret, uint64_t *ret_version)
{
	AUTO_FREE char *document = NULL;
	err_t e = store_policy_get(store, 0, ret_version, &document);
	if (e == E_NOT_FOUND) {
		*ret = policy_default();
		*ret_version = 0;
		return OK;
	}
	TRY(e);
	return policy_parse(cli, document, strlen(document), ret);
}

/* Read again before it is stored: what the market could not read must not become the policy. */
static err_t policy_save(const struct cli *cli, struct store *store, const struct policy *p, uint64_t version,
			 const struct telling *t)
{
	AUTO_POLICY again = { .quoted = 0 };
	AUTO_JSON json = policy_to_json(p);
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
	if (!text)
		return E_NOMEM;
	TRY(policy_parse(cli, text, strlen(text), &again));
	TRY(store_policy_add(store, version + 1, text, operator_name(), clock_wall()));
	say(t, "policy %llu holds within seconds; every machine is asked anew", (unsigned long long)version + 1);
	if (t->json)
		json_put_int(t->json, "policy_version", (int64_t)version + 1);
	return OK;
}

/* "0,2,4-7" */
static err_t registers_parse(const char *text, uint16_t *ret)
{
	uint16_t registers = 0;
	while (*text) {
		char *end;
		unsigned long first = strtoul(text, &end, 10), last = first;
		if (end == text)
			return E_INVALID;
		if (*end == '-') {
			text = end + 1;
			last = strtoul(text, &end, 10);
			if (end == text)
				return E_INVALID;
		}
		if (first > last || last >= ATTESTATION_REGISTERS || (*end && *end != ','))
			return E_INVALID;
		for (unsigned long n = first; n <= last; n++)
			registers |= (uint16_t)(1u << n);
		text = *end ? end + 1 : end;
	}
	*ret = registers;
	return registers ? OK : E_INVALID;
}

/* The option's registers; untouched where it was not given. */
static err_t registers_option(const struct cli *cli, const char *name, uint16_t *ret)
{
	const char *text = cli_text(cli, name, NULL);
	if (text && registers_parse(text, ret) != OK)
		return wrong(cli, name,
			     "must be registers from 0 to 15, as in 0,2,4-7; the others can be reset without a restart");
	return OK;
}

/* ---- policy ---- */

static err_t policy_show(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	AUTO_POLICY p = { .quoted = 0 };
	uint64_t version;
	(void)setup;
	TRY(policy_load(cli, store, &p, &version));
	AUTO_JSON json = policy_to_json(&p);
	if (t->json) {
		json_object_update(t->json, json);
		return OK;
	}
	json_dumpf(json, stdout, JSON_INDENT(2));
	printf("\n");
	return OK;
}

static err_t policy_change(const struct cli *cli, struct policy *p)
{
	const char *log = cli_text(cli, "log", NULL), *first_use = cli_text(cli, "first-use", NULL),
		   *firmware = cli_text(cli, "deny-firmware", NULL);
	TRY(registers_option(cli, "registers", &p->quoted));
	TRY(registers_option(cli, "replayed", &p->replayed));
	p->replayed &= p->quoted;
	if (log && strcmp(log, "required") != 0 && strcmp(log, "optional") != 0)
		return wrong(cli, "--log", "must be required or optional");
	if (log)
		p->log_required = *log == 'r';
	if (first_use && strcmp(first_use, "yes") != 0 && strcmp(first_use, "no") != 0)
		return wrong(cli, "--first-use", "must be yes or no");
	if (first_use)
		p->first_use = *first_use == 'y';
	uint8_t bytes[8];
	if (firmware && (p->denied_count == POLICY_FIRMWARES || hex_decode(firmware, bytes, sizeof bytes) != OK))
		return wrong(cli, "--deny-firmware", "must be a version of 16 hex digits, as `cpushare trust show` prints it");
	struct reader r = reader_of(bytes, sizeof bytes);
	if (firmware)
		p->denied_firmware[p->denied_count++] = read_u64(&r);
	return OK;
}

static err_t policy_set(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	AUTO_POLICY p = { .quoted = 0 };
	const char *path = cli_text(cli, "file", NULL);
	uint64_t version;
	(void)setup;
	TRY(policy_load(cli, store, &p, &version));
	if (path) {
		AUTO_FREE char *text = NULL;
		size_t len;
		policy_clear(&p);
		if (file_read(path, POLICY_MAX_BYTES, &text, &len) != OK)
			return wrong(cli, path, "cannot be read");
		TRY(policy_parse(cli, text, len, &p));
	}
	TRY(policy_change(cli, &p));
	return policy_save(cli, store, &p, version, t);
}

/* ---- references ---- */

/* A proof from a file, or the last one of a machine. */
static err_t proof_load(const struct cli *cli, struct store *store, struct proof *ret)
{
	const char *path = cli_text(cli, "proof", NULL), *machine = cli_text(cli, "machine", NULL);
	AUTO_FREE char *text = NULL;
	AUTO_JSON json = NULL;
	struct json_error error = { .what = "" };
	uint64_t policy;
	size_t len;
	uuid id;
	if (!path == !machine)
		return wrong(cli, "the values' source", "give --machine or --proof, one of them");
	if (path && file_read(path, POLICY_MAX_BYTES, &text, &len) != OK)
		return wrong(cli, path, "cannot be read");
	if (machine && uuid_parse(machine, &id) != OK)
		return E_NOT_FOUND;
	if (machine)
		TRY(store_attestation_get(store, id, (uuid){ 0 }, &text, &policy));
	if (json_parse(text, strlen(text), &json, &error) != OK || proof_from_json(json, ret, &error) != OK)
		return wrong(cli, "the proof", error.what);
	/* What was not proven to be in its registers is no reference. */
	if (!ret->answer.quote.data || !strcmp(ret->verdict.tier, "none"))
		return wrong(cli, "the proof", "it does not hold, so it says nothing");
	return OK;
}

static err_t add_events(const struct cli *cli, const struct proof *proof, uint16_t registers, struct reference *r)
{
	struct event_log log;
	struct event e;
	if (!registers)
		return OK;
	if (!proof->answer.log.data || event_log_open(proof->answer.log.data, proof->answer.log.len, &log))
		return wrong(cli, "--events", "the machine sent no event log");
	while (event_log_next(&log, &e))
		if (event_extends(&e) && e.pcr < ATTESTATION_REGISTERS && registers & 1u << e.pcr)
			TRY(reference_add_event(r, (uint8_t)e.pcr, e.digest));
	return OK;
}

static err_t reference_add(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	AUTO_POLICY p = { .quoted = 0 };
	AUTO_PROOF proof = { .policy = NULL };
	struct reference *r;
	uint16_t values = 0, events = 0;
	uint64_t version;
	(void)setup;
	TRY(registers_option(cli, "registers", &values));
	TRY(registers_option(cli, "events", &events));
	TRY(proof_load(cli, store, &proof));
	TRY(policy_load(cli, store, &p, &version));
	if (!values && !events)
		return wrong(cli, "--registers",
			     "say which: --registers 4,7 takes their values, --events 7 each of their events");
	if ((values | events) & ~(p.quoted & proof.binding.question.registers))
		return wrong(cli, "--registers", "the policy does not ask for all of them; see trust policy set --registers");
	if (policy_reference_add(&p, cli_arg(cli, 0), &r) != OK)
		return wrong(cli, cli_arg(cli, 0), "there is a reference of this name, or it is too long");
	size_t at = 0;
	for (uint8_t n = 0; n < ATTESTATION_REGISTERS && at < proof.answer.value_count; n++) {
		if (!(proof.binding.question.registers & 1u << n))
			continue;
		if (values & 1u << n)
			TRY(reference_add_value(r, n, proof.answer.values[at]));
		at++;
	}
	TRY(add_events(cli, &proof, events, r));
	return policy_save(cli, store, &p, version, t);
}

static err_t reference_list(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	AUTO_POLICY p = { .quoted = 0 };
	uint64_t version;
	(void)setup;
	TRY(policy_load(cli, store, &p, &version));
	if (t->json) {
		AUTO_JSON json = policy_to_json(&p);
		json_object_set(t->json, "items", json_object_get(json, "references"));
		return OK;
	}
	for (size_t i = 0; i < p.reference_count; i++) {
		const struct reference *r = &p.references[i];
		printf("%s:", r->name);
		for (size_t k = 0; k < r->expectation_count; k++)
			printf(" %u (%zu values, %zu events)", r->expectations[k].pcr, r->expectations[k].value_count,
			       r->expectations[k].event_count);
		printf("\n");
	}
	return OK;
}

static err_t reference_remove(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	AUTO_POLICY p = { .quoted = 0 };
	uint64_t version;
	(void)setup;
	TRY(policy_load(cli, store, &p, &version));
	TRY(policy_reference_remove(&p, cli_arg(cli, 0)));
	return policy_save(cli, store, &p, version, t);
}

/* ---- revocation ---- */

/* The policy's new version is what tells the market that serves. */
static err_t revoke(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	AUTO_POLICY p = { .quoted = 0 };
	uint64_t version;
	uuid machine;
	(void)setup;
	if (uuid_parse(cli_arg(cli, 0), &machine) != OK)
		return E_NOT_FOUND;
	TRY(policy_load(cli, store, &p, &version));
	TRY(store_begin(store));
	err_t e = store_attestation_key_revoke(store, machine, cli_arg(cli, 1), clock_wall());
	if (!e)
		e = policy_save(cli, store, &p, version, t);
	if (!e)
		e = store_commit(store);
	if (e)
		store_rollback(store);
	return e;
}

int command_trust_policy_show(struct cli *cli)
{
	return with_store(cli, policy_show);
}

int command_trust_policy_set(struct cli *cli)
{
	return with_store(cli, policy_set);
}

int command_trust_reference_add(struct cli *cli)
{
	return with_store(cli, reference_add);
}

int command_trust_reference_list(struct cli *cli)
{
	return with_store(cli, reference_list);
}

int command_trust_reference_remove(struct cli *cli)
{
	return with_store(cli, reference_remove);
}

int command_trust_revoke(struct cli *cli)
{
	return with_store(cli, revoke);
}
