/* SPDX-License-Identifier: Apache-2.0
 * mail.h - what is to be mailed, and who may be mailed
 *
 * As store.h, whose sentences about failures hold here too.
 */
#ifndef STORE_MAIL_H
#define STORE_MAIL_H

#include "people.h"

#define MAIL_KIND_SIZE 32
#define MAIL_CONFIRM_KIND "address"
#define MAIL_MOVE_KIND "new_address"
#define MAIL_PASSWORD_KIND "password"
#define MAIL_SIGNUP_KIND "signup"

enum mail_state { MAIL_WAITS, MAIL_SENT, MAIL_GIVEN_UP, MAIL_DROPPED, MAIL_STATE_COUNT };
extern const char *const mail_state_names[];

struct mail_row {
	uuid id, account; /* account zero: whoever has the address */
	char address[EMAIL_SIZE], kind[MAIL_KIND_SIZE];
	char *data; /* JSON; heap */
	wall_time created_at;
	int64_t tries;
};
void mail_rows_free(struct mail_row *rows, size_t count);

/* ---- queueing ---- */
/* A link for an address, at least. */
MUST_CHECK err_t store_mail_add(struct store *s, uuid account, const char *address, const char *kind, wall_time now);
/* That somebody logs in, where no session of the account is of this client, and its owner wants to be told; before the session is made. */
MUST_CHECK err_t store_mail_login(struct store *s, uuid account, const char *client, const char *from, int64_t a_day,
				  wall_time now);
/* From at most span events on from where the last call ended. */
MUST_CHECK err_t store_mail_news(struct store *s, int64_t span, int64_t a_day, wall_time now);

/* ---- sending ---- */
/* What is due now; each is put off by retry_us, twice as long each time. mail_rows_free() them. */
MUST_CHECK err_t store_mail_due(struct store *s, uint32_t limit, int64_t retry_us, wall_time now, struct mail_row **ret_rows,
				size_t *ret_count);
/* How many of this kind were sent there since. */
MUST_CHECK err_t store_mail_count(struct store *s, const char *address, const char *kind, wall_time since, int64_t *ret_count);
/* What became of it, or why it still waits. */
MUST_CHECK err_t store_mail_note(struct store *s, uuid id, enum mail_state state, const char *note);
struct mail_sums {
	int64_t count[MAIL_STATE_COUNT]; /* by state; of the last 30 days, but what waits */
};
MUST_CHECK err_t store_mail_sums(struct store *s, struct mail_sums *ret);

/* ---- sign-ups: no account is there before the link of its letter is opened ---- */
/* A letter; whether the address has an account is looked at when it is sent. */
MUST_CHECK err_t store_signup_ask(struct store *s, const char *email, const char *name, const char *password_hash, wall_time now);
/* What the mail is about is what the link makes; an earlier link to its address is void. E_NOT_FOUND: the mail waits no more. */
MUST_CHECK err_t store_signup_add(struct store *s, uuid mail, sha256 hash, wall_time expires_at);
/* The account comes into being, with its address confirmed. E_NOT_FOUND; E_EXISTS: the address became another account's. */
MUST_CHECK err_t store_signup_take(struct store *s, sha256 hash, wall_time now);

/* ---- addresses ---- */
/* For the account that the mail is about, in place of an earlier link; E_NOT_FOUND: the mail waits no more. email: what the address is to become;
 * NULL: what it is. */
MUST_CHECK err_t store_confirmation_add(struct store *s, uuid mail, sha256 hash, const char *email, wall_time expires_at);
/* Once; E_NOT_FOUND. Sessions that had only narrow have wide from now on. Where the address becomes another, which E_EXISTS says is somebody
 * else's by now, the one that it was is told, if it was confirmed, and what was mailed there sets no password any more. */
MUST_CHECK err_t store_confirmation_take(struct store *s, sha256 hash, uint32_t narrow, uint32_t wide, wall_time now);
MUST_CHECK err_t store_mail_choice_get(struct store *s, uuid account, struct mail_view *ret);
MUST_CHECK err_t store_mail_choice_set(struct store *s, uuid account, uint32_t kinds);

#endif
