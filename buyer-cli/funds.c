/* SPDX-License-Identifier: Apache-2.0
 * funds.c - funds add, balance, history, deposits; confirm for operators
 */
#include <stdio.h>
#include <string.h>
#include "commands.h"
#include "interrupt.h"
#include "json.h"
#include "listing.h"
#include "output.h"
#include "price.h"
#include "session.h"

static const struct column deposit_columns[] = { { "deposit", "id", CELL_TEXT },
						 { "state", "state", CELL_TEXT },
						 { "amount", "amount_micro", CELL_MONEY },
						 { "commission", "commission_micro", CELL_MONEY },
						 { "credited", "credit_micro", CELL_MONEY },
						 { "provider", "provider", CELL_TEXT },
						 { "next", "instructions", CELL_TEXT },
						 { "pay at", "pay_url", CELL_TEXT },
						 { "note", "note", CELL_TEXT },
						 { .title = NULL } };

/* A provider says within seconds where to pay; the market asks it by itself. */
#define PAGE_TRIES 60
#define PAGE_PAUSE_US (500 * MILLISECOND_US)

static int wait_for_page(session_t *s, json_t **deposit)
{
	char path[128];
	snprintf(path, sizeof path, "/v1/deposits/%.36s", json_string_value(json_object_get(*deposit, "id")));
	for (int i = 0; i < PAGE_TRIES; i++) {
		const char *state = json_string_value(json_object_get(*deposit, "state"));
		if (!state || strcmp(state, "created"))
			return EXIT_OK;
		interrupt_sleep(PAGE_PAUSE_US);
		json_t *again = NULL;
		int code = session_call(s, "GET", path, NULL, false, &again);
		if (code)
			return code;
		json_decref(*deposit);
		*deposit = again;
	}
	return EXIT_OK; /* it is there, and can be looked at later */
}

/* What the market would keep of it, by its published fee. */
static int quote_deposit(session_t *s, money amount)
{
	static const struct column columns[] = { { "amount", "amount_micro", CELL_MONEY },
						 { "commission", "commission_micro", CELL_MONEY },
						 { "credited", "credit_micro", CELL_MONEY },
						 { .title = NULL } };
	AUTO_JSON market = NULL;
	AUTO_JSON quote = json_object();
	money commission = { 0 };
	int code = session_call(s, "GET", "/v1/market", NULL, false, &market);
	if (code)
		return code;
	int64_t basis_points = field_int(json_object_get(market, "fees"), "deposit_basis_points");
	if (basis_points < 0 || basis_points > 10000 || price_commission(amount, (uint32_t)basis_points, &commission))
		return cli_error(s->cli, EXIT_ERROR, "the market's fee is no share");
	json_put_money(quote, "amount_micro", amount);
	json_put_money(quote, "commission_micro", commission);
	json_put_money(quote, "credit_micro", (money){ amount.micro - commission.micro });
	output_object(s->cli, quote, columns, "credit_micro");
	return EXIT_OK;
}

int command_funds_add(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	AUTO_JSON body = json_object();
	money amount;
	if (money_parse(cli_arg(cli, 0), &amount) || amount.micro == 0)
		return cli_error(cli, EXIT_USAGE, "AMOUNT: must be like 10 or 12.50, not \"%s\"", cli_arg(cli, 0));
	int code = session_open(cli, true, &s);
	if (code)
		return code;
	if (cli_flag(cli, "quote"))
		return quote_deposit(&s, amount);
	json_put_money(body, "amount_micro", amount);
	json_put_text(body, "provider", cli_text(cli, "provider", "manual"));
	if ((code = session_call(&s, "POST", "/v1/deposits", body, true, &answer)) || (code = wait_for_page(&s, &answer)))
		return code;
	output_object(cli, answer, deposit_columns, "id");
	return EXIT_OK;
}

int command_funds_balance(struct cli *cli)
{
	static const struct column columns[] = { { "available", "available_micro", CELL_MONEY },
						 { "held", "held_micro", CELL_MONEY },
						 { "owed", "owed_micro", CELL_MONEY },
						 { "accrued", "accrued_micro", CELL_BUDGET },
						 { "earning", "earning_micro", CELL_BUDGET },
						 { "used per hour", "per_hour_micro", CELL_BUDGET },
						 { "runs out", "runs_out_at", CELL_DATE },
						 { "currency", "currency", CELL_TEXT },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	int code = session_open(cli, true, &s);
	if (code || (code = session_call(&s, "GET", "/v1/balance", NULL, false, &answer)))
		return code;
	output_object(cli, answer, columns, "available_micro");
	return EXIT_OK;
}

/* A day, from its beginning, or a time. */
static int add_time(struct cli *cli, const char *option, char *path, size_t size)
{
	const char *text = cli_text(cli, option, NULL);
	char whole[64], at[WALL_TEXT_SIZE];
	wall_time time;
	size_t len = strlen(path);
	if (!text)
		return EXIT_OK;
	snprintf(whole, sizeof whole, strlen(text) == 10 ? "%.40sT00:00:00Z" : "%.60s", text);
	if (wall_parse(whole, &time))
		return cli_error(cli, EXIT_USAGE,
				 "--%s: a day such as 2026-11-01, or a time such as 2026-11-01T20:00:00Z, not \"%s\"", option,
				 text);
	snprintf(path + len, size - len, "%c%s=%s", strchr(path, '?') ? '&' : '?', option, wall_format(time, at));
	return EXIT_OK;
}

static int statement_path(struct cli *cli, char *path, size_t size)
{
	snprintf(path, size, "/v1/statement");
	int code = add_time(cli, "from", path, size);
	return code ? code : add_time(cli, "to", path, size);
}

int command_funds_history(struct cli *cli)
{
	static const struct column columns[] = { { "WHEN", "at", CELL_DATE },
						 { "KIND", "kind", CELL_TEXT },
						 { "AMOUNT", "amount_micro", CELL_MONEY },
						 { "BALANCE", "balance_micro", CELL_MONEY },
						 { "ORDER", "order", CELL_SHORT },
						 { "FOR", "text", CELL_TEXT },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON items = NULL;
	char path[160];
	int code = session_open(cli, true, &s);
	if (!code && (cli_flag(cli, "from") || cli_flag(cli, "to"))) {
		AUTO_JSON statement = NULL;
		if ((code = statement_path(cli, path, sizeof path)) ||
		    (code = session_call(&s, "GET", path, NULL, false, &statement)))
			return code;
		items = json_incref(json_object_get(statement, "items"));
	} else if (code || (code = session_list(&s, "/v1/postings", &items))) {
		return code;
	}
	output_list(cli, items, columns, "id");
	return EXIT_OK;
}

int command_funds_earnings(struct cli *cli)
{
	static const struct column columns[] = { { "DAY", "day", CELL_TEXT },
						 { "EARNED", "earned_micro", CELL_MONEY },
						 { "SPENT", "spent_micro", CELL_MONEY },
						 { .title = NULL } };
	char path[64];
	int64_t days;
	if (cli_int(cli, "days", 30, 1, 366, &days))
		return EXIT_USAGE;
	snprintf(path, sizeof path, "/v1/earnings?days=%d", (int)days);
	return show_list(cli, true, path, columns, "earned_micro");
}

int command_funds_deposits(struct cli *cli)
{
	static const struct column columns[] = { { "ID", "id", CELL_TEXT },
						 { "STATE", "state", CELL_TEXT },
						 { "AMOUNT", "amount_micro", CELL_MONEY },
						 { "COMMISSION", "commission_micro", CELL_MONEY },
						 { "CREDIT", "credit_micro", CELL_MONEY },
						 { "PROVIDER", "provider", CELL_TEXT },
						 { "CREATED", "created_at", CELL_DATE },
						 { .title = NULL } };
	return show_list(cli, true, cli_flag(cli, "all") ? "/v1/operator/deposits?state=pending" : "/v1/deposits", columns, "id");
}

int command_funds_confirm(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	char path[128], id[UUID_TEXT_SIZE];
	int code = session_open(cli, true, &s);
	if (code || (code = session_find(&s, "deposit that waits", "/v1/operator/deposits?state=pending", cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/deposits/%s/%s", id, cli_flag(cli, "fail") ? "fail" : "confirm");
	if ((code = session_call(&s, "POST", path, NULL, true, &answer)))
		return code;
	if (output_form(cli) == FORM_TABLE)
		json_object_del(answer, "instructions"); /* they tell the payer what to do next */
	output_object(cli, answer, deposit_columns, "id");
	return EXIT_OK;
}
