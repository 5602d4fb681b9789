/* SPDX-License-Identifier: Apache-2.0
 * watch.c - order watch and event tail (events as they come), and order wait
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "commands.h"
#include "json.h"
#include "output.h"
#include "terminal.h"
#include "watch.h"

struct tally {
	size_t count, running, ended, badly;
	char state[16];
	bool closed;
};

static bool ended_well(const char *reason)
{
	return !strcmp(reason, "completed") || !strcmp(reason, "cancelled_by_buyer") || !strcmp(reason, "expired");
}

static int tally_order(session_t *s, const char *order, struct tally *t)
{
	AUTO_JSON answer = NULL;
	AUTO_JSON leases = NULL;
	char path[96];
	size_t i;
	json_t *l;
	memset(t, 0, sizeof *t);
	snprintf(path, sizeof path, "/v1/orders/%s", order);
	int code = session_call(s, "GET", path, NULL, false, &answer);
	if (code)
		return code;
	snprintf(path, sizeof path, "/v1/orders/%s/leases", order);
	if ((code = session_list(s, path, &leases)))
		return code;
	t->count = (size_t)field_int(answer, "count");
	snprintf(t->state, sizeof t->state, "%s", field_text(answer, "state"));
	json_array_foreach (leases, i, l) {
		const char *state = field_text(l, "state");
		t->running += !strcmp(state, "running");
		t->ended += !strcmp(state, "ended");
		t->badly += !strcmp(state, "ended") && !ended_well(field_text(l, "reason"));
	}
	bool open = !strcmp(t->state, "open") || !strcmp(t->state, "filled");
	t->closed = !open && t->ended == json_array_size(leases);
	return EXIT_OK;
}

int wait_for_order(session_t *s, const char *order, enum wait_for what)
{
	int64_t timeout_us;
	struct tally t;
	if (cli_duration(s->cli, "timeout", what == WAIT_RUNNING ? 15 * MINUTE_US : 30 * DAY_US, &timeout_us))
		return EXIT_USAGE;
	int64_t end_us = clock_mono().us + timeout_us;
	for (;;) {
		int code = tally_order(s, order, &t);
		if (code)
			return code;
		if (what == WAIT_RUNNING && t.running == t.count)
			return EXIT_OK;
		if (t.closed || (what == WAIT_RUNNING && t.ended))
			return what == WAIT_RUNNING || t.badly ? EXIT_ENDED_BADLY : EXIT_OK;
		if (clock_mono().us > end_us)
			return cli_error(s->cli, EXIT_PENDING,
					 "still going on: %zu of %zu VMs run (this is no failure; wait longer with --timeout)",
					 t.running, t.count);
		nanosleep(&(struct timespec){ .tv_nsec = 500000000 }, NULL);
	}
}

int say_ended_badly(const struct cli *cli, const char *order)
{
	return cli_error(cli, EXIT_ENDED_BADLY, "VMs ended before their time: `cpushare node list %s` tells why", order);
}

int command_order_wait(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	char id[UUID_TEXT_SIZE];
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, cli_arg(cli, 0), id)))
		return code;
	const char *what = cli_text(cli, "for", "ended");
	if (strcmp(what, "ended") && strcmp(what, "running"))
		return cli_error(cli, EXIT_USAGE, "--for: must be running or ended");
	code = wait_for_order(&s, id, strcmp(what, "ended") ? WAIT_RUNNING : WAIT_ENDED);
	if (code == EXIT_ENDED_BADLY)
		return say_ended_badly(cli, id);
	if (!code)
		output_note(cli, "%s\n", what);
	return code;
}

struct watch {
	struct cli *cli;
	bool of_one, over; /* of_one: until that order ends */
};

static bool on_event(void *context, const char *event, const char *id, json_t *data)
{
	struct watch *w = context;
	const char *at = field_text(data, "at");
	if (output_form(w->cli) == FORM_JSON) {
		AUTO_JSON out = json_object();
		json_put_int(out, "schema", 1);
		json_put_text(out, "event", event);
		json_put_text(out, "id", id);
		json_put(out, "data", json_incref(data));
		json_dumpf(out, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		char line[512];
		const char *reason = field_text(data, "reason"), *detail = field_text(data, "detail");
		snprintf(line, sizeof line, "%.8sZ  %-16s %s%s%s%s%s", strlen(at) > 11 ? at + 11 : at, event,
			 field_text(data, "name"), *reason ? "  " : "", reason, *detail ? ": " : "", detail);
		terminal_clean(line);
		puts(line);
	}
	fflush(stdout);
	w->over = w->of_one && !strcmp(event, "order.ended");
	return !w->over;
}

int command_order_watch(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	struct problem problem = { .status = 0 };
	struct watch w = { .cli = cli, .of_one = true };
	struct tally t;
	int64_t timeout_us;
	char id[UUID_TEXT_SIZE], path[128];
	if (cli_duration(cli, "timeout", 0, &timeout_us))
		return EXIT_USAGE;
	int code = session_open(cli, true, &s);
	if (code || (code = session_order(&s, cli_arg(cli, 0), id)))
		return code;
	snprintf(path, sizeof path, "/v1/events?order=%s&after=0", id);
	err_t e = client_events(s.client, path, (int)(timeout_us / 1000), on_event, &w, &problem);
	if (w.over)
		return tally_order(&s, id, &t) || !t.badly ? EXIT_OK : say_ended_badly(cli, id);
	if (e == E_TIMEOUT || (!e && timeout_us))
		return cli_error(cli, EXIT_PENDING, "the order goes on");
	return e ? session_refused(&s, &problem) : EXIT_OK;
}

int command_event_tail(struct cli *cli)
{
	AUTO_SESSION s = { .client = NULL };
	struct problem problem = { .status = 0 };
	struct watch w = { .cli = cli };
	int64_t timeout_us, after;
	char path[64] = "/v1/events";
	if (cli_duration(cli, "timeout", 0, &timeout_us) || cli_int(cli, "after", -1, 0, INT64_MAX, &after))
		return EXIT_USAGE;
	int code = session_open(cli, true, &s);
	if (code)
		return code;
	if (after >= 0)
		snprintf(path, sizeof path, "/v1/events?after=%lld", (long long)after);
	err_t e = client_events(s.client, path, (int)(timeout_us / 1000), on_event, &w, &problem);
	return e && e != E_TIMEOUT ? session_refused(&s, &problem) : EXIT_OK;
}
