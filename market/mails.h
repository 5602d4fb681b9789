/* SPDX-License-Identifier: Apache-2.0
 * mails.h - the market's mail: what is queued is sent, by a thread with a connection to the database of its own
 */
#ifndef MARKET_MAILS_H
#define MARKET_MAILS_H

#include "mail.h"
#include "market.h"

/* NULL where the settings name no server: then nothing is queued either. url: this market's, for links. E_INVALID with error. */
MUST_CHECK err_t mails_new(const struct settings *s, const char *url, struct mails **ret_mails, char *error);
void mails_free(struct mails *mails);
/* The market that holds the book sends, for all of a database. uri: of the database. */
MUST_CHECK err_t mails_start(struct market *m, const char *uri);
/* Gives up a call under way; waits for the thread. */
void mails_stop(struct market *m);
/* As they were counted last, for /metrics. */
struct mail_sums mails_sums(const struct mails *mails);

/* A sign-up is answered by a letter, the same for everybody. */
bool mails_confirm_signup(const struct market *m);
/* In a transaction; nothing where the market sends no mail. */
MUST_CHECK err_t mails_add_confirmation(struct market *m, const struct account *account, wall_time now);
/* Before the session is made. */
MUST_CHECK err_t mails_add_login(struct request *r, uuid account, const char *client);

#endif
