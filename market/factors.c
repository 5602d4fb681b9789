/* SPDX-License-Identifier: Apache-2.0
 * factors.c - the second factor: an authenticator app's codes (RFC 6238), and recovery codes for the day it is lost
 */
#include <ctype.h>
#include <qrencode.h>

#include "bytes.h"
#include "handlers.h"
#include "login.h"

#define RECOVERY_COUNT 10
#define RECOVERY_BYTES 10 /* 80 bits: its plain hash cannot be turned back */

/* Rows of "0" and "1", 1 is dark, without the quiet zone. NULL where it cannot be drawn: the address is there too. */
static json_t *qr_rows(const char *text)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	if (!code)
		return NULL;
	json_t *rows = json_array();
	size_t width = (size_t)code->width;
	char row[256];
	for (size_t y = 0; y < width; y++) {
		for (size_t x = 0; x < width && x < sizeof row - 1; x++)
			row[x] = code->data[y * width + x] & 1 ? '1' : '0';
		row[width < sizeof row ? width : sizeof row - 1] = 0;
		json_array_append_new(rows, json_string(row));
	}
	QRcode_free(code);
	return rows;
}

/* Percent-encoded for a label of the address, all but unreserved characters (RFC 3986 section 2.3). */
static void append_encoded(struct buf *b, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (isalnum(c) || strchr("-._~", c))
			buf_append(b, text, 1);
		else
			buf_printf(b, "%%%02X", c);
	}
}

/* otpauth://totp/ISSUER:ACCOUNT?secret=…&issuer=…, as authenticator apps read it; heap. */
static err_t uri_of(const char *issuer, const char *email, const char *secret, char **ret_uri)
{
	AUTO_BUF b = { .max = 4096 };
	buf_printf(&b, "otpauth://totp/");
	append_encoded(&b, issuer);
	buf_printf(&b, ":");
	append_encoded(&b, email);
	buf_printf(&b, "?secret=%s&issuer=", secret);
	append_encoded(&b, issuer);
	*ret_uri = buf_take(&b);
	return *ret_uri ? OK : E_NOMEM;
}

err_t factor_begin(struct request *r)
{
	struct market *m = market_of(r);
	uint8_t secret[TOTP_SECRET_BYTES];
	char text[8 * ((TOTP_SECRET_BYTES + 4) / 5) + 1], *uri;
	struct account account;
	struct second_factor factor = { .account = r->caller.account };
	TRY(store_account_get(m->store, r->caller.account, &account));
	random_fill(secret, sizeof secret);
	TRY(login_factor_seal(m, secret, &factor));
	err_t e = store_second_factor_begin(m->store, &factor);
	if (e == E_CONFLICT)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "there is a second factor: remove it first");
	TRY(e);
	base32_encode(secret, sizeof secret, text);
	TRY(uri_of(m->settings->name, account.email, text, &uri));
	json_t *answer = json_object(), *qr = qr_rows(uri);
	json_put_text(answer, "secret", text);
	json_put_text(answer, "uri", uri);
	json_put(answer, "qr", qr ? qr : json_array());
	answer_json(r, 201, answer);
	explicit_bzero(uri, strlen(uri));
	free(uri);
	explicit_bzero(secret, sizeof secret);
	explicit_bzero(text, sizeof text);
	return OK;
}

static err_t take_code(struct request *r, char *ret_code)
{
	struct json_error error = { 0 };
	return code_from_json(r->json, ret_code, &error) == OK ? OK : refuse_json(r, &error);
}

/* "mzxw-6ytb-oi2a-7f3k" */
static void recovery_make(char *text)
{
	uint8_t random[RECOVERY_BYTES];
	char plain[8 * (RECOVERY_BYTES / 5) + 1];
	random_fill(random, sizeof random);
	base32_encode(random, sizeof random, plain);
	for (size_t i = 0; plain[i]; i++) {
		if (i && i % 4 == 0)
			*text++ = '-';
		*text++ = (char)tolower((unsigned char)plain[i]);
	}
	*text = 0;
}

/* The first code of the app: it has the secret, so from now on log-ins ask for one. */
err_t factor_confirm(struct request *r)
{
	struct store *store = market_of(r)->store;
	struct second_factor factor;
	uint8_t secret[TOTP_SECRET_BYTES];
	char code[CODE_SIZE];
	int64_t step;
	TRY(take_code(r, code));
	TRY(store_second_factor_get(store, r->caller.account, &factor));
	if (factor.confirmed)
		return refuse(r, REFUSE_WRONG_STATE, NULL, "%s", "");
	TRY(login_factor_open(market_of(r), &factor, secret));
	err_t checked = totp_check(secret, code, r->now, factor.last_step, &step);
	explicit_bzero(secret, sizeof secret);
	if (checked != OK)
		return refuse(r, REFUSE_BAD_FIELD, "code", "code is not the one that the app shows now");
	TRY(store_second_factor_used(store, r->caller.account, step));
	json_t *codes = json_array();
	for (int i = 0; i < RECOVERY_COUNT; i++) {
		char text[32];
		recovery_make(text);
		json_array_append_new(codes, json_string(text));
		err_t e = store_recovery_add(store, r->caller.account, login_recovery_hash(r->caller.account, text));
		if (e != OK) {
			json_decref(codes);
			return e;
		}
	}
	json_t *answer = json_object();
	json_put(answer, "recovery_codes", codes);
	answer_json(r, 200, answer);
	return OK;
}

/* A code is asked for, so that a session that somebody left open cannot do it. */
err_t factor_remove(struct request *r)
{
	char code[CODE_SIZE];
	TRY(take_code(r, code));
	TRY(login_check_code(r, r->caller.account, code));
	TRY(store_second_factor_delete(market_of(r)->store, r->caller.account));
	answer_empty(r);
	return OK;
}
