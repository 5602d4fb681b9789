/* SPDX-License-Identifier: Apache-2.0
 * output.c - tables for people, JSON for programs
 */
#include "output.h"
#include <libsmartcols/libsmartcols.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "file.h"
#include "json.h"
#include "money.h"
#include "terminal.h"

#define COLUMNS_MAX 32
#define COLUMN_NAME_SIZE 64

static const struct {
	const char *name;
	enum form form;
} forms[] = { { "table", FORM_TABLE }, { "wide", FORM_TABLE }, { "json", FORM_JSON },
	      { "ndjson", FORM_JSON }, { "csv", FORM_CSV },    { "name", FORM_NAME } };
#define FORMS (sizeof forms / sizeof *forms)

static const char *form_word(const struct cli *cli)
{
	return cli_text(cli, "output", "table");
}

static bool is_form(const struct cli *cli, const char *name)
{
	return !strcmp(form_word(cli), name);
}

enum form output_form(const struct cli *cli)
{
	for (size_t i = 0; i < FORMS; i++)
		if (is_form(cli, forms[i].name))
			return forms[i].form;
	return FORM_TABLE;
}

bool output_form_known(const char *word)
{
	for (size_t i = 0; i < FORMS; i++)
		if (!strcmp(word, forms[i].name))
			return true;
	return false;
}

int output_check(const struct cli *cli)
{
	if (!output_form_known(form_word(cli)))
		return cli_error(cli, EXIT_USAGE, "--output: must be " OUTPUT_FORMS ", not \"%s\"", form_word(cli));
	enum form form = output_form(cli);
	if (cli_flag(cli, "columns") && form != FORM_TABLE && form != FORM_CSV)
		return cli_error(cli, EXIT_USAGE, "--columns: goes with -o table, wide and csv");
	return EXIT_OK;
}

const char *field_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

int64_t field_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* As options take it: in the largest unit without a rest. */
static void format_duration(int64_t seconds, char *text, size_t size)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 'd', 86400 }, { 'h', 3600 }, { 'm', 60 }, { 's', 1 } };
	size_t i = 0;
	while (seconds % units[i].seconds)
		i++;
	snprintf(text, size, "%lld%c", (long long)(seconds / units[i].seconds), units[i].letter);
}

static void format_bytes(double value, char *text, size_t size)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	int unit = 0;
	while (value >= 1024 && unit < 5) {
		value /= 1024;
		unit++;
	}
	snprintf(text, size, unit ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* A field, or one of an object in it: "terms.direct". NULL: there is none. */
static const json_t *field_at(const json_t *object, const char *path)
{
	char name[COLUMN_NAME_SIZE];
	for (const char *dot; (dot = strchr(path, '.')); path = dot + 1) {
		if ((size_t)(dot - path) >= sizeof name)
			return NULL;
		snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
		object = json_object_get(object, name);
	}
	return json_object_get(object, path);
}

static void format_rtts(const json_t *list, char *text, size_t size)
{
	size_t i, len = 0;
	json_t *item;
	snprintf(text, size, "-");
	json_array_foreach (list, i, item) {
		len += (size_t)snprintf(text + len, size - len, "%s%s %lld", i ? ", " : "", field_text(item, "region"),
					(long long)field_int(item, "rtt_ms"));
		if (len >= size) /* more regions than a market has */
			return;
	}
}

static void format_cell(const json_t *object, const struct column *c, char *text, size_t size)
{
	const json_t *value = field_at(object, c->field);
	int64_t number = json_integer_value(value);
	char amount[MONEY_TEXT_SIZE];
	if (!value || json_is_null(value)) {
		snprintf(text, size, "-");
		return;
	}
	switch ((enum cell)(c->cell & ~CELL_WIDE)) {
	case CELL_TEXT:
		if (json_is_boolean(value))
			snprintf(text, size, "%s", json_is_true(value) ? "yes" : "no");
		else if (json_is_string(value))
			snprintf(text, size, "%s", json_string_value(value));
		else
			snprintf(text, size, "%lld", (long long)number);
		break;
	case CELL_NUMBER:
		snprintf(text, size, "%lld", (long long)number);
		break;
	case CELL_MONEY:
		snprintf(text, size, "%s", money_format((money){ number }, amount));
		break;
	case CELL_BYTES:
		format_bytes((double)number, text, size);
		break;
	case CELL_SECONDS:
		snprintf(text, size, "%.1f", (double)number / 1e9);
		break;
	case CELL_TIME_US:
		snprintf(text, size, "%.1f", (double)number / 1e6);
		break;
	case CELL_BUDGET:
		snprintf(text, size, "%s", number ? money_format((money){ number }, amount) : "-");
		break;
	case CELL_RATING:
		if (!number && !field_int(object, "good") && !field_int(object, "bad"))
			snprintf(text, size, "-");
		else
			snprintf(text, size, "%.1f %%", (double)number / 1e4);
		break;
	case CELL_DURATION:
		format_duration(number, text, size);
		break;
	case CELL_MS:
		snprintf(text, size, number < 0 ? "-" : "%.2f", (double)number / 1e3);
		break;
	case CELL_PERMILLE:
		snprintf(text, size, number < 0 ? "-" : "%.1f %%", (double)number / 10);
		break;
	case CELL_SHORT:
		snprintf(text, size, "%.12s", json_string_value(value) ? json_string_value(value) : "");
		break;
	case CELL_DATE:
		if (json_is_string(value))
			snprintf(text, size, "%.19sZ", json_string_value(value));
		else
			snprintf(text, size, "-");
		break;
	case CELL_RATE:
		snprintf(text, size, number ? "%.1f" : "-", (double)number / 1e3);
		break;
	case CELL_RTTS:
		format_rtts(value, text, size);
		break;
	case CELL_WIDE:
		break;
	}
	terminal_clean(text); /* names and sentences are other people's */
}

/* What -o name prints: the field as it is, or where it is no text, as its column shows it. */
static void print_name(const json_t *object, const struct column *columns, const char *name_field)
{
	char cell[512];
	const struct column plain[] = { { "", name_field, CELL_TEXT }, { .title = NULL } }, *c = plain;
	for (const struct column *at = columns; at && at->title; at++)
		if (!json_is_string(json_object_get(object, name_field)) && !strcmp(at->field, name_field))
			c = at;
	format_cell(object, c, cell, sizeof cell);
	puts(cell);
}

static bool on_the_right(enum cell marked)
{
	enum cell cell = (enum cell)(marked & ~CELL_WIDE);
	return cell != CELL_TEXT && cell != CELL_SHORT && cell != CELL_DATE && cell != CELL_RTTS;
}

/* ---- which columns ---- */

struct choice {
	struct column columns[COLUMNS_MAX + 1];
	char names[COLUMNS_MAX][COLUMN_NAME_SIZE], titles[COLUMNS_MAX][COLUMN_NAME_SIZE]; /* of those that --columns names */
};

/* One word of --columns: a column of the table by its field or title, or any field of the JSON. */
static void choose(const struct column *columns, const char *word, size_t n, struct choice *ret)
{
	struct column *to = &ret->columns[n];
	snprintf(ret->names[n], COLUMN_NAME_SIZE, "%s", word);
	for (const struct column *c = columns; c && c->title; c++)
		if (!strcmp(c->field, word) || !strcasecmp(c->title, word)) {
			*to = *c;
			return;
		}
	size_t len = strlen(word);
	bool is_money = len > 6 && !strcmp(word + len - 6, "_micro");
	snprintf(ret->titles[n], COLUMN_NAME_SIZE, "%.*s", (int)(is_money ? len - 6 : len), word);
	for (char *at = ret->titles[n]; *at; at++)
		*at = *at == '_' ? ' ' : (char)toupper((unsigned char)*at);
	*to = (struct column){ ret->titles[n], ret->names[n], is_money ? CELL_MONEY : CELL_TEXT };
}

/* Those that --columns names, else all that -o wide and csv show, or those of -o table. */
static const struct column *chosen(const struct cli *cli, const struct column *columns, struct choice *ret)
{
	size_t n = 0;
	const char *list = cli_text(cli, "columns", NULL);
	memset(ret, 0, sizeof *ret);
	if (list) {
		char word[COLUMN_NAME_SIZE];
		while (*list && n < COLUMNS_MAX) {
			size_t len = strcspn(list, ",");
			snprintf(word, sizeof word, "%.*s", (int)len, list);
			if (*word)
				choose(columns, word, n++, ret);
			list += len + (list[len] == ',');
		}
	} else {
		for (const struct column *c = columns; c && c->title && n < COLUMNS_MAX; c++)
			if (!(c->cell & CELL_WIDE) || is_form(cli, "wide") || is_form(cli, "csv"))
				ret->columns[n++] = *c;
	}
	return ret->columns;
}

/* ---- CSV: RFC 4180, fields as they are in the JSON ---- */

static void print_csv_cell(const json_t *value)
{
	AUTO_FREE char *other = NULL;
	AUTO_FREE char *text = NULL;
	if (!value || json_is_null(value))
		return;
	const char *raw = json_string_value(value);
	if (!raw)
		raw = other = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
	text = raw ? strdup(raw) : NULL;
	if (!text)
		return;
	terminal_clean(text);
	bool quote = strpbrk(text, ",\"\r\n");
	if (quote)
		putchar('"');
	for (const char *at = text; *at; at++) {
		if (*at == '"')
			putchar('"');
		putchar(*at);
	}
	if (quote)
		putchar('"');
}

static void print_csv_header(const struct cli *cli, const struct column *columns)
{
	if (cli_flag(cli, "no-header"))
		return;
	for (const struct column *c = columns; c->title; c++)
		printf("%s%s", c == columns ? "" : ",", c->field);
	putchar('\n');
}

static void print_csv_row(const json_t *object, const struct column *columns)
{
	for (const struct column *c = columns; c->title; c++) {
		if (c != columns)
			putchar(',');
		print_csv_cell(field_at(object, c->field));
	}
	putchar('\n');
}

/* ---- tables ---- */

static void print_table(const struct cli *cli, json_t *items, const struct column *columns)
{
	struct libscols_table *table = scols_new_table();
	size_t i;
	json_t *item;
	char cell[512];
	if (!json_array_size(items) && !cli_flag(cli, "no-header"))
		puts("none");
	if (!table)
		return;
	scols_table_enable_noheadings(table, cli_flag(cli, "no-header"));
	for (const struct column *c = columns; c->title; c++)
		scols_table_new_column(table, c->title, 0, on_the_right(c->cell) ? SCOLS_FL_RIGHT : 0);
	json_array_foreach (items, i, item) {
		struct libscols_line *line = scols_table_new_line(table, NULL);
		for (size_t n = 0; line && columns[n].title; n++) {
			format_cell(item, &columns[n], cell, sizeof cell);
			scols_line_set_data(line, n, cell);
		}
	}
	scols_print_table(table);
	scols_unref_table(table);
}

/* ---- what commands print ---- */

/* With "schema": 1; pretty, or for -o ndjson one line. */
static void print_json(const struct cli *cli, const json_t *object)
{
	AUTO_JSON all = json_pack("{s:i}", "schema", 1);
	json_object_update(all, (json_t *)object);
	json_dumpf(all, stdout, is_form(cli, "ndjson") ? JSON_COMPACT : JSON_INDENT(2));
	putchar('\n');
}

void output_list(const struct cli *cli, json_t *items, const struct column *columns, const char *name_field)
{
	struct choice choice;
	size_t i;
	json_t *item;
	const struct column *shown = chosen(cli, columns, &choice);
	switch (output_form(cli)) {
	case FORM_JSON:
		if (is_form(cli, "ndjson")) {
			json_array_foreach (items, i, item)
				print_json(cli, item);
		} else {
			AUTO_JSON all = json_pack("{s:O}", "items", items);
			print_json(cli, all);
		}
		break;
	case FORM_CSV:
		print_csv_header(cli, shown);
		json_array_foreach (items, i, item)
			print_csv_row(item, shown);
		break;
	case FORM_NAME:
		json_array_foreach (items, i, item)
			print_name(item, columns, name_field);
		break;
	case FORM_TABLE:
		print_table(cli, items, shown);
		break;
	}
}

void output_object(const struct cli *cli, json_t *object, const struct column *columns, const char *name_field)
{
	struct choice choice;
	char cell[512];
	int width = 0;
	const struct column *shown = chosen(cli, columns, &choice);
	switch (output_form(cli)) {
	case FORM_JSON:
		print_json(cli, object);
		return;
	case FORM_CSV:
		print_csv_header(cli, shown);
		print_csv_row(object, shown);
		return;
	case FORM_NAME:
		print_name(object, columns, name_field);
		return;
	case FORM_TABLE:
		break;
	}
	for (const struct column *c = shown; c->title; c++)
		if ((int)strlen(c->title) > width)
			width = (int)strlen(c->title);
	for (const struct column *c = shown; c->title; c++) {
		format_cell(object, c, cell, sizeof cell);
		if (cli_flag(cli, "no-header"))
			puts(cell);
		else
			printf("%-*s  %s\n", width, c->title, cell);
	}
}

void output_note(const struct cli *cli, const char *fmt, ...)
{
	va_list args;
	if (output_form(cli) != FORM_TABLE || cli_flag(cli, "quiet"))
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	fflush(stdout);
}

void output_explanation(json_t *why, const char *considered, const char *noun)
{
	const char *rule;
	json_t *count;
	bool any = false;
	printf("%lld %s, %lld of them fit now.", (long long)field_int(why, considered), noun, (long long)field_int(why, "fits"));
	json_object_foreach (json_object_get(why, "removed"), rule, count) {
		if (!json_integer_value(count))
			continue;
		printf("%s %s %lld", any ? "," : " What takes the others out:", rule, (long long)json_integer_value(count));
		any = true;
	}
	putchar('\n');
}
