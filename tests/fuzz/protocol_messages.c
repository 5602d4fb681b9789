/* SPDX-License-Identifier: Apache-2.0
 * protocol_messages.c - fuzzer: any bytes as any message; what is accepted must be accepted again as we would write it
 */
#include <assert.h>
#include "client.h"
#include "line.h"
#include "machine.h"
#include "netcheck.h"
#include "signin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define no_clear(value) ((void)(value))

/* Read, write, read, write: the two texts are the same. Heap, because some messages are large. */
#define TRY_AS(type, from_json, to_json, clear)                                                   \
	static void try_##from_json(json_t *json)                                                 \
	{                                                                                         \
		struct json_error error;                                                          \
		struct type *value = calloc(1, sizeof *value);                                    \
		if (!value)                                                                       \
			abort();                                                                  \
		if (from_json(json, value, &error) == OK) {                                       \
			json_t *written = to_json(value);                                         \
			clear(value);                                                             \
			memset(value, 0, sizeof *value);                                          \
			if (from_json(written, value, &error) != OK) {                            \
				fprintf(stderr, #from_json ": %s %s\n", error.field, error.what); \
				abort();                                                          \
			}                                                                         \
			json_t *again = to_json(value);                                           \
			assert(json_equal(written, again));                                       \
			json_decref(written);                                                     \
			json_decref(again);                                                       \
			clear(value);                                                             \
		} else {                                                                          \
			assert(*error.what);                                                      \
		}                                                                                 \
		free(value);                                                                      \
	}

#define MESSAGES(X)                                                                           \
	X(credentials, signup_from_json, credentials_to_json, no_clear)                       \
	X(credentials, login_from_json, credentials_to_json, no_clear)                        \
	X(session, session_from_json, session_to_json, no_clear)                              \
	X(account, account_from_json, account_to_json, no_clear)                              \
	X(device_login, device_login_from_json, device_login_to_json, no_clear)               \
	X(token_request, token_request_from_json, token_request_to_json, no_clear)            \
	X(token_view, token_view_from_json, token_view_to_json, no_clear)                     \
	X(balance, balance_from_json, balance_to_json, no_clear)                              \
	X(deposit_request, deposit_request_from_json, deposit_request_to_json, no_clear)      \
	X(deposit, deposit_from_json, deposit_to_json, no_clear)                              \
	X(posting, posting_from_json, posting_to_json, no_clear)                              \
	X(image_request, image_request_from_json, image_request_to_json, image_request_clear) \
	X(image, image_from_json, image_to_json, no_clear)                                    \
	X(image_pieces, image_pieces_from_json, image_pieces_to_json, image_pieces_clear)     \
	X(image_order, image_order_from_json, image_order_to_json, image_order_clear)         \
	X(order_request, order_request_from_json, order_request_to_json, order_request_clear) \
	X(extension, extension_from_json, extension_to_json, no_clear)                        \
	X(order, order_from_json, order_to_json, no_clear)                                    \
	X(lease, lease_from_json, lease_to_json, no_clear)                                    \
	X(feedback, feedback_from_json, feedback_to_json, no_clear)                           \
	X(offer, offer_from_json, offer_to_json, no_clear)                                    \
	X(seller, seller_from_json, seller_to_json, no_clear)                                 \
	X(peer_view, peer_view_from_json, peer_view_to_json, no_clear)                        \
	X(peer_join, peer_join_from_json, peer_join_to_json, no_clear)                        \
	X(peer_answer, peer_answer_from_json, peer_answer_to_json, peer_answer_clear)         \
	X(netcheck, netcheck_from_json, netcheck_to_json, no_clear)                           \
	X(line_turn, line_turn_from_json, line_turn_to_json, no_clear)                        \
	X(enrolment, enrolment_from_json, enrolment_to_json, no_clear)                        \
	X(enrolled, enrolled_from_json, enrolled_to_json, no_clear)                           \
	X(machine, machine_from_json, machine_to_json, no_clear)                              \
	X(report, report_from_json, report_to_json, no_clear)                                 \
	X(report_answer, report_answer_from_json, report_answer_to_json, report_answer_clear) \
	X(lease_spec, lease_spec_from_json, lease_spec_to_json, lease_spec_clear)             \
	X(console_chunk, console_chunk_from_json, console_chunk_to_json, no_clear)            \
	X(console_input, console_input_from_json, console_input_to_json, no_clear)
MESSAGES(TRY_AS)

/* What only the market reads. */
static void try_signin(json_t *json)
{
	struct json_error error;
	struct password_change change;
	struct farewell farewell;
	struct password_reset reset;
	struct console_input typed;
	sha256 proof;
	char code[CODE_SIZE], client[CLIENT_SIZE], device_code[TOKEN_TEXT_SIZE];
	assert(password_change_from_json(json, &change, &error) != OK || strlen(change.new_password) >= PASSWORD_MIN);
	assert(farewell_from_json(json, &farewell, &error) != OK || farewell.forfeit.micro >= 0);
	assert(console_typed_from_json(json, &typed, &error) != OK || (typed.len > 0 && typed.len <= CONSOLE_INPUT_MAX));
	(void)!line_proof_from_json(json, &proof, &error);
	assert(password_reset_from_json(json, &reset, &error) != OK || strlen(reset.new_password) >= PASSWORD_MIN);
	assert(code_from_json(json, code, &error) != OK || *code);
	assert(device_request_from_json(json, client, &error) != OK || *client);
	assert(device_poll_from_json(json, device_code, &error) != OK || *device_code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = NULL;
	struct json_error error;
	struct problem problem;
	if (json_parse((const char *)data, size, &json, &error) != OK)
		return 0;
	try_signin(json);
#define X(type, from_json, to_json, clear) try_##from_json(json);
	MESSAGES(X)
#undef X
	problem_from_json(json, 422, &problem);
	json_t *written = problem_to_json(&problem);
	json_decref(written);
	json_decref(json);
	return 0;
}
