/* SPDX-License-Identifier: Apache-2.0
 * offer_watch.c - offer watch (what changes among the offers that meet a query) and offer compare
 */
#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "commands.h"
#include "interrupt.h"
#include "json.h"
#include "offer.h"
#include "output.h"
#include "price.h"
#include "terminal.h"

/* ---- watch ---- */

static json_t *offer_of(json_t *items, const char *machine)
{
	size_t i;
	json_t *item;
	json_array_foreach (items, i, item)
		if (!strcmp(field_text(item, "machine"), machine))
			return item;
	return NULL;
}

/* What a buyer decides by. */
static bool same(const json_t *a, const json_t *b)
{
	static const char *const numbers[] = { "price_per_core_hour_micro", "price_per_gib_hour_micro",
					       "price_per_gib_transferred_micro", "cores_free", "memory_free_mib" };
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (field_int(a, numbers[i]) != field_int(b, numbers[i]))
			return false;
	return !strcmp(field_text(a, "state"), field_text(b, "state"));
}

static void say(const struct cli *cli, const char *event, json_t *offer)
{
	if (output_form(cli) == FORM_JSON) {
		AUTO_JSON out = json_object();
		json_put_int(out, "schema", 1);
		json_put_text(out, "event", event);
		json_put(out, "offer", json_incref(offer));
		json_dumpf(out, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		char line[512], core[MONEY_TEXT_SIZE], memory[MONEY_TEXT_SIZE];
		snprintf(line, sizeof line, "%-7s %s of %s: %lld cores and %lld MiB free, %s a core hour, %s a GiB hour", event,
			 field_text(offer, "machine_name"), field_text(offer, "seller_name"),
			 (long long)field_int(offer, "cores_free"), (long long)field_int(offer, "memory_free_mib"),
			 money_format((money){ field_int(offer, "price_per_core_hour_micro") }, core),
			 money_format((money){ field_int(offer, "price_per_gib_hour_micro") }, memory));
		terminal_clean(line);
		puts(line);
	}
}

/* before: NULL at the first look. */
static void say_changes(const struct cli *cli, json_t *before, json_t *now)
{
	size_t i;
	json_t *offer;
	json_array_foreach (now, i, offer) {
		const json_t *old = before ? offer_of(before, field_text(offer, "machine")) : NULL;
		if (!old || !same(old, offer))
			say(cli, old ? "changed" : "new", offer);
	}
	json_array_foreach (before, i, offer)
		if (!offer_of(now, field_text(offer, "machine")))
			say(cli, "gone", offer);
	fflush(stdout);
}

int command_offer_watch(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON before = NULL;
	int64_t interval_us, timeout_us, start_us = clock_mono().us;
	if (cli_duration(cli, "interval", 5 * SECOND_US, &interval_us) || cli_duration(cli, "timeout", 0, &timeout_us))
		return EXIT_USAGE;
	int code = session_open(cli, false, &s);
	if (code)
		return code;
	interrupt_catch();
	while (!interrupted()) {
		json_t *now = NULL;
		if ((code = offers_fetch(&s, NULL, 0, &now)))
			return code;
		say_changes(cli, before, now);
		json_decref(before);
		before = now;
		if (cli_flag(cli, "first") && json_array_size(now))
			return EXIT_OK;
		if (timeout_us && clock_mono().us - start_us + interval_us > timeout_us)
			return cli_flag(cli, "first") ? cli_error(cli, EXIT_PENDING, "no offer has met that so far") : EXIT_OK;
		interrupt_sleep(interval_us);
	}
	return EXIT_OK;
}

/* ---- compare ---- */

/* An hour of one VM of that shape there, and the work for its money: SHA-256 MiB of its cores for a thousandth of the currency. */
static int put_hour(struct cli *cli, json_t *offer, uint32_t cores, uint32_t memory_mib)
{
	const struct prices prices = { { field_int(offer, "price_per_core_hour_micro") },
				       { field_int(offer, "price_per_gib_hour_micro") },
				       { field_int(offer, "price_per_gib_transferred_micro") } };
	money hour;
	if (price_window(&prices, cores, memory_mib, HOUR_US, &hour))
		return cli_error(cli, EXIT_ERROR, "the market's prices are not understood");
	json_put_money(offer, "vm_hour_micro", hour);
	json_put_bool(offer, "fits",
		      field_int(offer, "cores_free") >= cores && field_int(offer, "memory_free_mib") >= memory_mib);
	json_put_int(offer, "mib_for_milli",
		     hour.micro ? field_int(offer, "score") * cores * (HOUR_US / SECOND_US) * 1000 / hour.micro : -1);
	return EXIT_OK;
}

int command_offer_compare(struct cli *cli)
{
	static const struct column columns[] = { { "MACHINE", "machine_name", CELL_TEXT },
						 { "SELLER", "seller_name", CELL_TEXT },
						 { "CC", "country", CELL_TEXT },
						 { "ACCEL", "accel", CELL_TEXT },
						 { "FITS", "fits", CELL_TEXT },
						 { "VM/H", "vm_hour_micro", CELL_MONEY },
						 { "GIB MOVED", "price_per_gib_transferred_micro", CELL_MONEY },
						 { "SCORE", "score", CELL_NUMBER },
						 { "WORK/MONEY", "mib_for_milli", CELL_NUMBER },
						 { "UP MBIT", "up_kbit_s", CELL_RATE },
						 { "DOWN MBIT", "down_kbit_s", CELL_RATE },
						 { "DIRECT", "direct", CELL_TEXT },
						 { "RATING", "rating_ppm", CELL_RATING },
						 { "GOOD", "good", CELL_NUMBER },
						 { "BAD", "bad", CELL_NUMBER },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON items = NULL;
	AUTO_JSON compared = json_array();
	int64_t cores, memory;
	if (cli_int(cli, "cores", 1, 1, 64, &cores) || cli_size(cli, "memory", 512LL << 20, &memory))
		return EXIT_USAGE;
	if (memory < 64LL << 20 || memory > 1LL << 40)
		return cli_error(cli, EXIT_USAGE, "--memory: must be from 64M to 1T");
	int code = session_open(cli, false, &s);
	if (code || (code = session_list(&s, "/v1/offers", &items)))
		return code;
	for (int i = 0; i < cli_arg_count(cli); i++) {
		json_t *offer;
		if ((code = offer_find(cli, items, cli_arg(cli, i), &offer)) ||
		    (code = put_hour(cli, offer, (uint32_t)cores, (uint32_t)(memory >> 20))))
			return code;
		json_array_append(compared, offer);
	}
	output_list(cli, compared, columns, "machine");
	return EXIT_OK;
}
