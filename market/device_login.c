/* SPDX-License-Identifier: Apache-2.0
 * device_login.c - log-in of programs without a browser (RFC 8628)
 *
 * How it works: the program asks for two codes; it shows the short one and where to type it, and asks with the long one whether somebody
 * has let it in. Somebody is whoever is logged in and typed the short code: the program then gets a session of that account, once. The
 * RFC's words are kept; the bodies are JSON like everywhere here.
 */
#include <ctype.h>

#include "handlers.h"
#include "login.h"

#define DEVICE_PREFIX "cpu_dev_"
#define LIFE_US (10 * MINUTE_US)
#define INTERVAL_S 5
#define USER_CODE_LEN 8
#define TRIES 4

/* RFC 8628 section 6.1: no vowels, so no words; 20^8 of them. */
static const char alphabet[] = "BCDFGHJKLMNPQRSTVWXZ";

static void user_code_make(char *text)
{
	for (int i = 0; i < USER_CODE_LEN;) {
		uint8_t byte;
		random_fill(&byte, 1);
		if (byte < 240) /* a multiple of 20: each letter is as likely as the others */
			text[i++] = alphabet[byte % 20];
	}
	text[USER_CODE_LEN] = 0;
}

/* As people type it: in any case, with or without its dash. False where it can be none. */
static bool user_code_read(const char *typed, char *ret_text)
{
	size_t len = 0;
	for (; *typed; typed++) {
		char c = (char)toupper((unsigned char)*typed);
		if (c == '-')
			continue;
		if (len == USER_CODE_LEN || !strchr(alphabet, c))
			return false;
		ret_text[len++] = c;
	}
	ret_text[len] = 0;
	return len == USER_CODE_LEN;
}

/* Where the user answers: on the market as the program reached it, unless the operator has said where that is. */
static void page_of(struct request *r, char *url, size_t size)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
	const char *fixed = market_of(r)->settings->public_url, *host = request_header(r, "Host");
	if (fixed[0])
		snprintf(url, size, "%.240s/device", fixed);
	else
		snprintf(url, size, "https://%.200s/device", host && strspn(host, plain) == strlen(host) ? host : "");
}

err_t device_begin(struct request *r)
{
	struct json_error error = { 0 };
	struct device_login d = { .expires_in = LIFE_US / SECOND_US, .interval = INTERVAL_S };
	char client[CLIENT_SIZE], code[USER_CODE_LEN + 1];
	err_t e = E_EXISTS;
	if (device_request_from_json(r->json, client, &error) != OK)
		return refuse_json(r, &error);
	for (int i = 0; i < TRIES && e == E_EXISTS; i++) {
		token_make(DEVICE_PREFIX, d.device_code);
		user_code_make(code);
		e = store_device_create(market_of(r)->store, token_hash(d.device_code), code, client, r->now,
					(wall_time){ r->now.us + LIFE_US });
	}
	if (e == E_LIMIT)
		return refuse(r, REFUSE_UNAVAILABLE, NULL, "too many devices wait to be let in");
	TRY(e);
	snprintf(d.user_code, sizeof d.user_code, "%.4s-%.4s", code, code + 4);
	page_of(r, d.verification_uri, sizeof d.verification_uri);
	snprintf(d.verification_uri_complete, sizeof d.verification_uri_complete, "%s?code=%s", d.verification_uri, d.user_code);
	answer_json(r, 201, device_login_to_json(&d));
	explicit_bzero(&d, sizeof d);
	return OK;
}

/* ---- the user ---- */

static err_t code_in_path(struct request *r, char *ret_code)
{
	return user_code_read(r->values.word, ret_code) ? OK : E_NOT_FOUND;
}

err_t device_show(struct request *r)
{
	char code[USER_CODE_LEN + 1];
	struct device_row device;
	TRY(code_in_path(r, code));
	TRY(store_device_by_user_code(market_of(r)->store, code, r->now, &device));
	json_t *answer = json_object();
	json_put_text(answer, "client", device.client);
	json_put_time(answer, "created_at", device.created_at);
	json_put_time(answer, "expires_at", device.expires_at);
	answer_json(r, 200, answer);
	return OK;
}

static err_t answer_device(struct request *r, bool denied)
{
	char code[USER_CODE_LEN + 1];
	TRY(code_in_path(r, code));
	if (!denied && (r->caller.scopes & SESSION_SCOPES) != SESSION_SCOPES)
		return refuse(r, REFUSE_MISSING_SCOPE, NULL, "a token cannot let in one that may do more than itself");
	TRY(store_device_answer(market_of(r)->store, code, r->caller.account, denied, r->now));
	answer_empty(r);
	return OK;
}

err_t device_approve(struct request *r)
{
	return answer_device(r, false);
}

err_t device_deny(struct request *r)
{
	return answer_device(r, true);
}

/* ---- the program ---- */

static err_t let_in(struct request *r, sha256 hash, uuid id)
{
	struct store *store = market_of(r)->store;
	struct account account;
	TRY(store_account_get(store, id, &account));
	TRY(store_device_delete(store, hash)); /* once */
	return login_answer(r, &account, false);
}

/* Runs outside of a transaction, so that a refusal leaves the note of when it came. */
err_t device_poll(struct request *r)
{
	struct json_error error = { 0 };
	struct device_row device;
	char code[TOKEN_TEXT_SIZE];
	if (device_poll_from_json(r->json, code, &error) != OK)
		return refuse_json(r, &error);
	if (!token_well_formed(DEVICE_PREFIX, code))
		return refuse(r, REFUSE_DEVICE_EXPIRED, "device_code", "%s", "");
	sha256 hash = token_hash(code);
	err_t e = store_device_poll(market_of(r)->store, hash, r->now, &device);
	if (e == E_NOT_FOUND || (e == OK && device.expires_at.us <= r->now.us))
		return refuse(r, REFUSE_DEVICE_EXPIRED, "device_code", "%s", "");
	TRY(e);
	if (device.denied)
		return refuse(r, REFUSE_DEVICE_DENIED, NULL, "%s", "");
	if (!uuid_is_zero(device.account))
		return let_in(r, hash, device.account);
	/* A little earlier than told is a matter of clocks, not of haste. */
	if (device.polled_at.us && r->now.us - device.polled_at.us < INTERVAL_S * SECOND_US - SECOND_US)
		return refuse(r, REFUSE_SLOW_DOWN, NULL, "%s", "");
	return refuse(r, REFUSE_DEVICE_PENDING, NULL, "%s", "");
}
