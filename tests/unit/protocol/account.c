/* SPDX-License-Identifier: Apache-2.0
 * account.c - tests of the messages about accounts and their money
 */
#include "account.h"
#include "message.h"

#define SIGNUP "{\"email\":\"ada@example.org\",\"password\":\"correct horse\",\"name\":\"Ada\"}"
#define LOGIN "{\"email\":\"ada@example.org\",\"password\":\"x\"}"
#define SESSION "{\"account\":\"" ID1 "\",\"email\":\"a@b\",\"name\":\"Ada\",\"token\":\"cs_abc\",\"expires_at\":\"" TIME1 "\"}"
#define ACCOUNT          \
	"{\"id\":\"" ID1 \
	"\",\"email\":\"a@b\",\"name\":\"Ada\",\"operator\":true,\"second_factor\":true,\"created_at\":\"" TIME1 "\"}"
#define TOKEN_REQUEST "{\"name\":\"ci\",\"scopes\":[\"images\",\"orders\"],\"expires_in_s\":3600}"
#define TOKEN                                                                                              \
	"{\"id\":\"" ID1 "\",\"name\":\"ci\",\"scopes\":[\"account\",\"machine\"],\"created_at\":\"" TIME1 \
	"\",\"expires_at\":\"" TIME2 "\",\"last_used_at\":\"" TIME3 "\",\"token\":\"ct_abc\"}"
#define BALANCE                                                                                                             \
	"{\"currency\":\"EUR\",\"available_micro\":9007199254740991,\"held_micro\":2,\"owed_micro\":3,\"accrued_micro\":5," \
	"\"earning_micro\":6,\"per_hour_micro\":4,"                                                                         \
	"\"runs_out_at\":\"2026-11-21T10:00:00.000000Z\"}"
#define DEPOSIT_REQUEST "{\"amount_micro\":10000000,\"provider\":\"manual\"}"
#define DEPOSIT                                                                                                         \
	"{\"id\":\"" ID1 "\",\"account\":\"" ID2 "\",\"provider\":\"manual\",\"state\":\"pending\",\"amount_micro\":3," \
	"\"commission_micro\":1,\"credit_micro\":2,\"instructions\":\"Pay.\",\"pay_url\":\"https://pay.example/1\","    \
	"\"note\":\"late\",\"reversed_micro\":1,\"created_at\":\"" TIME1 "\",\"credited_at\":\"" TIME2 "\"}"
#define POSTING                                                                                                                  \
	"{\"id\":\"" ID1 "\",\"kind\":\"charge\",\"amount_micro\":-5,\"balance_micro\":6,\"order\":\"" ID2 "\",\"lease\":\"" ID3 \
	"\",\"deposit\":\"" ID4 "\",\"text\":\"vm1\",\"at\":\"" TIME1 "\"}"

static void credentials(void)
{
	static const struct row rows[] = {
		{ "email", NULL, "email" },
		{ "email", "7", "email" },
		{ "email", "\"\"", "email" },
		{ "email", "\"ada\"", "email" },
		{ "email", "\"@example.org\"", "email" },
		{ "email", "\"ada@\"", "email" },
		{ "email", "\"ada@b@c\"", "email" },
		{ "email", "\"a da@example.org\"", "email" },
		{ "email", "\"ada@example..org\"", "email" },
		{ "email", "\"ada@.org\"", "email" },
		{ "email", "\"ada@org.\"", "email" },
		{ "email", "\"ada@ex\\nample.org\"", "email" },
		{ "email", "\"ad\u00e4@example.org\"", "email" },
		{ "email", "\"<ada@example.org>\"", "email" },
		{ "email", "\"" TEXT65 "@example.org\"", "email" },
		{ "email", "\"a@" TEXT260 "\"", "email" },
		{ "email", "\"" TEXT64 "@e\"", NULL },
		{ "password", NULL, "password" },
		{ "password", "\"1234567\"", "password" },
		{ "password", "\"12345678\"", NULL },
		{ "password", "\"" TEXT260 "\"", "password" },
		{ "password", "[]", "password" },
		{ "name", NULL, "name" },
		{ "name", "\"\"", "name" },
		{ "name", "\"" TEXT65 "\"", "name" },
		{ "name", "\"" TEXT64 "\"", NULL },
		{ "name", "\"A\\nB\"", "name" },
		{ "name", "\"A\\u001bB\"", "name" },
		{ "name", "\"A\\u0085B\"", "name" },
		{ "admin", "true", "admin" },
	};
	static const struct row login[] = {
		{ "email", "\"ada\"", "email" },
		{ "name", "\"Ada\"", "name" },
		{ "password", "\"\"", "password" },
		{ "password", "null", "password" },
	};
	message_survives(credentials, signup_from_json, credentials_to_json, no_clear, SIGNUP);
	message_survives(credentials, login_from_json, credentials_to_json, no_clear, LOGIN);
	message_rows(credentials, signup_from_json, no_clear, SIGNUP, rows);
	message_rows(credentials, login_from_json, no_clear, LOGIN, login);

	struct credentials c;
	struct json_error error;
	json_t *json = message_parse("{\"email\":\"Ada@Example.ORG\",\"password\":\"x\"}");
	ok(login_from_json(json, &c, &error) == OK && !strcmp(c.email, "ada@example.org"), "addresses are kept in lower case");
	json_decref(json);
}

static void sessions(void)
{
	static const struct row rows[] = {
		{ "account", NULL, "account" },
		{ "account", "\"x\"", "account" },
		{ "email", NULL, "email" },
		{ "token", "\"\"", "token" },
		{ "token", "\"" TEXT64 "\"", "token" },
		{ "expires_at", "null", NULL },
		{ "expires_at", "1", "expires_at" },
		{ "later", "1", NULL },
	};
	static const struct row account[] = {
		{ "id", NULL, "id" },	    { "operator", "1", "operator" },
		{ "operator", NULL, NULL }, { "created_at", "\"yesterday\"", "created_at" },
		{ "later", "{}", NULL },
	};
	message_survives(session, session_from_json, session_to_json, no_clear, SESSION);
	message_rows(session, session_from_json, no_clear, SESSION, rows);
	message_survives(account, account_from_json, account_to_json, no_clear, ACCOUNT);
	message_rows(account, account_from_json, no_clear, ACCOUNT, account);
}

static void tokens(void)
{
	static const struct row rows[] = {
		{ "name", NULL, "name" },
		{ "scopes", NULL, "scopes" },
		{ "scopes", "[]", "scopes" },
		{ "scopes", "\"orders\"", "scopes" },
		{ "scopes[1]", "\"everything\"", "scopes[1]" },
		{ "scopes[0]", "1", "scopes[0]" },
		{ "scopes", "[\"machine\"]", "scopes" },
		{ "scopes", "[\"orders\",\"orders\"]", NULL },
		{ "expires_in_s", "0", "expires_in_s" },
		{ "expires_in_s", "315360001", "expires_in_s" },
		{ "expires_in_s", "1.5", "expires_in_s" },
		{ "expires_in_s", "null", NULL },
		{ "expires_in_s", NULL, NULL },
		{ "token", "\"x\"", "token" },
	};
	static const struct row view[] = {
		{ "id", "0", "id" },	 { "scopes[0]", "\"a scope of tomorrow\"", NULL }, { "expires_at", "null", NULL },
		{ "token", NULL, NULL }, { "token", "\"" TEXT64 "\"", "token" },
	};
	message_survives(token_request, token_request_from_json, token_request_to_json, no_clear, TOKEN_REQUEST);
	message_rows(token_request, token_request_from_json, no_clear, TOKEN_REQUEST, rows);
	message_survives(token_view, token_view_from_json, token_view_to_json, no_clear, TOKEN);
	message_rows(token_view, token_view_from_json, no_clear, TOKEN, view);
}

static void moneys(void)
{
	static const struct row request[] = {
		{ "amount_micro", NULL, "amount_micro" },
		{ "amount_micro", "0", "amount_micro" },
		{ "amount_micro", "-1", "amount_micro" },
		{ "amount_micro", "9007199254740992", "amount_micro" },
		{ "amount_micro", "9007199254740991", NULL },
		{ "amount_micro", "1.0", "amount_micro" },
		{ "amount_micro", "\"1\"", "amount_micro" },
		{ "provider", NULL, "provider" },
		{ "provider", "\"Manual\"", "provider" },
		{ "provider", "\"../manual\"", "provider" },
		{ "provider", "\"abcdefghijklmnopq\"", "provider" },
		{ "currency", "\"EUR\"", "currency" },
	};
	static const struct row balance[] = {
		{ "currency", "\"EURO\"", "currency" },
		{ "held_micro", "-1", "held_micro" },
		{ "available_micro", NULL, "available_micro" },
		{ "more", "1", NULL },
	};
	static const struct row deposit[] = {
		{ "state", "\"lost\"", "state" },
		{ "state", NULL, "state" },
		{ "credit_micro", "-1", "credit_micro" },
		{ "credited_at", "null", NULL },
		{ "instructions", "\"\"", NULL },
		{ "account", "null", NULL },
		{ "instructions", "\"" TEXT260 "\"", "instructions" },
	};
	static const struct row posting[] = {
		{ "amount_micro", "-9007199254740992", "amount_micro" },
		{ "kind", "\"\"", "kind" },
		{ "order", "null", NULL },
		{ "order", "\"\"", "order" },
		{ "lease", NULL, NULL },
		{ "deposit", "null", NULL },
		{ "at", "\"2026-11-21\"", "at" },
	};
	message_survives(balance, balance_from_json, balance_to_json, no_clear, BALANCE);
	message_rows(balance, balance_from_json, no_clear, BALANCE, balance);
	message_survives(deposit_request, deposit_request_from_json, deposit_request_to_json, no_clear, DEPOSIT_REQUEST);
	message_rows(deposit_request, deposit_request_from_json, no_clear, DEPOSIT_REQUEST, request);
	message_survives(deposit, deposit_from_json, deposit_to_json, no_clear, DEPOSIT);
	message_rows(deposit, deposit_from_json, no_clear, DEPOSIT, deposit);
	message_survives(posting, posting_from_json, posting_to_json, no_clear, POSTING);
	message_rows(posting, posting_from_json, no_clear, POSTING, posting);

	json_t *json = posting_to_json(&(struct posting){ .kind = "payout" });
	ok(json_is_null(json_object_get(json, "order")) && json_is_null(json_object_get(json, "at")),
	   "what there is none of is null");
	json_decref(json);
}

int main(void)
{
	credentials();
	sessions();
	tokens();
	moneys();
	return done_testing();
}
