/* SPDX-License-Identifier: Apache-2.0
 * session.c - who we are at which market, and one call to it
 */
#include "session.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bytes.h"
#include "codes.h"
#include "config.h"
#include "context.h"
#include "file.h"
#include "json.h"
#include "output.h"

static void take(json_t *json, const char *name, char *to, size_t size)
{
	if (text_copy(to, size, field_text(json, name)))
		*to = 0;
}

static void override(char *to, size_t size, const char *with)
{
	if (with && text_copy(to, size, with))
		*to = 0;
}

void session_file_load(const char *path, struct session_file *ret)
{
	AUTO_FREE char *text = NULL;
	AUTO_JSON json = NULL;
	size_t len;
	struct json_error error;
	memset(ret, 0, sizeof *ret);
	if (!file_read(path, 65536, &text, &len) && !json_parse(text, len, &json, &error)) {
		take(json, "market", ret->market, sizeof ret->market);
		take(json, "pin", ret->pin, sizeof ret->pin);
		take(json, "token", ret->token, sizeof ret->token);
		take(json, "email", ret->email, sizeof ret->email);
	}
}

err_t session_file_path(const struct cli *cli, char *ret_path, size_t size)
{
	char name[CONTEXT_NAME_SIZE];
	TRY(context_name(cli, name));
	TRY(context_path(name, ret_path, size));
	return strcmp(name, CONTEXT_DEFAULT) != 0 && access(ret_path, F_OK) ? E_NOT_FOUND : OK;
}

void session_file_read(const struct cli *cli, struct session_file *ret)
{
	char path[PATH_MAX];
	memset(ret, 0, sizeof *ret);
	if (!session_file_path(cli, path, sizeof path))
		session_file_load(path, ret);
	const char *market = cli_text(cli, "market", getenv("CPUSHARE_MARKET"));
	if (market && strcmp(market, ret->market)) {
		override(ret->market, sizeof ret->market, market);
		*ret->pin = *ret->token = *ret->email = 0; /* another market: what we know of the first does not hold */
	}
	override(ret->pin, sizeof ret->pin, cli_text(cli, "pin", getenv("CPUSHARE_PIN")));
	override(ret->token, sizeof ret->token, getenv("CPUSHARE_TOKEN"));
}

err_t session_file_save(const char *at, const struct session_file *file)
{
	char path[PATH_MAX];
	TRY(text_copy(path, sizeof path, at));
	AUTO_JSON json = json_object();
	json_put_text(json, "market", file->market);
	json_put_text(json, "pin", file->pin);
	json_put_text(json, "token", file->token);
	json_put_text(json, "email", file->email);
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(2));
	char *slash = strrchr(path, '/');
	if (!text || !slash)
		return E_NOMEM;
	*slash = 0;
	TRY(dir_make(path, 0700));
	*slash = '/';
	return file_write(path, text, strlen(text), 0600);
}

int session_keep(session_t *s, json_t *answer, const char *greeting)
{
	struct session session;
	struct json_error error = { .what = "" };
	if (session_from_json(answer, &session, &error))
		return cli_error(s->cli, EXIT_ERROR, "the market's answer is not understood: %s %s", error.field, error.what);
	struct session_file file = s->file;
	char path[PATH_MAX];
	if (session_file_path(s->cli, path, sizeof path) || text_copy(file.token, sizeof file.token, session.token) ||
	    text_copy(file.email, sizeof file.email, session.email) || session_file_save(path, &file))
		return cli_error(s->cli, EXIT_ERROR, "the credentials cannot be written");
	json_object_del(answer, "token"); /* it is in the file, and need not be on the screen */
	output_note(s->cli, "%s %s at %s\n", greeting, session.email, file.market);
	if (output_form(s->cli) == FORM_JSON)
		output_object(s->cli, answer, NULL, "email");
	return EXIT_OK;
}

int session_refused(const session_t *s, const struct problem *p)
{
	int code = p->status ? refusal_exit(p->status, p->code) : EXIT_UNREACHABLE;
	if (output_form(s->cli) == FORM_JSON) {
		AUTO_JSON out = json_object();
		json_t *error = problem_to_json(p);
		if (*p->server_pin)
			json_put_text(error, "server_pin", p->server_pin);
		json_put(out, "error", error);
		json_put_int(out, "exit", code);
		json_dumpf(out, stderr, 0);
		fputc('\n', stderr);
		return code;
	}
	bool more = *p->detail && strcmp(p->detail, p->title) != 0;
	fprintf(stderr, "cpushare: %s%s%s\n", p->title, more ? " " : "", more ? p->detail : "");
	if (*p->field)
		fprintf(stderr, "  field: %s\n", p->field);
	if (*p->server_pin)
		fprintf(stderr,
			"  The market at %s showed the key %s\n  If that is the key its operator gave you, add: --pin %s\n",
			s->file.market, p->server_pin, p->server_pin);
	else if (!p->status)
		fprintf(stderr, "  Is the market at %s running, and is that its address?\n", s->file.market);
	if (p->status == 401 && strcmp(p->code, refusal_code(REFUSE_BAD_LOGIN)) != 0)
		fprintf(stderr, "  Log in with: cpushare login\n");
	return code;
}

int session_open(struct cli *cli, bool need_token, session_t *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->cli = cli;
	int code = output_check(cli);
	if (code)
		return code;
	if (config_fault())
		return cli_error(cli, EXIT_USAGE, "%s", config_fault());
	char path[PATH_MAX];
	err_t e = session_file_path(cli, path, sizeof path);
	if (e == E_NOT_FOUND || e == E_INVALID)
		return cli_error(cli, e == E_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_USAGE,
				 "there is no such context: cpushare context list, context create");
	session_file_read(cli, &ret->file);
	if (!*ret->file.market)
		return cli_error(cli, EXIT_AUTH, "no market is known yet: cpushare signup --market https://HOST:8443, or login");
	if (need_token && !*ret->file.token)
		return cli_error(cli, EXIT_AUTH, "not logged in at %s: cpushare login", ret->file.market);
	struct client_config config = { .url = ret->file.market,
					.pin = ret->file.pin,
					.token = *ret->file.token ? ret->file.token : NULL,
					.user_agent = "cpushare/" CPUSHARE_VERSION };
	if (client_new(&config, &ret->client))
		return cli_error(cli, EXIT_USAGE,
				 "--market %s: must be https://HOST[:PORT] (http only to this machine); --pin: sha256//BASE64",
				 ret->file.market);
	return EXIT_OK;
}

void session_close(session_t *s)
{
	client_free(s->client);
	s->client = NULL;
}

err_t session_try(session_t *s, const char *method, const char *path, json_t *body, bool keyed, json_t **ret,
		  struct problem *ret_problem)
{
	char key[UUID_TEXT_SIZE];
	const char *given = keyed ? cli_text(s->cli, "idempotency-key", NULL) : NULL;
	json_t *answer = NULL;
	memset(ret_problem, 0, sizeof *ret_problem);
	if (keyed && !given)
		client_idempotency_key(key);
	if (cli_flag(s->cli, "explain"))
		fprintf(stderr, "%s %s%s\n", method, s->file.market, path);
	err_t e = client_call(s->client, method, path, body, keyed ? given ? given : key : NULL, &answer, ret_problem);
	if (!e && ret)
		*ret = answer;
	else if (answer)
		json_decref(answer);
	return e;
}

int session_call(session_t *s, const char *method, const char *path, json_t *body, bool keyed, json_t **ret)
{
	struct problem problem;
	return session_try(s, method, path, body, keyed, ret, &problem) ? session_refused(s, &problem) : EXIT_OK;
}

int session_list(session_t *s, const char *path, json_t **ret_items)
{
	json_t *all = json_array();
	char at[512];
	snprintf(at, sizeof at, "%s", path);
	for (;;) {
		AUTO_JSON page = NULL;
		int code = session_call(s, "GET", at, NULL, false, &page);
		if (code) {
			json_decref(all);
			return code;
		}
		json_array_extend(all, json_object_get(page, "items"));
		const char *next = field_text(page, "next");
		if (!*next)
			break;
		snprintf(at, sizeof at, "%s%ccursor=%s", path, strchr(path, '?') ? '&' : '?', next);
	}
	*ret_items = all;
	return EXIT_OK;
}

/* The id of the one item that word means: its id, the beginning of its id, its name. newest: of several with that name the newest. */
static int resolve(session_t *s, const char *what, const char *path, bool newest, const char *word, char *ret_id, size_t size)
{
	AUTO_JSON items = NULL;
	const json_t *found = NULL, *called = NULL;
	size_t i, len = strlen(word), by_id = 0, by_name = 0;
	json_t *item;
	if (len == size - 1 && strspn(word, "0123456789abcdef-") == len && !text_copy(ret_id, size, word))
		return EXIT_OK;
	int code = session_list(s, path, &items);
	if (code)
		return code;
	json_array_foreach (items, i, item) {
		if (len >= 4 && !strncmp(field_text(item, "id"), word, len)) {
			found = item;
			by_id++;
		} else if (!strcmp(field_text(item, "name"), word)) {
			called = called ? called : item; /* the newest comes first */
			by_name++;
		}
	}
	if (!found && !called)
		return cli_error(s->cli, EXIT_NOT_FOUND,
				 "there is no %s \"%s\" (an id, the first 4 or more characters of one, or a name)", what, word);
	if (by_id > 1)
		return cli_error(s->cli, EXIT_USAGE, "\"%s\" is the beginning of more than one %s's id: give more of it", word,
				 what);
	if (!found && by_name > 1 && !newest)
		return cli_error(s->cli, EXIT_USAGE, "\"%s\" is the name of more than one %s: give its id", word, what);
	return text_copy(ret_id, size, field_text(found ? found : called, "id")) ? EXIT_ERROR : EXIT_OK;
}

int session_find(session_t *s, const char *what, const char *path, const char *word, char *ret_id)
{
	return resolve(s, what, path, false, word, ret_id, UUID_TEXT_SIZE);
}

int session_order(session_t *s, const char *word, char *ret_id)
{
	return resolve(s, "order", "/v1/orders", true, word, ret_id, UUID_TEXT_SIZE);
}

int session_image(session_t *s, const char *word, char *ret_id)
{
	return resolve(s, "image", "/v1/images", true, word, ret_id, SHA256_TEXT_SIZE);
}

int session_node(session_t *s, const char *word, char *ret_id)
{
	const char *slash = strchr(word, '/');
	char order_word[80], order[UUID_TEXT_SIZE], path[128];
	if (!slash)
		return strlen(word) == UUID_TEXT_SIZE - 1 && !text_copy(ret_id, UUID_TEXT_SIZE, word)
			       ? EXIT_OK
			       : cli_error(s->cli, EXIT_USAGE, "a node is ORDER/vm1, or its lease's whole id, not \"%s\"", word);
	snprintf(order_word, sizeof order_word, "%.*s", (int)(slash - word), word);
	int code = session_order(s, order_word, order);
	if (code)
		return code;
	snprintf(path, sizeof path, "/v1/orders/%s/leases", order);
	return resolve(s, "node of this order", path, true, slash + 1, ret_id, UUID_TEXT_SIZE);
}
