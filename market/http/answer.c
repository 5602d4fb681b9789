/* SPDX-License-Identifier: Apache-2.0
 * answer.c - what a request carries, and how it is answered or refused
 */
#include "request.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <unistd.h>

#include "bytes.h"
#include "client.h"
#include "file.h"
#include "inside.h"

/* ---- reading ---- */

const char *request_header(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

const char *request_query(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_cookie(const struct request *r, const char *name)
{
	return MHD_lookup_connection_value(r->connection, MHD_COOKIE_KIND, name);
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

/* The headers are many bytes that nobody reads beyond their count: they are not cleared. */
static void answer_begin(struct answer *a, enum answer_kind kind, int status, const char *type, size_t len)
{
	free(a->text);
	fd_close(&a->fd);
	a->kind = kind;
	a->status = status;
	a->type = type;
	a->text = NULL;
	a->fixed = NULL;
	a->len = len;
	a->fd = -1;
	a->stream = NULL;
	a->header_count = 0;
}

struct known_sign *request_sign(const struct request *r)
{
	return r->from ? &r->from->sign : NULL;
}

void request_clear(struct request *r)
{
	answer_take_back(r);
	json_decref(r->json);
	buf_clear(&r->body);
	free(r->target);
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
	answer_fixed(r, MHD_HTTP_NO_CONTENT, NULL, "", 0);
}

void answer_fixed(struct request *r, int status, const char *type, const char *text, size_t len)
{
	answer_begin(&r->answer, ANSWER_FIXED, status, type, len);
	r->answer.fixed = text;
}

void answer_file(struct request *r, const char *type, int fd, size_t len)
{
	answer_begin(&r->answer, ANSWER_FILE, MHD_HTTP_OK, type, len);
	r->answer.fd = fd;
}

void answer_header(struct request *r, const char *name, const char *value)
{
	struct answer *a = &r->answer;
	assert(a->header_count < HEADER_MAX);
	if (text_copy(a->headers[a->header_count].value, sizeof a->headers[0].value, value) == OK)
		a->headers[a->header_count++].name = name;
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
	if (p.status == MHD_HTTP_UNAUTHORIZED)
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

/* ---- to libmicrohttpd ---- */

static struct MHD_Response *response_of(struct answer *a)
{
	struct MHD_Response *response = NULL;
	switch (a->kind) {
	case ANSWER_TEXT:
		response = MHD_create_response_from_buffer(a->len, a->text, MHD_RESPMEM_MUST_FREE);
		if (response)
			a->text = NULL;
		break;
	case ANSWER_FIXED:
		response = MHD_create_response_from_buffer(a->len, (void *)(uintptr_t)a->fixed, MHD_RESPMEM_PERSISTENT);
		break;
	case ANSWER_FILE:
		response = MHD_create_response_from_fd(a->len, a->fd);
		if (response)
			a->fd = -1;
		break;
	case ANSWER_STREAM:
		response = stream_response(a->stream);
		break;
	case ANSWER_NONE:
		break;
	}
	return response;
}

enum MHD_Result answer_queue(struct request *r, bool close)
{
	struct answer *a = &r->answer;
	struct MHD_Response *response = response_of(a);
	if (!response)
		return MHD_NO;
	bool private = true;
	for (size_t i = 0; i < a->header_count; i++) {
		MHD_add_response_header(response, a->headers[i].name, a->headers[i].value);
		if (!strcmp(a->headers[i].name, "Cache-Control"))
		private = false;
	}
	if (a->type)
		MHD_add_response_header(response, "Content-Type", a->type);
	if (private)
		MHD_add_response_header(response, "Cache-Control", "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "X-Request-Id", r->id);
	if (close)
		MHD_add_response_header(response, "Connection", "close");
	enum MHD_Result result = MHD_queue_response(r->connection, (unsigned)a->status, response);
	MHD_destroy_response(response);
	request_phase(r, a->kind == ANSWER_STREAM ? PHASE_NONE : PHASE_ANSWER);
	return result;
}
