/* SPDX-License-Identifier: Apache-2.0
 * wakes.c - tells a machine at once that the market wants something else of it
 *
 * How it works: each machine may hold one stream of events open; another one takes the first one's place. An event says nothing but that it
 * is time to report: desired state stays in the report's answer, so that one that is lost costs an interval and nothing else.
 */
#include "wakes.h"

#include "handlers.h"
#include "gate.h"
#include "stream.h"

struct waker {
	struct market *market;
	struct stream *stream;
	uuid machine;
	mono_time heard;
};

static void on_closed(void *context)
{
	struct waker *w = context;
	if (uuid_map_get(&w->market->wakers, w->machine) == w)
		uuid_map_remove(&w->market->wakers, w->machine);
	free(w);
}

void wake_machine(struct market *m, uuid machine)
{
	static const char event[] = "event: wake\ndata: {}\n\n";
	struct waker *w = uuid_map_get(&m->wakers, machine);
	if (!w)
		return;
	w->heard = clock_mono();
	if (stream_send(w->stream, event, sizeof event - 1) != OK)
		uuid_map_remove(&m->wakers, machine); /* it does not read: the stream ends */
}

void wakes_beat(struct market *m, mono_time now)
{
	static const char comment[] = ": still here\n\n";
	size_t count;
	void **all = uuid_map_values(&m->wakers, &count);
	for (size_t i = 0; i < count; i++) {
		struct waker *w = all[i];
		if (now.us - w->heard.us < m->settings->heartbeat_us)
			continue;
		w->heard = now;
		if (stream_send(w->stream, comment, sizeof comment - 1) != OK)
			uuid_map_remove(&m->wakers, w->machine);
	}
	free(all);
}

err_t machine_wake(struct request *r)
{
	static const char hello[] = "retry: 2000\n: of this machine\n\n";
	struct market *m = market_of(r);
	if (!uuid_equal(r->caller.machine, r->values.id[0]))
		return E_NOT_FOUND;
	struct waker *w = malloc(sizeof *w), *before = uuid_map_get(&m->wakers, r->caller.machine);
	if (!w)
		return E_NOMEM;
	*w = (struct waker){ .market = m, .machine = r->caller.machine, .heard = r->now_mono };
	err_t e = uuid_map_put(&m->wakers, w->machine, w);
	if (!e)
		e = answer_stream(r, on_closed, w, &w->stream);
	if (e) {
		if (uuid_map_get(&m->wakers, w->machine) == w)
			uuid_map_remove(&m->wakers, w->machine);
		free(w);
		return e;
	}
	if (before)
		stream_end(before->stream);
	return stream_send(w->stream, hello, sizeof hello - 1);
}
