/* SPDX-License-Identifier: Apache-2.0
 * answer.c - what a request carries, and how it is answered or refused
 */
#include <stdarg.h>
#include <unistd.h>

#include "bytes.h"
#include "client.h"
#include "file.h"
#include "inside.h"

/* ---- reading ---- */

const char *request_header(const struct request *r, const char *name)
{
	return head_find(&r->head, name);
}

char *request_text(struct request *r, char *text)
{
	assert(r->text_count < TEXTS_MAX);
	if (text)
		r->texts[r->text_count++] = text;
	return text;
}

const char *request_query(struct request *r, const char *name)
{
	return r->query ? request_text(r, query_value(r->query, name)) : NULL;
}

const char *request_cookie(struct request *r, const char *name)
{
	const char *cookies = request_header(r, "Cookie");
	return cookies ? request_text(r, cookie_value(cookies, name)) : NULL;
}

err_t request_query_int(struct request *r, const char *name, int64_t fallback, int64_t min, int64_t max, int64_t *ret_value)
{
	const char *text = request_query(r, name);
	int64_t value = fallback;
	if (text && (int_parse(text, &value) != OK || value < min || value > max))
		return refuse(r, REFUSE_BAD_FIELD, name, "must be an integer from %lld to %lld", (long long)min, (long long)max);
	*ret_value = value;
	return OK;
}

/* ---- answering ---- */

static void answer_begin(struct answer *a, enum answer_kind kind, int status, const char *type, size_t len)
{
	free(a->text);
	fd_close(&a->fd);
	stream_free(a->stream);
	a->kind = kind;
	a->status = status;
	a->type = type;
	a->text = NULL;
	a->fixed = NULL;
	a->len = len;
	a->fd = -1;
	a->stream = NULL;
	a->may_be_kept = false;
	a->head_from = a->head_to = ANSWER_HEADERS_AT;
}

struct known_sign *request_sign(const struct request *r)
{
	return &r->from->sign;
}

void request_clear(struct request *r)
{
	answer_take_back(r);
	json_decref(r->json);
	buf_clear(&r->body);
	for (size_t i = 0; i < r->text_count; i++)
		free(r->texts[i]);
}

void answer_take_back(struct request *r)
{
	answer_begin(&r->answer, ANSWER_NONE, 0, NULL, 0);
}

bool answered(const struct request *r)
{
	return r->answer.kind != ANSWER_NONE;
}

void answer_text(struct request *r, int status, const char *type, char *text, size_t len)
{
	answer_begin(&r->answer, ANSWER_TEXT, status, type, len);
	r->answer.text = text;
}

void answer_json(struct request *r, int status, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	if (text)
		answer_text(r, status, "application/json", text, strlen(text));
	else
		refuse(r, REFUSE_INTERNAL, NULL, "%s", "");
}

void answer_empty(struct request *r)
{
	answer_fixed(r, 204, NULL, "", 0);
}

void answer_fixed(struct request *r, int status, const char *type, const char *text, size_t len)
{
	answer_begin(&r->answer, ANSWER_FIXED, status, type, len);
	r->answer.fixed = text;
}

void answer_file(struct request *r, const char *type, int fd, size_t len)
{
	answer_begin(&r->answer, ANSWER_FILE, 200, type, len);
	r->answer.fd = fd;
}

static void put(char **at, const char *text, size_t len)
{
	memcpy(*at, text, len);
	*at += len;
}
#define PUT(at, text) put(at, text, sizeof text - 1)

void answer_header(struct request *r, const char *name, const char *value)
{
	struct answer *a = &r->answer;
	size_t name_len = strlen(name), len = strlen(value);
	if (len > 255 || name_len + len + 6 > sizeof a->head - a->head_to || value[strcspn(value, "\r\n")])
		return;
	char *at = a->head + a->head_to;
	put(&at, name, name_len);
	PUT(&at, ": ");
	put(&at, value, len);
	PUT(&at, "\r\n");
	a->head_to = (size_t)(at - a->head);
	a->may_be_kept |= !strcmp(name, "Cache-Control");
}

err_t refuse(struct request *r, enum refusal code, const char *field, const char *fmt, ...)
{
	struct problem p = { .status = refusal_status(code) };
	va_list args;
	va_start(args, fmt);
	vsnprintf(p.detail, sizeof p.detail, fmt, args);
	va_end(args);
	snprintf(p.code, sizeof p.code, "%s", refusal_code(code));
	snprintf(p.title, sizeof p.title, "%s", refusal_title(code));
	snprintf(p.field, sizeof p.field, "%s", field ? field : "");
	snprintf(p.request_id, sizeof p.request_id, "%s", r->id);
	json_t *json = problem_to_json(&p);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	if (text)
		answer_text(r, p.status, "application/problem+json", text, strlen(text));
	else
		answer_fixed(r, p.status, "application/problem+json", "{}", 2);
	if (p.status == 401)
		answer_header(r, "WWW-Authenticate", "Bearer realm=\"cpushare\""); /* RFC 6750 section 3 */
	if (code == REFUSE_UNAVAILABLE)
		answer_header(r, "Retry-After", "2");
	return E_INVALID;
}

err_t refuse_json(struct request *r, const struct json_error *error)
{
	if (!error->field[0])
		return refuse(r, REFUSE_BAD_JSON, NULL, "%s", error->what);
	return refuse(r, REFUSE_BAD_FIELD, error->field, "%s %s", error->field, error->what);
}

/* ---- how it goes out ---- */

static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 204, "No Content" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 409, "Conflict" },
		{ 411, "Length Required" },
		{ 413, "Content Too Large" },
		{ 415, "Unsupported Media Type" },
		{ 422, "Unprocessable Content" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 500, "Internal Server Error" },
		{ 503, "Service Unavailable" },
	};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return ""; /* RFC 9112 section 4: may be empty */
}

static const char *date_of(struct http_server *server)
{
	int64_t now_s = server->now_wall.us / SECOND_US;
	if (now_s != server->date_s) {
		time_t t = (time_t)now_s;
		struct tm tm;
		gmtime_r(&t, &tm);
		strftime(server->date, sizeof server->date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		server->date_s = now_s;
	}
	return server->date;
}

static void put_status(char **at, int status)
{
	const char *reason = reason_of(status);
	char digits[4] = { (char)('0' + status / 100), (char)('0' + status / 10 % 10), (char)('0' + status % 10), ' ' };
	PUT(at, "HTTP/1.1 ");
	put(at, digits, sizeof digits);
	put(at, reason, strlen(reason));
	PUT(at, "\r\n");
}

static void put_length(char **at, size_t len)
{
	char digits[20];
	size_t n = sizeof digits;
	do
		digits[--n] = (char)('0' + len % 10);
	while (len /= 10);
	PUT(at, "Content-Length: ");
	put(at, digits + n, sizeof digits - n);
	PUT(at, "\r\n");
}

/* What all answers have, and how long this one is. At most ANSWER_HEADERS_AT bytes. */
static size_t put_front(struct request *r, bool close, char *front)
{
	const struct answer *a = &r->answer;
	char *at = front;
	put_status(&at, a->status);
	PUT(&at, "Date: ");
	put(&at, date_of(r->server), 29);
	if (a->type && strlen(a->type) < 100) {
		PUT(&at, "\r\nContent-Type: ");
		put(&at, a->type, strlen(a->type));
	}
	if (!a->may_be_kept)
		PUT(&at, "\r\nCache-Control: no-store");
	PUT(&at, "\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: ");
	put(&at, r->id, strlen(r->id));
	PUT(&at, "\r\n");
	if (a->kind == ANSWER_STREAM && !r->head.old)
		PUT(&at, "Transfer-Encoding: chunked\r\n");
	else if (a->kind != ANSWER_STREAM && a->status != 204 && a->status != 304) /* RFC 9110 section 8.6 */
		put_length(&at, a->len);
	if (close)
		PUT(&at, "Connection: close\r\n");
	return (size_t)(at - front);
}

void answer_put_head(struct request *r, bool close)
{
	struct answer *a = &r->answer;
	char front[ANSWER_HEADERS_AT];
	size_t len = put_front(r, close, front);
	bool bare = a->kind == ANSWER_STREAM || a->status == 204 || a->status == 304 || !strcmp(r->method, "HEAD");
	a->head_from = ANSWER_HEADERS_AT - len;
	memcpy(a->head + a->head_from, front, len);
	a->head[a->head_to++] = '\r'; /* answer_header() left room */
	a->head[a->head_to++] = '\n';
	a->body_len = bare ? 0 : a->len;
}
