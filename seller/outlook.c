/* SPDX-License-Identifier: Apache-2.0
 * outlook.c - what the market sees of this machine, and what its line lets an ethernet do
 */
#include "outlook.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "client.h"
#include "file.h"
#include "line.h"
#include "log.h"
#include "measure.h"

/* The first time the report may not have been heard yet. */
enum { FIRST_LOOK_MS = 5000, LOOK_MS = 60000, SURVEY_EVERY = 30, TIMEOUT_MS = 5000 };
/* Until the line is measured again, and where the market had no time for it; and up to that much longer, so that not all come at once. */
#define LINE_EVERY_US (24 * HOUR_US)
#define LINE_EVERY_MORE_US (6 * HOUR_US)
#define LINE_AGAIN_US (15 * MINUTE_US)

struct outlook {
	const struct settings *settings;
	const struct identity *identity;
	pthread_t thread;
	pthread_mutex_t lock;
	int quit_fd;
	atomic_bool cancel; /* what is asked of the market now */
	atomic_bool line_free;
	atomic_ullong line_bytes; /* moved, and not told yet */
	mono_time line_due;	  /* the thread's own */
	/* under the lock: */
	json_t *explain;
	bool surveyed;
	struct survey survey;
	struct netcheck servers; /* that it asked */
};

static err_t ask(const struct settings *s, const struct identity *id, const char *path, const atomic_bool *cancel,
		 json_t **ret_json)
{
	struct client *client = NULL;
	struct problem problem = { .status = 0 };
	struct client_config config = { .url = s->market_url,
					.pin = s->market_pin,
					.token = id->token,
					.user_agent = "cpushare-seller/" CPUSHARE_VERSION,
					.timeout_ms = TIMEOUT_MS,
					.cancel = cancel };
	TRY(client_new(&config, &client));
	err_t e = client_call(client, "GET", path, NULL, NULL, ret_json, &problem);
	client_free(client);
	return e;
}

err_t outlook_servers(const struct settings *settings, const struct identity *identity, const atomic_bool *cancel,
		      struct netcheck *ret)
{
	struct json_error error = { .what = "" };
	AUTO_JSON json = NULL;
	TRY(ask(settings, identity, "/v1/netcheck", cancel, &json));
	return netcheck_from_json(json, ret, &error);
}

static void look_at_line(struct outlook *o)
{
	struct netcheck servers;
	struct survey survey;
	if (outlook_servers(o->settings, o->identity, &o->cancel, &servers) || (!servers.stun_count && !servers.relay_count) ||
	    survey_make(&servers, &survey))
		return;
	pthread_mutex_lock(&o->lock);
	o->survey = survey;
	o->servers = servers;
	o->surveyed = true;
	pthread_mutex_unlock(&o->lock);
	log_info("the line", "nat=%s direct=%d relay_us=%lld", nat_kind_names[outlook_nat(&survey)], survey_is_direct(&survey),
		 (long long)survey_relay_us(&survey));
}

/* The market's clock measures: all that we do is to move bytes when it does not disturb. */
static void measure(struct outlook *o)
{
	uint32_t jitter;
	mono_time now = clock_mono();
	if (!atomic_load(&o->line_free) || now.us < o->line_due.us)
		return;
	err_t e = measure_line(o->settings, o->identity, &o->cancel, &o->line_bytes);
	bool done = !e || e == E_CONFLICT;
	int64_t more_us = done ? LINE_EVERY_MORE_US : LINE_AGAIN_US;
	random_fill(&jitter, sizeof jitter);
	o->line_due.us =
		now.us + (done ? LINE_EVERY_US : LINE_AGAIN_US) + (int64_t)(jitter % (uint32_t)(more_us / SECOND_US)) * SECOND_US;
}

static void look_at_market(struct outlook *o)
{
	char path[128], id[UUID_TEXT_SIZE];
	json_t *json = NULL, *old;
	snprintf(path, sizeof path, "/v1/machines/%s/explain", uuid_format(o->identity->machine, id));
	if (ask(o->settings, o->identity, path, &o->cancel, &json))
		json = NULL;
	pthread_mutex_lock(&o->lock);
	old = o->explain;
	o->explain = json;
	pthread_mutex_unlock(&o->lock);
	json_decref(old);
}

static void *look(void *context)
{
	struct outlook *o = context;
	for (unsigned n = 0;; n++) {
		if (n % SURVEY_EVERY == 0)
			look_at_line(o);
		if (n)
			measure(o);
		look_at_market(o);
		struct pollfd p = { .fd = o->quit_fd, .events = POLLIN };
		if (poll(&p, 1, n ? LOOK_MS : FIRST_LOOK_MS) == 1)
			return NULL;
	}
}

err_t outlook_new(const struct settings *settings, const struct identity *identity, struct outlook **ret_outlook)
{
	struct outlook *o = calloc(1, sizeof *o);
	if (!o)
		return E_NOMEM;
	o->settings = settings;
	o->identity = identity;
	pthread_mutex_init(&o->lock, NULL);
	o->quit_fd = eventfd(0, EFD_CLOEXEC);
	if (o->quit_fd < 0 || pthread_create(&o->thread, NULL, look, o)) {
		fd_close(&o->quit_fd);
		free(o);
		return E_NOMEM;
	}
	*ret_outlook = o;
	return OK;
}

void outlook_free(struct outlook *o)
{
	if (!o)
		return;
	atomic_store(&o->cancel, true);
	if (eventfd_write(o->quit_fd, 1))
		log_error("a thread cannot be told to end", "fd=%d", o->quit_fd);
	pthread_join(o->thread, NULL);
	json_decref(o->explain);
	pthread_mutex_destroy(&o->lock);
	fd_close(&o->quit_fd);
	free(o);
}

enum nat_kind outlook_nat(const struct survey *s)
{
	const struct vnet_stun_status *v4 = survey_answer(s, false);
	if (v4 && survey_is_own(s, v4->mapped))
		return NAT_NONE;
	return s->mapping == VNET_MAPPING_INDEPENDENT ? NAT_INDEPENDENT
	       : s->mapping == VNET_MAPPING_DEPENDENT ? NAT_DEPENDENT
						      : NAT_UNKNOWN;
}

void outlook_terms(struct outlook *o, struct offer_terms *terms)
{
	pthread_mutex_lock(&o->lock);
	if (o->surveyed) {
		terms->nat = outlook_nat(&o->survey);
		terms->direct = survey_is_direct(&o->survey);
		terms->relay_rtt_ms = survey_ms(survey_relay_us(&o->survey));
		survey_regions(&o->survey, &o->servers, terms->rtt, &terms->rtt_count);
	}
	pthread_mutex_unlock(&o->lock);
	if (o->settings->address[0]) /* the owner opened a way in */
		terms->direct = true;
}

void outlook_line(struct outlook *o, bool is_free, uint64_t left_bytes, uint64_t *ret_moved_bytes)
{
	atomic_store(&o->line_free, is_free && left_bytes >= LINE_DAY_BYTES);
	*ret_moved_bytes = atomic_exchange(&o->line_bytes, 0);
}

json_t *outlook_to_json(struct outlook *o)
{
	json_t *json = json_object();
	pthread_mutex_lock(&o->lock);
	json_put(json, "market", o->explain ? json_deep_copy(o->explain) : json_null());
	json_put_text(json, "nat", o->surveyed ? nat_kind_names[outlook_nat(&o->survey)] : nat_kind_names[NAT_UNKNOWN]);
	json_put_bool(json, "direct", o->surveyed && survey_is_direct(&o->survey));
	json_put_int(json, "relay_rtt_us", o->surveyed ? survey_relay_us(&o->survey) : -1);
	pthread_mutex_unlock(&o->lock);
	return json;
}
