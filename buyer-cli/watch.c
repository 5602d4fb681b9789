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
	size_t count, found, running, ended, badly; /* found: have a machine, or had one */
	char state[16];
	char worst[256]; /* of the first that ended badly: where, and why */
	bool closed;
};

static bool ended_well(const char *reason)
{
	return !strcmp(reason, "completed") || !strcmp(reason, "cancelled_by_buyer") || !strcmp(reason, "expired");
}

static void note_badly(const json_t *lease, struct tally *t)
{
	const char *detail = field_text(lease, "detail");
	if (!t->badly++)
		snprintf(t->worst, sizeof t->worst, "%s on %s: %s%s%s", field_text(lease, "name"),
			 field_text(lease, "machine_name"), field_text(lease, "reason"), *detail ? ", " : "", detail);
	terminal_clean(t->worst);
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
		if (!strcmp(state, "ended") && !ended_well(field_text(l, "reason")))
			note_badly(l, t);
	}
	t->found = json_array_size(leases);
	bool open = !strcmp(t->state, "open") || !strcmp(t->state, "filled");
	t->closed = !open && t->ended == t->found;
	return EXIT_OK;
}

/* Why nothing happens, for those who watch. */
static void note_why_open(session_t *s, const char *order)
{
	AUTO_JSON why = NULL;
	struct problem problem;
	char path[96];
	snprintf(path, sizeof path, "/v1/orders/%s/explain", order);
	if (output_form(s->cli) == FORM_TABLE && !cli_flag(s->cli, "quiet") &&
	    !session_try(s, "GET", path, NULL, false, &why, &problem))
		output_explanation(why, "asks", "offers");
}

#define PATIENCE_US (5 * SECOND_US) /* before it is said why places are open */

int wait_for_order(session_t *s, const char *order, enum wait_for what)
{
	int64_t timeout_us;
	struct tally t;
	if (cli_duration(s->cli, "timeout", what == WAIT_RUNNING ? 15 * MINUTE_US : 30 * DAY_US, &timeout_us))
		return EXIT_USAGE;
	int64_t start_us = clock_mono().us, end_us = start_us + timeout_us;
	struct tally shown = { .count = 0 };
	bool explained = what != WAIT_RUNNING;
	for (;;) {
		int code = tally_order(s, order, &t);
		if (code)
			return code;
		if (t.found != shown.found || t.running != shown.running || t.ended != shown.ended)
			output_note(s->cli, "%zu of %zu VMs found a machine; %zu run, %zu ended\n", t.found, t.count, t.running,
				    t.ended);
		shown = t;
		if (!explained && t.found < t.count && clock_mono().us - start_us > PATIENCE_US) {
			note_why_open(s, order);
			explained = true;
		}
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

int say_ended_badly(session_t *s, const char *order)
{
	struct tally t;
	if (tally_order(s, order, &t) || !t.badly)
		return cli_error(s->cli, EXIT_ENDED_BADLY, "VMs ended before their time: cpushare node list %s", order);
	return cli_error(s->cli, EXIT_ENDED_BADLY, "%zu of %zu VMs ended before their time (%s): cpushare node list %s", t.badly,
			 t.count, t.worst, order);
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
		return say_ended_badly(&s, id);
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
		return tally_order(&s, id, &t) || !t.badly ? EXIT_OK : say_ended_badly(&s, id);
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
