/* SPDX-License-Identifier: Apache-2.0
 * agent.c - the daemon: reports what is, makes what should be
 */
#include "agent.h"
#include "attest.h"
#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "client.h"
#include "file.h"
#include "governor.h"
#include "lease.h"
#include "log.h"
#include "outlook.h"
#include "probe.h"
#include "rates.h"
#include "scratch.h"
#include "share.h"
#include "traffic.h"
#include "waker.h"

enum { FIRST_INTERVAL_MS = 1000, RETRY_INTERVAL_MS = 3000, CALL_TIMEOUT_MS = 15000 };

struct agent {
	const struct settings *settings;
	const struct identity *identity;
	struct lease_host host;
	struct governor *governor;
	struct client *client;
	struct attester *attester;
	struct waker *waker;
	struct outlook *outlook;
	struct lease_here *leases[REPORT_MAX_LEASES];
	size_t lease_count;
	uuid boot;
	uint64_t seq;
	uint32_t score;
	char accel_why[128];
	int64_t interval_ms;
	mono_time last_answer;
	char note[DETAIL_SIZE];
	char traffic_path[PATH_SIZE];
	struct traffic traffic;
	struct problem problem; /* of the last report; status 0 and empty code: none */
	bool answered;

	atomic_bool quit, draining, withdrawing;
	pthread_mutex_t snapshot_lock;
	json_t *snapshot;
};

/* ---- start ---- */

static void agent_probe(struct agent *a)
{
	char canary[600];
	int wanted;
	if (state_parse(accel_names, ACCEL_COUNT, a->settings->accel, &wanted) == OK && wanted != ACCEL_ANY) {
		a->host.accel = (enum accel)wanted;
		snprintf(a->accel_why, sizeof a->accel_why, "as the settings say");
	} else {
		probe_canary_path(canary, sizeof canary);
		a->host.accel = probe_accel(canary, a->accel_why, sizeof a->accel_why);
	}
	if (port_kind_choose(a->settings->port, probe_port(), &a->host.port))
		a->host.port = PORT_DGRAM; /* not reached: the settings were checked */
	a->score = probe_score(a->host.accel);
	log_info("this machine", "accel=%s why=\"%s\" port=%s score=%u", accel_names[a->host.accel], a->accel_why,
		 port_kind_names[a->host.port], a->score);
}

static int slot_for(const struct agent *a)
{
	for (int slot = 0; slot < REPORT_MAX_LEASES; slot++) {
		bool used = false;
		for (size_t i = 0; i < a->lease_count; i++)
			used |= a->leases[i]->uid == (uint32_t)(a->settings->jail_uid + slot);
		if (!used)
			return slot;
	}
	return 0;
}

static err_t agent_adopt(struct agent *a)
{
	char folder[PATH_SIZE];
	uuid id;
	TRY(settings_path(a->settings, "leases", folder));
	TRY(dir_make(folder, 0711));
	DIR *dir = opendir(folder);
	if (!dir)
		return E_IO;
	for (struct dirent *e; (e = readdir(dir)) && a->lease_count < REPORT_MAX_LEASES;) {
		if (uuid_parse(e->d_name, &id))
			continue;
		err_t failed = lease_adopt(&a->host, id, slot_for(a), &a->leases[a->lease_count]);
		if (failed)
			log_warn("a lease's directory cannot be read", "lease=%s error=%s", e->d_name, err_name(failed));
		else
			a->lease_count++;
	}
	closedir(dir);
	return OK;
}

/* As leases come and go. The new ones are told when they start. */
static void share_line(struct agent *a)
{
	const struct limits *limits = &a->settings->limits;
	const struct vnet_rates all = { limits->up_bits_s / 8, limits->down_bits_s / 8 };
	size_t count = 0, moving = 0;
	bool fetching = false;
	for (size_t i = 0; i < a->lease_count; i++) {
		const struct lease_here *l = a->leases[i];
		count += l->state != LEASE_ENDED;
		moving += lease_moves(l);
		fetching |= lease_fetches(l);
	}
	struct share share = share_of(&all, count, moving, fetching);
	atomic_store(&a->host.up_bytes_s, share.guest.up_bytes_s);
	atomic_store(&a->host.down_bytes_s, share.guest.down_bytes_s);
	atomic_store(&a->host.image_bytes_s, share.image_bytes_s);
	for (size_t i = 0; i < a->lease_count; i++)
		lease_share(a->leases[i]);
}

static err_t agent_open(struct agent *a)
{
	struct client_config config = { .url = a->settings->market_url,
					.pin = a->settings->market_pin,
					.token = a->identity->token,
					.user_agent = "cpushare-seller/" CPUSHARE_VERSION,
					.timeout_ms = CALL_TIMEOUT_MS };
	a->host = (struct lease_host){ .settings = a->settings, .identity = a->identity };
	a->host.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->host.wake_fd < 0)
		return E_IO;
	TRY(client_new(&config, &a->client));
	TRY(settings_path(a->settings, "traffic.json", a->traffic_path));
	traffic_load(a->traffic_path, &a->traffic);
	TRY(warm_new(a->settings, &a->host.warm));
	TRY(governor_new(a->settings, a->host.wake_fd, &a->governor));
	TRY(attester_new(a->settings, a->host.wake_fd, &a->attester));
	agent_probe(a);
	TRY(outlook_new(a->settings, a->identity, &a->outlook));
	share_line(a); /* before an image is fetched on */
	TRY(agent_adopt(a));
	return waker_new(a->settings, a->identity, a->host.wake_fd, &a->waker);
}

err_t agent_new(const struct settings *settings, const struct identity *identity, struct agent **ret_agent)
{
	struct agent *a = calloc(1, sizeof *a);
	if (!a)
		return E_NOMEM;
	a->settings = settings;
	a->identity = identity;
	a->boot = uuid_make(clock_wall());
	a->interval_ms = FIRST_INTERVAL_MS;
	a->last_answer = clock_mono();
	a->host.wake_fd = -1;
	pthread_mutex_init(&a->snapshot_lock, NULL);
	err_t e = agent_open(a);
	if (e) {
		agent_free(a);
		return e;
	}
	*ret_agent = a;
	return OK;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	waker_free(a->waker);
	governor_free(a->governor);
	outlook_free(a->outlook);
	for (size_t i = 0; i < a->lease_count; i++)
		lease_leave(a->leases[i]);
	warm_free(a->host.warm);
	attester_free(a->attester);
	client_free(a->client);
	fd_close(&a->host.wake_fd);
	if (a->snapshot)
		json_decref(a->snapshot);
	pthread_mutex_destroy(&a->snapshot_lock);
	free(a);
}

/* ---- a round ---- */

static json_t *build_report(struct agent *a)
{
	struct report *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->boot = a->boot;
	r->seq = ++a->seq;
	snprintf(r->version, sizeof r->version, "%s", CPUSHARE_VERSION);
	r->accepting = governor_level(a->governor) == POLICY_OPEN;
	r->draining = atomic_load(&a->draining);
	r->accel = a->host.accel;
	snprintf(r->country, sizeof r->country, "%.2s", a->settings->country);
	settings_capacity(a->settings, &r->cores, &r->memory_mib);
	r->score = a->score;
	r->prices = settings_prices(a->settings);
	r->terms.cpu_vendor = probe_cpu_vendor();
	const char *dirs[REPORT_MAX_LEASES];
	for (size_t i = 0; i < a->lease_count; i++)
		dirs[i] = a->leases[i]->dir;
	r->terms.scratch_mib = scratch_offered_mib(a->settings, dirs, a->lease_count);
	r->terms.image_mib = cache_offered_mib(a->settings);
	r->terms.display = a->settings->display;
	outlook_terms(a->outlook, &r->terms);
	r->terms.up_kbit_s = share_told_kbit_s(a->settings->up_mbit_s, a->settings->limits.up_bits_s);
	r->terms.down_kbit_s = share_told_kbit_s(a->settings->down_mbit_s, a->settings->limits.down_bits_s);
	r->terms.min_buyer_rating_ppm = (uint32_t)a->settings->min_buyer_rating.micro;
	(void)!settings_blocked_buyers(a->settings, r->terms.blocked_buyers, &r->terms.blocked_count); /* was checked */
	r->min_duration_s = (uint32_t)(a->settings->min_duration_us / SECOND_US);
	r->max_duration_s = (uint32_t)(a->settings->max_duration_us / SECOND_US);
	r->lease_count = a->lease_count;
	for (size_t i = 0; i < a->lease_count; i++) {
		lease_report(a->leases[i], &r->leases[i]);
		lease_report_paths(a->leases[i], r, &r->leases[i], clock_mono());
	}
	json_t *json = report_to_json(r);
	free(r);
	return json;
}

static void send_console(struct agent *a, const struct lease_here *l, int64_t from)
{
	char path[128], id[UUID_TEXT_SIZE];
	struct problem problem = { .status = 0 };
	AUTO_FREE struct console_chunk *chunk = malloc(sizeof *chunk);
	AUTO_JSON answer = NULL;
	if (!chunk || lease_console(l, from, chunk))
		return;
	AUTO_JSON body = console_chunk_to_json(chunk);
	snprintf(path, sizeof path, "/v1/leases/%s/console", uuid_format(l->id, id));
	if (client_call(a->client, "POST", path, body, NULL, &answer, &problem)) {
		log_debug("console not taken", "lease=%s code=%s", id, problem.code);
		return;
	}
	struct json_error error = { .what = "" };
	struct console_input input;
	if (console_input_from_json(answer, &input, &error))
		log_warn("what was typed is not understood", "lease=%s field=%s", id, error.field);
	else if (input.len && lease_type(l, &input))
		log_debug("what was typed is not taken", "lease=%s", id);
}

static void send_screen(struct agent *a, struct lease_here *l, uint32_t width)
{
	char path[128], id[UUID_TEXT_SIZE];
	struct problem problem = { .status = 0 };
	AUTO_FREE struct screen_picture *picture = malloc(sizeof *picture);
	if (!picture || lease_screen(l, width, picture) || !picture->len)
		return;
	snprintf(path, sizeof path, "/v1/leases/%s/screen", uuid_format(l->id, id));
	if (client_put_bytes(a->client, path, picture->png, picture->len, &problem))
		log_debug("picture not taken", "lease=%s code=%s", id, problem.code);
	l->screen_sent = picture->number;
}

/* What the TPM answered, once it has. */
static void send_attestation(struct agent *a)
{
	char path[128], id[UUID_TEXT_SIZE];
	struct problem problem = { .status = 0 };
	AUTO_JSON body = attester_take(a->attester);
	AUTO_JSON answer = NULL;
	if (!body)
		return;
	snprintf(path, sizeof path, "/v1/machines/%s/attestation", uuid_format(a->identity->machine, id));
	if (client_call(a->client, "POST", path, body, NULL, &answer, &problem)) {
		log_warn("the market does not take the TPM's answer", "status=%d detail=\"%s\"", problem.status, problem.detail);
		attester_again(a->attester);
		return;
	}
	const char *fault = json_string_value(json_object_get(answer, "fault"));
	if (fault)
		log_warn("the market finds fault with what the TPM shows", "fault=%s", fault);
}

static struct lease_here *find_lease(const struct agent *a, uuid id)
{
	for (size_t i = 0; i < a->lease_count; i++)
		if (uuid_equal(a->leases[i]->id, id))
			return a->leases[i];
	return NULL;
}

/* A lease that the market orders and that is not here. */
static void take_new_lease(struct agent *a, const struct lease_order *order)
{
	struct lease_here *l = NULL;
	err_t e;
	if (a->lease_count == REPORT_MAX_LEASES)
		return;
	if (order->state == LEASE_ENDED)
		e = lease_refuse(&a->host, order->lease, order->reason, "", &l);
	else if (atomic_load(&a->draining))
		e = lease_refuse(&a->host, order->lease, END_WITHDRAWN_BY_SELLER, "the machine is being drained", &l);
	else
		e = lease_start(&a->host, order->lease, slot_for(a), &l);
	if (e)
		log_warn("a lease cannot be started", "error=%s", err_name(e));
	else
		a->leases[a->lease_count++] = l;
}

static bool named(const struct report_answer *answer, uuid id)
{
	for (size_t i = 0; i < answer->lease_count; i++)
		if (uuid_equal(answer->leases[i].lease, id))
			return true;
	return false;
}

/* For a lease: bound to what this machine knows of it, which must be what the market knows. */
static void answer_question(struct agent *a, const struct question *q)
{
	struct binding b = { .question = *q, .machine = a->identity->machine, .accel = a->host.accel };
	const struct lease_here *l = find_lease(a, q->lease);
	if (!uuid_is_zero(q->lease)) {
		if (!l || l->preparing || !l->has_spec || !l->has_network)
			return; /* it stands in the next answer, too */
		b.image = l->spec.image;
		b.pin = l->pin;
	}
	attester_ask(a->attester, &b);
}

static void apply_answer(struct agent *a, const struct report_answer *answer)
{
	a->interval_ms = answer->interval_ms;
	snprintf(a->note, sizeof a->note, "%s", answer->note);
	for (size_t i = 0; i < a->lease_count;) {
		if (named(answer, a->leases[i]->id)) {
			i++;
			continue;
		}
		lease_forget(a->leases[i]);
		a->leases[i] = a->leases[--a->lease_count];
	}
	for (size_t i = 0; i < answer->lease_count; i++) {
		const struct lease_order *order = &answer->leases[i];
		struct lease_here *l = find_lease(a, order->lease);
		if (!l) {
			take_new_lease(a, order);
			continue;
		}
		lease_answer(l, order);
		if (order->console_from >= 0 && l->ran)
			send_console(a, l, order->console_from);
		if (order->screen_width && l->ran)
			send_screen(a, l, order->screen_width);
	}
	if (answer->has_question)
		answer_question(a, &answer->question);
}

static err_t report(struct agent *a)
{
	char path[128], id[UUID_TEXT_SIZE];
	AUTO_JSON body = build_report(a);
	AUTO_JSON json = NULL;
	struct json_error error = { .what = "" };
	struct report_answer answer = { .leases = NULL };
	struct problem problem = { .status = 0 };
	if (!body)
		return E_NOMEM;
	snprintf(path, sizeof path, "/v1/machines/%s/report", uuid_format(a->identity->machine, id));
	err_t e = client_call(a->client, "POST", path, body, NULL, &json, &problem);
	if (!e) {
		e = report_answer_from_json(json, &answer, &error);
		if (e)
			snprintf(problem.title, sizeof problem.title, "the market's answer is not understood: %.50s %.50s",
				 error.field, error.what);
	}
	if (!e)
		apply_answer(a, &answer);
	report_answer_clear(&answer);
	if (e && (!a->problem.title[0] || strcmp(a->problem.title, problem.title)))
		log_warn("report not taken", "error=%s status=%d title=\"%s\" detail=\"%s\"", err_name(e), problem.status,
			 problem.title, problem.detail);
	if (!e && a->problem.title[0])
		log_info("the market answers again", "interval_ms=%lld", (long long)a->interval_ms);
	a->problem = problem;
	return e;
}

static void stop_all(struct agent *a, enum end_reason reason, const char *detail)
{
	for (size_t i = 0; i < a->lease_count; i++)
		lease_stop(a->leases[i], reason, detail);
}

/* The owner's bound, or the buyer's, whichever is shorter. */
static int64_t freeze_max_us(const struct agent *a, const struct lease_here *l)
{
	int64_t owner_us = a->settings->limits.freeze_us, buyer_us = l->spec.max_freeze_s * SECOND_US;
	return buyer_us && buyer_us < owner_us ? buyer_us : owner_us;
}

static void steer_all(struct agent *a)
{
	const char *dirs[REPORT_MAX_LEASES];
	char why[POLICY_TEXT_SIZE], detail[DETAIL_SIZE];
	enum policy_level level;
	for (size_t i = 0; i < a->lease_count; i++)
		dirs[i] = a->leases[i]->dir;
	governor_watch(a->governor, dirs, a->lease_count);
	/* Where the governor changes its mind meanwhile, what it told the guests may have been undone here. */
	do {
		level = governor_level(a->governor);
		for (size_t i = 0; i < a->lease_count; i++) {
			struct lease_here *l = a->leases[i];
			if (!l->preparing && lease_frozen_us(l, level, clock_mono()) > freeze_max_us(a, l)) {
				snprintf(detail, sizeof detail, "paused for too long: %s", governor_why(a->governor, why));
				lease_stop(l, END_WITHDRAWN_BY_SELLER, detail);
			}
			if (!l->preparing || l->desired == LEASE_ENDED)
				lease_steer(l, level);
		}
	} while (level != governor_level(a->governor));
}

static json_t *lease_to_status(const struct lease_here *l)
{
	json_t *out = json_object();
	json_put_uuid(out, "lease", l->id);
	json_put_text(out, "name", l->has_spec && !l->preparing ? l->spec.name : "");
	json_put_text(out, "state", lease_state_names[l->state]);
	json_put_text(out, "reason", end_reason_names[l->reason]);
	json_put_text(out, "detail", l->detail);
	json_put_int(out, "progress_permille", lease_permille(l));
	json_put_int(out, "vcpu_ns", (int64_t)l->vcpu_ns);
	json_put_int(out, "running_us", (int64_t)l->running_us);
	json_put_int(out, "tx_bytes", (int64_t)(l->journal.tx_before + l->journal.tx_now));
	json_put_int(out, "rx_bytes", (int64_t)(l->journal.rx_before + l->journal.rx_now));
	rates_put(out, &l->rates);
	json_put_text(out, "path", l->path);
	json_put_money(out, "earned_micro", lease_earned(l));
	return out;
}

static void take_snapshot(struct agent *a)
{
	uint32_t cores, memory_mib;
	json_t *out = json_object(), *leases = json_array(), *share = json_object();
	const struct vnet_rates each = { atomic_load(&a->host.up_bytes_s), atomic_load(&a->host.down_bytes_s) };
	settings_capacity(a->settings, &cores, &memory_mib);
	json_put_uuid(out, "machine", a->identity->machine);
	json_put_text(out, "name", a->settings->name);
	json_put_text(out, "market", a->settings->market_url);
	json_put_bool(out, "market_answers", a->answered);
	json_put_text(out, "problem", a->problem.title);
	json_put_text(out, "note", a->note);
	json_put_text(out, "tpm", attester_problem(a->attester));
	json_put_text(out, "accel", accel_names[a->host.accel]);
	json_put_text(out, "accel_why", a->accel_why);
	json_put_int(out, "score", a->score);
	json_put(out, "outlook", outlook_to_json(a->outlook));
	json_put_int(out, "cores", cores);
	json_put_int(out, "memory_mib", memory_mib);
	json_put_int(out, "up_bits_s", a->settings->limits.up_bits_s);
	json_put_int(out, "down_bits_s", a->settings->limits.down_bits_s);
	rates_put(share, &each);
	json_put(out, "share", share);
	for (size_t i = 0; i < a->lease_count; i++)
		json_array_append_new(leases, lease_to_status(a->leases[i]));
	json_put(out, "leases", leases);
	pthread_mutex_lock(&a->snapshot_lock);
	if (a->snapshot)
		json_decref(a->snapshot);
	a->snapshot = out;
	pthread_mutex_unlock(&a->snapshot_lock);
}

/* Never where guests run, where bytes are paid for, or beyond nine tenths of what may move this month. Returns what it moved. */
static uint64_t measure_the_line(struct agent *a)
{
	int64_t month_bytes = a->settings->limits.traffic_bytes;
	uint64_t most = month_bytes ? (uint64_t)month_bytes / 10 * 9 : UINT64_MAX, moved;
	bool idle = !a->lease_count && a->answered && governor_level(a->governor) == POLICY_OPEN &&
		    governor_measured(a->governor, POLICY_METERED) <= 0;
	outlook_line(a->outlook, idle, most > a->traffic.bytes ? most - a->traffic.bytes : 0, &moved);
	return moved;
}

static void agent_round(struct agent *a)
{
	uint64_t moved = 0;
	for (size_t i = 0; i < a->lease_count; i++) {
		lease_look(a->leases[i]);
		moved += lease_new_traffic(a->leases[i]);
	}
	moved += measure_the_line(a);
	if (traffic_add(&a->traffic, a->traffic_path, moved, clock_wall()))
		log_warn("the month's traffic is not saved", "path=%s", a->traffic_path);
	governor_tell(a->governor, POLICY_TRAFFIC, (int64_t)(a->traffic.bytes >> 20));
	if (atomic_exchange(&a->withdrawing, false))
		stop_all(a, END_WITHDRAWN_BY_SELLER, "the owner took the machine back");
	send_attestation(a);
	a->answered = report(a) == OK;
	if (a->answered)
		a->last_answer = clock_mono();
	else if (clock_mono().us - a->last_answer.us > a->settings->unreachable_us)
		stop_all(a, END_LOST_CONTACT, "the market was unreachable for too long");
	share_line(a);
	steer_all(a);
	if (!a->lease_count)
		warm_rest(a->host.warm, governor_level(a->governor) == POLICY_OPEN);
	take_snapshot(a);
}

void agent_run(struct agent *a)
{
	take_snapshot(a);
	while (!atomic_load(&a->quit)) {
		agent_round(a);
		struct pollfd p = { .fd = a->host.wake_fd, .events = POLLIN };
		uint64_t count;
		int wait_ms = a->answered ? (int)a->interval_ms : RETRY_INTERVAL_MS;
		if (!atomic_load(&a->quit) && poll(&p, 1, wait_ms) == 1 && read(a->host.wake_fd, &count, sizeof count) < 0)
			log_debug("woken by nobody", "fd=%d", a->host.wake_fd);
	}
}

/* ---- from other threads ---- */

static void wake(struct agent *a)
{
	uint64_t one = 1;
	if (write(a->host.wake_fd, &one, sizeof one) < 0)
		return; /* it is awake already */
}

void agent_quit(struct agent *a)
{
	atomic_store(&a->quit, true);
	wake(a);
}

void agent_pause(struct agent *a, bool paused)
{
	governor_tell(a->governor, POLICY_OWNER, paused);
	if (!paused) {
		atomic_store(&a->draining, false);
		governor_tell(a->governor, POLICY_DRAIN, 0);
	}
	wake(a);
}

void agent_drain(struct agent *a, bool now)
{
	atomic_store(&a->draining, true);
	governor_tell(a->governor, POLICY_DRAIN, 1);
	if (now)
		atomic_store(&a->withdrawing, true);
	wake(a);
}

json_t *agent_snapshot(struct agent *a)
{
	pthread_mutex_lock(&a->snapshot_lock);
	json_t *copy = json_deep_copy(a->snapshot);
	pthread_mutex_unlock(&a->snapshot_lock);
	/* These change between the agent's rounds. */
	enum policy_level level = governor_level(a->governor);
	bool draining = atomic_load(&a->draining) && level != POLICY_PAUSED;
	json_put_text(copy, "state", draining ? "draining" : level == POLICY_OPEN ? "online" : policy_level_names[level]);
	json_put(copy, "governor", governor_to_json(a->governor));
	return copy;
}
