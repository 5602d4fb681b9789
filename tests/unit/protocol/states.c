/* SPDX-License-Identifier: Apache-2.0
 * states.c - tests of the states' names, the refusals' table, and problems
 */
#include "cli.h"
#include "client.h"
#include "codes.h"
#include "message.h"

static void names(void)
{
	int value = -1;
	ok(state_parse(lease_state_names, LEASE_STATE_COUNT, "paused", &value) == OK && value == LEASE_PAUSED, "a name is found");
	value = -1;
	ok(state_parse(lease_state_names, LEASE_STATE_COUNT, "Paused", &value) == E_INVALID && value == -1, "case counts");
	is_text(end_reason_names[END_MARKET_FAULT], "market_fault", "the last reason");
	is_text(end_reason_names[END_EXPIRED], "expired", "the last but one");
	is_text(scope_names[SCOPE_MACHINE], "machine", "the last scope");
}

static void refusals(void)
{
	int same = 0;
	for (int i = 0; i < REFUSAL_COUNT; i++) {
		enum refusal r = (enum refusal)i;
		same += refusal_parse(refusal_code(r)) == r && refusal_status(r) >= 400 && refusal_status(r) < 600;
	}
	is_int(same, REFUSAL_COUNT, "each code is found, once, with a status of a refusal");
	is_int(refusal_parse("of_tomorrow"), REFUSAL_COUNT, "a code of a newer market is not known");
	static const struct {
		int status;
		const char *code;
		int exit;
	} exits[] = {
		{ 200, "", EXIT_OK },
		{ 0, "unreachable", EXIT_UNREACHABLE },
		{ 503, "unavailable", EXIT_UNREACHABLE },
		{ 500, "internal", EXIT_ERROR },
		{ 401, "bad_token", EXIT_AUTH },
		{ 403, "missing_scope", EXIT_AUTH },
		{ 404, "not_found", EXIT_NOT_FOUND },
		{ 409, "wrong_state", EXIT_CONFLICT },
		{ 402, "no_funds", EXIT_FUNDS },
		{ 429, "too_many", EXIT_FUNDS },
		{ 422, "limit", EXIT_FUNDS },
		{ 422, "bad_field", EXIT_USAGE },
		{ 422, "bad_piece", EXIT_ERROR },
		{ 418, "teapot", EXIT_ERROR },
	};
	for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
		is_int(refusal_exit(exits[i].status, exits[i].code), exits[i].exit, "%d %s", exits[i].status, exits[i].code);
}

static void problems(void)
{
	struct problem p = {
		.status = 422, .code = "bad_field", .detail = "must be 1", .field = "count", .request_id = ID1, .retry_after_s = 3
	};
	json_t *json = problem_to_json(&p);
	is_text(json_string_value(json_object_get(json, "type")), "/docs/problems#bad_field", "the type leads to the page");
	is_text(json_string_value(json_object_get(json, "title")), refusal_title(REFUSE_BAD_FIELD), "the title is the code's");
	is_text(json_string_value(json_object_get(json, "instance")), "urn:uuid:" ID1, "the instance is the request");
	struct problem back;
	problem_from_json(json, 422, &back);
	snprintf(p.title, sizeof p.title, "%s", refusal_title(REFUSE_BAD_FIELD));
	ok(!memcmp(&back, &p, sizeof p), "a problem survives the way there and back");
	json_decref(json);

	problem_from_json(NULL, 0, &p);
	is_text(p.code, "unreachable", "nothing came back");
	problem_from_json(NULL, 502, &p);
	is_text(p.code, "unavailable", "a proxy's 502 without JSON");
	ok(strstr(p.detail, "502") != NULL, "its status is told: %s", p.detail);
	json = message_parse("[1,2]");
	problem_from_json(json, 400, &p);
	is_text(p.code, "bad_request", "an array is no problem");
	json_decref(json);
	json = message_parse("{\"code\":7,\"title\":null,\"errors\":{},\"retry_after_s\":-1}");
	problem_from_json(json, 404, &p);
	is_text(p.code, "no_route", "wrong types are passed over");
	is_int(p.retry_after_s, 0, "a negative wait too");
	json_decref(json);
	json = message_parse("{\"code\":\"x\",\"title\":\"\\u001b]0;own\\u0007\\u009b2J\",\"detail\":\"" TEXT260 "\"}");
	problem_from_json(json, 409, &p);
	is_text(p.title, "?]0;own???2J", "what steers a terminal is taken out");
	is_int(strlen(p.detail), 255, "what is too long is cut");
	json_decref(json);
	json = message_parse("{\"code\":\"x\",\"title\":\"" TEXT64 TEXT64 "abcdefghijklmnopqrstuvwxyzabcd"
			     "\u20ac\"}");
	problem_from_json(json, 409, &p);
	is_int(strlen(p.title), 158, "not within a character");
	json_decref(json);
}

int main(void)
{
	names();
	refusals();
	problems();
	return done_testing();
}
