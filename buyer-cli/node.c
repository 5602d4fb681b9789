/* SPDX-License-Identifier: Apache-2.0
 * node.c - node list, show, console, reset, stop, rate, dispute: the VMs of an order
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bytes.h"
#include "commands.h"
#include "file.h"
#include "json.h"
#include "machine.h"
#include "output.h"
#include "session.h"
#include "terminal.h"

int command_node_list(struct cli *cli)
{
	static const struct column columns[] = { { "VM", "name", CELL_TEXT },
						 { "STATE", "state", CELL_TEXT },
						 { "IP", "ip", CELL_TEXT },
						 { "IPV6", "ip6", CELL_TEXT },
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
	AUTO_SESSION s = { .client = NULL };
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

static const struct column node_columns[] = { { "lease", "id", CELL_TEXT },
					      { "name", "name", CELL_TEXT },
					      { "state", "state", CELL_TEXT },
					      { "reason", "reason", CELL_TEXT },
					      { "detail", "detail", CELL_TEXT },
					      { "ip", "ip", CELL_TEXT },
					      { "ipv6", "ip6", CELL_TEXT },
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

int command_node_show(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON lease = NULL;
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_node(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/leases/%s", id);
	if ((code = session_call(&s, "GET", path, NULL, false, &lease)))
		return code;
	output_object(cli, lease, node_columns, "id");
	return EXIT_OK;
}

enum { CONSOLE_TRIES = 30, CONSOLE_PAUSE_NS = 500000000 };

/* The VM's state as a word; an exit code where the market does not say. */
static int node_state(session_t *s, const char *id, char *ret_state, size_t size)
{
	AUTO_JSON lease = NULL;
	char path[96];
	snprintf(path, sizeof path, "/v1/leases/%s", id);
	int code = session_call(s, "GET", path, NULL, false, &lease);
	if (!code)
		snprintf(ret_state, size, "%s", field_text(lease, "state"));
	return code;
}

/* Asks for what is behind `from` until the machine has answered, the VM has ended, or some seconds have passed. */
static int console_next(session_t *s, const char *id, int64_t from, struct console_chunk *chunk, bool *ret_ended)
{
	char path[128], state[16] = "";
	snprintf(path, sizeof path, "/v1/leases/%s/console?from=%lld", id, (long long)from);
	for (int tries = 0; tries < CONSOLE_TRIES; tries++) {
		AUTO_JSON json = NULL;
		struct json_error error = { .what = "" };
		bool was_ended = !strcmp(state, "ended");
		int code = session_call(s, "GET", path, NULL, false, &json);
		if (code)
			return code;
		if (console_chunk_from_json(json, chunk, &error))
			return cli_error(s->cli, EXIT_ERROR, "the market's answer is not understood: %s %s", error.field,
					 error.what);
		*ret_ended = was_ended && !chunk->len; /* what came with the end was asked for once more */
		if (chunk->len || *ret_ended)
			return EXIT_OK;
		if ((code = node_state(s, id, state, sizeof state)))
			return code;
		if (chunk->live && strcmp(state, "ended") != 0)
			return EXIT_OK;
		if (strcmp(state, "ended") != 0)
			nanosleep(&(struct timespec){ .tv_nsec = CONSOLE_PAUSE_NS }, NULL);
	}
	return EXIT_OK;
}

static void add_ascii(const struct console_chunk *chunk, struct buf *out)
{
	for (size_t i = 0; i < chunk->len; i++)
		buf_append(out, chunk->data[i] < 128 && chunk->data[i] ? (char *)&chunk->data[i] : "?", 1);
}

static void print_chunk(struct cli *cli, struct terminal_filter *filter, const struct console_chunk *chunk)
{
	AUTO_BUF text = { .data = NULL };
	if (output_form(cli) == FORM_JSON) {
		AUTO_JSON out = json_object();
		add_ascii(chunk, &text);
		json_put_int(out, "schema", 1);
		json_put_int(out, "from", chunk->from);
		json_put_text(out, "console", text.data ? text.data : "");
		json_dumpf(out, stdout, JSON_COMPACT);
		putchar('\n');
	} else if (cli_flag(cli, "raw")) {
		fwrite(chunk->data, 1, chunk->len, stdout);
	} else {
		terminal_filter(filter, chunk->data, chunk->len, &text);
		if (text.data)
			fwrite(text.data, 1, text.len, stdout);
	}
	fflush(stdout);
}

static int console_follow(session_t *s, const char *id, struct console_chunk *chunk)
{
	struct terminal_filter filter = { .in_line = false };
	bool ended = false;
	int64_t from = 0;
	output_note(s->cli, "-- the serial console, to read (--type to type); Ctrl-C leaves --\n");
	while (!ended) {
		int code = console_next(s, id, from, chunk, &ended);
		if (code)
			return code;
		from = chunk->from + (int64_t)chunk->len;
		if (chunk->len)
			print_chunk(s->cli, &filter, chunk);
		else if (!ended)
			nanosleep(&(struct timespec){ .tv_nsec = CONSOLE_PAUSE_NS }, NULL);
	}
	output_note(s->cli, "%s-- the VM has ended --\n", filter.in_line ? "\n" : "");
	return EXIT_OK;
}

/* ---- typing ---- */

#define LEAVE 0x1d /* Ctrl-], as telnet has it */
#define TYPE_PAUSE_MS 250

/* What was typed since, to the VM. ret_over: it was the last. */
static int console_send(session_t *s, const char *id, bool *ret_over)
{
	struct console_input input = { .from = 0 };
	char path[128], text[4 * (sizeof input.data / 3 + 1) + 1];
	ssize_t len = read(STDIN_FILENO, input.data, sizeof input.data / 2);
	const uint8_t *leave = len > 0 && isatty(STDIN_FILENO) ? memchr(input.data, LEAVE, (size_t)len) : NULL;
	*ret_over = len <= 0 || leave;
	if (leave)
		len = leave - input.data;
	if (len <= 0)
		return EXIT_OK;
	AUTO_JSON body = json_object();
	json_put_text(body, "data", base64_encode(input.data, (size_t)len, text));
	snprintf(path, sizeof path, "/v1/leases/%s/console/input", id);
	for (int tries = 0;; tries++) {
		struct problem problem = { .status = 0 };
		err_t e = session_try(s, "POST", path, body, false, NULL, &problem);
		if (e == OK)
			return EXIT_OK;
		if (problem.status != 429 || tries == CONSOLE_TRIES)
			return session_refused(s, &problem);
		nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL); /* the machine has not taken what came before */
	}
}

static int console_new_output(session_t *s, const char *id, struct console_chunk *chunk, int64_t *from,
			      struct terminal_filter *filter, bool *ret_ended)
{
	int code = console_next(s, id, *from, chunk, ret_ended);
	if (code)
		return code;
	*from = chunk->from + (int64_t)chunk->len;
	if (chunk->len)
		print_chunk(s->cli, filter, chunk);
	return EXIT_OK;
}

/* Reads as fast as somebody types; until Ctrl-] at a terminal, the end of what is piped in, or the VM's. */
static int console_type(session_t *s, const char *id, struct console_chunk *chunk)
{
	struct terminal_filter filter = { .in_line = false };
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	bool over = false, ended = false;
	int64_t from = 0;
	int code = EXIT_OK;
	output_note(s->cli, "-- the serial console; Ctrl-] leaves --\n");
	bool raw = terminal_raw(true);
	while (!code && !over && !ended) {
		if (poll(&input, 1, TYPE_PAUSE_MS) > 0)
			code = console_send(s, id, &over);
		if (!code)
			code = console_new_output(s, id, chunk, &from, &filter, &ended);
	}
	if (raw)
		(void)terminal_raw(false);
	if (filter.in_line)
		putchar('\n');
	output_note(s->cli, "-- %s --\n", ended ? "the VM has ended" : "left");
	return code;
}

static int console_once(session_t *s, const char *id, struct console_chunk *chunk)
{
	struct terminal_filter filter = { .in_line = false };
	AUTO_BUF all = { .max = 1 << 20 };
	bool ended = false, json = output_form(s->cli) == FORM_JSON;
	int64_t from = 0;
	do {
		int code = console_next(s, id, from, chunk, &ended);
		if (code)
			return code;
		from = chunk->from + (int64_t)chunk->len;
		if (json)
			add_ascii(chunk, &all);
		else
			print_chunk(s->cli, &filter, chunk);
	} while (chunk->len && from < chunk->end);
	if (!json && filter.in_line && isatty(STDOUT_FILENO))
		putchar('\n');
	if (ended && !from)
		output_note(s->cli, "-- the VM has ended, and nothing of its console was kept --\n");
	if (!json)
		return EXIT_OK;
	AUTO_JSON out = json_object();
	json_put_text(out, "console", all.data ? all.data : "");
	output_object(s->cli, out, NULL, "console");
	return EXIT_OK;
}

int command_node_console(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	char id[UUID_TEXT_SIZE];
	int code = session_open(cli, true, &s);
	if (code || (code = session_node(&s, cli_arg(cli, 0), id)))
		return code;
	AUTO_FREE struct console_chunk *chunk = calloc(1, sizeof *chunk);
	if (!chunk)
		return cli_error(cli, EXIT_ERROR, "out of memory");
	if (cli_flag(cli, "type"))
		return console_type(&s, id, chunk);
	return cli_flag(cli, "follow") ? console_follow(&s, id, chunk) : console_once(&s, id, chunk);
}

/* One call about a VM, which answers with it. */
static int node_post(struct cli *cli, const char *what, bool keyed, const char *said)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON lease = NULL;
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_node(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/leases/%s/%s", id, what);
	if ((code = session_call(&s, "POST", path, NULL, keyed, &lease)))
		return code;
	output_note(cli, "%s %s.\n", field_text(lease, "name"), said);
	if (output_form(cli) != FORM_TABLE)
		output_object(cli, lease, node_columns, "id");
	return EXIT_OK;
}

int command_node_stop(struct cli *cli)
{
	return node_post(cli, "end", false, "is being ended; the order's other VMs go on");
}

int command_node_reset(struct cli *cli)
{
	return node_post(cli, "reset", true, "starts anew");
}

int command_node_rate(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON body = json_object();
	const char *mark = cli_arg(cli, 1);
	char id[UUID_TEXT_SIZE], path[96];
	if (strcmp(mark, "good") && strcmp(mark, "bad"))
		return cli_error(cli, EXIT_USAGE, "the mark must be good or bad, not \"%s\"", mark);
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

int command_node_dispute(struct cli *cli)
{
	static const struct column columns[] = { { "lease", "lease", CELL_TEXT },
						 { "state", "state", CELL_TEXT },
						 { "text", "text", CELL_TEXT },
						 { "charged", "charged_micro", CELL_MONEY },
						 { "given back", "refunded_micro", CELL_MONEY },
						 { "decision", "decision", CELL_TEXT },
						 { "opened", "opened_at", CELL_DATE },
						 { "decided", "decided_at", CELL_DATE },
						 { .title = NULL } };
	AUTO_SESSION s = { .client = NULL };
	AUTO_JSON answer = NULL;
	AUTO_JSON body = NULL;
	char id[UUID_TEXT_SIZE], path[96];
	int code = session_open(cli, true, &s);
	if (code || (code = session_node(&s, cli_arg(cli, 0), id)))
		return code;
	if (cli_arg_count(cli) > 1) {
		body = json_object();
		json_put_text(body, "text", cli_arg(cli, 1));
	}
	snprintf(path, sizeof path, "/v1/leases/%s/dispute", id);
	if ((code = session_call(&s, body ? "POST" : "GET", path, body, body != NULL, &answer)))
		return code;
	output_object(cli, answer, columns, "lease");
	return EXIT_OK;
}
