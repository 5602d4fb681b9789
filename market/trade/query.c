/* SPDX-License-Identifier: Apache-2.0
 * query.c - parses a query of offers and decides which offers it takes
 *
 * How it works: a cursor walks over the text once. Each field has a kind, which reads its values into integers (of MiB, millionths)
 * or texts, so that an offer is compared without reading anything again. The first thing that is wrong ends it, with its column.
 */
#include "query.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "bytes.h"

enum kind {
	KIND_COUNT,  /* an integer */
	KIND_MEMORY, /* "4G"; a bare number is MiB */
	KIND_SHARE,  /* 0.95, in millionths */
	KIND_MONEY,
	KIND_RATE, /* Mbit/s, kept as kbit/s */
	KIND_TIME, /* "40ms"; milliseconds */
	KIND_FLAG, /* yes or no */
	KIND_TEXT,
};

static const struct field {
	const char *name;
	enum kind kind;
} fields[] = {
	{ "accel", KIND_TEXT },		 { "bad", KIND_COUNT },
	{ "cores", KIND_COUNT },	 { "cores_total", KIND_COUNT },
	{ "country", KIND_TEXT },	 { "direct", KIND_FLAG },
	{ "down", KIND_RATE },		 { "good", KIND_COUNT },
	{ "machine", KIND_TEXT },	 { "memory", KIND_MEMORY },
	{ "memory_total", KIND_MEMORY }, { "price", KIND_MONEY },
	{ "price_memory", KIND_MONEY },	 { "price_transfer", KIND_MONEY },
	{ "rating", KIND_SHARE },	 { "rtt", KIND_TIME },
	{ "score", KIND_COUNT },	 { "seller", KIND_TEXT },
	{ "trusted", KIND_FLAG },	 { "up", KIND_RATE },
	{ "vendor", KIND_TEXT },
};
/* The order of fields[]. */
enum {
	ACCEL,
	BAD,
	CORES,
	CORES_TOTAL,
	COUNTRY,
	DIRECT,
	DOWN,
	GOOD,
	MACHINE,
	MEMORY,
	MEMORY_TOTAL,
	PRICE,
	PRICE_MEMORY,
	PRICE_TRANSFER,
	RATING,
	RTT,
	SCORE,
	SELLER,
	TRUSTED,
	UP,
	VENDOR,
	FIELDS
};
static_assert(sizeof fields / sizeof *fields == FIELDS, "each field has a number");
#define FIELD_NAMES                                                                                                         \
	"accel, bad, cores, cores_total, country, direct, down, good, machine, memory, memory_total, price, price_memory, " \
	"price_transfer, rating, rtt, score, seller, trusted, up, vendor"
#define UNKNOWN (-1) /* no comparison holds of it */

static int64_t known(uint32_t value)
{
	return value ? (int64_t)value : UNKNOWN;
}

/* To that region, or to the nearest one. */
static int64_t rtt_to(const char *region, const struct offer *o)
{
	int64_t nearest = UNKNOWN;
	for (size_t i = 0; i < o->rtt_count; i++)
		if ((!*region || !strcmp(region, o->rtt[i].region)) && (nearest == UNKNOWN || o->rtt[i].rtt_ms < nearest))
			nearest = o->rtt[i].rtt_ms;
	return nearest;
}

static int64_t number_of(int field, const char *region, const struct offer *o)
{
	switch (field) {
	case BAD:
		return o->bad;
	case DIRECT:
		return o->direct;
	case DOWN:
		return known(o->down_kbit_s);
	case RTT:
		return rtt_to(region, o);
	case TRUSTED:
		return o->trusted;
	case UP:
		return known(o->up_kbit_s);
	case CORES:
		return o->cores_free;
	case CORES_TOTAL:
		return o->cores;
	case GOOD:
		return o->good;
	case MEMORY:
		return o->memory_free_mib;
	case MEMORY_TOTAL:
		return o->memory_mib;
	case PRICE:
		return o->prices.per_core_hour.micro;
	case PRICE_MEMORY:
		return o->prices.per_gib_hour.micro;
	case PRICE_TRANSFER:
		return o->prices.per_gib_transferred.micro;
	case RATING:
		return o->rating_ppm;
	default:
		return o->score;
	}
}

static const char *text_of(int field, const struct offer *o)
{
	switch (field) {
	case ACCEL:
		return accel_names[o->accel];
	case COUNTRY:
		return o->country;
	case MACHINE:
		return o->machine_name;
	case VENDOR:
		return o->cpu_vendor == CPU_ANY ? "" : cpu_vendor_names[o->cpu_vendor];
	default:
		return o->seller_name;
	}
}

/* "rtt.eu" is the field "rtt" of the region "eu". */
static int field_named(const char *name, size_t len, char *ret_region)
{
	const char *dot = memchr(name, '.', len);
	*ret_region = '\0';
	if (dot && (size_t)(dot - name) == strlen("rtt") && !strncmp(name, "rtt", strlen("rtt"))) {
		size_t region = len - strlen("rtt.");
		if (!region || region >= REGION_SIZE)
			return -1;
		memcpy(ret_region, dot + 1, region);
		ret_region[region] = '\0';
		return RTT;
	}
	for (int i = 0; i < FIELDS; i++)
		if (strlen(fields[i].name) == len && !strncmp(fields[i].name, name, len))
			return i;
	return -1;
}

/* ---- parsing ---- */

struct scan {
	const char *text, *at;
	struct query *query;
	char *error;
};

PRINTF_LIKE(3, 4) static err_t wrong(const struct scan *s, const char *where, const char *fmt, ...)
{
	va_list args;
	int len = snprintf(s->error, QUERY_ERROR_SIZE, "column %zu: ", (size_t)(where - s->text) + 1);
	va_start(args, fmt);
	vsnprintf(s->error + len, QUERY_ERROR_SIZE - (size_t)len, fmt, args); /* fits: words are cut by the callers */
	va_end(args);
	return E_INVALID;
}

static void skip_blanks(struct scan *s)
{
	while (*s->at == ' ' || *s->at == '\t')
		s->at++;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_.-", c)) || (unsigned char)c >= 128;
}

static size_t word_len(const char *at)
{
	size_t len = 0;
	while (is_word(at[len]))
		len++;
	return len;
}

static err_t read_field(struct scan *s, int *ret_field, char *ret_region)
{
	const char *at = s->at;
	size_t len = word_len(at);
	if (!len)
		return wrong(s, at, "a field must stand here, not \"%.1s\"", at);
	*ret_field = field_named(at, len, ret_region);
	if (*ret_field < 0)
		return wrong(s, at, "there is no field \"%.*s\"; there are " FIELD_NAMES, len > 24 ? 24 : (int)len, at);
	s->at += len;
	skip_blanks(s);
	return OK;
}

static err_t read_operator(struct scan *s, enum kind kind, enum query_operator *ret)
{
	static const struct {
		const char *text;
		enum query_operator operator;
		bool texts_too;
	} operators[] = { { "<=", QUERY_AT_MOST, false }, { ">=", QUERY_AT_LEAST, false }, { "!=", QUERY_NOT_EQUAL, true },
			  { "==", QUERY_EQUAL, true },	  { "<", QUERY_LESS, false },	   { ">", QUERY_MORE, false },
			  { "=", QUERY_EQUAL, true },	  { "in", QUERY_IN, true },	   { "notin", QUERY_NOT_IN, true } };
	size_t letters = word_len(s->at);
	for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
		size_t len = strlen(operators[i].text);
		if (strncmp(s->at, operators[i].text, len) != 0 || (isalpha((unsigned char)*s->at) && letters != len))
			continue;
		if (kind >= KIND_FLAG && !operators[i].texts_too)
			return wrong(s, s->at, "this field is not compared by \"%s\": = != in notin", operators[i].text);
		*ret = operators[i].operator;
		s->at += len;
		skip_blanks(s);
		return OK;
	}
	return wrong(s, s->at, "an operator must stand here: = != < <= > >= in notin");
}

static err_t number_from(enum kind kind, const char *text, int64_t *ret)
{
	money amount;
	int64_t bytes;
	size_t len = strlen(text);
	char digits[24];
	switch (kind) {
	case KIND_MEMORY:
		if (int_parse(text, ret) == OK)
			return *ret < 0 ? E_INVALID : OK;
		TRY(size_parse(text, &bytes));
		*ret = bytes >> 20;
		return OK;
	case KIND_RATE:
		TRY(money_parse(text, &amount));
		*ret = amount.micro / 1000;
		return OK;
	case KIND_TIME:
		if (len > 2 && !strcmp(text + len - 2, "ms"))
			len -= 2;
		if (len >= sizeof digits)
			return E_INVALID;
		snprintf(digits, sizeof digits, "%.*s", (int)len, text);
		return number_from(KIND_COUNT, digits, ret);
	case KIND_FLAG:
		*ret = !strcmp(text, "yes");
		return *ret || !strcmp(text, "no") ? OK : E_INVALID;
	case KIND_SHARE:
	case KIND_MONEY: /* six decimals are just what millionths need */
		TRY(money_parse(text, &amount));
		*ret = amount.micro;
		return OK;
	default:
		TRY(int_parse(text, ret));
		return *ret < 0 ? E_INVALID : OK;
	}
}

static const char *const kind_examples[] = { "a whole number",	   "a size as in 512M or 4G",
					     "a share as in 0.95", "an amount as in 0.02",
					     "Mbit/s as in 20",	   "milliseconds as in 40ms",
					     "yes or no",	   "a word, or text in quotes" };
static_assert(sizeof kind_examples / sizeof *kind_examples == KIND_TEXT + 1, "each kind has an example");

/* A word, or "text in quotes", which has no quote in it. */
static err_t read_value(struct scan *s, enum kind kind)
{
	const char *from = s->at, *text = from;
	bool quoted = *from == '"';
	size_t len;
	if (s->query->value_count == QUERY_VALUES)
		return wrong(s, from, "that is one value too many: at most %d", QUERY_VALUES);
	if (quoted) {
		text++;
		len = strcspn(text, "\"");
		if (!text[len])
			return wrong(s, from, "this quote is not closed");
		s->at = text + len + 1;
	} else {
		len = word_len(text);
		s->at = text + len;
	}
	struct query_value *v = &s->query->values[s->query->value_count];
	if ((!len && !quoted) || len >= sizeof v->text)
		return wrong(s, from, len ? "this value is too long" : "a value must stand here: %s", kind_examples[kind]);
	memcpy(v->text, text, len);
	v->text[len] = '\0';
	if (kind != KIND_TEXT && number_from(kind, v->text, &v->number) != OK)
		return wrong(s, from, "\"%.24s\" is not %s", v->text, kind_examples[kind]);
	s->query->value_count++;
	skip_blanks(s);
	return OK;
}

/* "[a, b, c]" */
static err_t read_list(struct scan *s, enum kind kind)
{
	const char *opening = s->at;
	if (*opening != '[')
		return wrong(s, opening, "a list must stand here, as in [DE,FR]");
	s->at++;
	skip_blanks(s);
	for (;;) {
		TRY(read_value(s, kind));
		if (*s->at != ',' && *s->at != ']')
			return *s->at ? wrong(s, s->at, "\",\" or \"]\" must stand here")
				      : wrong(s, opening, "this list is not closed");
		bool last = *s->at++ == ']';
		skip_blanks(s);
		if (last)
			return OK;
	}
}

static err_t read_term(struct scan *s)
{
	struct query *q = s->query;
	if (q->term_count == QUERY_TERMS)
		return wrong(s, s->at, "that is one term too many: at most %d", QUERY_TERMS);
	struct query_term *t = &q->terms[q->term_count];
	t->first_value = q->value_count;
	TRY(read_field(s, &t->field, t->region));
	enum kind kind = fields[t->field].kind;
	TRY(read_operator(s, kind, &t->operator));
	if (t->operator== QUERY_IN || t->operator== QUERY_NOT_IN)
		TRY(read_list(s, kind));
	else
		TRY(read_value(s, kind));
	t->value_count = q->value_count - t->first_value;
	q->term_count++;
	return OK;
}

err_t query_parse(const char *text, struct query *ret, char *error)
{
	struct scan s = { text, text, ret, error };
	memset(ret, 0, sizeof *ret);
	if (strlen(text) > QUERY_BYTES)
		return wrong(&s, text + QUERY_BYTES, "the query is too long: at most %d bytes", QUERY_BYTES);
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' && *at != '\t')
			return wrong(&s, at, "a control character");
	skip_blanks(&s);
	while (*s.at) {
		const char *before = s.at;
		TRY(read_term(&s));
		if (*s.at && !isblank((unsigned char)s.at[-1]))
			return wrong(&s, s.at, "a blank must stand between two terms");
		assert(s.at > before);
	}
	return OK;
}

/* ---- deciding ---- */

static bool equals(const struct query_value *v, int field, int64_t number, const struct offer *o)
{
	return fields[field].kind == KIND_TEXT ? !strcasecmp(v->text, text_of(field, o)) : v->number == number;
}

static bool meets(const struct query *q, const struct query_term *t, const struct offer *o)
{
	const struct query_value *v = &q->values[t->first_value];
	int64_t number = number_of(t->field, t->region, o);
	bool any = false;
	if (fields[t->field].kind != KIND_TEXT && number == UNKNOWN)
		return false;
	switch (t->operator) {
	case QUERY_EQUAL:
		return equals(v, t->field, number, o);
	case QUERY_NOT_EQUAL:
		return !equals(v, t->field, number, o);
	case QUERY_LESS:
		return number < v->number;
	case QUERY_AT_MOST:
		return number <= v->number;
	case QUERY_MORE:
		return number > v->number;
	case QUERY_AT_LEAST:
		return number >= v->number;
	case QUERY_IN:
	case QUERY_NOT_IN:
		for (size_t i = 0; i < t->value_count; i++)
			any |= equals(&v[i], t->field, number, o);
		return any == (t->operator== QUERY_IN);
	}
	return false;
}

bool query_matches(const struct query *query, const struct offer *offer)
{
	for (size_t i = 0; i < query->term_count; i++)
		if (!meets(query, &query->terms[i], offer))
			return false;
	return true;
}

err_t query_sort_parse(const char *text, struct query_sort *ret)
{
	bool descending = *text == '-';
	struct query_sort sort = { .descending = descending };
	sort.field = field_named(text + descending, strlen(text + descending), sort.region);
	if (sort.field < 0 || fields[sort.field].kind >= KIND_FLAG)
		return E_NOT_FOUND;
	*ret = sort;
	return OK;
}

int64_t query_sort_key(const struct query_sort *sort, const struct offer *offer)
{
	int64_t number = number_of(sort->field, sort->region, offer);
	if (number == UNKNOWN)
		return INT64_MAX;
	return sort->descending ? -number : number;
}
