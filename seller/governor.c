/* SPDX-License-Identifier: Apache-2.0
 * governor.c - the owner comes first
 */
#include "governor.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "desktop.h"
#include "file.h"
#include "log.h"
#include "pid_file.h"
#include "senses.h"
#include "vmrun.h"

enum { PERIOD_MS = 250 };

struct governor {
	const struct settings *settings;
	struct policy policy;
	struct senses *senses;
	struct desktop *desktop;
	int changed_fd, wake_fd; /* the agent's, borrowed; ours */
	pthread_t thread;
	bool started;

	pthread_mutex_t lock; /* everything below */
	pthread_cond_t looked;
	bool quit;
	uint64_t asked, answered; /* rounds that somebody waits for */
	int64_t values[POLICY_REASON_COUNT];
	struct sense_sources sources;
	struct desktop_view view;
	struct policy_state state;
	enum policy_level level;
	int64_t worst_us; /* the longest that it took to stop all guests */
	char (*dirs)[PATH_SIZE];
	size_t dir_count;
};

static void raise_event(int fd)
{
	uint64_t one = 1;
	if (write(fd, &one, sizeof one) < 0)
		return; /* it is raised already */
}

/* ---- on its thread ---- */

/* The guests' processes: each lease's vmrun and endpoint. */
static size_t own_processes(char (*dirs)[PATH_SIZE], size_t count, pid_t *ret_pids)
{
	static const char *const files[] = { "vmrun.pid", "net.pid" };
	size_t found = 0;
	for (size_t i = 0; i < count; i++)
		for (size_t f = 0; f < 2; f++) {
			char path[PATH_SIZE + 16];
			snprintf(path, sizeof path, "%s/%s", dirs[i], files[f]);
			pid_t pid = pid_file_holder(path);
			if (pid > 0)
				ret_pids[found++] = pid;
		}
	return found;
}

/* A guest that does not answer is stopped by the agent on one of its rounds, or has ended. */
static void apply(struct governor *g, char (*dirs)[PATH_SIZE], size_t count, enum policy_level level)
{
	struct vmrun_status status;
	for (size_t i = 0; i < count; i++) {
		if (level != POLICY_PAUSED)
			(void)!vmrun_throttle(dirs[i], level == POLICY_THROTTLED ? g->settings->limits.throttle_percent : 100);
		else if (vmrun_ask(dirs[i], "pause", &status))
			log_debug("a guest does not answer", "lease_dir=%s", dirs[i]);
	}
}

static void measure(struct governor *g, char (*dirs)[PATH_SIZE], size_t count, int64_t *values, struct desktop_view *ret_view)
{
	pid_t pids[2 * REPORT_MAX_LEASES];
	const struct limits *l = &g->settings->limits;
	wall_time now = clock_wall();
	mono_time now_mono = clock_mono();
	senses_read(g->senses, pids, own_processes(dirs, count, pids), g->settings->state, now, now_mono, values);
	*ret_view = desktop_look(g->desktop, now_mono);
	desktop_add(ret_view, l->logind, values);
	values[POLICY_HOURS] = !hours_allow(&l->hours, hours_minute_of_week(now));
	if (strcmp(l->metered_is, "auto") != 0)
		values[POLICY_METERED] = !strcmp(l->metered_is, "yes");
}

static void look(struct governor *g)
{
	int64_t values[POLICY_REASON_COUNT];
	struct desktop_view view;
	char dirs[REPORT_MAX_LEASES][PATH_SIZE];
	pthread_mutex_lock(&g->lock);
	uint64_t round = g->asked;
	size_t count = g->dir_count;
	memcpy(values, g->values, sizeof values);
	memcpy(dirs, g->dirs, count * sizeof *dirs);
	pthread_mutex_unlock(&g->lock);

	measure(g, dirs, count, values, &view);

	pthread_mutex_lock(&g->lock);
	/* What was told meanwhile is newer. */
	values[POLICY_OWNER] = g->values[POLICY_OWNER];
	values[POLICY_DRAIN] = g->values[POLICY_DRAIN];
	values[POLICY_TRAFFIC] = g->values[POLICY_TRAFFIC];
	memcpy(g->values, values, sizeof values);
	g->view = view;
	g->sources = senses_sources(g->senses);
	mono_time decided = clock_mono();
	enum policy_level was = g->level, level = policy_decide(&g->policy, &g->state, values, decided);
	g->level = level;
	pthread_mutex_unlock(&g->lock);

	char why[POLICY_TEXT_SIZE];
	if (level != was) {
		apply(g, dirs, count, level);
		int64_t took_us = clock_mono().us - decided.us;
		pthread_mutex_lock(&g->lock);
		if (level == POLICY_PAUSED && count && took_us > g->worst_us)
			g->worst_us = took_us;
		pthread_mutex_unlock(&g->lock);
		log_info("guests may", "level=%s before=%s why=\"%s\" guests=%zu took_us=%lld", policy_level_names[level],
			 policy_level_names[was], governor_why(g, why), count, (long long)took_us);
		raise_event(g->changed_fd);
	}
	pthread_mutex_lock(&g->lock);
	g->answered = round;
	pthread_cond_broadcast(&g->looked);
	pthread_mutex_unlock(&g->lock);
}

static bool goes_on(struct governor *g)
{
	pthread_mutex_lock(&g->lock);
	bool quit = g->quit;
	pthread_mutex_unlock(&g->lock);
	return !quit;
}

static void *run(void *context)
{
	struct governor *g = context;
	while (goes_on(g)) {
		look(g);
		struct pollfd p = { .fd = g->wake_fd, .events = POLLIN };
		uint64_t count;
		if (poll(&p, 1, PERIOD_MS) == 1 && read(g->wake_fd, &count, sizeof count) < 0)
			log_debug("woken by nobody", "fd=%d", g->wake_fd);
	}
	return NULL;
}

/* ---- start and end ---- */

err_t governor_new(const struct settings *settings, int wake_fd, struct governor **ret_governor)
{
	struct governor *g = calloc(1, sizeof *g);
	if (!g)
		return E_NOMEM;
	g->settings = settings;
	g->changed_fd = wake_fd;
	limits_policy(&settings->limits, &g->policy);
	for (int reason = 0; reason < POLICY_REASON_COUNT; reason++)
		g->values[reason] = POLICY_UNKNOWN;
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->looked, NULL);
	g->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	g->dirs = calloc(REPORT_MAX_LEASES, sizeof *g->dirs);
	err_t e = g->wake_fd < 0 || !g->dirs ? E_NOMEM : senses_new("/", &g->senses);
	if (!e)
		e = desktop_new(&g->desktop);
	if (!e) {
		g->started = pthread_create(&g->thread, NULL, run, g) == 0;
		e = g->started ? OK : E_NOMEM;
	}
	if (e) {
		governor_free(g);
		return e;
	}
	*ret_governor = g;
	return OK;
}

void governor_free(struct governor *g)
{
	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	g->quit = true;
	pthread_cond_broadcast(&g->looked);
	pthread_mutex_unlock(&g->lock);
	raise_event(g->wake_fd);
	if (g->started)
		pthread_join(g->thread, NULL);
	desktop_free(g->desktop);
	senses_free(g->senses);
	fd_close(&g->wake_fd);
	free(g->dirs);
	pthread_cond_destroy(&g->looked);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* ---- from other threads ---- */

enum policy_level governor_level(struct governor *g)
{
	pthread_mutex_lock(&g->lock);
	enum policy_level level = g->level;
	pthread_mutex_unlock(&g->lock);
	return level;
}

int64_t governor_measured(struct governor *g, enum policy_reason reason)
{
	pthread_mutex_lock(&g->lock);
	int64_t value = g->values[reason];
	pthread_mutex_unlock(&g->lock);
	return value;
}

void governor_tell(struct governor *g, enum policy_reason reason, int64_t value)
{
	pthread_mutex_lock(&g->lock);
	bool changed = g->values[reason] != value;
	g->values[reason] = value;
	uint64_t round = changed ? ++g->asked : g->answered;
	if (changed)
		raise_event(g->wake_fd);
	while (reason != POLICY_TRAFFIC && g->answered < round && !g->quit)
		pthread_cond_wait(&g->looked, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

void governor_watch(struct governor *g, const char *const *lease_dirs, size_t count)
{
	pthread_mutex_lock(&g->lock);
	g->dir_count = count;
	for (size_t i = 0; i < count; i++)
		snprintf(g->dirs[i], sizeof g->dirs[i], "%s", lease_dirs[i]);
	pthread_mutex_unlock(&g->lock);
}

static void put_known(json_t *out, const char *name, int64_t value)
{
	json_put(out, name, value == POLICY_UNKNOWN ? json_null() : json_integer(value));
}

/* By what it is known whether somebody is here, and what the line costs. */
static json_t *senses_to_json(const struct governor *g)
{
	json_t *user = json_array(), *metered = json_array();
	const bool told = strcmp(g->settings->limits.metered_is, "auto") != 0;
	if (g->sources.inputs)
		json_array_append_new(user, json_string("input devices"));
	if (g->sources.terminals)
		json_array_append_new(user, json_string("terminals"));
	if (g->view.logind && g->settings->limits.logind)
		json_array_append_new(user, json_string("logind"));
	if (told)
		json_array_append_new(metered, json_string("the owner"));
	else if (g->view.network_manager)
		json_array_append_new(metered, json_string("NetworkManager"));
	else if (g->values[POLICY_METERED] != POLICY_UNKNOWN)
		json_array_append_new(metered, json_string("the default route"));
	return json_pack("{s:o, s:o}", "user", user, "metered", metered);
}

json_t *governor_to_json(struct governor *g)
{
	json_t *out = json_object(), *reasons = json_array(), *measured = json_object();
	mono_time now = clock_mono();
	pthread_mutex_lock(&g->lock);
	json_put_text(out, "level", policy_level_names[g->level]);
	json_put_int(out, "throttle_percent", g->settings->limits.throttle_percent);
	json_put_int(out, "slowest_pause_us", g->worst_us);
	for (int i = 0; i < POLICY_REASON_COUNT; i++) {
		char text[POLICY_TEXT_SIZE];
		put_known(measured, policy_reason_names[i], g->values[i]);
		if (g->state.reasons[i].level == POLICY_OPEN)
			continue;
		json_t *reason = json_object();
		json_put_text(reason, "reason", policy_reason_names[i]);
		json_put_text(reason, "level", policy_level_names[g->state.reasons[i].level]);
		json_put_text(reason, "detail", policy_explain((enum policy_reason)i, g->values[i], text));
		json_put_int(reason, "since_s", (now.us - g->state.reasons[i].since.us) / SECOND_US);
		json_array_append_new(reasons, reason);
	}
	json_put(out, "senses", senses_to_json(g));
	pthread_mutex_unlock(&g->lock);
	json_put(out, "reasons", reasons);
	json_put(out, "measured", measured);
	return out;
}

char *governor_why(struct governor *g, char *text)
{
	snprintf(text, POLICY_TEXT_SIZE, "nothing stands in the way");
	pthread_mutex_lock(&g->lock);
	for (int i = 0; i < POLICY_REASON_COUNT && g->level != POLICY_OPEN; i++)
		if (g->state.reasons[i].level == g->level) {
			policy_explain((enum policy_reason)i, g->values[i], text);
			break;
		}
	pthread_mutex_unlock(&g->lock);
	return text;
}
