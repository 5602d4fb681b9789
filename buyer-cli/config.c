/* SPDX-License-Identifier: Apache-2.0
 * config.c - config list, get, set, unset, path
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bytes.h"
#include "commands.h"
#include "context.h"
#include "file.h"
#include "json.h"
#include "output.h"

#define KEY_SIZE 96
#define BLANKS " \t\r"

static char path[PATH_MAX]; /* of the file */
static char fault[PATH_MAX + 64];

/* ---- the file ---- */

/* Without the blanks around it; cuts those behind. */
static char *trimmed(char *text)
{
	text += strspn(text, BLANKS);
	size_t len = strlen(text);
	while (len && strchr(BLANKS, text[len - 1]))
		text[--len] = '\0';
	return text;
}

/* "order.create.count" becomes "order create" and "count". */
static void split_key(char *key, struct cli_default *ret)
{
	char *dot = strrchr(key, '.');
	ret->command = dot ? key : "";
	ret->option = dot ? dot + 1 : key;
	if (dot)
		*dot = '\0';
	for (char *at = key; dot && *at; at++)
		if (*at == '.')
			*at = ' ';
}

err_t config_parse(char *text, struct config *ret, int *ret_line)
{
	memset(ret, 0, sizeof *ret);
	*ret_line = 0;
	for (char *next = text; next;) {
		char *line = next, *equals;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		++*ret_line;
		line = trimmed(line);
		if (!*line || *line == '#' || *line == ';')
			continue;
		equals = strchr(line, '=');
		if (!equals || equals == line)
			return E_INVALID;
		if (ret->count == CONFIG_MAX)
			return E_LIMIT;
		*equals = '\0';
		ret->list[ret->count].value = trimmed(equals + 1);
		split_key(trimmed(line), &ret->list[ret->count++]);
	}
	return OK;
}

/* text goes to the caller, who keeps it for as long as ret. Without a file: none, and OK. */
static err_t read_file(struct config *ret, char **ret_text)
{
	char *text;
	size_t len;
	int line = 0;
	memset(ret, 0, sizeof *ret);
	*ret_text = NULL;
	err_t e = context_folder("config.ini", path, sizeof path);
	if (!e)
		e = file_read(path, CONFIG_BYTES, &text, &len);
	if (e == E_NOT_FOUND)
		return OK;
	if (e) {
		snprintf(fault, sizeof fault, "%s cannot be read: %s", path, e == E_LIMIT ? "it is too large" : strerror(errno));
		return e;
	}
	e = strlen(text) == len ? config_parse(text, ret, &line) : E_INVALID;
	if (!e) {
		*ret_text = text;
		return OK;
	}
	free(text);
	snprintf(fault, sizeof fault, e == E_LIMIT ? "%s, line %d: one setting too many" : "%s, line %d: must be KEY = VALUE",
		 path, line);
	return e;
}

const struct cli_default *config_load(void)
{
	static struct config config;
	static char *text; /* for as long as the program runs */
	return read_file(&config, &text) ? NULL : config.list;
}

const char *config_fault(void)
{
	return *fault ? fault : NULL;
}

/* ---- commands ---- */

/* The option that takes a value and that a key may name; NULL: none. */
static const struct cli_option *option_of(const struct cli *cli, const struct cli_default *d)
{
	const struct cli_program *program = cli_program_of(cli);
	const struct cli_option *options = *d->command || strcmp(d->option, "output") ? NULL : program->options;
	for (const struct cli_command *c = program->commands; *d->command && c->name; c++)
		if (!strcmp(c->name, d->command))
			options = c->options;
	for (const struct cli_option *o = options; o && o->name; o++)
		if (o->value && !strcmp(o->name, d->option))
			return o;
	return NULL;
}

static json_t *describe(const struct cli *cli, const struct cli_default *d)
{
	char key[KEY_SIZE];
	json_t *out = json_object();
	snprintf(key, sizeof key, "%s%s%s", d->command, *d->command ? "." : "", d->option);
	for (char *at = key; *at; at++)
		if (*at == ' ')
			*at = '.';
	json_put_text(out, "key", key);
	json_put_text(out, "value", d->value);
	json_put_bool(out, "known", option_of(cli, d));
	return out;
}

static const struct column columns[] = { { "KEY", "key", CELL_TEXT },
					 { "VALUE", "value", CELL_TEXT },
					 { "KNOWN", "known", CELL_TEXT | CELL_WIDE },
					 { .title = NULL } };

/* An exit code: the form is one, and the file has no fault. */
static int ready(const struct cli *cli)
{
	int code = output_check(cli);
	return !code && *fault ? cli_error(cli, EXIT_USAGE, "%s", fault) : code;
}

/* The first argument as a key. buffer has KEY_SIZE bytes. An exit code. */
static int key_of(const struct cli *cli, char *buffer, struct cli_default *ret)
{
	const char *word = cli_arg(cli, 0);
	int code = ready(cli);
	if (code)
		return code;
	if (!text_copy(buffer, KEY_SIZE, word)) {
		split_key(buffer, ret);
		if (option_of(cli, ret))
			return EXIT_OK;
	}
	return cli_error(cli, EXIT_USAGE, "\"%s\" is no setting: output, or COMMAND.OPTION as in order.create.max-price", word);
}

int command_config_list(struct cli *cli)
{
	AUTO_JSON items = json_array();
	int code = ready(cli);
	if (code)
		return code;
	for (const struct cli_default *d = cli_program_of(cli)->defaults; d && d->command; d++)
		json_array_append_new(items, describe(cli, d));
	output_list(cli, items, columns, "key");
	return EXIT_OK;
}

int command_config_get(struct cli *cli)
{
	char buffer[KEY_SIZE];
	struct cli_default key;
	int code = key_of(cli, buffer, &key);
	if (code)
		return code;
	for (const struct cli_default *d = cli_program_of(cli)->defaults; d && d->command; d++)
		if (!strcmp(d->command, key.command) && !strcmp(d->option, key.option)) {
			AUTO_JSON out = describe(cli, d);
			output_object(cli, out, columns, "value");
			return EXIT_OK;
		}
	return cli_error(cli, EXIT_NOT_FOUND, "%s is not set", cli_arg(cli, 0));
}

/* The file with value for the key, or without that key where value is NULL; all other lines stay as they are. */
static err_t change(const char *key, const char *value, bool *ret_found)
{
	AUTO_FREE char *text = NULL;
	AUTO_BUF out = { .max = CONFIG_BYTES };
	char folder[PATH_MAX];
	size_t len = 0, key_len = strlen(key);
	err_t e = file_read(path, CONFIG_BYTES, &text, &len);
	if (e != E_NOT_FOUND)
		TRY(e);
	*ret_found = false;
	for (const char *at = text ? text : ""; *at;) {
		size_t line = strcspn(at, "\n"), blanks = strspn(at, BLANKS);
		const char *behind = at + blanks + key_len;
		if (line < blanks + key_len || strncmp(at + blanks, key, key_len) != 0 || behind[strspn(behind, BLANKS)] != '=')
			buf_printf(&out, "%.*s\n", (int)line, at);
		else if (value && !*ret_found)
			buf_printf(&out, "%s = %s\n", key, value);
		*ret_found |= behind <= at + line && !strncmp(at + blanks, key, key_len) && behind[strspn(behind, BLANKS)] == '=';
		at += line + (at[line] == '\n');
	}
	if (value && !*ret_found)
		buf_printf(&out, "%s = %s\n", key, value);
	TRY(out.error);
	TRY(context_folder("", folder, sizeof folder));
	TRY(dir_make(folder, 0700));
	return file_write(path, out.data ? out.data : "", out.len, 0600);
}

static int changed(struct cli *cli, err_t e)
{
	return !e	      ? EXIT_OK
	       : e == E_LIMIT ? cli_error(cli, EXIT_FUNDS, "%s would be too large", path)
			      : cli_error(cli, EXIT_ERROR, "%s cannot be written: %s", path, strerror(errno));
}

int command_config_set(struct cli *cli)
{
	char buffer[KEY_SIZE];
	const char *value = cli_arg(cli, 1);
	struct cli_default key;
	bool found;
	int code = key_of(cli, buffer, &key);
	if (code)
		return code;
	if (!*value || strpbrk(value, "\r\n") || strchr(BLANKS, value[0]) || strchr(BLANKS, value[strlen(value) - 1]))
		return cli_error(cli, EXIT_USAGE, "a value is one line, without blanks around it");
	if (!*key.command && !output_form_known(value))
		return cli_error(cli, EXIT_USAGE, "output: must be " OUTPUT_FORMS ", not \"%s\"", value);
	return changed(cli, change(cli_arg(cli, 0), value, &found));
}

int command_config_unset(struct cli *cli)
{
	bool found;
	int code = ready(cli);
	if (!code && !(code = changed(cli, change(cli_arg(cli, 0), NULL, &found))) && !found)
		code = cli_error(cli, EXIT_NOT_FOUND, "%s is not set", cli_arg(cli, 0));
	return code;
}

int command_config_path(struct cli *cli)
{
	static const struct column one[] = { { "path", "path", CELL_TEXT }, { .title = NULL } };
	int code = output_check(cli);
	if (code)
		return code;
	AUTO_JSON out = json_object();
	json_put_text(out, "path", path);
	output_object(cli, out, one, "path");
	return EXIT_OK;
}
