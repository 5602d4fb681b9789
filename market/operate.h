/* SPDX-License-Identifier: Apache-2.0
 * operate.h - what the operator's commands share: the settings, and a connection to the market's database
 */
#ifndef MARKET_OPERATE_H
#define MARKET_OPERATE_H

#include "cli.h"
#include "json.h"
#include "setup.h"
#include "store.h"

/* --output: an exit code, having said what is wrong. */
int form_check(const struct cli *cli);
/* What a command found, as text while it goes on, or under -o json (json is there then) as one object at its end. */
struct telling {
	json_t *json; /* NULL: text */
};

/* A sentence for people; programs have what it says in members of their own. */
PRINTF_LIKE(2, 3) void say(const struct telling *t, const char *fmt, ...);
/* One of "items". Takes item. */
void tell_item(const struct telling *t, json_t *item);

/* Runs fn with a connection, and reports its error; of E_INVALID fn has said itself what is wrong. An exit code. */
typedef err_t with_store_fn(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t);
int with_store(struct cli *cli, with_store_fn *fn);
/* As accounts keep it. E_NOT_FOUND: no account has such a one. */
MUST_CHECK err_t email_of(const char *text, char *ret_email);
/* Who does this, as it is written down: the name of the user. */
const char *operator_name(void);

#endif
