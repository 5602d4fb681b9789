/* SPDX-License-Identifier: Apache-2.0
 * node.c - node list, show, console, rate: the VMs of an order
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "commands.h"
#include "json.h"
#include "machine.h"
#include "output.h"
#include "session.h"

int command_node_list(struct cli *cli)
{
	static const struct column columns[] = { { "VM", "name", CELL_TEXT },
						 { "STATE", "state", CELL_TEXT },
						 { "IP", "ip", CELL_TEXT },
						 { "PATH", "path", CELL_TEXT },
						 { "SELLER", "seller_name", CELL_TEXT },
						 { "MACHINE", "machine_name", CELL_TEXT },
						 { "CC", "country", CELL_TEXT },
						 { "VCPU S", "vcpu_ns", CELL_SECONDS },
						 { "SENT", "tx_bytes", CELL_BYTES },
						 { "RECEIVED", "rx_bytes", CELL_BYTES },
						 { "CHARGED", "charged_micro", CELL_MONEY },
						 { "REASON", "reason", CELL_TEXT },
						 { "DETAIL", "detail", CELL_TEXT },
						 { .title = NULL } };
	AUTO_SESSION s;
	AUTO_JSON items = NULL;
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/orders/%s/leases", id);
	if ((code = session_list(&s, path, &items)))
		return code;
	output_list(cli, items, columns, "id");
	return EXIT_OK;
}

int command_node_show(struct cli *cli)
{
	static const struct column columns[] = { { "lease", "id", CELL_TEXT },
						 { "name", "name", CELL_TEXT },
						 { "state", "state", CELL_TEXT },
						 { "reason", "reason", CELL_TEXT },
						 { "detail", "detail", CELL_TEXT },
						 { "ip", "ip", CELL_TEXT },
						 { "mac", "mac", CELL_TEXT },
						 { "path", "path", CELL_TEXT },
						 { "seller", "seller_name", CELL_TEXT },
						 { "machine", "machine_name", CELL_TEXT },
						 { "country", "country", CELL_TEXT },
						 { "accel", "accel", CELL_TEXT },
						 { "cores", "cores", CELL_NUMBER },
						 { "MiB", "memory_mib", CELL_NUMBER },
						 { "vCPU seconds", "vcpu_ns", CELL_SECONDS },
						 { "seconds run", "running_us", CELL_TIME_US },
						 { "sent", "tx_bytes", CELL_BYTES },
						 { "received", "rx_bytes", CELL_BYTES },
						 { "charged", "charged_micro", CELL_MONEY },
						 { "held", "held_micro", CELL_MONEY },
						 { "started", "started_at", CELL_DATE },
						 { "ended", "ended_at", CELL_DATE },
						 { .title = NULL } };
	AUTO_SESSION s;
	AUTO_JSON lease = NULL;
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_node(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/leases/%s", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &lease)))
		return code;
	output_object(cli, lease, columns, "id");
	return EXIT_OK;
}

/* Asks for what is behind `from` until the machine has answered, or some seconds have passed. */
static int console_next(session_t *s, const char *id, int64_t from, struct console_chunk *chunk)
{
	char path[128];
	snprintf(path, sizeof path, "/v1/leases/%s/console?from=%lld", id, (long long)from);
	for (int tries = 0; tries < 30; tries++) {
		AUTO_JSON json = NULL;
		struct json_error error = { .what = "" };
		int code = session_call(s, "GET", path, NULL, false, &json);
		if (code)
			return code;
		if (console_chunk_from_json(json, chunk, &error))
			return session_error(s->cli, EXIT_ERROR, "the market's answer is not understood: %s %s", error.field,
					     error.what);
		if (chunk->len || chunk->live)
			return EXIT_OK;
		nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
	}
	return EXIT_OK;
}

/* A guest's bytes may hold anything; on a terminal only what cannot drive it is let through, unless --raw. */
static void print_console(const struct cli *cli, const struct console_chunk *chunk)
{
	for (size_t i = 0; i < chunk->len; i++) {
		uint8_t c = chunk->data[i];
		if (cli_flag(cli, "raw") || c == '\n' || c == '\t' || (c >= 32 && c != 127))
			putchar(c);
	}
	fflush(stdout);
}

int command_node_console(struct cli *cli)
{
	AUTO_SESSION s;
	struct console_chunk *chunk;
	char id[UUID_TEXT_SIZE];
	int64_t from = 0;
	int code = session_open(cli, true, &s);
	if (code || (code = session_node(&s, cli_arg(cli, 0), id)))
		return code;
	if (!(chunk = malloc(sizeof *chunk)))
		return session_error(cli, EXIT_ERROR, "out of memory");
	output_note(cli, "%s", cli_flag(cli, "follow") ? "-- the serial console, read only; Ctrl-C leaves --\n" : "");
	AUTO_BUF all = { .max = 1 << 20 };
	for (;;) {
		code = console_next(&s, id, from, chunk);
		if (code)
			break;
		from = chunk->from + (int64_t)chunk->len;
		if (output_form(cli) == FORM_JSON)
			for (size_t i = 0; i < chunk->len; i++)
				buf_append(&all, chunk->data[i] < 128 && chunk->data[i] ? (char *)&chunk->data[i] : "?", 1);
		else
			print_console(cli, chunk);
		if (!cli_flag(cli, "follow") && (!chunk->len || from >= chunk->end))
			break;
		if (!chunk->len)
			nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
	}
	free(chunk);
	if (code || output_form(cli) != FORM_JSON)
		return code;
	AUTO_JSON out = json_object();
	json_put_text(out, "console", all.data ? all.data : "");
	output_object(cli, out, NULL, "console");
	return EXIT_OK;
}

int command_node_rate(struct cli *cli)
{
	AUTO_SESSION s;
	AUTO_JSON body = json_object();
	const char *mark = cli_arg(cli, 1);
	char id[UUID_TEXT_SIZE], path[96];
	if (strcmp(mark, "good") && strcmp(mark, "bad"))
		return session_error(cli, EXIT_USAGE, "the mark must be good or bad, not \"%s\"", mark);
	int code = session_open(cli, true, &s);
	if (code || (code = session_node(&s, cli_arg(cli, 0), id)))
		return code;
	json_put_bool(body, "good", !strcmp(mark, "good"));
	if (cli_flag(cli, "comment"))
		json_put_text(body, "comment", cli_text(cli, "comment", ""));
	snprintf(path, sizeof path, "/v1/leases/%s/feedback", id);
	if (!(code = session_call(&s, "POST", path, body, true, NULL)))
		output_note(cli, "Marked %s.\n", mark);
	return code;
}
