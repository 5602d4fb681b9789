/* SPDX-License-Identifier: Apache-2.0
 * context.c - context list, create, use, show, rename, delete
 */
#include "context.h"

#include <dirent.h>
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
#include "output.h"
#include "session.h"

/* ---- names and files ---- */

static bool name_is_good(const char *name)
{
	size_t len = strlen(name);
	return len && len < CONTEXT_NAME_SIZE && *name != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

err_t context_folder(const char *part, char *ret_path, size_t size)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = xdg && *xdg == '/' ? snprintf(ret_path, size, "%s/cpushare/%s", xdg, part)
				   : snprintf(ret_path, size, "%s/.config/cpushare/%s", home ? home : "", part);
	return n < 0 || (size_t)n >= size ? E_LIMIT : OK;
}

err_t context_path(const char *name, char *ret_path, size_t size)
{
	char part[CONTEXT_NAME_SIZE + 16];
	if (!name_is_good(name))
		return E_INVALID;
	if (!strcmp(name, CONTEXT_DEFAULT))
		return context_folder("credentials", ret_path, size);
	snprintf(part, sizeof part, "contexts/%s", name);
	return context_folder(part, ret_path, size);
}

/* The one in use, as the file says. */
static err_t in_use(char *ret_name)
{
	char path[PATH_MAX];
	AUTO_FREE char *text = NULL;
	size_t len;
	TRY(context_folder("context", path, sizeof path));
	err_t e = file_read(path, 256, &text, &len);
	if (e == E_NOT_FOUND)
		return text_copy(ret_name, CONTEXT_NAME_SIZE, CONTEXT_DEFAULT);
	TRY(e);
	text[strcspn(text, "\n")] = '\0';
	return name_is_good(text) ? text_copy(ret_name, CONTEXT_NAME_SIZE, text) : E_INVALID;
}

err_t context_name(const struct cli *cli, char *ret_name)
{
	const char *given = cli_text(cli, "context", getenv("CPUSHARE_CONTEXT"));
	if (!given || !*given)
		return in_use(ret_name);
	return name_is_good(given) ? text_copy(ret_name, CONTEXT_NAME_SIZE, given) : E_INVALID;
}

static err_t use(const char *name)
{
	char path[PATH_MAX], line[CONTEXT_NAME_SIZE + 1];
	TRY(context_folder("context", path, sizeof path));
	int len = snprintf(line, sizeof line, "%s\n", name);
	return file_write(path, line, (size_t)len, 0600);
}

/* ---- commands ---- */

/* The file of the context that the n-th argument names; without one of the one that holds. An exit code. */
static int named(struct cli *cli, int n, bool must_exist, char *ret_name, char *ret_path)
{
	const char *word = cli_arg(cli, n);
	err_t e = word ? name_is_good(word) ? text_copy(ret_name, CONTEXT_NAME_SIZE, word) : E_INVALID
		       : context_name(cli, ret_name);
	int code = output_check(cli);
	if (code)
		return code;
	if (e || context_path(ret_name, ret_path, PATH_MAX))
		return cli_error(cli, EXIT_USAGE, "a context's name has at most %d letters, digits, \".\", \"_\" and \"-\"",
				 CONTEXT_NAME_SIZE - 1);
	if (must_exist && strcmp(ret_name, CONTEXT_DEFAULT) != 0 && access(ret_path, F_OK))
		return cli_error(cli, EXIT_NOT_FOUND, "there is no context \"%s\": cpushare context create %s", ret_name,
				 ret_name);
	return EXIT_OK;
}

/* What is known of it; never its token. */
static json_t *describe(const char *name, const char *path)
{
	struct session_file file;
	char current[CONTEXT_NAME_SIZE];
	json_t *out = json_object();
	session_file_load(path, &file);
	json_put_text(out, "name", name);
	json_put_bool(out, "in_use", in_use(current) == OK && !strcmp(current, name));
	json_put_text(out, "market", *file.market ? file.market : NULL);
	json_put_text(out, "email", *file.email ? file.email : NULL);
	json_put_bool(out, "logged_in", *file.token);
	json_put_text(out, "pin", *file.pin ? file.pin : NULL);
	json_put_text(out, "file", path);
	explicit_bzero(&file, sizeof file);
	return out;
}

static const struct column columns[] = { { "NAME", "name", CELL_TEXT },
					 { "IN USE", "in_use", CELL_TEXT },
					 { "MARKET", "market", CELL_TEXT },
					 { "EMAIL", "email", CELL_TEXT },
					 { "LOGGED IN", "logged_in", CELL_TEXT },
					 { "PIN", "pin", CELL_TEXT | CELL_WIDE },
					 { "FILE", "file", CELL_TEXT | CELL_WIDE },
					 { .title = NULL } };

static int is_context(const struct dirent *entry)
{
	return name_is_good(entry->d_name);
}

int command_context_list(struct cli *cli)
{
	AUTO_JSON items = json_array();
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	int code = output_check(cli);
	if (code)
		return code;
	if (context_path(CONTEXT_DEFAULT, path, sizeof path))
		return cli_error(cli, EXIT_ERROR, "the home folder's path is too long");
	json_array_append_new(items, describe(CONTEXT_DEFAULT, path));
	int count = context_folder("contexts", path, sizeof path) ? 0 : scandir(path, &entries, is_context, alphasort);
	for (int i = 0; i < count; i++) {
		if (!context_path(entries[i]->d_name, path, sizeof path) && strcmp(entries[i]->d_name, CONTEXT_DEFAULT) != 0)
			json_array_append_new(items, describe(entries[i]->d_name, path));
		free(entries[i]);
	}
	free(entries);
	output_list(cli, items, columns, "name");
	return EXIT_OK;
}

int command_context_show(struct cli *cli)
{
	char name[CONTEXT_NAME_SIZE], path[PATH_MAX];
	int code = named(cli, 0, true, name, path);
	if (code)
		return code;
	AUTO_JSON out = describe(name, path);
	output_object(cli, out, columns, "name");
	return EXIT_OK;
}

int command_context_create(struct cli *cli)
{
	char name[CONTEXT_NAME_SIZE], path[PATH_MAX];
	struct session_file file = { .market = "" };
	int code = named(cli, 0, false, name, path);
	if (code)
		return code;
	if (!strcmp(name, CONTEXT_DEFAULT) || !access(path, F_OK))
		return cli_error(cli, EXIT_CONFLICT, "there is a context \"%s\" already", name);
	if (text_copy(file.market, sizeof file.market, cli_text(cli, "market", "")) ||
	    text_copy(file.pin, sizeof file.pin, cli_text(cli, "pin", "")))
		return cli_error(cli, EXIT_USAGE, "--market or --pin is too long");
	if (session_file_save(path, &file))
		return cli_error(cli, EXIT_ERROR, "%s cannot be written: %s", path, strerror(errno));
	AUTO_JSON out = describe(name, path);
	if (output_form(cli) != FORM_TABLE)
		output_object(cli, out, columns, "name");
	output_note(cli, "Made. Log in there: cpushare --context %s login; or use it from now on: cpushare context use %s\n",
		    name, name);
	return EXIT_OK;
}

int command_context_use(struct cli *cli)
{
	char name[CONTEXT_NAME_SIZE], path[PATH_MAX], folder[PATH_MAX];
	int code = named(cli, 0, true, name, path);
	if (code)
		return code;
	if (context_folder("", folder, sizeof folder) || dir_make(folder, 0700) || use(name))
		return cli_error(cli, EXIT_ERROR, "the choice cannot be written: %s", strerror(errno));
	output_note(cli, "%s is in use.\n", name);
	return EXIT_OK;
}

int command_context_rename(struct cli *cli)
{
	char from[CONTEXT_NAME_SIZE], to[CONTEXT_NAME_SIZE], path[PATH_MAX], new_path[PATH_MAX], current[CONTEXT_NAME_SIZE];
	int code = named(cli, 0, true, from, path);
	if (code || (code = named(cli, 1, false, to, new_path)))
		return code;
	if (!strcmp(from, CONTEXT_DEFAULT) || !strcmp(to, CONTEXT_DEFAULT))
		return cli_error(cli, EXIT_CONFLICT, "the context \"" CONTEXT_DEFAULT "\" keeps its name");
	/* link() refuses a name that is there, where rename() would write over it. */
	if (link(path, new_path))
		return errno == EEXIST ? cli_error(cli, EXIT_CONFLICT, "there is a context \"%s\" already", to)
				       : cli_error(cli, EXIT_ERROR, "%s: %s", new_path, strerror(errno));
	bool was_used = in_use(current) == OK && !strcmp(current, from);
	if (unlink(path) || (was_used && use(to)))
		return cli_error(cli, EXIT_ERROR, "%s: %s", path, strerror(errno));
	output_note(cli, "%s is %s now.\n", from, to);
	return EXIT_OK;
}

int command_context_delete(struct cli *cli)
{
	char name[CONTEXT_NAME_SIZE], path[PATH_MAX], current[CONTEXT_NAME_SIZE];
	int code = named(cli, 0, true, name, path);
	if (code)
		return code;
	if (!strcmp(name, CONTEXT_DEFAULT))
		return cli_error(cli, EXIT_CONFLICT,
				 "the context \"" CONTEXT_DEFAULT "\" stays; cpushare logout ends its session");
	if (unlink(path))
		return cli_error(cli, EXIT_ERROR, "%s: %s", path, strerror(errno));
	if (in_use(current) == OK && !strcmp(current, name) && use(CONTEXT_DEFAULT))
		return cli_error(cli, EXIT_ERROR, "the choice cannot be written: %s", strerror(errno));
	output_note(cli, "Forgotten here. Its session ends by itself, or by `token revoke`.\n");
	return EXIT_OK;
}
