/* SPDX-License-Identifier: Apache-2.0
 * waker.c - listens for the market's word that this machine should report at once
 */
#include "waker.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "client.h"
#include "log.h"

enum { ASK_AGAIN_S = 60 };

struct waker {
	struct client *client;
	char path[128];
	int wake_fd;
	pthread_t thread;
	bool runs;
	atomic_bool cancel;
};

static bool on_event(void *context, const char *event, const char *id, json_t *data)
{
	struct waker *w = context;
	(void)event, (void)id, (void)data;
	if (eventfd_write(w->wake_fd, 1))
		log_debug("the agent is awake already", "%s", "");
	return true;
}

static void *listen_thread(void *context)
{
	struct waker *w = context;
	struct problem problem = { .status = 0 };
	while (!atomic_load(&w->cancel)) {
		if (client_events(w->client, w->path, 0, on_event, w, &problem) && !atomic_load(&w->cancel))
			log_debug("the market does not say when to report", "code=%s", problem.code);
		for (int i = 0; i < ASK_AGAIN_S && !atomic_load(&w->cancel); i++)
			sleep(1);
	}
	return NULL;
}

err_t waker_new(const struct settings *settings, const struct identity *identity, int wake_fd, struct waker **ret_waker)
{
	char id[UUID_TEXT_SIZE];
	struct waker *w = calloc(1, sizeof *w);
	if (!w)
		return E_NOMEM;
	w->wake_fd = wake_fd;
	(void)snprintf(w->path, sizeof w->path, "/v1/machines/%s/wake", uuid_format(identity->machine, id));
	struct client_config config = { .url = settings->market_url,
					.pin = settings->market_pin,
					.token = identity->token,
					.user_agent = "cpushare-seller/" CPUSHARE_VERSION,
					.cancel = &w->cancel };
	err_t e = client_new(&config, &w->client);
	if (!e && pthread_create(&w->thread, NULL, listen_thread, w))
		e = E_NOMEM;
	w->runs = !e;
	if (e) {
		waker_free(w);
		return e;
	}
	*ret_waker = w;
	return OK;
}

void waker_free(struct waker *w)
{
	if (!w)
		return;
	atomic_store(&w->cancel, true);
	if (w->runs)
		pthread_join(w->thread, NULL);
	client_free(w->client);
	free(w);
}
