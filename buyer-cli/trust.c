/* SPDX-License-Identifier: Apache-2.0
 * trust.c - trust policy, trust show, trust verify: what a VM's machine has proven by its TPM, and judging it here
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "commands.h"
#include "event_log.h"
#include "file.h"
#include "judge.h"
#include "output.h"
#include "proof.h"
#include "session.h"

#define PROOF_MAX (8 << 20)
#define AUTO_PROOF __attribute__((cleanup(proof_clear))) struct proof

int command_trust_policy(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON policy = NULL;
	int code = session_open(cli, false, &s);
	if (code || (code = session_call(&s, "GET", "/v1/trust/policy", NULL, false, &policy)))
		return code;
	json_dumpf(policy, stdout, JSON_INDENT(2));
	putchar('\n');
	return EXIT_OK;
}

/* ---- printing; whatever a machine wrote is printed as hex, or not at all ---- */

static void print_quote(const struct proof *p)
{
	struct quote q;
	char text[SHA256_TEXT_SIZE];
	size_t at = 0;
	if (!p->answer.quote.data) {
		printf("quote        none: the machine did not answer\n");
		return;
	}
	if (quote_read(p->answer.quote.data, p->answer.quote.len, &q)) {
		printf("quote        cannot be read\n");
		return;
	}
	printf("quote        TPM firmware %016llx, clock %llu ms%s, %u resets, %u restarts\n", (unsigned long long)q.firmware,
	       (unsigned long long)q.clock_ms, q.safe ? "" : " (may have gone back)", q.resets, q.restarts);
	for (int n = 0; n < PCR_COUNT; n++)
		if (p->binding.question.registers & 1u << n && at < p->answer.value_count)
			printf("register %-3d %s\n", n, sha256_format(p->answer.values[at++], text));
}

/* Event by event, each as "number digest type" and whether its text is what was hashed. */
static enum fault events_of(const void *data, size_t len, json_t *items)
{
	struct event_log log;
	struct event e;
	char text[SHA256_TEXT_SIZE];
	enum fault fault = event_log_open(data, len, &log);
	while (!fault && event_log_next(&log, &e))
		if (event_extends(&e))
			json_array_append_new(items, json_pack("{s:i, s:s, s:s, s:b}", "register", (int)e.pcr, "digest",
							       sha256_format(e.digest, text), "type", event_type_name(e.type),
							       "explained", (int)event_explained(&e)));
	return fault ? fault : log.fault;
}

static void print_events(const json_t *items)
{
	size_t i;
	json_t *item;
	json_array_foreach (items, i, item)
		printf("event %-6lld %s %s%s\n", (long long)field_int(item, "register"), field_text(item, "digest"),
		       field_text(item, "type"),
		       json_is_true(json_object_get(item, "explained")) ? ", its text is what was measured" : "");
}

static void print_log(const struct proof *p)
{
	if (!p->answer.log.data) {
		printf("log          none\n");
		return;
	}
	AUTO_JSON items = json_array();
	enum fault fault = events_of(p->answer.log.data, p->answer.log.len, items);
	print_events(items);
	if (fault)
		printf("log          %s\n", fault_sentences[fault]);
}

int command_trust_log(struct cli *cli)
{
	AUTO_FREE char *data = NULL;
	struct replay replay;
	size_t len;
	if (output_check(cli))
		return EXIT_USAGE;
	err_t e = file_read(cli_arg(cli, 0), EVENT_LOG_MAX, &data, &len);
	if (e)
		return cli_error(cli, e == E_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_ERROR, "%s cannot be read: %s", cli_arg(cli, 0),
				 err_name(e));
	enum fault fault = event_log_replay(data, len, &replay);
	if (fault)
		return cli_error(cli, EXIT_ATTEST, "%s: %s", cli_arg(cli, 0), fault_sentences[fault]);
	AUTO_JSON items = json_array();
	AUTO_JSON registers = json_object();
	(void)events_of(data, len, items); /* it was read whole already */
	for (int n = 0; n < PCR_COUNT; n++) {
		char name[8];
		snprintf(name, sizeof name, "%d", n);
		if (replay.seen & 1u << n)
			json_put_sha256(registers, name, replay.values[n]);
	}
	if (output_form(cli) == FORM_JSON) {
		AUTO_JSON out = json_pack("{s:i, s:O, s:O}", "schema", 1, "items", items, "registers", registers);
		json_dumpf(out, stdout, JSON_INDENT(2));
		putchar('\n');
		return EXIT_OK;
	}
	print_events(items);
	const char *name;
	json_t *value;
	json_object_foreach (registers, name, value)
		printf("register %-3s %s\n", name, json_string_value(value));
	return EXIT_OK;
}

static void print_identity(const struct proof *p)
{
	char issuer[256];
	if (!p->identity.ek_certificate.data) {
		printf("TPM          without a certificate\n");
		return;
	}
	endorsement_issuer((struct der){ p->identity.ek_certificate.data, p->identity.ek_certificate.len }, issuer,
			   sizeof issuer);
	printf("TPM          certified by %s\n", issuer);
}

static void print_binding(const struct binding *b)
{
	char id[UUID_TEXT_SIZE], hash[SHA256_TEXT_SIZE];
	printf("machine      %s\n", uuid_format(b->machine, id));
	if (!uuid_is_zero(b->question.lease)) {
		printf("lease        %s\n", uuid_format(b->question.lease, id));
		printf("image        %s\n", sha256_format(b->image, hash));
		printf("network key  %s\n", sha256_format(b->pin, hash));
	}
	printf("accelerator  %s\n", accel_names[b->accel]);
	printf("nonce        %s\n", sha256_format(b->question.nonce, hash));
	printf("policy       %llu\n", (unsigned long long)b->question.policy);
}

static void print_verdict(const char *who, const char *tier, const char *reference, bool first_use, const char *fault)
{
	printf("%-12s %s%s%s%s%s%s\n", who, tier, *reference ? ", reference " : "", reference,
	       first_use ? ", trusted on first use only" : "", *fault ? ", fault " : "", fault);
}

static int say_fault(const struct cli *cli, const char *fault)
{
	int known = FAULT_NONE;
	bool is_known = state_parse(fault_names, FAULT_COUNT, fault, &known) == OK;
	return cli_error(cli, EXIT_ATTEST, "the proof has a fault, %s%s%s", fault, is_known ? ": " : "",
			 is_known ? fault_sentences[known] : "");
}

/* ---- show ---- */

int command_trust_show(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_PROOF p = { .policy = NULL };
	AUTO_JSON json = NULL;
	struct json_error error = { .what = "" };
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_node(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/leases/%s/attestation", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &json)))
		return code;
	if (proof_from_json(json, &p, &error))
		return cli_error(cli, EXIT_ERROR, "the market's answer is not understood: %s %s", error.field, error.what);
	if (output_form(cli) == FORM_JSON) {
		json_put_int(json, "schema", 1);
		json_dumpf(json, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		char at[WALL_TEXT_SIZE];
		print_verdict("market says", p.verdict.tier, p.verdict.reference, p.verdict.first_use, p.verdict.fault);
		printf("at           %s\n", wall_format(p.verdict.at, at));
		print_identity(&p);
		print_binding(&p.binding);
		print_quote(&p);
		print_log(&p);
	}
	return *p.verdict.fault ? say_fault(cli, p.verdict.fault) : EXIT_OK;
}

/* ---- verify ---- */

static int file_json(const struct cli *cli, const char *path, json_t **ret)
{
	AUTO_FREE char *text = NULL;
	struct json_error error = { .what = "" };
	size_t len;
	err_t e = file_read(strcmp(path, "-") ? path : "/dev/stdin", PROOF_MAX, &text, &len);
	if (e)
		return cli_error(cli, e == E_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_ERROR, "%s cannot be read: %s", path, err_name(e));
	if (json_parse(text, len, ret, &error))
		return cli_error(cli, EXIT_USAGE, "%s: %s", path, error.what);
	return EXIT_OK;
}

/* The proof's own policy, or another one. */
static int policy_of(const struct cli *cli, const struct proof *p, struct policy *ret)
{
	const char *path = cli_text(cli, "policy", NULL);
	struct json_error error = { .what = "" };
	AUTO_JSON json = path ? NULL : json_deep_copy(p->policy);
	int code = path ? file_json(cli, path, &json) : EXIT_OK;
	if (code)
		return code;
	if (json)
		json_object_del(json, "version"); /* as the market's address for it shows it */
	if (!json || policy_from_json(json, ret, &error))
		return cli_error(cli, EXIT_USAGE, "the policy: %s %s", error.field,
				 json ? error.what : "is missing: give --policy");
	return EXIT_OK;
}

static void judge(const struct proof *p, const struct policy *policy, const struct authorities *authorities, struct verdict *ret)
{
	struct endorsement ek = { .key = NULL };
	struct attestation_key ak;
	*ret = (struct verdict){ .fault = FAULT_SILENT };
	if (!p->answer.quote.data)
		return;
	if (authorities)
		ret->fault = judge_identity(&p->identity, authorities, policy->first_use, clock_wall(), &ek, &ak);
	else
		ret->fault = attestation_key_read(p->identity.ak_public.data, p->identity.ak_public.len, &ak);
	endorsement_clear(&ek);
	if (!ret->fault)
		*ret = judge_answer(&ak, &p->binding, &p->answer, policy, (struct tpm_clock){ .known = false }, NULL);
}

static void print_judgement(const struct cli *cli, const struct proof *p, const struct verdict *v, bool authorities)
{
	if (output_form(cli) == FORM_JSON) {
		AUTO_JSON out = json_pack("{s:i, s:s, s:s, s:s, s:b, s:b}", "schema", 1, "tier", tier_names[v->tier], "fault",
					  fault_names[v->fault], "reference", v->reference, "authority_checked", (int)authorities,
					  "as_the_market_says",
					  !strcmp(p->verdict.fault, fault_names[v->fault]) &&
						  !strcmp(p->verdict.tier, tier_names[v->tier]));
		json_dumpf(out, stdout, JSON_INDENT(2));
		printf("\n");
		return;
	}
	print_verdict("judged here", tier_names[v->tier], v->reference, !p->identity.ek_certificate.data, fault_names[v->fault]);
	print_verdict("market says", p->verdict.tier, p->verdict.reference, p->verdict.first_use, p->verdict.fault);
	print_identity(p);
	print_binding(&p->binding);
	output_note(
		cli,
		"%sNot to be seen from here: that the nonce was fresh, and that this key is in that TPM. The market saw both.",
		authorities ? "" : "Nobody vouches for the TPM: give its maker's certificates with --ca. ");
}

int command_trust_verify(struct cli *cli)
{
	AUTO_PROOF p = { .policy = NULL };
	__attribute__((cleanup(policy_clear))) struct policy policy = { .quoted = 0 };
	AUTO_JSON json = NULL;
	struct authorities *authorities = NULL;
	struct json_error error = { .what = "" };
	struct verdict v;
	const char *ca = cli_text(cli, "ca", NULL);
	int code = output_check(cli);
	if (code || (code = file_json(cli, cli_arg(cli, 0), &json)))
		return code;
	if (proof_from_json(json, &p, &error))
		return cli_error(cli, EXIT_USAGE, "%s: %s %s", cli_arg(cli, 0), error.field, error.what);
	if ((code = policy_of(cli, &p, &policy)))
		return code;
	if (ca && authorities_load(ca, &authorities))
		return cli_error(cli, EXIT_USAGE, "--ca %s: no PEM file of certificates", ca);
	judge(&p, &policy, authorities, &v);
	print_judgement(cli, &p, &v, authorities != NULL);
	authorities_free(authorities);
	return v.fault ? say_fault(cli, fault_names[v.fault]) : EXIT_OK;
}
