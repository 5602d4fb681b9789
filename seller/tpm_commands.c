/* SPDX-License-Identifier: Apache-2.0
 * tpm_commands.c - `tpm enrol`, `tpm status`, `tpm answer`
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "attest.h"
#include "bytes.h"
#include "client.h"
#include "codes.h"
#include "commands.h"
#include "file.h"
#include "proof.h"
#include "tpm.h"

#define SECRET_MAX 64
#define CHAIN_FILE_MAX (64 * 1024)

/* What all three need. */
struct owner {
	struct settings settings;
	struct identity identity;
	struct client *client;
	struct tpm *tpm;
};

static void owner_clear(struct owner *o)
{
	tpm_close(o->tpm);
	client_free(o->client);
	identity_clear(&o->identity);
}
#define AUTO_OWNER __attribute__((cleanup(owner_clear))) struct owner

/* An exit code. */
static int owner_open(const struct cli *cli, struct owner *o)
{
	err_t e = settings_load(cli, &o->settings);
	if (!e)
		e = identity_load(&o->settings, &o->identity);
	if (e == E_NOT_FOUND)
		return cli_error(cli, EXIT_NOT_FOUND, "this machine is not set up: cpushare-seller setup");
	if (e)
		return e == E_INVALID ? EXIT_USAGE : cli_error(cli, EXIT_ERROR, "%s: %s", o->settings.state, err_name(e));
	struct client_config config = { .url = o->settings.market_url,
					.pin = o->settings.market_pin,
					.token = o->identity.token,
					.user_agent = "cpushare-seller/" CPUSHARE_VERSION };
	e = client_new(&config, &o->client);
	return e ? cli_error(cli, EXIT_ERROR, "market.url: %s", err_name(e)) : EXIT_OK;
}

static int tpm_open_or_say(const struct cli *cli, struct owner *o)
{
	if (!*o->settings.tcti || tpm_open(o->settings.tcti, &o->tpm))
		return cli_error(cli, EXIT_UNREACHABLE,
				 "the TPM does not answer at \"%s\": is there one, and may you use it (group tss)? tpm.tcti in "
				 "seller.conf says where it is",
				 o->settings.tcti);
	return EXIT_OK;
}

static err_t machine_call(struct owner *o, const char *method, const char *part, json_t *body, json_t **ret,
			  struct problem *problem)
{
	char path[128], id[UUID_TEXT_SIZE];
	snprintf(path, sizeof path, "/v1/machines/%s/attestation%s", uuid_format(o->identity.machine, id), part);
	return client_call(o->client, method, path, body, NULL, ret, problem);
}

static int say_problem(const struct cli *cli, const struct problem *p)
{
	return cli_error(cli, refusal_exit(p->status, p->code), "%s%s%s", p->title, *p->detail ? " " : "", p->detail);
}

static bool wants_json(const struct cli *cli)
{
	return !strcmp(cli_text(cli, "output", "table"), "json");
}

/* Takes json. */
static void print_json(json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
}

/* ---- enrol ---- */

/* A PEM file's certificates, as DER. */
static err_t chain_add(struct tpm_identity *identity, const char *path)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
	AUTO_FREE char *text = NULL;
	size_t len;
	TRY(file_read(path, CHAIN_FILE_MAX, &text, &len));
	for (char *at = text; (at = strstr(at, begin));) {
		uint8_t der[ATTESTATION_PART_MAX];
		size_t der_len, kept = 0;
		char *stop = strstr(at, end);
		if (!stop || identity->chain_count == ATTESTATION_CHAIN)
			return stop ? E_LIMIT : E_INVALID;
		*stop = 0;
		at += sizeof begin - 1;
		for (char *c = at; *c; c++)
			if (!strchr(" \t\r\n", *c))
				at[kept++] = *c;
		at[kept] = 0;
		TRY(base64_decode(at, der, sizeof der, &der_len));
		TRY(blob_set(&identity->chain[identity->chain_count], der, der_len));
		identity->chain_count++;
		at = stop + 1;
	}
	return identity->chain_count ? OK : E_INVALID;
}

/* The first kind of key that has a certificate; else a bare one, which markets take that trust on first use. */
static err_t identify(struct owner *o, int wanted, struct tpm_identity *ret, enum ek_kind *ret_kind, uint8_t *ret_name)
{
	int first = wanted < EK_KIND_COUNT ? wanted : 0, last = wanted < EK_KIND_COUNT ? wanted : EK_KIND_COUNT - 1;
	err_t e = E_NOT_FOUND;
	for (int kind = first; kind <= last && e == E_NOT_FOUND; kind++) {
		*ret_kind = (enum ek_kind)kind;
		e = tpm_ek_certificate(o->tpm, *ret_kind, &ret->ek_certificate);
	}
	if (e == E_NOT_FOUND) {
		*ret_kind = wanted < EK_KIND_COUNT ? (enum ek_kind)wanted : EK_P256;
		e = tpm_ek_public(o->tpm, *ret_kind, &ret->ek_public);
	}
	TRY(e);
	return tpm_ak_public(o->tpm, &ret->ak_public, ret_name);
}

static err_t prove(struct owner *o, enum ek_kind kind, const uint8_t *name, const struct tpm_credential *credential,
		   struct problem *problem)
{
	uint8_t secret[SECRET_MAX];
	size_t len;
	TRY(tpm_activate(o->tpm, kind, credential, secret, sizeof secret, &len));
	AUTO_JSON body = activation_to_json(activation_proof(secret, len, o->identity.machine, name));
	AUTO_JSON answer = NULL;
	explicit_bzero(secret, sizeof secret);
	return machine_call(o, "POST", "/activation", body, &answer, problem);
}

static err_t enrol_tpm(struct owner *o, int wanted, struct tpm_identity *identity, struct problem *problem)
{
	__attribute__((cleanup(tpm_credential_clear))) struct tpm_credential credential = { .blob.data = NULL };
	enum ek_kind kind;
	uint8_t name[AK_NAME_SIZE];
	struct json_error error;
	AUTO_JSON answer = NULL;
	TRY(identify(o, wanted, identity, &kind, name));
	AUTO_JSON body = tpm_identity_to_json(identity);
	TRY(machine_call(o, "POST", "/key", body, &answer, problem));
	TRY(tpm_credential_from_json(answer, &credential, &error));
	return prove(o, kind, name, &credential, problem);
}

int command_tpm_enrol(struct cli *cli)
{
	AUTO_OWNER o = { .client = NULL };
	__attribute__((cleanup(tpm_identity_clear))) struct tpm_identity identity = { .chain_count = 0 };
	struct problem problem = { .status = 0 };
	const char *kind_name = cli_text(cli, "ek", NULL), *chain = cli_text(cli, "chain", NULL);
	int kind = EK_KIND_COUNT;
	if (kind_name && state_parse(ek_kind_names, EK_KIND_COUNT, kind_name, &kind) != OK)
		return cli_error(cli, EXIT_USAGE, "--ek must be rsa2048, p256 or p384");
	int code = form_is_known(cli) ? owner_open(cli, &o) : EXIT_USAGE;
	if (code)
		return code;
	err_t e = chain ? chain_add(&identity, chain) : OK;
	if (e)
		return cli_error(cli, EXIT_USAGE, "--chain %s: %s", chain,
				 e == E_LIMIT ? "at most 4 certificates" : "must be PEM certificates");
	code = tpm_open_or_say(cli, &o);
	if (code)
		return code;
	e = enrol_tpm(&o, kind, &identity, &problem);
	if (e && *problem.title)
		return say_problem(cli, &problem);
	if (e)
		return cli_error(cli, EXIT_ATTEST, "the TPM cannot do this: %s", *tpm_why(o.tpm) ? tpm_why(o.tpm) : err_name(e));
	bool first_use = !identity.ek_certificate.data;
	if (wants_json(cli))
		print_json(json_pack("{s:b, s:i}", "first_use", (int)first_use, "schema", 1));
	else
		printf("the TPM is enrolled%s\n",
		       first_use ? "; it has no certificate: the market trusts it on first use, and says so" : "");
	return EXIT_OK;
}

/* ---- status ---- */

/* The kinds of keys that the TPM has a certificate for. */
static json_t *certificates_of(struct tpm *tpm)
{
	json_t *array = json_array();
	for (int kind = 0; kind < EK_KIND_COUNT; kind++) {
		struct blob certificate = { .data = NULL };
		if (tpm_ek_certificate(tpm, (enum ek_kind)kind, &certificate) == OK)
			json_array_append_new(array, json_string(ek_kind_names[kind]));
		blob_clear(&certificate);
	}
	return array;
}

/* Takes certificates. verdict NULL: there is none. */
static void print_status(json_t *certificates, const struct verdict_view *v)
{
	char at[WALL_TEXT_SIZE];
	printf("certificates");
	for (size_t i = 0; i < json_array_size(certificates); i++)
		printf(" %s", json_string_value(json_array_get(certificates, i)));
	printf("%s\n", json_array_size(certificates) ? "" : " none");
	json_decref(certificates);
	if (v)
		printf("at the market: %s%s%s%s%s%s, %s\n", v->tier, v->first_use ? " (first use)" : "",
		       *v->reference ? ", reference " : "", v->reference, *v->fault ? ", fault " : "", v->fault,
		       wall_format(v->at, at));
	else
		printf("at the market: not enrolled, or not asked yet\n");
}

int command_tpm_status(struct cli *cli)
{
	AUTO_OWNER o = { .client = NULL };
	__attribute__((cleanup(proof_clear))) struct proof proof = { .policy = NULL };
	struct problem problem = { .status = 0 };
	struct json_error error = { .what = "" };
	AUTO_JSON answer = NULL;
	int code = form_is_known(cli) ? owner_open(cli, &o) : EXIT_USAGE;
	if (!code)
		code = tpm_open_or_say(cli, &o);
	if (code)
		return code;
	json_t *certificates = certificates_of(o.tpm);
	err_t e = machine_call(&o, "GET", "", NULL, &answer, &problem);
	if (!e && proof_from_json(answer, &proof, &error))
		e = E_CORRUPT;
	if (wants_json(cli))
		print_json(json_pack("{s:o, s:O?, s:i}", "certificates", certificates, "verdict",
				     e ? NULL : json_object_get(answer, "verdict"), "schema", 1));
	else
		print_status(certificates, e ? NULL : &proof.verdict);
	if (e == E_CORRUPT)
		return cli_error(cli, EXIT_ERROR, "the market's answer is not understood: %s %s", error.field, error.what);
	return e && e != E_NOT_FOUND ? say_problem(cli, &problem) : EXIT_OK;
}

/* ---- answer ---- */

static err_t question_read(const char *path, struct binding *ret)
{
	AUTO_FREE char *text = NULL;
	size_t len;
	struct json_error error;
	struct json_reader r;
	AUTO_JSON json = NULL;
	TRY(file_read(path, ATTESTATION_PART_MAX, &text, &len));
	TRY(json_parse(text, len, &json, &error));
	json_open(&r, json, &error);
	binding_take(&r, "binding", ret);
	return json_close(&r);
}

/* What firmware measured; a machine without such a log has none. */
static void log_read(const char *path, struct blob *ret)
{
	char *data;
	if (*path && file_read(path, ATTESTATION_LOG_MAX, &data, &ret->len) == OK) {
		if (ret->len)
			ret->data = (uint8_t *)data;
		else
			free(data);
	}
}

static err_t answer_question(struct owner *o, const struct binding *binding, const char *path)
{
	__attribute__((cleanup(attestation_clear))) struct attestation a = {
		.lease = binding->question.lease,
		.nonce = binding->question.nonce,
		.pin = binding->pin,
		.accel = binding->accel,
	};
	TRY(tpm_open(o->settings.tcti, &o->tpm));
	TRY(tpm_quote(o->tpm, binding->question.registers, binding_hash(binding), &a));
	log_read(o->settings.event_log, &a.log);
	AUTO_JSON json = attestation_to_json(&a);
	AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);
	return text ? file_write(path, text, strlen(text), 0600) : E_NOMEM;
}

int command_tpm_answer(struct cli *cli)
{
	AUTO_OWNER o = { .client = NULL };
	struct binding binding;
	if (settings_load(cli, &o.settings) || question_read(cli_arg(cli, 0), &binding))
		return cli_error(cli, EXIT_USAGE, "no settings, or no question in %s", cli_arg(cli, 0));
	err_t e = answer_question(&o, &binding, cli_arg(cli, 1));
	if (!e)
		return EXIT_OK;
	/* The daemon tells the owner. */
	const char *why = o.tpm && *tpm_why(o.tpm) ? tpm_why(o.tpm) : err_name(e);
	if (file_write(cli_arg(cli, 1), why, strlen(why), 0600))
		return EXIT_ERROR;
	return cli_error(cli, EXIT_ATTEST, "%s", why);
}
