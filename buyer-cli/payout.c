/* SPDX-License-Identifier: Apache-2.0
 * payout.c - funds withdraw, payouts; approve for operators
 */
#include <stdio.h>
#include "bytes.h"
#include "commands.h"
#include "listing.h"
#include "output.h"
#include "payout.h"
#include "session.h"

static const struct column payout_columns[] = { { "payout", "id", CELL_TEXT },
						{ "state", "state", CELL_TEXT },
						{ "amount", "amount_micro", CELL_MONEY },
						{ "commission", "commission_micro", CELL_MONEY },
						{ "sent", "send_micro", CELL_MONEY },
						{ "provider", "provider", CELL_TEXT },
						{ "to", "receiver", CELL_TEXT },
						{ "approved", "approved", CELL_TEXT },
						{ "note", "note", CELL_TEXT },
						{ .title = NULL } };

int command_funds_withdraw(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	bool quote = cli_flag(cli, "quote");
	const char *receiver = cli_text(cli, "to", "");
	struct payout_request request = { 0 };
	if (money_parse(cli_arg(cli, 0), &request.amount) || request.amount.micro == 0)
		return cli_error(cli, EXIT_USAGE, "AMOUNT: must be like 10 or 12.50, not \"%s\"", cli_arg(cli, 0));
	if (!*receiver || text_copy(request.receiver, sizeof request.receiver, receiver))
		return cli_error(cli, EXIT_USAGE, "--to: where to, as an email address or account number");
	if (text_copy(request.provider, sizeof request.provider, cli_text(cli, "provider", "manual")))
		return cli_error(cli, EXIT_USAGE, "--provider: at most %d bytes", PROVIDER_SIZE - 1);
	int code = session_open(cli, true, &s);
	if (code)
		return code;
	AUTO_JSON body = payout_request_to_json(&request);
	if ((code = session_call(&s, "POST", quote ? "/v1/payouts/quote" : "/v1/payouts", body, !quote, &answer)))
		return code;
	output_object(cli, answer, quote ? payout_columns + 2 : payout_columns, quote ? "send_micro" : "id");
	return EXIT_OK;
}

int command_funds_payouts(struct cli *cli)
{
	static const struct column columns[] = { { "ID", "id", CELL_TEXT },
						 { "STATE", "state", CELL_TEXT },
						 { "AMOUNT", "amount_micro", CELL_MONEY },
						 { "SENT", "send_micro", CELL_MONEY },
						 { "PROVIDER", "provider", CELL_TEXT },
						 { "TO", "receiver", CELL_TEXT },
						 { "NOTE", "note", CELL_TEXT },
						 { "CREATED", "created_at", CELL_DATE },
						 { .title = NULL } };
	return show_list(cli, true, cli_flag(cli, "all") ? "/v1/operator/payouts?state=created" : "/v1/payouts", columns, "id");
}

int command_funds_approve(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	char path[128], id[UUID_TEXT_SIZE];
	int code = session_open(cli, true, &s);
	if (code || (code = session_find(&s, "payout that waits", "/v1/operator/payouts?state=created", cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/payouts/%s/%s", id,
		 cli_flag(cli, "fail")	 ? "fail"
		 : cli_flag(cli, "paid") ? "confirm"
					 : "approve");
	if ((code = session_call(&s, "POST", path, NULL, true, &answer)))
		return code;
	output_object(cli, answer, payout_columns, "id");
	return EXIT_OK;
}
