/* SPDX-License-Identifier: Apache-2.0
 * setup.c - `cpushare-seller setup`: makes the machine's key, enrols it, writes the settings
 */
#include "commands.h"
#include <errno.h>
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
		for (const char *at = value; at && *at; at++)
			if ((unsigned char)*at < 32) {
				(void)cli_error(cli, EXIT_USAGE, "--%s: must be one line of text", setup_keys[i].option);
				return E_INVALID;
			}
		if (value && conf_set(settings_table, s, setup_keys[i].key, value, error)) {
			(void)cli_error(cli, EXIT_USAGE, "--%s: %s", setup_keys[i].option, error);
			return E_INVALID;
		}
	}
	if (!*s->name && gethostname(s->name, sizeof s->name - 1))
		snprintf(s->name, sizeof s->name, "machine");
	if (!*s->market_url) {
		(void)cli_error(cli, EXIT_USAGE, "--market: say which market, as in --market https://market.example:8443");
		return E_INVALID;
	}
	if (settings_check(s, error)) {
		(void)cli_error(cli, EXIT_USAGE, "%s", error);
		return E_INVALID;
	}
	return OK;
}

/* What the file is to say of a key of len bytes; NULL: nothing, the default holds. */
static const char *chosen(const struct cli *cli, const struct settings *s, const char *key, size_t len)
{
	for (size_t i = 0; i < sizeof setup_keys / sizeof *setup_keys; i++)
		if (strlen(setup_keys[i].key) == len && !strncmp(setup_keys[i].key, key, len))
			return !strcmp(setup_keys[i].key, "machine.name") ? s->name : cli_text(cli, setup_keys[i].option, NULL);
	return NULL;
}

/* The example file, where every setting is explained, with what was chosen in place of the defaults. */
static err_t write_settings(const struct cli *cli, const struct settings *s)
{
	char path[PATH_SIZE], section[32] = "", key[64];
	AUTO_BUF out = { .data = NULL }, example = { .data = NULL };
	conf_example(settings_table, &example);
	if (example.error)
		return E_NOMEM;
	buf_printf(&out,
		   "# cpushare-seller.conf, written by setup: what begins with # is the default. Restart the daemon after a "
		   "change.\n\n");
	char *rest = example.data;
	for (char *line; (line = strsep(&rest, "\n"));) {
		const char *value = NULL;
		if (*line == '[')
			snprintf(section, sizeof section, "%.*s", (int)strcspn(line + 1, "]"), line + 1);
		else if (*line == '#' && line[1] != ' ') {
			int len = snprintf(key, sizeof key, "%s.%.*s", section, (int)strcspn(line + 1, " ="), line + 1);
			value = len > 0 ? chosen(cli, s, key, (size_t)len) : NULL;
		}
		if (value)
			buf_printf(&out, "%s = %s\n", key + strlen(section) + 1, value);
		else
			buf_printf(&out, "%s%s", line, rest ? "\n" : "");
	}
	if (out.error)
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

/* --token WORD, --token-file PATH ("-": standard input), or CPUSHARE_TOKEN. An exit code. */
static int read_token(const struct cli *cli, char *text, size_t size)
{
	const char *path = cli_text(cli, "token-file", NULL), *word = cli_text(cli, "token", getenv("CPUSHARE_TOKEN"));
	*text = 0;
	if (!path && word && text_copy(text, size, word))
		return cli_error(cli, EXIT_USAGE, "--token: that is too long for a token");
	if (path) {
		FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
		if (!f)
			return cli_error(cli, EXIT_USAGE, "--token-file %s: %s", path, strerror(errno));
		if (!fgets(text, (int)size, f))
			*text = 0;
		if (f != stdin)
			fclose(f);
		text[strcspn(text, "\r\n")] = 0;
	}
	if (*text)
		return EXIT_OK;
	return cli_error(
		cli, EXIT_USAGE,
		"%sa token with scope machines is needed: `cpushare token create --scope machines`, then --token-file FILE "
		"(or - for standard input)",
		path ? "--token-file: it is empty; " : "");
}

static int report_problem(const struct cli *cli, const struct settings *s, const struct problem *p)
{
	bool more = *p->detail && strcmp(p->detail, p->title) != 0;
	return cli_error(cli, refusal_exit(p->status, p->code), "%s was not enrolled: %s%s%s%s%s%s", s->name, p->title,
			 more ? " " : "", more ? p->detail : "", *p->server_pin ? "\n  The market showed the key " : "",
			 p->server_pin, *p->server_pin ? "\n  If its operator confirms that, give it with --pin" : "");
}

static void print_enrolled(const struct cli *cli, const struct settings *s, const struct identity *id)
{
	char machine[UUID_TEXT_SIZE];
	if (strcmp(cli_text(cli, "output", "table"), "json") != 0) {
		printf("%s is enrolled at %s\nsettings: %s/seller.conf\nstart it: cpushare-seller run%s%s\n", s->name,
		       s->market_url, s->state, cli_flag(cli, "state") ? " --state " : "",
		       cli_flag(cli, "state") ? s->state : "");
		return;
	}
	AUTO_JSON out = json_pack("{s:s, s:s, s:s, s:s, s:i}", "machine", uuid_format(id->machine, machine), "name", s->name,
				  "market", s->market_url, "state", s->state, "schema", 1);
	json_dumpf(out, stdout, JSON_INDENT(2));
	putchar('\n');
}

int command_setup(struct cli *cli)
{
	struct settings s = { .cores = 0 };
	struct identity id = { .key = NULL };
	struct problem problem = { .title = "the market did not answer" };
	char path[PATH_SIZE], token[128];
	if (!form_is_known(cli))
		return EXIT_USAGE;
	conf_defaults(settings_table, &s);
	if (settings_state_dir(cli, s.state, sizeof s.state) || settings_path(&s, "identity.json", path))
		return cli_error(cli, EXIT_USAGE, "--state: the path is too long");
	if (read_options(cli, &s))
		return EXIT_USAGE;
	if (!access(path, F_OK) && !cli_flag(cli, "again"))
		return cli_error(cli, EXIT_CONFLICT, "this machine is set up already (%s); --again enrols it anew", path);
	int code = read_token(cli, token, sizeof token);
	if (code)
		return code;
	if (dir_make(s.state, 0711))
		return cli_error(cli, EXIT_ERROR, "%s cannot be made: %s", s.state, strerror(errno));
	if (ed25519_new(&id.key))
		return cli_error(cli, EXIT_ERROR, "a key cannot be made");
	err_t e = enrol(&s, token, &id, &problem);
	explicit_bzero(token, sizeof token);
	if (e) {
		identity_clear(&id);
		return report_problem(cli, &s, &problem);
	}
	e = identity_save(&s, &id);
	if (!e)
		e = write_settings(cli, &s);
	if (e)
		code = cli_error(cli, EXIT_ERROR, "%s: %s", s.state, err_name(e));
	else
		print_enrolled(cli, &s, &id);
	identity_clear(&id);
	return code;
}
