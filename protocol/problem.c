/* SPDX-License-Identifier: Apache-2.0
 * problem.c - refusals as problem+json (RFC 9457), and back from whatever came
 */
#include "client.h"
#include "codes.h"
#include "uuid.h"

json_t *problem_to_json(const struct problem *p)
{
	enum refusal known = refusal_parse(p->code);
	const char *title = *p->title ? p->title : known < REFUSAL_COUNT ? refusal_title(known) : "The request failed.";
	char text[80];
	uuid request;
	json_t *json = json_object();
	/* A relative reference is allowed as type (RFC 9457 section 3.1.1). */
	snprintf(text, sizeof text, "/docs/problems#%s", p->code);
	json_put_text(json, "type", text);
	json_put_text(json, "title", title);
	json_put_int(json, "status", p->status);
	json_put_text(json, "detail", *p->detail ? p->detail : title);
	json_put_text(json, "code", p->code);
	if (uuid_parse(p->request_id, &request) == OK) {
		snprintf(text, sizeof text, "urn:uuid:%s", p->request_id);
		json_put_text(json, "instance", text);
	}
	if (*p->request_id)
		json_put_text(json, "request_id", p->request_id);
	if (p->retry_after_s > 0)
		json_put_int(json, "retry_after_s", p->retry_after_s);
	if (*p->field) {
		json_t *error = json_object(), *errors = json_array();
		json_put_text(error, "field", p->field);
		json_put_text(error, "detail", *p->detail ? p->detail : title);
		json_array_append_new(errors, error);
		json_put(json, "errors", errors);
	}
	return json;
}

/* A stranger's text, made fit for a terminal and cut at a character's boundary where it is too long. */
static void take_shown(json_t *json, const char *name, char *ret_text, size_t size)
{
	const char *from = json_string_value(json_object_get(json, name));
	size_t len = 0;
	if (!from)
		return;
	for (; from[len] && len + 1 < size; len++) {
		unsigned char c = (unsigned char)from[len];
		bool control = c < 0x20 || c == 0x7f;
		if (c == 0xc2 && (unsigned char)from[len + 1] < 0xa0) /* C1 controls */
			control = true;
		ret_text[len] = control ? '?' : (char)c;
		if (c == 0xc2 && control && len + 2 < size)
			ret_text[++len] = '?';
	}
	if (from[len]) {
		while (len > 0 && ((unsigned char)from[len] & 0xc0) == 0x80)
			len--;
	}
	ret_text[len] = 0;
}

/* What the status alone says, where the body was not the market's (a proxy's page, or nothing). */
static const char *code_of_status(int status)
{
	switch (status) {
	case 0:
		return "unreachable";
	case 401:
		return "bad_token";
	case 402:
		return "no_funds";
	case 403:
		return "missing_scope";
	case 404:
		return "no_route";
	case 405:
		return "bad_method";
	case 413:
		return "too_large";
	case 429:
		return "too_many";
	case 502:
	case 503:
	case 504:
		return "unavailable";
	default:
		return status >= 500 ? "internal" : "bad_request";
	}
}

void problem_from_json(json_t *json, int status, struct problem *ret)
{
	struct problem p = { .status = status };
	take_shown(json, "code", p.code, sizeof p.code);
	take_shown(json, "title", p.title, sizeof p.title);
	take_shown(json, "detail", p.detail, sizeof p.detail);
	take_shown(json, "request_id", p.request_id, sizeof p.request_id);
	take_shown(json_array_get(json_object_get(json, "errors"), 0), "field", p.field, sizeof p.field);
	if (!*p.code) {
		snprintf(p.code, sizeof p.code, "%s", code_of_status(status));
		if (!*p.detail && status)
			snprintf(p.detail, sizeof p.detail, "The answer was HTTP %d without an explanation.", status);
	}
	if (!*p.title) {
		enum refusal known = refusal_parse(p.code);
		snprintf(p.title, sizeof p.title, "%s",
			 known < REFUSAL_COUNT ? refusal_title(known)
			 : status	       ? "The request failed."
					       : "The market cannot be reached.");
	}
	json_t *retry = json_object_get(json, "retry_after_s");
	if (json_is_integer(retry) && json_integer_value(retry) > 0 && json_integer_value(retry) <= 86400)
		p.retry_after_s = (int)json_integer_value(retry);
	*ret = p;
}
