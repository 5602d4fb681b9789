/* SPDX-License-Identifier: Apache-2.0
 * output.c - tables for people, JSON for programs
 */
#include "output.h"
#include <libsmartcols/libsmartcols.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "money.h"
#include "terminal.h"

static const char *const form_names[] = { "table", "json", "name" };

enum form output_form(const struct cli *cli)
{
	const char *word = cli_text(cli, "output", "table");
	for (int i = 0; i < 3; i++)
		if (!strcmp(word, form_names[i]))
			return (enum form)i;
	return FORM_TABLE;
}

int output_check(const struct cli *cli)
{
	const char *word = cli_text(cli, "output", "table");
	if (strcmp(form_names[output_form(cli)], word))
		return cli_error(cli, EXIT_USAGE, "--output: must be table, json or name, not \"%s\"", word);
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

static void format_cell(const json_t *object, const struct column *c, char *text, size_t size)
{
	const json_t *value = json_object_get(object, c->field);
	int64_t number = json_integer_value(value);
	char amount[MONEY_TEXT_SIZE];
	if (!value || json_is_null(value)) {
		snprintf(text, size, "-");
		return;
	}
	switch (c->cell) {
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
		snprintf(text, size, "%.19sZ", json_string_value(value) ? json_string_value(value) : "");
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

static bool on_the_right(enum cell cell)
{
	return cell != CELL_TEXT && cell != CELL_SHORT && cell != CELL_DATE;
}

static void print_table(json_t *items, const struct column *columns)
{
	struct libscols_table *table = scols_new_table();
	size_t i;
	json_t *item;
	char cell[512];
	if (!json_array_size(items))
		puts("none");
	if (!table)
		return;
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

void output_list(const struct cli *cli, json_t *items, const struct column *columns, const char *name_field)
{
	size_t i;
	json_t *item;
	switch (output_form(cli)) {
	case FORM_JSON: {
		json_t *all = json_pack("{s:i, s:O}", "schema", 1, "items", items);
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
		break;
	}
	case FORM_NAME:
		json_array_foreach (items, i, item)
			print_name(item, columns, name_field);
		break;
	case FORM_TABLE:
		print_table(items, columns);
		break;
	}
}

void output_object(const struct cli *cli, json_t *object, const struct column *columns, const char *name_field)
{
	char cell[512];
	int width = 0;
	if (output_form(cli) == FORM_JSON) {
		json_object_set_new(object, "schema", json_integer(1));
		json_dumpf(object, stdout, JSON_INDENT(2));
		putchar('\n');
		return;
	}
	if (output_form(cli) == FORM_NAME) {
		print_name(object, columns, name_field);
		return;
	}
	for (const struct column *c = columns; c->title; c++)
		if ((int)strlen(c->title) > width)
			width = (int)strlen(c->title);
	for (const struct column *c = columns; c->title; c++) {
		format_cell(object, c, cell, sizeof cell);
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
