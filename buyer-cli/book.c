/* SPDX-License-Identifier: Apache-2.0
 * book.c - book show, depth, trades, history
 */
#include <stdio.h>
#include <string.h>
#include "bytes.h"
#include "commands.h"
#include "json.h"
#include "listing.h"
#include "output.h"
#include "session.h"

static const struct column level_columns[] = { { "SIDE", "side", CELL_TEXT },
					       { "CORE/H", "price_per_core_hour_micro", CELL_MONEY },
					       { "CORES", "cores", CELL_NUMBER },
					       { "COUNT", "count", CELL_NUMBER },
					       { "CORES SO FAR", "depth", CELL_NUMBER },
					       { .title = NULL } };

/* The levels of one side, each with the cores at it and at better ones. */
static void add_levels(json_t *to, const json_t *levels, const char *side)
{
	size_t i;
	json_t *level;
	int64_t depth = 0;
	json_array_foreach (levels, i, level) {
		depth += field_int(level, "cores");
		json_put_text(level, "side", side);
		json_put_int(level, "depth", depth);
		json_array_append(to, level);
	}
}

int command_book_show(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON book = NULL;
	AUTO_JSON levels = json_array();
	int code = session_open(cli, false, &s);
	if (code || (code = session_call(&s, "GET", "/v1/book", NULL, false, &book)))
		return code;
	add_levels(levels, json_object_get(book, "asks"), "ask");
	add_levels(levels, json_object_get(book, "bids"), "bid");
	output_note(cli, "%lld asks, %lld bids, in %s\n", (long long)field_int(book, "ask_count"),
		    (long long)field_int(book, "bid_count"), field_text(book, "currency"));
	output_list(cli, levels, level_columns, "price_per_core_hour_micro");
	return EXIT_OK;
}

/* What cores cost together, taken cheapest first, up to a level's end, or to wanted. */
static void add_depths(json_t *to, const json_t *asks, int64_t wanted)
{
	size_t i;
	json_t *level;
	int64_t cores = 0;
	__int128 cost_micro = 0;
	json_array_foreach (asks, i, level) {
		int64_t price_micro = field_int(level, "price_per_core_hour_micro"), here = field_int(level, "cores");
		if (wanted && here > wanted - cores)
			here = wanted - cores;
		if (!here)
			continue;
		cores += here;
		cost_micro += (__int128)here * price_micro;
		if (wanted && cores < wanted)
			continue;
		json_array_append_new(to, json_pack("{s:I, s:I, s:I, s:I}", "cores", (json_int_t)cores, "dearest_micro",
						    (json_int_t)price_micro, "average_micro", (json_int_t)(cost_micro / cores),
						    "per_hour_micro", (json_int_t)cost_micro));
	}
}

int command_book_depth(struct cli *cli)
{
	static const struct column columns[] = { { "CORES", "cores", CELL_NUMBER },
						 { "DEAREST CORE/H", "dearest_micro", CELL_MONEY },
						 { "AVERAGE CORE/H", "average_micro", CELL_MONEY },
						 { "ALL OF THEM/H", "per_hour_micro", CELL_MONEY },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON book = NULL;
	AUTO_JSON items = json_array();
	const char *word = cli_arg(cli, 0);
	int64_t wanted = 0;
	if (word && (int_parse(word, &wanted) || wanted < 1 || wanted > 1000000))
		return cli_error(cli, EXIT_USAGE, "CORES: must be from 1 to 1000000, not \"%s\"", word);
	int code = session_open(cli, false, &s);
	if (code || (code = session_call(&s, "GET", "/v1/book", NULL, false, &book)))
		return code;
	add_depths(items, json_object_get(book, "asks"), wanted);
	if (wanted && !json_array_size(items))
		return cli_error(cli, EXIT_NOT_FOUND, "the book does not have %lld free cores now", (long long)wanted);
	output_list(cli, items, columns, "per_hour_micro");
	return EXIT_OK;
}

int command_book_trades(struct cli *cli)
{
	static const struct column columns[] = { { "AT", "at", CELL_DATE },
						 { "CORE/H", "price_per_core_hour_micro", CELL_MONEY },
						 { "CORES", "cores", CELL_NUMBER },
						 { "MIB", "memory_mib", CELL_NUMBER },
						 { "CC", "country", CELL_TEXT },
						 { "ACCEL", "accel", CELL_TEXT },
						 { .title = NULL } };
	return show_list(cli, false, "/v1/trades", columns, "price_per_core_hour_micro");
}

int command_book_history(struct cli *cli)
{
	static const struct column columns[] = { { "AT", "at", CELL_DATE },
						 { "MACHINES", "machines", CELL_NUMBER },
						 { "FREE", "cores_free", CELL_NUMBER },
						 { "WANTED", "cores_wanted", CELL_NUMBER },
						 { "LEASED", "cores_leased", CELL_NUMBER },
						 { "ASK P10", "ask_p10_micro", CELL_MONEY },
						 { "MEDIAN", "ask_median_micro", CELL_MONEY },
						 { "P90", "ask_p90_micro", CELL_MONEY },
						 { "BEST BID", "bid_best_micro", CELL_MONEY },
						 { "TRADES", "trades", CELL_NUMBER },
						 { "OFFERED", "cores_offered", CELL_NUMBER | CELL_WIDE },
						 { "TRADE P10", "trade_p10_micro", CELL_MONEY | CELL_WIDE },
						 { "TRADE MEDIAN", "trade_median_micro", CELL_MONEY | CELL_WIDE },
						 { "TRADE P90", "trade_p90_micro", CELL_MONEY | CELL_WIDE },
						 { .title = NULL } };
	static const char *const ranges[] = { "day", "week", "month", "quarter" };
	const char *range = cli_text(cli, "range", "day");
	char path[64];
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
		if (!strcmp(range, ranges[i])) {
			snprintf(path, sizeof path, "/v1/market/samples?range=%s", range);
			return show_list(cli, false, path, columns, "ask_median_micro");
		}
	return cli_error(cli, EXIT_USAGE, "--range: must be day, week, month or quarter, not \"%s\"", range);
}
