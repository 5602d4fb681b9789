/* SPDX-License-Identifier: Apache-2.0
 * login.c - what all the ways in share: a password that a worker checks, the second factor, a session in a token or a cookie
 */
#include "login.h"

#include <ctype.h>

#include "bytes.h"
#include "file.h"
#include "log.h"
#include "mails.h"
#include "origin.h"

#define RESEAL_BATCH 200

/* RFC 6265bis: a name with __Host- is taken only with Secure, Path=/ and without Domain, so that no neighbour can plant one. */
#define COOKIE_ATTRIBUTES "; Path=/; Secure; HttpOnly; SameSite=Strict"

struct login *login_new(struct request *r, route_fn *finish)
{
	struct login *l = calloc(1, sizeof *l);
	if (l) {
		l->r = r;
		l->finish = finish;
	}
	return l;
}

void login_free(struct login *l)
{
	if (!l)
		return;
	explicit_bzero(l, sizeof *l);
	free(l);
}

static void run(void *job)
{
	struct login *l = job;
	if (l->hash[0])
		l->result = password_check(l->who.password, l->hash);
	if (l->result == OK && (l->fresh[0] || !l->hash[0]))
		l->result = password_hash(l->fresh[0] ? l->fresh : l->who.password, l->hash);
}

/* Whoever sets another password wants those out who know this one, also who is just coming in with it. */
static err_t still_is(const struct login *l)
{
	char present[PASSWORD_HASH_SIZE];
	err_t e = store_password_get(market_of(l->r)->store, l->known ? l->account.id : l->r->caller.account, present);
	if (e == E_NOT_FOUND || (e == OK && strcmp(present, l->checked)))
		e = E_AUTH;
	explicit_bzero(present, sizeof present);
	return e;
}

static void done(void *job)
{
	struct login *l = job;
	if (l->checked[0] && l->result == OK && (l->known || l->r->caller.known))
		l->result = still_is(l);
	gate_finish(l->r, l->finish);
	login_free(l);
}

err_t login_wait(struct login *l)
{
	struct request *r = l->r;
	r->job = l;
	memcpy(l->checked, l->hash, sizeof l->checked);
	if (workers_submit(market_of(r)->passwords, run, done, l) == OK) {
		request_wait(r);
		return OK;
	}
	login_free(l);
	refuse(r, REFUSE_TOO_MANY, NULL, "many are signing in at the moment");
	answer_header(r, "Retry-After", "2");
	return E_LIMIT;
}

/* ---- sessions ---- */

/* What a program says of itself, as far as it can be shown: printable ASCII. */
static void client_of(const struct request *r, char *ret_client)
{
	const char *agent = request_header(r, "User-Agent");
	size_t len = 0;
	for (; agent && *agent && len < DETAIL_SIZE - 1; agent++)
		if (*agent >= ' ' && *agent <= '~')
			ret_client[len++] = *agent;
	ret_client[len] = 0;
}

err_t login_answer(struct request *r, const struct account *account, bool cookie)
{
	struct market *m = market_of(r);
	struct session s = { .account = account->id, .expires_at.us = r->now.us + m->settings->session_us };
	char client[DETAIL_SIZE], header[256];
	memcpy(s.email, account->email, sizeof s.email);
	memcpy(s.name, account->name, sizeof s.name);
	token_make(TOKEN_PREFIX_SESSION, s.token);
	client_of(r, client);
	uint32_t scopes = SESSION_SCOPES | (account->operator_ ? SCOPE(OPERATOR) : 0);
	if (m->mails && m->settings->mail_confirm_first && !account->address_confirmed_at.us && !account->operator_)
		scopes = SCOPE(ACCOUNT); /* the others come with the address's confirmation */
	TRY(mails_add_login(r, account->id, client));
	TRY(store_session_create(m->store, uuid_make(r->now), s.account, client, scopes, token_hash(s.token), s.expires_at));
	if (cookie) {
		snprintf(header, sizeof header, SESSION_COOKIE "=%s" COOKIE_ATTRIBUTES "; Max-Age=%lld", s.token,
			 (long long)(m->settings->session_us / SECOND_US));
		explicit_bzero(s.token, sizeof s.token);
	}
	answer_json(r, 201, session_to_json(&s));
	if (cookie)
		answer_header(r, "Set-Cookie", header);
	explicit_bzero(s.token, sizeof s.token);
	explicit_bzero(header, sizeof header);
	return OK;
}

void login_forget_cookie(struct request *r)
{
	if (r->caller.by_cookie)
		answer_header(r, "Set-Cookie", SESSION_COOKIE "=" COOKIE_ATTRIBUTES "; Max-Age=0");
}

err_t login_check_origin(struct request *r)
{
	struct origin origin = { request_header(r, "X-CPUShare"), request_header(r, "Sec-Fetch-Site"),
				 request_header(r, "Origin"), request_header(r, "Host") };
	return origin_is_ours(&origin) ? OK : refuse(r, REFUSE_CROSS_SITE, NULL, "%s", "");
}

/* ---- the second factor ---- */

sha256 login_recovery_hash(uuid account, const char *code)
{
	struct sha256_stream *s = sha256_stream_new();
	sha256_stream_add(s, account.bytes, sizeof account.bytes);
	for (; *code; code++) {
		char c = (char)tolower((unsigned char)*code);
		if (c != '-' && c != ' ')
			sha256_stream_add(s, &c, 1);
	}
	return sha256_stream_end(s);
}

err_t login_factor_open(struct market *m, const struct second_factor *factor, uint8_t *ret_secret)
{
	char id[UUID_TEXT_SIZE];
	if (!factor->key[0]) {
		memcpy(ret_secret, factor->sealed, TOTP_SECRET_BYTES);
		return OK;
	}
	err_t e = vault_open(m->vault, factor->key, factor->account.bytes, sizeof factor->account.bytes, factor->sealed,
			     sizeof factor->sealed, ret_secret);
	if (e == OK)
		return OK;
	log_error("a second factor cannot be opened: secrets.key is not the one that sealed it", "account=%s key=%s error=%s",
		  uuid_format(factor->account, id), factor->key, err_name(e));
	return E_CORRUPT;
}

err_t login_factor_seal(struct market *m, const uint8_t *secret, struct second_factor *factor)
{
	TRY(text_copy(factor->key, sizeof factor->key, vault_id(m->vault)));
	return vault_seal(m->vault, factor->account.bytes, sizeof factor->account.bytes, secret, TOTP_SECRET_BYTES,
			  factor->sealed);
}

err_t login_factors_reseal(struct market *m)
{
	uuid after = { 0 };
	size_t count = RESEAL_BATCH;
	while (count == RESEAL_BATCH) {
		AUTO_FREE struct second_factor *rows = NULL;
		TRY(store_second_factor_stale(m->store, vault_id(m->vault), after, RESEAL_BATCH, &rows, &count));
		for (size_t i = 0; i < count; i++) {
			struct second_factor fresh = { .account = rows[i].account };
			uint8_t secret[TOTP_SECRET_BYTES];
			after = rows[i].account;
			if (login_factor_open(m, &rows[i], secret) != OK)
				continue;
			err_t e = login_factor_seal(m, secret, &fresh);
			explicit_bzero(secret, sizeof secret);
			TRY(e);
			e = store_second_factor_reseal(m->store, &rows[i], &fresh);
			if (e != E_NOT_FOUND)
				TRY(e);
		}
	}
	return OK;
}

/* Who knows the password may not try all codes: each account has an allowance of its own, whatever addresses they come from. */
static err_t check_allowance(struct request *r, uuid account)
{
	char wait[16];
	int wait_s = 0;
	if (rate_take_id(market_of(r)->codes, account, r->now_mono, &wait_s))
		return OK;
	snprintf(wait, sizeof wait, "%d", wait_s);
	refuse(r, REFUSE_TOO_MANY, "code", "codes of this account; wait %s s", wait);
	answer_header(r, "Retry-After", wait);
	return E_LIMIT;
}

err_t login_check_code(struct request *r, uuid account, const char *code)
{
	struct store *store = market_of(r)->store;
	struct second_factor factor;
	uint8_t secret[TOTP_SECRET_BYTES];
	int64_t step;
	err_t e = store_second_factor_get(store, account, &factor);
	if (e == E_NOT_FOUND || (e == OK && !factor.confirmed))
		return OK;
	TRY(e);
	if (!*code)
		return refuse(r, REFUSE_CODE_NEEDED, "code", "%s", "");
	TRY(check_allowance(r, account));
	TRY(login_factor_open(market_of(r), &factor, secret));
	if (totp_check(secret, code, r->now, factor.last_step, &step) == OK)
		e = store_second_factor_used(store, account, step);
	else
		e = store_recovery_take(store, account, login_recovery_hash(account, code));
	explicit_bzero(secret, sizeof secret);
	explicit_bzero(&factor, sizeof factor);
	return e == E_NOT_FOUND || e == E_CONFLICT ? refuse(r, REFUSE_BAD_CODE, "code", "%s", "") : e;
}
