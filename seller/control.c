/* SPDX-License-Identifier: Apache-2.0
 * control.c - `run`, and the commands that talk to the running daemon through STATE/control.sock
 */
#include "commands.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "agent.h"
#include "file.h"
#include "ipc.h"
#include "json.h"
#include "log.h"
#include "notify.h"

struct daemon {
	struct loop *loop;
	struct agent *agent;
	char paused_path[PATH_SIZE]; /* there while the owner paused: a restart keeps to it */
};

/* ---- the daemon ---- */

static json_t *on_request(void *context, json_t *request)
{
	struct daemon *d = context;
	const char *ask = json_string_value(json_object_get(request, "ask"));
	if (!ask)
		return NULL;
	if (!strcmp(ask, "status"))
		return agent_snapshot(d->agent);
	if (!strcmp(ask, "pause")) {
		if (file_write(d->paused_path, "", 0, 0644))
			log_warn("the pause will not survive a restart", "path=%s", d->paused_path);
		agent_pause(d->agent, true);
	} else if (!strcmp(ask, "resume")) {
		unlink(d->paused_path);
		agent_pause(d->agent, false);
	} else if (!strcmp(ask, "drain") || !strcmp(ask, "withdraw")) {
		agent_drain(d->agent, *ask == 'w');
	} else {
		return NULL;
	}
	return json_object();
}

static void on_signal(void *context, int number)
{
	struct daemon *d = context;
	log_info("stopping; guests stay", "signal=%d", number);
	loop_stop(d->loop);
}

static void *agent_thread(void *agent)
{
	agent_run(agent);
	return NULL;
}

static err_t serve(struct daemon *d, const struct settings *s, const struct identity *id)
{
	char path[PATH_SIZE];
	pthread_t thread;
	struct ipc_server *server = NULL;
	TRY(settings_path(s, "paused", d->paused_path));
	TRY(settings_path(s, "control.sock", path));
	TRY(loop_new(&d->loop));
	TRY(loop_signal_add(d->loop, SIGTERM, on_signal, d)); /* before any thread, so that all have them blocked */
	TRY(loop_signal_add(d->loop, SIGINT, on_signal, d));
	TRY(agent_new(s, id, &d->agent));
	agent_pause(d->agent, !access(d->paused_path, F_OK));
	if (pthread_create(&thread, NULL, agent_thread, d->agent))
		return E_NOMEM;
	err_t e = ipc_serve(d->loop, path, on_request, d, &server);
	if (!e) {
		log_info("running", "machine=%s market=%s state=%s", s->name, s->market_url, s->state);
		notify_ready(d->loop);
		e = loop_run(d->loop);
		notify_stopping();
	}
	agent_quit(d->agent);
	pthread_join(thread, NULL);
	ipc_server_free(server);
	return e;
}

/* Only one daemon a state folder. */
static int lock_state(const struct settings *s)
{
	char path[PATH_SIZE];
	if (settings_path(s, "lock", path))
		return -1;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB))
		fd_close(&fd);
	return fd;
}

bool form_is_known(const struct cli *cli)
{
	const char *form = cli_text(cli, "output", "table");
	bool known = !strcmp(form, "table") || !strcmp(form, "json");
	if (!known)
		cli_error(cli, EXIT_USAGE, "--output: must be table or json, not \"%s\"", form);
	return known;
}

static int not_set_up(const struct cli *cli)
{
	return cli_error(cli, EXIT_CONFLICT, "this machine is not set up: `cpushare-seller setup --help`");
}

int command_run(struct cli *cli)
{
	struct settings s;
	struct identity id = { .key = NULL };
	struct daemon d = { .loop = NULL };
	enum log_level level = LOG_INFO;
	if (!form_is_known(cli))
		return EXIT_USAGE;
	if (log_level_parse(cli_text(cli, "log", "info"), &level))
		return cli_error(cli, EXIT_USAGE, "--log: must be error, warn, info or debug");
	log_init("cpushare-seller", level);
	signal(SIGPIPE, SIG_IGN);
	err_t e = settings_load(cli, &s);
	if (e)
		return e == E_NOT_FOUND ? not_set_up(cli) : EXIT_USAGE;
	if (identity_load(&s, &id))
		return not_set_up(cli);
	AUTO_FD lock = lock_state(&s);
	if (lock < 0) {
		identity_clear(&id);
		return cli_error(cli, EXIT_CONFLICT, "another daemon runs on %s, or the folder cannot be written", s.state);
	}
	e = serve(&d, &s, &id);
	if (e)
		log_error("the daemon ends", "error=%s", err_name(e));
	agent_free(d.agent);
	loop_free(d.loop);
	identity_clear(&id);
	return e ? EXIT_ERROR : EXIT_OK;
}

/* ---- the owner's commands ---- */

static int ask_daemon(struct cli *cli, const char *word, json_t **ret_answer)
{
	char state[PATH_SIZE], path[PATH_SIZE + 16];
	AUTO_JSON request = json_pack("{s:s}", "ask", word);
	if (!form_is_known(cli) || settings_state_dir(cli, state, sizeof state))
		return EXIT_USAGE;
	snprintf(path, sizeof path, "%s/control.sock", state);
	err_t e = ipc_ask(path, request, 5000, ret_answer);
	if (!e)
		return EXIT_OK;
	bool denied = access(state, X_OK) && errno == EACCES;
	return cli_error(cli, EXIT_UNREACHABLE, "no daemon answers at %s (%s)%s", path, err_name(e),
			 denied ? ": this folder is another user's" : ": start it with `cpushare-seller run`");
}

static const char *text_of(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

static void print_lease(json_t *l)
{
	int64_t permille = json_integer_value(json_object_get(l, "progress_permille"));
	char earned[MONEY_TEXT_SIZE];
	money_format((money){ json_integer_value(json_object_get(l, "earned_micro")) }, earned);
	printf("  %s %-6s %-10s %8.1f vCPU s  %8.1f s  earned %s  %s", text_of(l, "lease"), text_of(l, "name"),
	       text_of(l, "state"), (double)json_integer_value(json_object_get(l, "vcpu_ns")) / 1e9,
	       (double)json_integer_value(json_object_get(l, "running_us")) / 1e6, earned, text_of(l, "path"));
	if (!strcmp(text_of(l, "state"), "preparing") && permille >= 0)
		printf("  image %lld %%", (long long)permille / 10);
	printf("  %s %s\n", text_of(l, "reason"), text_of(l, "detail"));
}

/* What can be measured of this computer, and by what; and what cannot. */
static void print_senses(json_t *governor)
{
	json_t *value, *by = json_object_get(governor, "senses"), *way;
	const char *name;
	size_t i;
	for (int known = 1; known >= 0; known--) {
		const char *before = known ? "senses    " : "          unknown here: ";
		json_object_foreach (json_object_get(governor, "measured"), name, value) {
			if (json_is_null(value) == known || !strcmp(name, "owner") || !strcmp(name, "drain"))
				continue;
			printf("%s%s", before, name);
			before = ", ";
			json_array_foreach (json_object_get(by, name), i, way)
				printf("%s%s", i ? ", " : " (", json_string_value(way));
			if (i)
				putchar(')');
		}
		if (*before == ',')
			putchar('\n');
	}
}

static void print_limits(json_t *governor)
{
	size_t i;
	json_t *reason, *reasons = json_object_get(governor, "reasons"), *measured = json_object_get(governor, "measured"),
			*heat = json_object_get(measured, "temperature");
	if (json_is_integer(heat))
		printf("heat      %lld degrees Celsius\n", json_integer_value(heat) / 1000);
	if (!json_array_size(reasons))
		printf("limits    none applies\n");
	json_array_foreach (reasons, i, reason)
		printf("%s%s since %lld s: %s (%s)\n", i ? "          " : "limits    ", text_of(reason, "level"),
		       json_integer_value(json_object_get(reason, "since_s")), text_of(reason, "detail"),
		       text_of(reason, "reason"));
}

static long long number_of(json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void print_rate(const char *direction, long long all_bits_s, long long each_bytes_s)
{
	if (!all_bits_s)
		printf("any %s", direction);
	else
		printf("%.6g Mbit/s %s", (double)all_bits_s / 1e6, direction);
	if (each_bytes_s)
		printf(" (%.6g for each)", (double)each_bytes_s * 8 / 1e6);
}

/* Where the owner bounds what guests may move by the second. */
static void print_bounds(json_t *status)
{
	json_t *each = json_array_size(json_object_get(status, "leases")) ? json_object_get(status, "share") : NULL;
	long long up = number_of(status, "up_bits_s"), down = number_of(status, "down_bits_s");
	if (!up && !down)
		return;
	printf("bounds    ");
	print_rate("up", up, number_of(each, "up_bytes_s"));
	printf(", ");
	print_rate("down", down, number_of(each, "down_bytes_s"));
	putchar('\n');
}

/* What keeps waiting orders from this machine, and what would have matched those of the last day. */
static void print_why(json_t *market)
{
	json_t *value, *recent = json_object_get(market, "recent");
	const char *rule;
	char median[MONEY_TEXT_SIZE], highest[MONEY_TEXT_SIZE];
	if (*text_of(market, "trial_until"))
		printf("no work   on trial after failures: no lease before %s\n", text_of(market, "trial_until"));
	printf("orders    %lld wait for places, %lld of them would fit", number_of(market, "orders"), number_of(market, "fits"));
	json_object_foreach (json_object_get(market, "removed"), rule, value)
		if (json_integer_value(value))
			printf(", %lld kept away by %s", json_integer_value(value), rule);
	money_format((money){ number_of(recent, "median_price_per_core_hour_micro") }, median);
	money_format((money){ number_of(recent, "highest_price_per_core_hour_micro") }, highest);
	printf("\n          %lld in the last day", number_of(recent, "orders"));
	if (number_of(recent, "orders"))
		printf(": half of them paid up to %s or more for a core's hour, one %s; half asked for a rating of %lld %% and a "
		       "score of %lld "
		       "at most",
		       median, highest, number_of(recent, "median_min_rating_ppm") / 10000,
		       number_of(recent, "median_min_score"));
	putchar('\n');
}

static void print_measured(json_t *market)
{
	json_t *last = json_object_get(market, "calibration"), *line = json_object_get(market, "line");
	if (json_is_object(last))
		printf("measured  %s, score %lld, claimed %lld, at %s %s\n", text_of(last, "result"), number_of(last, "score"),
		       number_of(last, "claimed_score"), text_of(last, "ended_at"), text_of(last, "detail"));
	else
		printf("measured  not yet by the market\n");
	if (*text_of(line, "measured_at"))
		printf("          %.1f Mbit/s up, %.1f down, at %s\n", (double)number_of(line, "up_kbit_s") / 1e3,
		       (double)number_of(line, "down_kbit_s") / 1e3, text_of(line, "measured_at"));
}

static void print_outlook(json_t *outlook, bool works)
{
	json_t *market = json_object_get(outlook, "market");
	long long relay_us = number_of(outlook, "relay_rtt_us");
	printf("line      NAT %s%s", text_of(outlook, "nat"),
	       json_is_true(json_object_get(outlook, "direct")) ? ", reached directly" : "");
	if (relay_us >= 0)
		printf(", %.1f ms to the nearest relay", (double)relay_us / 1e3);
	putchar('\n');
	if (!json_is_object(market))
		return;
	printf("seen      %s by the market, %s%s\n", text_of(market, "state"),
	       json_is_true(json_object_get(market, "in_book")) ? "on its book"
	       : *text_of(market, "off_reason")			? "off its book: "
								: "not on its book",
	       text_of(market, "off_reason"));
	print_measured(market);
	if (!works)
		print_why(market);
}

static void print_status(json_t *s)
{
	printf("machine   %s (%s)\nstate     %s\nmarket    %s, %s%s\n", text_of(s, "name"), text_of(s, "machine"),
	       text_of(s, "state"), text_of(s, "market"),
	       json_is_true(json_object_get(s, "market_answers")) ? "answers" : "does not answer: ", text_of(s, "problem"));
	printf("offers    %lld cores, %lld MiB, %s (%s), score %lld\n", json_integer_value(json_object_get(s, "cores")),
	       json_integer_value(json_object_get(s, "memory_mib")), text_of(s, "accel"), text_of(s, "accel_why"),
	       json_integer_value(json_object_get(s, "score")));
	print_limits(json_object_get(s, "governor"));
	print_bounds(s);
	print_senses(json_object_get(s, "governor"));
	if (*text_of(s, "note"))
		printf("note      %s\n", text_of(s, "note"));
	size_t i;
	json_t *l, *leases = json_object_get(s, "leases");
	print_outlook(json_object_get(s, "outlook"), json_array_size(leases) > 0);
	printf("leases    %zu\n", json_array_size(leases));
	json_array_foreach (leases, i, l)
		print_lease(l);
}

static int show_status(struct cli *cli)
{
	AUTO_JSON answer = NULL;
	int code = ask_daemon(cli, "status", &answer);
	if (code)
		return code;
	if (strcmp(cli_text(cli, "output", "table"), "json")) {
		print_status(answer);
		return EXIT_OK;
	}
	json_put_int(answer, "schema", 1);
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
	return EXIT_OK;
}

int command_status(struct cli *cli)
{
	bool screen = isatty(STDOUT_FILENO);
	int code;
	do {
		if (cli_flag(cli, "watch") && screen)
			fputs("\033[H\033[2J", stdout);
		code = show_status(cli);
		fflush(stdout);
	} while (code == EXIT_OK && cli_flag(cli, "watch") && !ferror(stdout) && sleep(1) == 0);
	return code;
}

static int tell(struct cli *cli, const char *word, const char *done)
{
	AUTO_JSON answer = NULL;
	int code = ask_daemon(cli, word, &answer);
	if (!code && strcmp(cli_text(cli, "output", "table"), "json") != 0)
		puts(done);
	return code;
}

int command_pause(struct cli *cli)
{
	return tell(cli, "pause", "paused: guests are frozen, no new ones are taken; `cpushare-seller resume` goes on");
}

int command_resume(struct cli *cli)
{
	return tell(cli, "resume", "online again");
}

int command_drain(struct cli *cli)
{
	int code = cli_flag(cli, "now") ? tell(cli, "withdraw", "draining: no new guests are taken, and those that run are ended")
					: tell(cli, "drain", "draining: no new guests are taken; those that run may end");
	while (!code && cli_flag(cli, "wait")) {
		AUTO_JSON answer = NULL;
		code = ask_daemon(cli, "status", &answer);
		if (!json_array_size(json_object_get(answer, "leases")))
			break;
		sleep(1);
	}
	return code;
}
