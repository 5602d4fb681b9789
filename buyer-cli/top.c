/* SPDX-License-Identifier: Apache-2.0
 * top.c - top: the VMs that run now, and what they use
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "commands.h"
#include "interrupt.h"
#include "json.h"
#include "output.h"
#include "session.h"

static const struct column columns[] = { { "ORDER", "order_name", CELL_TEXT },
					 { "VM", "name", CELL_TEXT },
					 { "STATE", "state", CELL_TEXT },
					 { "MACHINE", "machine_name", CELL_TEXT },
					 { "CC", "country", CELL_TEXT },
					 { "CORES", "cores", CELL_NUMBER },
					 { "CPU", "cpu_permille", CELL_PERMILLE },
					 { "VCPU S", "vcpu_ns", CELL_SECONDS },
					 { "SENT", "tx_bytes", CELL_BYTES },
					 { "RECEIVED", "rx_bytes", CELL_BYTES },
					 { "CHARGED", "charged_micro", CELL_MONEY },
					 { "ID", "id", CELL_TEXT | CELL_WIDE },
					 { .title = NULL } };

/* All leases that have not ended, of all orders. An exit code. */
static int take_leases(session_t *s, json_t *to)
{
	AUTO_JSON orders = NULL;
	size_t i, n;
	json_t *order, *lease;
	int code = session_list(s, "/v1/orders", &orders);
	if (code)
		return code;
	json_array_foreach (orders, i, order) {
		AUTO_JSON leases = NULL;
		char path[96];
		const char *state = field_text(order, "state"), *name = field_text(order, "name");
		if (strcmp(state, "open") != 0 && strcmp(state, "filled") != 0)
			continue;
		snprintf(path, sizeof path, "/v1/orders/%s/leases", field_text(order, "id"));
		if ((code = session_list(s, path, &leases)))
			return code;
		json_array_foreach (leases, n, lease) {
			if (!strcmp(field_text(lease, "state"), "ended"))
				continue;
			json_put_text(lease, "order_name", *name ? name : field_text(order, "id"));
			json_array_append(to, lease);
		}
	}
	return EXIT_OK;
}

static const json_t *lease_in(json_t *leases, const char *id)
{
	size_t i;
	json_t *lease;
	json_array_foreach (leases, i, lease)
		if (!strcmp(field_text(lease, "id"), id))
			return lease;
	return NULL;
}

/* Of its cores' time since the look before; -1: there was none. */
static void put_share(json_t *leases, json_t *before, int64_t passed_us)
{
	size_t i;
	json_t *lease;
	json_array_foreach (leases, i, lease) {
		const json_t *old = before ? lease_in(before, field_text(lease, "id")) : NULL;
		int64_t cores = field_int(lease, "cores"),
			used_ns = old ? field_int(lease, "vcpu_ns") - field_int(old, "vcpu_ns") : 0;
		json_put_int(lease, "cpu_permille", old && passed_us > 0 && cores > 0 ? used_ns / (passed_us * cores) : -1);
	}
}

int command_top(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON before = NULL;
	int64_t interval_us, count, last_us = 0;
	bool screen = isatty(STDOUT_FILENO) && !strcmp(cli_text(cli, "output", "table"), "table");
	if (cli_duration(cli, "interval", 2 * SECOND_US, &interval_us) ||
	    cli_int(cli, "count", screen ? 0 : 1, 1, 1000000, &count))
		return EXIT_USAGE;
	int code = session_open(cli, true, &s);
	if (code)
		return code;
	interrupt_catch();
	for (int64_t i = 0; !interrupted() && (!count || i < count); i++) {
		json_t *leases = json_array();
		if (i)
			interrupt_sleep(interval_us);
		if ((code = take_leases(&s, leases))) {
			json_decref(leases);
			return code;
		}
		int64_t now_us = clock_mono().us;
		put_share(leases, before, now_us - last_us);
		if (screen && !count)
			fputs("\033[H\033[2J", stdout);
		output_list(cli, leases, columns, "id");
		fflush(stdout);
		json_decref(before);
		before = leases;
		last_us = now_us;
	}
	return EXIT_OK;
}
