/* SPDX-License-Identifier: Apache-2.0
 * people.h - what the market keeps of how people come in: sessions, the second factor, log-ins of devices; and how they go
 *
 * As store.h, whose sentences about failures hold here too.
 */
#ifndef STORE_PEOPLE_H
#define STORE_PEOPLE_H

#include "signin.h"
#include "store.h"
#include "totp.h"
#include "vault.h"

/* ---- passwords ---- */
/* password_hash has PASSWORD_HASH_SIZE bytes. */
MUST_CHECK err_t store_password_get(struct store *s, uuid account, char *password_hash);
/* Links that set another one, or that move the account to another address, are void from then on. */
MUST_CHECK err_t store_password_set(struct store *s, uuid account, const char *password_hash);

/* ---- a forgotten password: who has the token may choose another one, once ---- */
/* In place of an earlier one. */
MUST_CHECK err_t store_reset_add(struct store *s, uuid account, sha256 hash, wall_time expires_at);
MUST_CHECK err_t store_reset_is_open(struct store *s, sha256 hash, wall_time now, bool *ret_open);
MUST_CHECK err_t store_reset_take(struct store *s, sha256 hash, wall_time now, uuid *ret_account); /* once; E_NOT_FOUND */

/* ---- sessions: tokens that a log-in made ---- */
MUST_CHECK err_t store_session_create(struct store *s, uuid id, uuid account, const char *client, uint32_t scopes, sha256 hash,
				      wall_time expires_at);
MUST_CHECK err_t store_session_list(struct store *s, uuid account, struct session_view **ret_rows, size_t *ret_count);
MUST_CHECK err_t store_session_delete(struct store *s, uuid account, uuid id);
/* All of them but keep (zero: all). */
MUST_CHECK err_t store_session_delete_others(struct store *s, uuid account, uuid keep);

/* ---- the second factor ---- */
#define SEALED_BYTES (TOTP_SECRET_BYTES + VAULT_OVERHEAD)
struct second_factor {
	uuid account;
	uint8_t sealed[SEALED_BYTES]; /* for the account's id */
	char key[VAULT_ID_SIZE];      /* "": an older market did not seal it: the secret itself stands first */
	bool confirmed;
	int64_t last_step;
};
/* E_NOT_FOUND where the account has none. */
MUST_CHECK err_t store_second_factor_get(struct store *s, uuid account, struct second_factor *ret);
/* Begins anew; E_CONFLICT where a confirmed one is there. */
MUST_CHECK err_t store_second_factor_begin(struct store *s, const struct second_factor *f);
/* At most limit of those that another key than this has sealed, or none; of accounts behind `after`. */
MUST_CHECK err_t store_second_factor_stale(struct store *s, const char *key, uuid after, uint32_t limit,
					   struct second_factor **ret_rows, size_t *ret_count);
/* The same secret, sealed anew; E_NOT_FOUND where it is not was's any more. */
MUST_CHECK err_t store_second_factor_reseal(struct store *s, const struct second_factor *was, const struct second_factor *now);
/* A code of this step was taken, which confirms it too. E_CONFLICT where one of this step or a later one was taken before. */
MUST_CHECK err_t store_second_factor_used(struct store *s, uuid account, int64_t step);
/* With its recovery codes. */
MUST_CHECK err_t store_second_factor_delete(struct store *s, uuid account);
MUST_CHECK err_t store_recovery_add(struct store *s, uuid account, sha256 hash);
MUST_CHECK err_t store_recovery_take(struct store *s, uuid account, sha256 hash); /* once; E_NOT_FOUND */

/* ---- devices (RFC 8628): both codes are made by the caller ---- */
MUST_CHECK err_t store_device_create(struct store *s, sha256 hash, const char *user_code, const char *client, wall_time now,
				     wall_time expires_at); /* E_EXISTS: the user code is in use; E_LIMIT: too many wait */
struct device_row {
	char client[DETAIL_SIZE];
	uuid account; /* zero: nobody has answered */
	bool denied;
	wall_time created_at, expires_at, polled_at;
};
/* Of those that can still be answered. */
MUST_CHECK err_t store_device_by_user_code(struct store *s, const char *user_code, wall_time now, struct device_row *ret);
MUST_CHECK err_t store_device_answer(struct store *s, const char *user_code, uuid account, bool denied, wall_time now);
/* Gives what was, and notes that the device asked. */
MUST_CHECK err_t store_device_poll(struct store *s, sha256 hash, wall_time now, struct device_row *ret);
MUST_CHECK err_t store_device_delete(struct store *s, sha256 hash);

/* ---- sums ---- */
struct day_sums {
	char day[11]; /* "2026-11-21", of UTC */
	money earned, spent;
};
/* The last days, oldest first, today among them. */
MUST_CHECK err_t store_day_sums(struct store *s, uuid account, int64_t days, wall_time now, struct day_sums **ret_rows,
				size_t *ret_count);
struct account_sums {
	struct account account;
	money available, held;
	int64_t orders, machines; /* all orders; machines that are not retired */
};
MUST_CHECK err_t store_account_list(struct store *s, struct page page, struct account_sums **ret_rows, size_t *ret_count);

/* ---- what operators did ---- */
struct operator_act {
	uuid id;
	wall_time at;
	uuid account;	       /* zero: somebody at the market's own machine */
	char name[EMAIL_SIZE]; /* of that user there; in lists, the account's address */
	char act[512];	       /* method and path, or the command */
	char detail[4097];     /* the body, or the arguments */
};
MUST_CHECK err_t store_act_add(struct store *s, const struct operator_act *act);
MUST_CHECK err_t store_act_list(struct store *s, struct page page, struct operator_act **ret_rows, size_t *ret_count);

/* ---- going ---- */
/* Everything that the market keeps of an account, as JSON text (heap). */
MUST_CHECK err_t store_account_export(struct store *s, uuid account, char **ret_json);
/* Makes it nobody's: what names a person goes, what the ledger and other people's records need stays under the bare id. What stands in
 * the way, as a sentence (DETAIL_SIZE bytes), with E_CONFLICT. forfeit: as much may stay on the balance, for ever. */
MUST_CHECK err_t store_account_delete(struct store *s, uuid account, money forfeit, wall_time now, char *ret_obstacle);

#endif
