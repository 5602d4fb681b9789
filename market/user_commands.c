/* SPDX-License-Identifier: Apache-2.0
 * user_commands.c - user reset: a forgotten password
 */
#include <limits.h>
#include "bytes.h"
#include "commands.h"
#include "file.h"
#include "gate.h"
#include "operate.h"
#include "people.h"

/* Where the market that serves is reached, as people type it; "" where none serves. */
static void market_url(const struct setup *setup, char *url, size_t size)
{
	char path[PATH_MAX];
	AUTO_FREE char *text = NULL;
	size_t len = 0;
	snprintf(path, sizeof path, "%s/url", setup->data_dir);
	url[0] = 0;
	if (file_read(path, 1024, &text, &len) == OK && len > 0) {
		text[strcspn(text, "\r\n")] = 0;
		if (text_copy(url, size, text) != OK)
			url[0] = 0;
	}
}

static err_t reset(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	char email[EMAIL_SIZE], hash[PASSWORD_HASH_SIZE], token[TOKEN_TEXT_SIZE], url[512], address[640], until[WALL_TEXT_SIZE];
	struct account account;
	wall_time now = clock_wall(), expires = { now.us + RESET_US };
	TRY(email_of(cli_arg(cli, 0), email));
	TRY(store_account_by_email(store, email, &account, hash));
	explicit_bzero(hash, sizeof hash);
	token_make(TOKEN_PREFIX_RESET, token);
	TRY(store_reset_add(store, account.id, token_hash(token), expires));
	if (cli_flag(cli, "second-factor")) {
		err_t e = store_second_factor_delete(store, account.id);
		if (e != E_NOT_FOUND)
			TRY(e);
	}
	market_url(setup, url, sizeof url);
	snprintf(address, sizeof address, "%s/reset#%s", url, token);
	wall_format(expires, until);
	if (t->json) {
		json_put_text(t->json, "email", email);
		json_put_text(t->json, "address", address);
		json_put_text(t->json, "token", token);
		json_put_text(t->json, "expires_at", until);
	}
	say(t, "%s\nGive this address to %s, and to nobody else: it sets a new password once, until %s, and ends all sessions.",
	    address, email, until);
	explicit_bzero(token, sizeof token);
	explicit_bzero(address, sizeof address);
	return OK;
}

int command_user_reset(struct cli *cli)
{
	return with_store(cli, reset);
}
