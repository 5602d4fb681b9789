/* SPDX-License-Identifier: Apache-2.0
 * operate.c - the operator's commands: they speak to the same database as the market that serves
 */
#include <pwd.h>
#include <unistd.h>
#include "books.h"
#include "bytes.h"
#include "commands.h"
#include "file.h"
#include "log.h"
#include "market.h"
#include "setup.h"

/* Runs fn with a connection. */
typedef err_t with_store_fn(struct cli *cli, const struct setup *setup, struct store *store);
static int with_store(struct cli *cli, with_store_fn *fn)
{
	static struct setup setup;
	struct store *store = NULL;
	log_init("cpushare-market", LOG_WARN);
	int code = setup_read(cli, false, &setup);
	if (code)
		return code;
	err_t e = setup_store(&setup, &store);
	if (e == OK) {
		e = fn(cli, &setup, store);
		if (e == E_NOT_FOUND)
			fprintf(stderr, "cpushare-market: there is none\n");
		else if (e == E_CONFLICT)
			fprintf(stderr, "cpushare-market: its state does not allow this\n");
		else if (e && e != E_CORRUPT)
			fprintf(stderr, "cpushare-market: %s: %s\n", err_name(e), store_error(store));
	}
	store_close(store);
	setup_clear(&setup);
	switch (e) {
	case OK:
		return EXIT_OK;
	case E_NOT_FOUND:
		return EXIT_NOT_FOUND;
	case E_CONFLICT:
		return EXIT_CONFLICT;
	case E_UNAVAILABLE:
		return EXIT_UNREACHABLE;
	default:
		return EXIT_ERROR;
	}
}

int command_migrate(struct cli *cli)
{
	static struct setup setup;
	log_init("cpushare-market", LOG_INFO);
	int code = setup_read(cli, false, &setup);
	if (code)
		return code;
	if (!setup.database[0] && setup_lock(&setup) != OK) {
		printf("a market runs on %s: it brought its database up to date when it started\n", setup.data_dir);
		return EXIT_OK;
	}
	err_t e = setup_cluster(&setup);
	if (e == OK)
		e = setup_migrate(&setup);
	setup_clear(&setup);
	if (e == OK)
		printf("the database is up to date\n");
	return e ? EXIT_ERROR : EXIT_OK;
}

/* ---- ledger ---- */

static void line(const char *what, int64_t value)
{
	printf("%-24s %lld\n", what, (long long)value);
}

#define FAULTS_SHOWN 20

/* kept: NUMBER:HASH as an earlier run printed it, so that a chain made anew or cut off shows. */
static err_t check_kept(struct store *store, const char *kept, bool *ret_same)
{
	char text[SHA256_TEXT_SIZE];
	int64_t number;
	sha256 hash;
	const char *colon = strchr(kept, ':');
	AUTO_FREE char *digits = colon ? strndup(kept, (size_t)(colon - kept)) : NULL;
	*ret_same = false;
	if (!digits || int_parse(digits, &number) != OK)
		return E_NOT_FOUND;
	err_t e = store_chain_hash(store, number, &hash);
	if (e && e != E_NOT_FOUND)
		return e;
	*ret_same = e == OK && !strcmp(sha256_format(hash, text), colon + 1);
	printf("the chain at %lld %s\n", (long long)number, *ret_same ? "is what was kept" : "IS NOT WHAT WAS KEPT");
	return OK;
}

static err_t verify_chain(struct cli *cli, struct store *store, bool *ret_holds)
{
	struct chain_head head;
	AUTO_FREE struct chain_fault *faults = NULL;
	size_t count;
	bool same = true;
	char text[SHA256_TEXT_SIZE], id[UUID_TEXT_SIZE];
	TRY(store_chain_head(store, &head));
	TRY(store_chain_faults(store, FAULTS_SHOWN, &faults, &count));
	printf("%-24s %lld:%s\n", "chain", (long long)head.number, sha256_format(head.hash, text));
	line("chain_waiting", head.waiting);
	for (size_t i = 0; i < count; i++)
		printf("posting %s, %lld in the chain: %s\n", uuid_format(faults[i].posting, id), (long long)faults[i].number,
		       faults[i].fault);
	if (cli_arg_count(cli) > 0)
		TRY(check_kept(store, cli_arg(cli, 0), &same));
	*ret_holds = count == 0 && same;
	return OK;
}

static err_t ledger_verify(struct cli *cli, const struct setup *setup, struct store *store)
{
	struct ledger_report l;
	bool chained;
	TRY(store_ledger_verify(store, &l));
	line("accounts", l.accounts);
	line("postings", l.postings);
	line("entries", l.entries);
	line("sum_micro", l.sum_micro);
	line("unbalanced", l.unbalanced);
	line("negative", l.negative);
	line("holds_difference_micro", l.holds_difference_micro);
	line("orders_difference", l.orders_difference);
	line("commission_micro", l.commission_micro);
	line("external_micro", l.external_micro);
	line("users_micro", l.users_micro);
	line("payouts_micro", l.payouts_micro);
	line("payouts_difference_micro", l.payouts_difference_micro);
	line("owed_micro", l.owed_micro);
	TRY(verify_chain(cli, store, &chained));
	bool holds = chained && !l.sum_micro && !l.unbalanced && !l.negative && !l.holds_difference_micro &&
		     !l.orders_difference && !l.payouts_difference_micro;
	printf("the ledger in %s %s\n", setup->settings.currency, holds ? "holds" : "DOES NOT HOLD");
	return holds ? OK : E_CORRUPT;
}

int command_ledger_verify(struct cli *cli)
{
	return with_store(cli, ledger_verify);
}

/* ---- corrections and disputes ---- */

/* Who runs this command, as the posting tells it. */
static const char *operator_name(void)
{
	const struct passwd *user = getpwuid(geteuid());
	return user ? user->pw_name : "operator";
}

static err_t correct_lease(struct cli *cli, const struct setup *setup, struct store *store)
{
	uuid lease;
	money amount;
	if (uuid_parse(cli_arg(cli, 0), &lease) != OK)
		return E_NOT_FOUND;
	TRY(money_parse(cli_arg(cli, 1), &amount));
	TRY(store_correct(store, lease, amount, cli_arg(cli, 2), operator_name(), clock_wall()));
	printf("%s %s given back\n", cli_arg(cli, 1), setup->settings.currency);
	return OK;
}

static void print_dispute(const struct dispute *d, const char *currency)
{
	char id[UUID_TEXT_SIZE], at[WALL_TEXT_SIZE], charged[MONEY_TEXT_SIZE], refund[MONEY_TEXT_SIZE];
	printf("%s  %-8s  %s  charged %s, given back %s %s\n", uuid_format(d->lease, id), d->state, wall_format(d->opened_at, at),
	       money_format(d->charged, charged), money_format(d->refunded, refund), currency);
}

static err_t list_disputes(struct cli *cli, const struct setup *setup, struct store *store)
{
	struct page page = { .limit = 200 };
	(void)cli;
	for (;;) {
		AUTO_FREE struct dispute *rows = NULL;
		size_t count;
		TRY(store_dispute_list(store, "open", page, &rows, &count));
		for (size_t i = 0; i < count; i++)
			print_dispute(&rows[i], setup->settings.currency);
		if (count < page.limit)
			return OK;
		page.after = rows[count - 1].lease;
	}
}

static err_t decide_dispute(struct cli *cli, const struct setup *setup, struct store *store)
{
	uuid lease;
	int64_t percent;
	struct dispute d;
	if (uuid_parse(cli_arg(cli, 0), &lease) != OK)
		return E_NOT_FOUND;
	TRY(int_parse(cli_arg(cli, 1), &percent));
	TRY(store_dispute_decide(store, lease, percent, cli_arg(cli, 2), operator_name(), clock_wall()));
	TRY(store_dispute_get(store, lease, &d));
	print_dispute(&d, setup->settings.currency);
	return OK;
}

int command_ledger_correct(struct cli *cli)
{
	return with_store(cli, correct_lease);
}

int command_dispute_list(struct cli *cli)
{
	return with_store(cli, list_disputes);
}

int command_dispute_decide(struct cli *cli)
{
	return with_store(cli, decide_dispute);
}

static err_t recompute(struct cli *cli, const struct setup *setup, struct store *store)
{
	int64_t wrong;
	(void)cli;
	(void)setup;
	TRY(store_reputation_recompute(store, &wrong));
	line("wrong", wrong);
	return OK;
}

int command_reputation_recompute(struct cli *cli)
{
	return with_store(cli, recompute);
}

/* ---- operators ---- */

static err_t set_operator(struct cli *cli, struct store *store, bool on)
{
	char email[EMAIL_SIZE];
	if (text_copy(email, sizeof email, cli_arg(cli, 0)) != OK)
		return E_NOT_FOUND;
	for (char *at = email; *at; at++) /* as accounts keep it */
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	TRY(store_account_set_operator(store, email, on));
	printf("%s is %s\n", email, on ? "an operator; it counts from the next log-in" : "no operator any more");
	return OK;
}

static err_t grant(struct cli *cli, const struct setup *setup, struct store *store)
{
	(void)setup;
	return set_operator(cli, store, true);
}

static err_t take_back(struct cli *cli, const struct setup *setup, struct store *store)
{
	(void)setup;
	return set_operator(cli, store, false);
}

int command_operator_grant(struct cli *cli)
{
	return with_store(cli, grant);
}

int command_operator_revoke(struct cli *cli)
{
	return with_store(cli, take_back);
}

/* ---- deposits ---- */

static void print_deposit(const struct deposit *d, const char *currency)
{
	char id[UUID_TEXT_SIZE], at[WALL_TEXT_SIZE], amount[MONEY_TEXT_SIZE], credit[MONEY_TEXT_SIZE];
	printf("%s  %-8s  %-8s  %s %s (credit %s)  %s\n", uuid_format(d->id, id), d->provider, deposit_state_names[d->state],
	       money_format(d->amount, amount), currency, money_format(d->credit, credit), wall_format(d->created_at, at));
}

static err_t list_deposits(struct cli *cli, const struct setup *setup, struct store *store)
{
	struct page page = { .limit = 200 };
	(void)cli;
	for (;;) {
		AUTO_FREE struct deposit *rows = NULL;
		size_t count;
		TRY(store_deposit_list(store, (uuid){ 0 }, DEPOSIT_PENDING, page, &rows, &count));
		for (size_t i = 0; i < count; i++)
			print_deposit(&rows[i], setup->settings.currency);
		if (count < page.limit)
			return OK;
		page.after = rows[count - 1].id;
	}
}

static err_t confirm(struct cli *cli, const struct setup *setup, struct store *store)
{
	uuid id;
	struct deposit d;
	if (uuid_parse(cli_arg(cli, 0), &id) != OK)
		return E_NOT_FOUND;
	TRY(store_deposit_credit(store, id, cli_arg_count(cli) > 1 ? cli_arg(cli, 1) : cli_arg(cli, 0), &d));
	print_deposit(&d, setup->settings.currency);
	return OK;
}

static err_t fail(struct cli *cli, const struct setup *setup, struct store *store)
{
	uuid id;
	struct deposit d;
	if (uuid_parse(cli_arg(cli, 0), &id) != OK)
		return E_NOT_FOUND;
	TRY(store_deposit_fail(store, id, &d));
	print_deposit(&d, setup->settings.currency);
	return OK;
}

int command_deposit_list(struct cli *cli)
{
	return with_store(cli, list_deposits);
}

int command_deposit_confirm(struct cli *cli)
{
	return with_store(cli, confirm);
}

int command_deposit_fail(struct cli *cli)
{
	return with_store(cli, fail);
}

/* ---- what needs no database ---- */

int command_config_example(struct cli *cli)
{
	AUTO_BUF out = { 0 };
	(void)cli;
	conf_example(settings_table, &out);
	fputs(out.data ? out.data : "", stdout);
	return EXIT_OK;
}

int command_routes(struct cli *cli)
{
	(void)cli;
	for (const struct route *r = market_routes; r->method; r++)
		printf("%-6s %-36s %s\n", r->method, r->pattern, r->what);
	return EXIT_OK;
}
