/* SPDX-License-Identifier: Apache-2.0
 * pulse.c - a thread that connects, asks, and notes whether an answer comes
 *
 * How it works: one question is under way at a time, a connection's making or "SELECT 1". What it waits for is waited for, silent or not,
 * so that a server that was only stopped is found again at the moment of its answer; after GIVE_UP_US it is tried on a new connection, for a
 * network may have lost this one.
 */
#include "pulse.h"

#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "clock.h"
#include "file.h"

#define PERIOD_MS 500
#define SILENT_US (3 * SECOND_US) /* a busy computer takes its time, too */
#define GIVE_UP_US (10 * SECOND_US)

struct pulse {
	char *uri;
	pthread_t thread;
	int stop_fd;
	atomic_bool silent;
	PGconn *db; /* the thread's */
	mono_time asked;
};

/* Until the socket is ready for events; false where the market stops or it takes too long. */
static bool wait_for(struct pulse *p, short events)
{
	for (;;) {
		int64_t waited_us = clock_mono().us - p->asked.us;
		if (waited_us >= SILENT_US)
			atomic_store(&p->silent, true);
		int64_t left_us = (waited_us < SILENT_US ? SILENT_US : GIVE_UP_US) - waited_us;
		if (left_us <= 0)
			return false;
		struct pollfd fds[] = { { .fd = PQsocket(p->db), .events = events }, { .fd = p->stop_fd, .events = POLLIN } };
		int n = poll(fds, 2, (int)(left_us / 1000) + 1);
		if (n > 0 && fds[1].revents)
			return false;
		if (n > 0)
			return true;
	}
}

/* False where it was given up; true with a connection, or one that was refused. */
static bool greet(struct pulse *p)
{
	static const char *const keywords[] = { "dbname", "fallback_application_name", NULL };
	const char *const values[] = { p->uri, "cpushare-market pulse", NULL };
	p->asked = clock_mono();
	p->db = PQconnectStartParams(keywords, values, 1);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	while (p->db && PQstatus(p->db) != CONNECTION_BAD && status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
		if (!wait_for(p, status == PGRES_POLLING_READING ? POLLIN : POLLOUT))
			return false;
		status = PQconnectPoll(p->db);
	}
	return true;
}

static bool ask(struct pulse *p)
{
	p->asked = clock_mono();
	if (!PQsendQuery(p->db, "SELECT 1"))
		return true;
	while (PQisBusy(p->db))
		if (!wait_for(p, POLLIN))
			return false;
		else if (!PQconsumeInput(p->db))
			return true;
	for (PGresult *result; (result = PQgetResult(p->db));)
		PQclear(result);
	return true;
}

static bool stops(const struct pulse *p, int wait_ms)
{
	struct pollfd fd = { .fd = p->stop_fd, .events = POLLIN };
	return poll(&fd, 1, wait_ms) > 0;
}

static void *thread_main(void *context)
{
	struct pulse *p = context;
	while (!stops(p, PERIOD_MS)) {
		bool heard = p->db ? ask(p) : greet(p);
		if (heard)
			atomic_store(&p->silent, false);
		if (!heard || PQstatus(p->db) != CONNECTION_OK) {
			PQfinish(p->db);
			p->db = NULL;
		}
	}
	PQfinish(p->db);
	return NULL;
}

err_t pulse_start(const char *uri, struct pulse **ret_pulse)
{
	struct pulse *p = calloc(1, sizeof *p);
	if (!p)
		return E_NOMEM;
	p->uri = strdup(uri);
	p->stop_fd = eventfd(0, EFD_CLOEXEC);
	sigset_t all, old;
	sigfillset(&all); /* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	bool runs = p->uri && p->stop_fd >= 0 && !pthread_create(&p->thread, NULL, thread_main, p);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!runs) {
		fd_close(&p->stop_fd);
		free(p->uri);
		free(p);
		return E_NOMEM;
	}
	*ret_pulse = p;
	return OK;
}

void pulse_stop(struct pulse *p)
{
	if (!p)
		return;
	eventfd_write(p->stop_fd, 1);
	pthread_join(p->thread, NULL);
	fd_close(&p->stop_fd);
	free(p->uri);
	free(p);
}

bool pulse_silent(const struct pulse *p)
{
	return p && atomic_load_explicit(&p->silent, memory_order_relaxed);
}
