/* SPDX-License-Identifier: Apache-2.0
 * setup.c - `cpushare-seller setup`: makes the machine's key, enrols it, writes the settings
 */
#include "commands.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bytes.h"
#include "client.h"
#include "codes.h"
#include "file.h"
#include "json.h"
#include "machine.h"
#include "settings.h"

/* Options that are settings: the option's name and the key it sets. */
static const struct {
	const char *option, *key;
} setup_keys[] = {
	{ "market", "market.url" },
	{ "pin", "market.pin" },
	{ "name", "machine.name" },
	{ "country", "machine.country" },
	{ "accel", "machine.accel" },
	{ "cores", "offer.cores" },
	{ "memory", "offer.memory" },
	{ "price-core", "offer.price_core_hour" },
	{ "price-memory", "offer.price_gib_hour" },
	{ "price-transfer", "offer.price_gib_transferred" },
	{ "cache", "limits.image_cache" },
	{ "unreachable", "limits.unreachable" },
	{ "jail-uid", "limits.jail_uid" },
};

static err_t read_options(struct cli *cli, struct settings *s)
{
	char error[CONF_ERROR_SIZE] = "";
	for (size_t i = 0; i < sizeof setup_keys / sizeof *setup_keys; i++) {
		const char *value = cli_text(cli, setup_keys[i].option, NULL);
		if (value && conf_set(settings_table, s, setup_keys[i].key, value, error)) {
			fprintf(stderr, "cpushare-seller: --%s: %s\n", setup_keys[i].option, error);
			return E_INVALID;
		}
	}
	if (!*s->name && gethostname(s->name, sizeof s->name - 1))
		snprintf(s->name, sizeof s->name, "machine");
	if (!*s->market_url) {
		fprintf(stderr, "cpushare-seller: --market: say which market, as in --market https://market.example:8443\n");
		return E_INVALID;
	}
	return OK;
}

/* The file with every setting explained, and the given ones set. */
static err_t write_settings(struct cli *cli, const struct settings *s)
{
	char path[PATH_SIZE];
	AUTO_BUF out = { .data = NULL };
	buf_printf(&out, "# cpushare-seller.conf: written by setup; every setting with its default stands below.\n");
	buf_printf(&out, "[market]\nurl = %s\npin = %s\n", s->market_url, s->market_pin);
	buf_printf(&out, "[machine]\nname = %s\n", s->name);
	const char *section = "machine";
	for (size_t i = 3; i < sizeof setup_keys / sizeof *setup_keys; i++) {
		const char *value = cli_text(cli, setup_keys[i].option, NULL), *dot = strchr(setup_keys[i].key, '.');
		if (!value || !dot)
			continue;
		if (strncmp(section, setup_keys[i].key, (size_t)(dot - setup_keys[i].key))) {
			section = setup_keys[i].key;
			buf_printf(&out, "[%.*s]\n", (int)(dot - section), section);
		}
		buf_printf(&out, "%s = %s\n", dot + 1, value);
	}
	AUTO_BUF example = { .data = NULL };
	conf_example(settings_table, &example);
	buf_puts(&out, "\n");
	for (const char *line = example.data; line && *line;) {
		size_t len = strcspn(line, "\n");
		buf_printf(&out, "%s%.*s\n", *line == '#' || !len ? "" : "# ", (int)len, line);
		line += len + (line[len] == '\n');
	}
	if (out.error || example.error)
		return E_NOMEM;
	TRY(settings_path(s, "seller.conf", path));
	return file_write(path, out.data, out.len, 0644);
}

static err_t enrol(const struct settings *s, const char *token, struct identity *id, struct problem *problem)
{
	struct client *client = NULL;
	struct client_config config = {
		.url = s->market_url, .pin = s->market_pin, .token = token, .user_agent = "cpushare-seller/" CPUSHARE_VERSION
	};
	struct enrolment e = { .key = ed25519_public_of(id->key) };
	AUTO_JSON answer = NULL;
	struct json_error error = { .what = "" };
	struct json_reader r;
	char key[UUID_TEXT_SIZE];
	TRY(text_copy(e.name, sizeof e.name, s->name));
	e.proof = enrolment_prove(id->key, e.name);
	AUTO_JSON body = enrolment_to_json(&e);
	TRY(client_new(&config, &client));
	client_idempotency_key(key);
	err_t failed = client_call(client, "POST", "/v1/machines", body, key, &answer, problem);
	client_free(client);
	TRY(failed);
	json_open(&r, answer, &error);
	json_take_uuid(&r, "id", &id->machine);
	json_take_text(&r, "token", id->token, sizeof id->token);
	return json_close_lenient(&r);
}

/* --token WORD, --token-file PATH ("-": standard input), or CPUSHARE_TOKEN. */
static const char *read_token(struct cli *cli, char *text, size_t size)
{
	const char *path = cli_text(cli, "token-file", NULL), *word = cli_text(cli, "token", getenv("CPUSHARE_TOKEN"));
	if (!path)
		return word;
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	if (!f || !fgets(text, (int)size, f))
		text[0] = 0;
	if (f && f != stdin)
		fclose(f);
	text[strcspn(text, "\r\n")] = 0;
	return text;
}

static int report_problem(const struct settings *s, const struct problem *p)
{
	fprintf(stderr, "cpushare-seller: %s was not enrolled: %s %s\n", s->name, p->title, p->detail);
	if (*p->server_pin)
		fprintf(stderr, "The market showed the key %s\nIf its operator confirms it, add: --pin %s\n", p->server_pin,
			p->server_pin);
	return refusal_exit(p->status, p->code);
}

int command_setup(struct cli *cli)
{
	struct settings s = { .cores = 0 };
	struct identity id = { .key = NULL };
	struct problem problem = { .title = "the market did not answer" };
	char path[PATH_SIZE], line[128];
	const char *token = read_token(cli, line, sizeof line);
	conf_defaults(settings_table, &s);
	if (settings_state_dir(cli, s.state, sizeof s.state) || read_options(cli, &s))
		return EXIT_USAGE;
	if (!token || !*token) {
		fprintf(stderr,
			"cpushare-seller: a token with scope machines is needed: `cpushare token create --scope machines`, then "
			"--token-file FILE (or - for standard input)\n");
		return EXIT_USAGE;
	}
	if (settings_path(&s, "identity.json", path))
		return EXIT_USAGE;
	if (!access(path, F_OK) && !cli_flag(cli, "again")) {
		fprintf(stderr, "cpushare-seller: this machine is set up already (%s); --again enrols it anew\n", path);
		return EXIT_CONFLICT;
	}
	if (dir_make(s.state, 0711) || ed25519_new(&id.key)) {
		fprintf(stderr, "cpushare-seller: %s cannot be made\n", s.state);
		return EXIT_ERROR;
	}
	if (enrol(&s, token, &id, &problem)) {
		identity_clear(&id);
		return report_problem(&s, &problem);
	}
	err_t e = identity_save(&s, &id);
	if (!e)
		e = write_settings(cli, &s);
	identity_clear(&id);
	if (e) {
		fprintf(stderr, "cpushare-seller: %s: %s\n", s.state, err_name(e));
		return EXIT_ERROR;
	}
	printf("%s is enrolled at %s\nsettings: %s/seller.conf\nstart it:  cpushare-seller run%s%s\n", s.name, s.market_url,
	       s.state, cli_flag(cli, "state") ? " --state " : "", cli_flag(cli, "state") ? s.state : "");
	return EXIT_OK;
}
