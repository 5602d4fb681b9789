/* SPDX-License-Identifier: Apache-2.0
 * calibration_commands.c - the operator's commands about measuring machines; the market that serves sees what they ask for within a sweep
 */
#include "calibrations.h"
#include "commands.h"
#include "file.h"
#include "operate.h"

#define LISTED 200

static void tell_calibration(const struct telling *t, const struct calibration_row *row)
{
	char id[UUID_TEXT_SIZE], order[UUID_TEXT_SIZE], at[WALL_TEXT_SIZE];
	if (t->json) {
		json_t *json = calibration_to_json(row);
		json_put_text(json, "machine_name", row->machine_name);
		json_put_uuid(json, "order", row->order);
		json_put_time(json, "began_at", row->began_at);
		json_put_int(json, "took_us", row->took_us);
		tell_item(t, json);
		return;
	}
	printf("%s  %s %s  %s  %u cores, %u MiB: score %u, claimed %u, %.1f s  order %s  %s\n", wall_format(row->began_at, at),
	       uuid_format(row->machine, id), row->machine_name,
	       row->result == CALIBRATION_RUNS ? "under way" : calibration_result_names[row->result], row->cores, row->memory_mib,
	       row->score, row->claimed, (double)row->took_us / 1e6, uuid_format(row->order, order), row->detail);
}

static err_t list(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	AUTO_FREE struct calibration_row *rows = NULL;
	uuid machine = { 0 };
	size_t count;
	(void)setup;
	if (cli_arg_count(cli) && uuid_parse(cli_arg(cli, 0), &machine) != OK)
		return E_NOT_FOUND;
	if (t->json)
		json_put(t->json, "items", json_array());
	TRY(store_calibration_list(store, machine, LISTED, &rows, &count));
	for (size_t i = 0; i < count; i++)
		tell_calibration(t, &rows[i]);
	return OK;
}

static err_t run(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	uuid machine;
	(void)setup;
	if (uuid_parse(cli_arg(cli, 0), &machine) != OK)
		return E_NOT_FOUND;
	TRY(store_calibration_ask(store, machine));
	say(t, "it is measured as soon as it is online and has room");
	return OK;
}

static err_t fund(struct cli *cli, const struct setup *setup, struct store *store, struct telling *t)
{
	char text[MONEY_TEXT_SIZE];
	money amount;
	if (money_parse(cli_arg(cli, 0), &amount) != OK || amount.micro < 1) {
		(void)cli_error(cli, EXIT_USAGE, "%s: must be an amount such as 12.50", cli_arg(cli, 0));
		return E_INVALID;
	}
	TRY(store_calibration_fund(store, amount, operator_name(), clock_wall()));
	say(t, "the market's commission has %s %s more", money_format(amount, text), setup->settings.currency);
	if (t->json)
		json_put_money(t->json, "amount_micro", amount);
	return OK;
}

int command_calibration_list(struct cli *cli)
{
	return with_store(cli, list);
}

int command_calibration_run(struct cli *cli)
{
	return with_store(cli, run);
}

int command_calibration_fund(struct cli *cli)
{
	return with_store(cli, fund);
}
