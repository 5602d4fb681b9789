/* SPDX-License-Identifier: Apache-2.0
 * login.h - what all the ways in share: a password that a worker checks, the second factor, a session in a token or a cookie
 *
 * How it works: scrypt runs on a worker's thread while the request waits; its end is a transaction of its own (gate_finish). A cookie is a
 * second carrier of the session tokens that programs send as Bearer; gate.c takes it, and asks more of whoever writes with it.
 */
#ifndef MARKET_LOGIN_H
#define MARKET_LOGIN_H

#include "gate.h"
#include "people.h"

#define SESSION_SCOPES (SCOPE(ACCOUNT) | SCOPE(FUNDS) | SCOPE(IMAGES) | SCOPE(ORDERS) | SCOPE(MACHINES))

struct login {
	struct request *r;
	struct credentials who;
	char fresh[PASSWORD_SIZE];	  /* a new password, to be hashed where the old one was right */
	char hash[PASSWORD_HASH_SIZE];	  /* to check against; or, where there is none or after fresh was hashed, the result */
	char checked[PASSWORD_HASH_SIZE]; /* what it was checked against */
	err_t result; /* of scrypt: E_AUTH where the password is wrong, or not the account's any more when it was found right */
	route_fn *finish; /* in a transaction, with this as r->job */
	struct account account;
	bool known;
	money forfeit;	   /* of a deletion */
	sha256 permission; /* of a reset: its token's hash */
};

/* Heap; NULL where memory is out. Overwrites its secrets when it is freed. */
struct login *login_new(struct request *r, route_fn *finish);
void login_free(struct login *l);
/* Hands the password to a worker: checked against hash where there is one, then fresh (or, without a hash, the password) hashed. Takes l. */
err_t login_wait(struct login *l);

/* 201: the account is let in. cookie: the token goes into one, and not into the answer. */
err_t login_answer(struct request *r, const struct account *account, bool cookie);
/* With answers after which the cookie is worth nothing. */
void login_forget_cookie(struct request *r);
/* A write by a page that is not ours is refused. */
MUST_CHECK err_t login_check_origin(struct request *r);
/* Refuses where the account has a second factor and code is none of it; a code that was right is used up. In a transaction. */
MUST_CHECK err_t login_check_code(struct request *r, uuid account, const char *code);
/* The account's secret, opened: TOTP_SECRET_BYTES. */
MUST_CHECK err_t login_factor_open(struct market *m, const struct second_factor *factor, uint8_t *ret_secret);
MUST_CHECK err_t login_factor_seal(struct market *m, const uint8_t *secret, struct second_factor *factor);
/* Seals with the present key what older markets kept as it was, or under an older key. What it cannot open it leaves, and says so. */
MUST_CHECK err_t login_factors_reseal(struct market *m);
/* What is kept of a recovery code, however it is typed: case, dashes and blanks do not matter. */
sha256 login_recovery_hash(uuid account, const char *code);

#endif
