/* SPDX-License-Identifier: Apache-2.0
 * letters.h - what is written in the market's mail
 */
#ifndef MAIL_LETTERS_H
#define MAIL_LETTERS_H

#include <jansson.h>
#include "buf.h"
#include "err.h"

#define SUBJECT_SIZE 201

struct letter_about {
	const char *kind; /* "signup", "taken", "password", "address", "login", or an event's: "funds.low", … */
	json_t *data;	  /* what happened: the event's data, and what mail_data() of db/procedures/85_mail.sql adds */
	const char *market, *url, *currency;
	const char *token; /* of the link, for "signup", "password", "address" and "new_address" */
};
/* Subject (SUBJECT_SIZE bytes) and text; ret_text is empty before. E_NOT_FOUND: nothing is written about this kind. */
MUST_CHECK err_t letter_write(const struct letter_about *about, char *ret_subject, struct buf *ret_text);

#endif
