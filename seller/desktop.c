/* SPDX-License-Identifier: Apache-2.0
 * desktop.c - what a desktop's services know, asked over D-Bus
 *
 * How it works: the thread subscribes to PropertiesChanged of both services, asks for the two properties after each such signal and every
 * ASK_AGAIN_MS besides (logind reckons the idleness of terminals when it is asked, without a signal), and begins anew where the bus is
 * lost. What was not confirmed for STALE_US is not known any more: the thread may hang with a service that does.
 *
 * IdleHint is what the desktop said of itself, also while a film keeps it awake; some never say it (limits.logind).
 * https://www.freedesktop.org/software/systemd/man/252/org.freedesktop.login1.html,
 * https://networkmanager.dev/docs/api/latest/nm-dbus-types.html#NMMetered
 */
#include "desktop.h"
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <systemd/sd-bus.h>
#include "file.h"
#include "log.h"

#define CALL_TIMEOUT_US (2 * SECOND_US)
#define STALE_US (60 * SECOND_US)
enum { ASK_AGAIN_MS = 10000, BUS_AGAIN_MS = 30000 };

#define LOGIND "org.freedesktop.login1", "/org/freedesktop/login1"
#define NETWORK_MANAGER "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"
enum nm_metered { NM_UNKNOWN, NM_YES, NM_NO, NM_GUESS_YES, NM_GUESS_NO };

struct desktop {
	pthread_t thread;
	int quit_fd;
	bool started, changed; /* changed: a signal came since it was asked */
	pthread_mutex_t lock;
	/* under the lock: */
	bool has_idle;
	mono_time idle_at, active_at; /* when it was heard, and when it last said that somebody is here */
	enum nm_metered metered;
	mono_time metered_at;
};

/* ---- on its thread ---- */

/* A property of that type; a service that does not run stays so. */
static bool get(sd_bus *bus, const char *service, const char *path, const char *interface, const char *property, char type,
		void *ret_value)
{
	sd_bus_message *request = NULL, *reply = NULL;
	char types[] = { type, 0 };
	int r = sd_bus_message_new_method_call(bus, &request, service, path, "org.freedesktop.DBus.Properties", "Get");
	if (r >= 0)
		r = sd_bus_message_set_auto_start(request, 0);
	if (r >= 0)
		r = sd_bus_message_append(request, "ss", interface, property);
	if (r >= 0)
		r = sd_bus_call(bus, request, CALL_TIMEOUT_US, NULL, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "v", types, ret_value);
	sd_bus_message_unref(request);
	sd_bus_message_unref(reply);
	return r > 0;
}

static void ask(struct desktop *d, sd_bus *bus)
{
	int idle = 0;
	uint32_t metered = NM_UNKNOWN;
	bool has_idle = get(bus, LOGIND, "org.freedesktop.login1.Manager", "IdleHint", 'b', &idle);
	if (!get(bus, NETWORK_MANAGER, "org.freedesktop.NetworkManager", "Metered", 'u', &metered) || metered > NM_GUESS_NO)
		metered = NM_UNKNOWN;
	mono_time now = clock_mono();
	pthread_mutex_lock(&d->lock);
	if (has_idle && (!idle || !d->has_idle)) /* nobody knows what was before: as if somebody were here */
		d->active_at = now;
	d->has_idle = has_idle;
	d->idle_at = d->metered_at = now;
	d->metered = (enum nm_metered)metered;
	pthread_mutex_unlock(&d->lock);
}

static int on_change(sd_bus_message *message, void *context, sd_bus_error *error)
{
	struct desktop *d = context;
	(void)message, (void)error;
	d->changed = true;
	return 0;
}

static bool subscribe(struct desktop *d, sd_bus *bus, const char *service, const char *path)
{
	return sd_bus_match_signal(bus, NULL, service, path, "org.freedesktop.DBus.Properties", "PropertiesChanged", on_change,
				   d) >= 0;
}

static bool quits(const struct desktop *d, int bus_fd, int timeout_ms)
{
	struct pollfd p[] = { { .fd = d->quit_fd, .events = POLLIN }, { .fd = bus_fd, .events = POLLIN } };
	return poll(p, bus_fd < 0 ? 1 : 2, timeout_ms) > 0 && p[0].revents;
}

/* Until the bus is lost. True: to end. */
static bool listen_to(struct desktop *d, sd_bus *bus)
{
	if (!subscribe(d, bus, LOGIND) || !subscribe(d, bus, NETWORK_MANAGER))
		return false;
	for (mono_time asked = { 0 };;) {
		int r;
		while ((r = sd_bus_process(bus, NULL)) > 0)
			;
		if (r < 0)
			return false;
		mono_time now = clock_mono();
		if (d->changed || !asked.us || now.us - asked.us >= ASK_AGAIN_MS * MILLISECOND_US) {
			d->changed = false;
			ask(d, bus);
			asked = now;
			continue; /* what came meanwhile stands in the bus's own queue, and poll() does not see it */
		}
		if (quits(d, sd_bus_get_fd(bus), ASK_AGAIN_MS))
			return true;
	}
}

static void *run(void *context)
{
	struct desktop *d = context;
	for (bool quit = false; !quit;) {
		sd_bus *bus = NULL;
		if (sd_bus_open_system(&bus) >= 0)
			quit = listen_to(d, bus);
		sd_bus_close_unref(bus);
		pthread_mutex_lock(&d->lock);
		d->has_idle = false;
		d->metered = NM_UNKNOWN;
		pthread_mutex_unlock(&d->lock);
		quit = quit || quits(d, -1, BUS_AGAIN_MS);
	}
	return NULL;
}

/* ---- from other threads ---- */

err_t desktop_new(struct desktop **ret_desktop)
{
	struct desktop *d = calloc(1, sizeof *d);
	if (!d)
		return E_NOMEM;
	pthread_mutex_init(&d->lock, NULL);
	d->quit_fd = eventfd(0, EFD_CLOEXEC);
	d->started = d->quit_fd >= 0 && !pthread_create(&d->thread, NULL, run, d);
	if (!d->started) {
		desktop_free(d);
		return E_NOMEM;
	}
	*ret_desktop = d;
	return OK;
}

void desktop_free(struct desktop *d)
{
	if (!d)
		return;
	if (d->started && eventfd_write(d->quit_fd, 1))
		log_error("a thread cannot be told to end", "fd=%d", d->quit_fd);
	if (d->started)
		pthread_join(d->thread, NULL);
	fd_close(&d->quit_fd);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

struct desktop_view desktop_look(struct desktop *d, mono_time now)
{
	pthread_mutex_lock(&d->lock);
	bool idle_known = d->has_idle && now.us - d->idle_at.us < STALE_US;
	bool metered_known = d->metered != NM_UNKNOWN && now.us - d->metered_at.us < STALE_US;
	struct desktop_view view = { .logind = idle_known,
				     .user = idle_known ? -((now.us - d->active_at.us) / SECOND_US) : POLICY_UNKNOWN,
				     .network_manager = metered_known,
				     .metered = d->metered == NM_YES || d->metered == NM_GUESS_YES,
				     .guessed = d->metered == NM_GUESS_YES || d->metered == NM_GUESS_NO };
	pthread_mutex_unlock(&d->lock);
	return view;
}

void desktop_add(const struct desktop_view *view, bool logind_counts, int64_t *values)
{
	/* What is not known is the least of all numbers. */
	if (logind_counts && view->user > values[POLICY_USER])
		values[POLICY_USER] = view->user;
	if (view->network_manager && (view->metered || !view->guessed || values[POLICY_METERED] == POLICY_UNKNOWN))
		values[POLICY_METERED] = view->metered;
}
