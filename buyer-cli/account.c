/* SPDX-License-Identifier: Apache-2.0
 * account.c - signup, login, logout, whoami; token create, list, revoke
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bytes.h"
#include "commands.h"
#include "file.h"
#include "json.h"
#include "listing.h"
#include "output.h"
#include "session.h"
#include "terminal.h"

/* --password-file FILE ("-": standard input), CPUSHARE_PASSWORD, or asked for. */
static int read_password(struct cli *cli, bool twice, char *text, size_t size)
{
	const char *path = cli_text(cli, "password-file", NULL), *word = getenv("CPUSHARE_PASSWORD");
	if (path) {
		FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
		bool got = f && fgets(text, (int)size, f);
		int error = errno;
		if (f && f != stdin)
			fclose(f);
		if (!got)
			return cli_error(cli, EXIT_USAGE, "--password-file %s: %s", path, f ? "it is empty" : strerror(error));
		text[strcspn(text, "\r\n")] = 0;
		return EXIT_OK;
	}
	if (word)
		return text_copy(text, size, word) ? cli_error(cli, EXIT_USAGE, "CPUSHARE_PASSWORD is too long") : EXIT_OK;
	char again[PASSWORD_SIZE];
	if (terminal_ask("Password: ", true, text, size)) {
		bool same = !twice || (terminal_ask("Once more: ", true, again, sizeof again) && !strcmp(text, again));
		explicit_bzero(again, sizeof again);
		return same ? EXIT_OK : cli_error(cli, EXIT_USAGE, "the two are not the same");
	}
	return cli_error(cli, EXIT_USAGE,
			 "there is no terminal to ask for a password: --password-file FILE, or CPUSHARE_PASSWORD");
}

static int read_credentials(struct cli *cli, bool with_name, struct credentials *c)
{
	memset(c, 0, sizeof *c);
	const char *email = cli_text(cli, "email", NULL);
	if (email ? text_copy(c->email, sizeof c->email, email) != OK
		  : !terminal_ask("Email: ", false, c->email, sizeof c->email))
		return cli_error(cli, EXIT_USAGE, "--email ADDRESS is needed");
	size_t local = strcspn(c->email, "@");
	if (with_name && text_copy(c->name, sizeof c->name, cli_text(cli, "name", "")))
		return cli_error(cli, EXIT_USAGE, "--name is too long");
	if (with_name && !*c->name)
		snprintf(c->name, sizeof c->name, "%.*s", (int)(local < 60 ? local : 60), c->email);
	return read_password(cli, with_name, c->password, sizeof c->password);
}

/* No session yet; but which market it is stays known, as after a logout. */
static int signup_mailed(session_t *s, json_t *answer, const char *email)
{
	struct session_file kept = s->file;
	char path[PATH_MAX];
	*kept.token = *kept.email = '\0';
	if (session_file_path(s->cli, path, sizeof path) || session_file_save(path, &kept))
		return cli_error(s->cli, EXIT_ERROR, "the credentials cannot be written");
	output_note(s->cli, "A mail was sent to %s: open its link, then cpushare login\n", email);
	json_put_text(answer, "email", email);
	if (output_form(s->cli) == FORM_JSON)
		output_object(s->cli, answer, NULL, "email");
	return EXIT_OK;
}

/* Sign-up and log-in differ only in the address: both hand out a session, unless the market mails a link first. */
static int enter(struct cli *cli, const char *path, bool signup)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	struct credentials c;
	int code = session_open(cli, false, &s);
	if (code)
		return code;
	if ((code = read_credentials(cli, signup, &c)))
		return code;
	if (!signup && text_copy(c.code, sizeof c.code, cli_text(cli, "code", "")))
		return cli_error(cli, EXIT_USAGE, "--code is too long");
	AUTO_JSON body = credentials_to_json(&c);
	explicit_bzero(c.password, sizeof c.password);
	if ((code = session_call(&s, "POST", path, body, false, &answer)))
		return code;
	if (signup && signup_is_mailed(answer))
		return signup_mailed(&s, answer, c.email);
	return session_keep(&s, answer, signup ? "Welcome," : "Logged in as");
}

int command_signup(struct cli *cli)
{
	return enter(cli, "/v1/accounts", true);
}

/* A token of "token create" or of the pages, tried before it is kept. */
static int login_by_token(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON account = NULL;
	char line[TOKEN_TEXT_SIZE + 2] = "", path[PATH_MAX];
	int code = session_open(cli, false, &s);
	if (code)
		return code;
	if (isatty(STDIN_FILENO) || !fgets(line, sizeof line, stdin))
		return cli_error(cli, EXIT_USAGE,
				 "--with-token: a token is read from standard input: cpushare login --with-token <FILE");
	line[strcspn(line, "\r\n")] = '\0';
	if (text_copy(s.file.token, sizeof s.file.token, line) || client_set_token(s.client, s.file.token))
		return cli_error(cli, EXIT_USAGE, "--with-token: that is no token");
	explicit_bzero(line, sizeof line);
	if ((code = session_call(&s, "GET", "/v1/account", NULL, false, &account)))
		return code;
	if (text_copy(s.file.email, sizeof s.file.email, field_text(account, "email")) ||
	    session_file_path(cli, path, sizeof path) || session_file_save(path, &s.file))
		return cli_error(cli, EXIT_ERROR, "the credentials cannot be written");
	output_note(cli, "Logged in as %s at %s\n", s.file.email, s.file.market);
	return EXIT_OK;
}

int command_login(struct cli *cli)
{
	if (cli_flag(cli, "with-token"))
		return login_by_token(cli);
	return cli_flag(cli, "browser") ? login_by_browser(cli) : enter(cli, "/v1/sessions", false);
}

int command_logout(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	char path[PATH_MAX];
	struct problem problem;
	int code = session_open(cli, true, &s);
	if (code)
		return code;
	if (session_try(&s, "DELETE", "/v1/sessions/current", NULL, false, NULL, &problem) && problem.status != 401)
		return session_refused(&s, &problem);
	/* A context goes on to know its market. */
	struct session_file kept = s.file;
	*kept.token = *kept.email = '\0';
	if (session_file_path(cli, path, sizeof path) || session_file_save(path, &kept))
		return cli_error(cli, EXIT_ERROR, "the credentials file cannot be written");
	output_note(cli, "Logged out.\n");
	return EXIT_OK;
}

int command_whoami(struct cli *cli)
{
	static const struct column columns[] = { { "name", "name", CELL_TEXT },
						 { "email", "email", CELL_TEXT },
						 { "account", "id", CELL_TEXT },
						 { "operator", "operator", CELL_TEXT },
						 { "since", "created_at", CELL_DATE },
						 { "market", "market", CELL_TEXT },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON account = NULL;
	int code = session_open(cli, true, &s);
	if (code || (code = session_call(&s, "GET", "/v1/account", NULL, false, &account)))
		return code;
	json_put_text(account, "market", s.file.market);
	output_object(cli, account, columns, "email");
	return EXIT_OK;
}

int command_account_address(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON change = json_object();
	char password[PASSWORD_SIZE] = "";
	int code = session_open(cli, true, &s);
	if (code || (code = read_password(cli, false, password, sizeof password)))
		return code;
	json_put_text(change, "password", password);
	json_put_text(change, "email", cli_arg(cli, 0));
	explicit_bzero(password, sizeof password);
	if ((code = session_call(&s, "POST", "/v1/account/address", change, false, NULL)))
		return code;
	output_note(cli, "A link goes to %s, unless that is somebody else's. Until it is opened the address stays what it is.\n",
		    cli_arg(cli, 0));
	return EXIT_OK;
}

int command_token_create(struct cli *cli)
{
	static const struct column columns[] = { { "token", "token", CELL_TEXT }, { "id", "id", CELL_TEXT }, { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	int64_t expires_us;
	if (cli_duration(cli, "expires", 0, &expires_us))
		return EXIT_USAGE;
	if (!cli_option_count(cli, "scope"))
		return cli_error(cli, EXIT_USAGE, "--scope is needed: account, funds, images, orders, machines or operator");
	int code = session_open(cli, true, &s);
	if (code)
		return code;
	AUTO_JSON body = json_object();
	json_t *scopes = json_array();
	for (int i = 0; i < cli_option_count(cli, "scope"); i++)
		json_array_append_new(scopes, json_string(cli_text_at(cli, "scope", i)));
	json_put_text(body, "name", cli_text(cli, "name", "cli"));
	json_put(body, "scopes", scopes);
	if (expires_us)
		json_put_int(body, "expires_in_s", expires_us / SECOND_US);
	if ((code = session_call(&s, "POST", "/v1/tokens", body, true, &answer)))
		return code;
	output_object(cli, answer, columns, "token");
	return EXIT_OK;
}

int command_token_list(struct cli *cli)
{
	static const struct column columns[] = { { "ID", "id", CELL_TEXT },
						 { "NAME", "name", CELL_TEXT },
						 { "CREATED", "created_at", CELL_DATE },
						 { "EXPIRES", "expires_at", CELL_DATE },
						 { "LAST USED", "last_used_at", CELL_DATE },
						 { .title = NULL } };
	return show_list(cli, true, "/v1/tokens", columns, "id");
}

int command_token_revoke(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	char path[128], id[UUID_TEXT_SIZE];
	int code = session_open(cli, true, &s);
	if (code || (code = session_find(&s, "token", "/v1/tokens", cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/tokens/%s", id);
	if (!(code = session_call(&s, "DELETE", path, NULL, false, NULL)))
		output_note(cli, "Revoked.\n");
	return code;
}
