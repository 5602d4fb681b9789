/* SPDX-License-Identifier: Apache-2.0
 * operate.c - the operator's commands: they speak to the same database as the market that serves
 */
#include <pwd.h>
#include <stdarg.h>
#include <unistd.h>
#include "audit.h"
#include "books.h"
#include "bytes.h"
#include "commands.h"
#include "disputes.h"
#include "file.h"
#include "json.h"
#include "log.h"
#include "market.h"
#include "operate.h"
#include "people.h"
#include "setup.h"

static void tell_number(const struct telling *t, const char *what, int64_t value)
{
	if (t->json)
		json_put_int(t->json, what, value);
	else
		printf("%-24s %lld\n", what, (long long)value);
}

static void tell_text(const struct telling *t, const char *what, const char *value)
{
	if (t->json)
		json_put_text(t->json, what, value);
	else
		printf("%-24s %s\n", what, value);
}

void say(const struct telling *t, const char *fmt, ...)
{
	va_list args;
	if (t->json)
		return;
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

void tell_item(const struct telling *t, json_t *item)
{
	json_array_append_new(json_object_get(t->json, "items"), item);
}

static void telling_begin(const struct cli *cli, struct telling *ret)
{
	ret->json = strcmp(cli_text(cli, "output", "text"), "json") ? NULL : json_object();
}

static void telling_end(struct telling *t, bool good)
{
	if (t->json && good) {
		json_put_int(t->json, "schema", 1);
		json_dumpf(t->json, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(t->json);
	t->json = NULL;
}

int form_check(const struct cli *cli)
{
	const char *form = cli_text(cli, "output", "text");
	return strcmp(form, "text") && strcmp(form, "json")
		       ? cli_error(cli, EXIT_USAGE, "--output: must be text or json, not \"%s\"", form)
		       : EXIT_OK;
}

static int report(const struct cli *cli, err_t e, const struct store *store)
{
	switch (e) {
	case OK:
		return EXIT_OK;
	case E_INVALID:
		return EXIT_USAGE;
	case E_NOT_FOUND:
		return cli_error(cli, EXIT_NOT_FOUND, "there is none");
	case E_CONFLICT:
		return cli_error(cli, EXIT_CONFLICT, "its state does not allow this");
	case E_CORRUPT:
		return cli_error(cli, EXIT_ERROR, "the ledger does not hold");
	default:
		return cli_error(cli, e == E_UNAVAILABLE ? EXIT_UNREACHABLE : EXIT_ERROR, "%s: %s", err_name(e),
				 store_error(store));
	}
}

/* A command that changes something is written down before it runs, whether or not it succeeds. */
static err_t note_act(const struct cli *cli, struct store *store)
{
	static const char *const reading[] = { "list", "show", "verify" };
	const char *name = cli_command_of(cli)->name, *verb = strrchr(name, ' ');
	wall_time now = clock_wall();
	struct operator_act act = { .id = uuid_make(now), .at = now };
	AUTO_BUF detail = { .max = sizeof act.detail - 1 };
	for (size_t i = 0; i < sizeof reading / sizeof *reading; i++)
		if (verb && !strcmp(verb + 1, reading[i]))
			return OK;
	for (int i = 0; i < cli_arg_count(cli); i++)
		buf_printf(&detail, "%s%s", i ? " " : "", cli_arg(cli, i));
	TRY(text_copy(act.name, sizeof act.name, operator_name()));
	TRY(text_copy(act.act, sizeof act.act, name));
	TRY(text_copy(act.detail, sizeof act.detail, detail.error || !detail.data ? "" : detail.data));
	return store_act_add(store, &act);
}

int with_store(struct cli *cli, with_store_fn *fn)
{
	static struct setup setup;
	struct store *store = NULL;
	struct telling t;
	log_init("cpushare-market", LOG_WARN);
	int code = form_check(cli);
	if (code || (code = setup_read(cli, false, &setup)))
		return code;
	err_t e = setup_store(&setup, &store); /* it has said what is wrong */
	code = e == E_NOT_FOUND ? EXIT_NOT_FOUND : e == E_UNAVAILABLE ? EXIT_UNREACHABLE : EXIT_ERROR;
	if (e == OK) {
		telling_begin(cli, &t);
		e = note_act(cli, store);
		if (e == OK)
			e = fn(cli, &setup, store, &t);
		telling_end(&t, e == OK || e == E_CORRUPT);
		code = report(cli, e, store);
	}
	store_close(store);
	setup_clear(&setup);
	return code;
}

int command_migrate(struct cli *cli)
{
	static struct setup setup;
	struct telling t;
	int code = form_check(cli);
	bool json = !code && !strcmp(cli_text(cli, "output", "text"), "json");
	log_init("cpushare-market", json ? LOG_ERROR : LOG_INFO);
	if (code || (code = setup_read(cli, false, &setup)))
		return code;
	telling_begin(cli, &t);
	err_t e = OK;
	if (!setup.database[0] && setup_lock(&setup) != OK) {
		say(&t, "a market runs on %s: it brought its database up to date when it started", setup.data_dir);
	} else {
		e = setup_cluster(&setup);
		if (e == OK)
			e = setup_migrate(&setup);
		setup_clear(&setup);
		if (e == OK)
			say(&t, "the database is up to date");
	}
	if (t.json)
		json_put_bool(t.json, "up_to_date", e == OK);
	telling_end(&t, e == OK);
	return e ? EXIT_ERROR : EXIT_OK;
}

/* ---- ledger ---- */

#define FAULTS_SHOWN 20

/* kept: NUMBER:HASH as an earlier run printed it, so that a chain made anew or cut off shows. */
static err_t check_kept(struct store *store, const struct telling *t, const char *kept, bool *ret_same)
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
	say(t, "the chain at %lld %s", (long long)number, *ret_same ? "is what was kept" : "IS NOT WHAT WAS KEPT");
	if (t->json)
		json_put_bool(t->json, "kept_is_same", *ret_same);
	return OK;
}

static char ENTRIES[] = "the entries", CHAIN[] = "the chain";

/* For who waits at a terminal. */
static void show_seen(void *context, uint64_t done, uint64_t all)
{
	fprintf(stderr, "\r%3d %% of %s", (int)(done * 100 / all), (const char *)context);
	if (done == all)
		fputs("\r\033[K", stderr);
}

static audit_seen_fn *seen_by(void)
{
	return isatty(STDERR_FILENO) ? show_seen : NULL;
}

static err_t verify_chain(struct cli *cli, struct store *store, const struct telling *t, bool *ret_holds)
{
	struct chain_head head;
	AUTO_FREE struct chain_fault *faults = NULL;
	size_t count;
	bool same = true;
	char text[SHA256_TEXT_SIZE], id[UUID_TEXT_SIZE], end[SHA256_TEXT_SIZE + 24];
	TRY(store_chain_head(store, &head));
	TRY(store_chain_audit(store, 0, FAULTS_SHOWN, seen_by(), CHAIN, &faults, &count));
	snprintf(end, sizeof end, "%lld:%s", (long long)head.number, sha256_format(head.hash, text));
	tell_text(t, "chain", end);
	tell_number(t, "chain_waiting", head.waiting);
	if (t->json)
		json_put(t->json, "items", json_array()); /* the chain's faults */
	for (size_t i = 0; i < count; i++) {
		say(t, "posting %s, %lld in the chain: %s", uuid_format(faults[i].posting, id), (long long)faults[i].number,
		    faults[i].fault);
		if (t->json)
			tell_item(t, json_pack("{s:s, s:I, s:s}", "posting", uuid_format(faults[i].posting, id), "number",
					       (json_int_t)faults[i].number, "fault", faults[i].fault));
	}
	if (cli_arg_count(cli) > 0)
		TRY(check_kept(store, t, cli_arg(cli, 0), &same));
	*ret_holds = count == 0 && same;
	return OK;
}

static err_t ledger_verify(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	struct ledger_report l;
	bool chained;
	TRY(store_ledger_audit(store, 0, seen_by(), ENTRIES, &l));
	tell_number(t, "accounts", l.accounts);
	tell_number(t, "postings", l.postings);
	tell_number(t, "entries", l.entries);
	tell_number(t, "sum_micro", l.sum_micro);
	tell_number(t, "unbalanced", l.unbalanced);
	tell_number(t, "negative", l.negative);
	tell_number(t, "holds_difference_micro", l.holds_difference_micro);
	tell_number(t, "orders_difference", l.orders_difference);
	tell_number(t, "commission_micro", l.commission_micro);
	tell_number(t, "external_micro", l.external_micro);
	tell_number(t, "users_micro", l.users_micro);
	tell_number(t, "payouts_micro", l.payouts_micro);
	tell_number(t, "payouts_difference_micro", l.payouts_difference_micro);
	tell_number(t, "owed_micro", l.owed_micro);
	tell_number(t, "machines_difference", l.machines_difference);
	TRY(verify_chain(cli, store, t, &chained));
	bool holds = chained && !l.sum_micro && !l.unbalanced && !l.negative && !l.holds_difference_micro &&
		     !l.orders_difference && !l.payouts_difference_micro && !l.machines_difference;
	say(t, "the ledger in %s %s", setup->settings.currency, holds ? "holds" : "DOES NOT HOLD");
	if (t->json)
		json_put_bool(t->json, "holds", holds);
	return holds ? OK : E_CORRUPT;
}

int command_ledger_verify(struct cli *cli)
{
	return with_store(cli, ledger_verify);
}

/* ---- corrections and disputes ---- */

/* Who runs this command, as the posting tells it. */
const char *operator_name(void)
{
	const struct passwd *user = getpwuid(geteuid());
	return user ? user->pw_name : "operator";
}

static err_t correct_lease(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	uuid lease;
	money amount;
	if (uuid_parse(cli_arg(cli, 0), &lease) != OK)
		return E_NOT_FOUND;
	TRY(money_parse(cli_arg(cli, 1), &amount));
	TRY(store_correct(store, lease, amount, cli_arg(cli, 2), operator_name(), clock_wall()));
	say(t, "%s %s given back", cli_arg(cli, 1), setup->settings.currency);
	if (t->json)
		json_put_money(t->json, "given_back_micro", amount);
	return OK;
}

static void print_dispute(const struct dispute *d, const char *currency)
{
	char id[UUID_TEXT_SIZE], at[WALL_TEXT_SIZE], charged[MONEY_TEXT_SIZE], refund[MONEY_TEXT_SIZE];
	printf("%s  %-8s  %s  charged %s, given back %s %s\n", uuid_format(d->lease, id), d->state, wall_format(d->opened_at, at),
	       money_format(d->charged, charged), money_format(d->refunded, refund), currency);
}

static err_t list_disputes(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	struct page page = { .limit = 200 };
	(void)cli;
	if (t->json)
		json_put(t->json, "items", json_array());
	for (;;) {
		AUTO_FREE struct dispute *rows = NULL;
		size_t count;
		TRY(store_dispute_list(store, "open", page, &rows, &count));
		for (size_t i = 0; i < count; i++)
			if (t->json)
				tell_item(t, dispute_to_json(&rows[i]));
			else
				print_dispute(&rows[i], setup->settings.currency);
		if (count < page.limit)
			return OK;
		page.after = rows[count - 1].lease;
	}
}

/* What a guest wrote, for a terminal: printable ASCII and ends of lines. */
static err_t print_console(const char *base64)
{
	size_t len = strlen(base64);
	AUTO_FREE char *bytes = malloc(len + 1);
	if (!bytes)
		return E_NOMEM;
	TRY(base64_decode(base64, bytes, len, &len));
	printf("console, the last %zu bytes:\n", len);
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != '\r')
			putchar(bytes[i] == '\n' || (bytes[i] >= ' ' && bytes[i] <= '~') ? bytes[i] : '.');
	putchar('\n');
	return OK;
}

static err_t show_dispute(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	uuid lease;
	struct dispute d;
	AUTO_FREE char *evidence = NULL;
	AUTO_FREE char *console = NULL;
	if (uuid_parse(cli_arg(cli, 0), &lease) != OK)
		return E_NOT_FOUND;
	TRY(store_dispute_get(store, lease, &d));
	TRY(store_dispute_evidence(store, lease, &evidence, &console));
	AUTO_JSON known = json_loads(evidence, 0, NULL);
	if (t->json) {
		json_object_update_new(t->json, dispute_to_json(&d));
		json_object_set(t->json, "evidence", known);
		json_put_text(t->json, "console_base64", console);
		return OK;
	}
	AUTO_JSON text = json_string(d.text);
	print_dispute(&d, setup->settings.currency);
	json_dumpf(text, stdout, JSON_ENCODE_ANY | JSON_ENSURE_ASCII); /* a stranger's words */
	putchar('\n');
	json_dumpf(known, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	return print_console(console);
}

static err_t decide_dispute(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	uuid lease;
	int64_t percent;
	struct dispute d;
	if (uuid_parse(cli_arg(cli, 0), &lease) != OK)
		return E_NOT_FOUND;
	TRY(int_parse(cli_arg(cli, 1), &percent));
	TRY(store_dispute_decide(store, lease, percent, cli_arg(cli, 2), operator_name(), clock_wall()));
	TRY(store_dispute_get(store, lease, &d));
	if (t->json)
		json_object_update_new(t->json, dispute_to_json(&d));
	else
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

int command_dispute_show(struct cli *cli)
{
	return with_store(cli, show_dispute);
}

int command_dispute_decide(struct cli *cli)
{
	return with_store(cli, decide_dispute);
}

static err_t recompute(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	int64_t wrong;
	(void)cli;
	(void)setup;
	TRY(store_reputation_recompute(store, &wrong));
	tell_number(t, "wrong", wrong);
	return OK;
}

int command_reputation_recompute(struct cli *cli)
{
	return with_store(cli, recompute);
}

/* ---- operators ---- */

err_t email_of(const char *text, char *ret_email)
{
	if (text_copy(ret_email, EMAIL_SIZE, text) != OK)
		return E_NOT_FOUND;
	for (char *at = ret_email; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	return OK;
}

static err_t set_operator(struct cli *cli, struct store *store, struct telling *t, bool on)
{
	char email[EMAIL_SIZE];
	TRY(email_of(cli_arg(cli, 0), email));
	TRY(store_account_set_operator(store, email, on));
	say(t, "%s is %s", email, on ? "an operator; it counts from the next log-in" : "no operator any more");
	if (t->json) {
		json_put_text(t->json, "email", email);
		json_put_bool(t->json, "operator", on);
	}
	return OK;
}

static err_t grant(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	(void)setup;
	return set_operator(cli, store, t, true);
}

static err_t take_back(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	(void)setup;
	return set_operator(cli, store, t, false);
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

static err_t list_deposits(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	struct page page = { .limit = 200 };
	(void)cli;
	if (t->json)
		json_put(t->json, "items", json_array());
	for (;;) {
		AUTO_FREE struct deposit *rows = NULL;
		size_t count;
		TRY(store_deposit_list(store, (uuid){ 0 }, DEPOSIT_PENDING, page, &rows, &count));
		for (size_t i = 0; i < count; i++)
			if (t->json)
				tell_item(t, deposit_to_json(&rows[i]));
			else
				print_deposit(&rows[i], setup->settings.currency);
		if (count < page.limit)
			return OK;
		page.after = rows[count - 1].id;
	}
}

static err_t confirm(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	uuid id;
	struct deposit d;
	if (uuid_parse(cli_arg(cli, 0), &id) != OK)
		return E_NOT_FOUND;
	TRY(store_deposit_credit(store, id, cli_arg_count(cli) > 1 ? cli_arg(cli, 1) : cli_arg(cli, 0), &d));
	if (t->json)
		json_object_update_new(t->json, deposit_to_json(&d));
	else
		print_deposit(&d, setup->settings.currency);
	return OK;
}

static err_t fail(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	uuid id;
	struct deposit d;
	if (uuid_parse(cli_arg(cli, 0), &id) != OK)
		return E_NOT_FOUND;
	TRY(store_deposit_fail(store, id, &d));
	if (t->json)
		json_object_update_new(t->json, deposit_to_json(&d));
	else
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
	struct telling t;
	int code = form_check(cli);
	if (code)
		return code;
	telling_begin(cli, &t);
	conf_example(settings_table, &out);
	if (t.json)
		json_put_text(t.json, "text", out.data);
	else
		fputs(out.data ? out.data : "", stdout);
	telling_end(&t, true);
	return EXIT_OK;
}

int command_routes(struct cli *cli)
{
	struct telling t;
	int code = form_check(cli);
	if (code)
		return code;
	telling_begin(cli, &t);
	if (t.json)
		json_put(t.json, "items", json_array());
	for (const struct route *r = market_routes; r->method; r++)
		if (t.json)
			tell_item(&t, json_pack("{s:s, s:s, s:s}", "method", r->method, "path", r->pattern, "what", r->what));
		else
			printf("%-6s %-36s %s\n", r->method, r->pattern, r->what);
	telling_end(&t, true);
	return EXIT_OK;
}
