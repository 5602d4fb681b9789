/* SPDX-License-Identifier: Apache-2.0
 * conf.c - settings from INI files and from text, by a program's table
 */
#include <assert.h>
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "bytes.h"
#include "clock.h"
#include "conf.h"
#include "file.h"
#include "money.h"

#define FILE_MAX_BYTES (1 << 20)
#define LINE_MAX_BYTES 4096

/* ---- one value ---- */

static err_t parse_bool(const char *text, bool *ret_value)
{
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (!strcmp(text, words[i])) {
			*ret_value = i & 1;
			return OK;
		}
	return E_INVALID;
}

static bool bounded(const struct conf_entry *e)
{
	return e->min || e->max;
}

static err_t within(const struct conf_entry *e, int64_t value)
{
	return bounded(e) && (value < e->min || (e->max && value > e->max)) ? E_INVALID : OK;
}

static err_t set_number(const struct conf_entry *e, const char *text, err_t (*parse)(const char *, int64_t *), int64_t *field)
{
	int64_t value;
	TRY(parse(text, &value));
	TRY(within(e, value));
	*field = value;
	return OK;
}

static err_t set_value(const struct conf_entry *e, void *settings, const char *text)
{
	void *field = (char *)settings + e->offset;
	switch (e->type) {
	case CONF_TEXT:
		return text_copy(field, e->size, text);
	case CONF_INT:
		return set_number(e, text, int_parse, field);
	case CONF_BOOL:
		return parse_bool(text, field);
	case CONF_MONEY:
		return money_parse(text, field);
	case CONF_DURATION:
		return set_number(e, text, duration_parse, field);
	case CONF_SIZE:
		return set_number(e, text, size_parse, field);
	case CONF_RATE:
		return set_number(e, text, rate_parse, field);
	case CONF_TYPE_COUNT:
		break;
	}
	return E_INTERNAL;
}

/* What would be right, such as "an integer from 1 to 9". */
static void describe(const struct conf_entry *e, struct buf *out)
{
	static const char *const kinds[] = {
		[CONF_TEXT] = "a text",
		[CONF_INT] = "an integer",
		[CONF_BOOL] = "yes or no",
		[CONF_MONEY] = "an amount such as 12.50",
		[CONF_DURATION] = "a duration such as 90s, 15m, 2h or 1d",
		[CONF_SIZE] = "a size such as 512M or 20G",
		[CONF_RATE] = "a rate such as 500kbit, 20Mbit or 1Gbit",
	};
	static_assert(sizeof kinds / sizeof kinds[0] == CONF_TYPE_COUNT, "a description for each type");
	static const char *const unit_names[CONF_TYPE_COUNT] = {
		[CONF_INT] = "", [CONF_DURATION] = " seconds", [CONF_SIZE] = " bytes", [CONF_RATE] = " bits a second"
	};
	int64_t unit = e->type == CONF_DURATION ? SECOND_US : 1;
	buf_puts(out, kinds[e->type]);
	if (e->type == CONF_TEXT)
		buf_printf(out, " of at most %zu bytes", e->size - 1);
	else if (unit_names[e->type] && bounded(e)) {
		buf_printf(out, " from %lld", (long long)(e->min / unit));
		if (e->max)
			buf_printf(out, " to %lld", (long long)(e->max / unit));
		buf_puts(out, unit_names[e->type]);
	}
}

/* ---- the table ---- */

static size_t section_len(const char *key)
{
	const char *dot = strchr(key, '.');
	return dot ? (size_t)(dot - key) : 0;
}

static bool same_section(const char *a, const char *b)
{
	size_t len = section_len(a);
	return len == section_len(b) && !strncmp(a, b, len);
}

static const char *name_in(const char *key)
{
	const char *dot = strchr(key, '.');
	return dot ? dot + 1 : key;
}

void conf_defaults(const struct conf_entry *table, void *settings)
{
	for (const struct conf_entry *e = table; e->key; e++) {
		static const size_t sizes[] = {
			[CONF_INT] = sizeof(int64_t),	   [CONF_BOOL] = sizeof(bool),	  [CONF_MONEY] = sizeof(money),
			[CONF_DURATION] = sizeof(int64_t), [CONF_SIZE] = sizeof(int64_t), [CONF_RATE] = sizeof(int64_t),
		};
		memset((char *)settings + e->offset, 0, e->type == CONF_TEXT ? e->size : sizes[e->type]);
		err_t set = e->fallback ? set_value(e, settings, e->fallback) : OK;
		assert(set == OK && "a default in the table breaks its own rule");
		(void)set;
	}
}

/* Moves the text to the caller's fixed buffer, cut to its size. */
static void say(struct buf *text, char *error)
{
	snprintf(error, CONF_ERROR_SIZE, "%s", text->data ? text->data : "out of memory");
}

static void say_unknown(const struct conf_entry *table, const char *key, char *error)
{
	AUTO_BUF text = { 0 };
	bool section_known = false;
	for (const struct conf_entry *e = table; e->key; e++)
		section_known |= same_section(e->key, key);
	int len = (int)section_len(key);
	if (section_known && len)
		buf_printf(&text, "unknown setting \"%s\"; [%.*s] has", name_in(key), len, key);
	else if (section_known)
		buf_printf(&text, "unknown setting \"%s\"; without a section there is", key);
	else
		buf_printf(&text, "unknown section [%.*s]; there are", len, key);
	const char *comma = " ";
	for (const struct conf_entry *e = table; e->key; e++) {
		if (section_known && same_section(e->key, key)) {
			buf_printf(&text, "%s%s", comma, name_in(e->key));
			comma = ", ";
		} else if (!section_known && section_len(e->key) && (e == table || !same_section(e->key, e[-1].key))) {
			buf_printf(&text, "%s[%.*s]", comma, (int)section_len(e->key), e->key);
			comma = ", ";
		}
	}
	say(&text, error);
}

err_t conf_set(const struct conf_entry *table, void *settings, const char *key, const char *value, char *error)
{
	const struct conf_entry *e = table;
	while (e->key && strcmp(e->key, key))
		e++;
	if (!e->key) {
		say_unknown(table, key, error);
		return E_NOT_FOUND;
	}
	if (set_value(e, settings, value) == OK)
		return OK;
	AUTO_BUF text = { 0 };
	buf_printf(&text, "%s must be ", key);
	describe(e, &text);
	buf_printf(&text, ", not \"%s\"", value);
	say(&text, error);
	return E_INVALID;
}

/* ---- a file ---- */

struct load {
	const struct conf_entry *table;
	void *settings;
	const char *at, *end; /* what is left of the file's text */
	int line;	      /* the one given out last */
	char error[CONF_ERROR_SIZE];
};

/* inih's fgets(): it gives out one line at a time, so that our count is the line of what comes to on_setting(). Blanks in
 * front go away, or inih would take an indented line for more of the value before it. */
static char *next_line(char *line, int size, void *context)
{
	struct load *load = context;
	if (load->at == load->end || load->error[0])
		return NULL;
	const char *newline = memchr(load->at, '\n', (size_t)(load->end - load->at));
	const char *end = newline ? newline + 1 : load->end, *from = load->at;
	load->line++;
	load->at = end;
	while (from < end && (*from == ' ' || *from == '\t'))
		from++;
	size_t len = (size_t)(end - from);
	if (len + 1 > (size_t)size) {
		snprintf(load->error, sizeof load->error, "the line is longer than %d bytes", size - 1);
		return NULL;
	}
	if (memchr(from, '\0', len)) {
		snprintf(load->error, sizeof load->error, "the line has a NUL byte");
		return NULL;
	}
	memcpy(line, from, len);
	line[len] = '\0';
	return line;
}

static int on_setting(void *context, const char *section, const char *name, const char *value)
{
	struct load *load = context;
	AUTO_BUF key = { 0 };
	if (load->error[0])
		return 0;
	buf_printf(&key, "%s%s%s", section, *section ? "." : "", name);
	return key.data && conf_set(load->table, load->settings, key.data, value, load->error) == OK;
}

err_t conf_load(const struct conf_entry *table, void *settings, const char *path, char *error)
{
	AUTO_FREE char *data = NULL;
	AUTO_BUF text = { 0 };
	size_t len;
	err_t e = file_read(path, FILE_MAX_BYTES, &data, &len);
	if (e) {
		buf_printf(&text, "%s: %s", path, e == E_LIMIT ? "larger than 1 MiB" : strerror(errno));
		say(&text, error);
		return e;
	}
	struct load load = { .table = table, .settings = settings, .at = data, .end = data + len };
	ini_max_line = LINE_MAX_BYTES; /* inih's own 200 are too few for a database's URI */
	int bad_line = ini_parse_stream(next_line, &load, on_setting, &load);
	if (!bad_line && !load.error[0])
		return OK;
	/* inih goes on behind a line that it cannot read: that one was first where it is not the line of our sentence. */
	if (!load.error[0] || (bad_line && bad_line < load.line))
		buf_printf(&text, "%s:%d: must be \"[section]\", \"name = value\" or a comment that begins with #", path,
			   bad_line);
	else
		buf_printf(&text, "%s:%d: %s", path, load.line, load.error);
	say(&text, error);
	return E_INVALID;
}

err_t conf_load_private(const struct conf_entry *table, void *secrets, const char *path, char *error)
{
	struct stat st;
	if (stat(path, &st)) {
		snprintf(error, CONF_ERROR_SIZE, "%s: %s", path, strerror(errno));
		return E_INVALID;
	}
	if (st.st_mode & 077) {
		snprintf(error, CONF_ERROR_SIZE, "%s: others may read it: chmod 600", path);
		return E_INVALID;
	}
	TRY(conf_load(table, secrets, path, error));
	for (const struct conf_entry *e = table; e->key; e++)
		if (!((const char *)secrets)[e->offset]) {
			snprintf(error, CONF_ERROR_SIZE, "%s: lacks %s: %s", path, e->key, e->what);
			return E_INVALID;
		}
	return OK;
}

void conf_example(const struct conf_entry *table, struct buf *out)
{
	for (const struct conf_entry *e = table; e->key; e++) {
		if (section_len(e->key) && (e == table || !same_section(e->key, e[-1].key)))
			buf_printf(out, "%s[%.*s]\n", e == table ? "" : "\n", (int)section_len(e->key), e->key);
		buf_printf(out, "# %s: ", e->what);
		describe(e, out);
		buf_printf(out, "\n#%s = %s\n", name_in(e->key), e->fallback ? e->fallback : "");
	}
}
