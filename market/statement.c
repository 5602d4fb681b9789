/* SPDX-License-Identifier: Apache-2.0
 * statement.c - an account's movements of a time, with the balance before and after, as JSON and as CSV
 */
#include "bytes.h"
#include "file.h"
#include "gate.h"
#include "handlers.h"

#define PAGE_ROWS 200
#define ROWS_MAX 2000
#define SPAN_US (30 * DAY_US)
#define SLACK_US (10 * SECOND_US) /* between a posting's time and that of its id */

struct statement {
	wall_time from, to;
	struct posting rows[ROWS_MAX + PAGE_ROWS]; /* the newest first */
	size_t count;
	struct posting opening; /* the last one before: its balance */
};

static err_t time_of(struct request *r, const char *name, wall_time fallback, wall_time *ret)
{
	const char *text = request_query(r, name);
	*ret = fallback;
	if (text && wall_parse(text, ret))
		return refuse(r, REFUSE_BAD_FIELD, name, "must be a time such as 2026-12-24T20:00:00Z");
	return OK;
}

/* Page for page back to the first one before it begins. */
static err_t collect(struct request *r, struct statement *s)
{
	struct page page = { .limit = PAGE_ROWS };
	for (;;) {
		AUTO_FREE struct posting *rows = NULL;
		size_t count;
		TRY(store_postings(market_of(r)->store, r->caller.account, page, (wall_time){ s->to.us + SLACK_US }, &rows,
				   &count));
		for (size_t i = 0; i < count; i++) {
			if (rows[i].at.us < s->from.us) {
				s->opening = rows[i];
				return OK;
			}
			if (rows[i].at.us < s->to.us)
				s->rows[s->count++] = rows[i];
		}
		if (count < page.limit)
			return OK;
		if (s->count > ROWS_MAX)
			return refuse(r, REFUSE_LIMIT, NULL, "more than %d movements: ask for less time", ROWS_MAX);
		page.after = rows[count - 1].id;
	}
}

static err_t statement_of(struct request *r, struct statement **ret_statement)
{
	wall_time from, to;
	TRY(time_of(r, "to", r->now, &to));
	TRY(time_of(r, "from", (wall_time){ to.us - SPAN_US }, &from));
	if (from.us >= to.us)
		return refuse(r, REFUSE_BAD_FIELD, "from", "must be before to");
	struct statement *s = calloc(1, sizeof *s);
	if (!s)
		return E_NOMEM;
	s->from = from;
	s->to = to;
	err_t e = collect(r, s);
	if (e)
		free(s);
	else
		*ret_statement = s;
	return e;
}

static const struct posting *closing_of(const struct statement *s)
{
	return s->count ? &s->rows[0] : &s->opening;
}

static json_t *moment_to_json(const struct posting *p)
{
	json_t *json = json_object();
	json_put_int(json, "balance_micro", p->balance_micro);
	return json;
}

err_t statement_show(struct request *r)
{
	struct statement *s;
	TRY(statement_of(r, &s));
	json_t *answer = json_object(), *items = json_array();
	for (size_t i = s->count; i-- > 0;)
		json_array_append_new(items, posting_to_json(&s->rows[i]));
	json_put_text(answer, "currency", market_of(r)->settings->currency);
	json_put_time(answer, "from", s->from);
	json_put_time(answer, "to", s->to);
	json_put(answer, "opening", moment_to_json(&s->opening));
	json_put(answer, "items", items);
	json_put(answer, "closing", moment_to_json(closing_of(s)));
	answer_json(r, 200, answer);
	free(s);
	return OK;
}

/* ---- CSV (RFC 4180) ---- */

/* Quoted; and no formula where a spreadsheet opens it: an operator wrote it. */
static void put_text(struct buf *out, const char *text)
{
	buf_puts(out, *text && strchr("=+-@\t\r", *text) ? ",\"'" : ",\"");
	for (; *text; text++) {
		if (*text == '"')
			buf_puts(out, "\"");
		buf_append(out, text, 1);
	}
	buf_puts(out, "\"");
}

static void put_amount(struct buf *out, int64_t micro)
{
	char text[MONEY_TEXT_SIZE];
	buf_printf(out, ",%s", money_format((money){ micro }, text));
}

static void put_id(struct buf *out, uuid id)
{
	char text[UUID_TEXT_SIZE];
	buf_printf(out, ",%s", uuid_is_zero(id) ? "" : uuid_format(id, text));
}

/* kind: of a line that is no posting, else NULL. */
static void put_line(struct buf *out, wall_time at, const char *kind, const struct posting *p, const char *currency)
{
	static const struct posting nothing;
	const struct posting *about = kind ? &nothing : p;
	char text[WALL_TEXT_SIZE];
	buf_printf(out, "%s,%s", wall_format(at, text), kind ? kind : p->kind);
	if (kind)
		buf_puts(out, ",");
	else
		put_amount(out, p->amount_micro);
	put_amount(out, p->balance_micro);
	buf_printf(out, ",%s", currency);
	put_id(out, about->order);
	put_id(out, about->lease);
	put_id(out, about->deposit);
	put_text(out, about->text);
	buf_puts(out, "\r\n");
}

err_t statement_csv(struct request *r)
{
	const char *currency = market_of(r)->settings->currency;
	AUTO_BUF out = { 0 };
	struct statement *s;
	TRY(statement_of(r, &s));
	buf_puts(&out, "at,kind,amount,balance,currency,order,lease,deposit,text\r\n");
	put_line(&out, s->from, "opening", &s->opening, currency);
	for (size_t i = s->count; i-- > 0;)
		put_line(&out, s->rows[i].at, NULL, &s->rows[i], currency);
	put_line(&out, s->to, "closing", closing_of(s), currency);
	free(s);
	if (out.error)
		return out.error;
	size_t len = out.len;
	answer_text(r, 200, "text/csv; charset=utf-8", buf_take(&out), len);
	answer_header(r, "Content-Disposition", "attachment; filename=\"statement.csv\"");
	return OK;
}
