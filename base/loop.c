/* SPDX-License-Identifier: Apache-2.0
 * loop.c - one epoll loop a thread: descriptors, timers, signals
 *
 * How it works: an epoll event carries the descriptor and the generation of its watch. A callback may remove any watch, close
 * the descriptor and add another one of the same number while events of this round are still to be handled: those have the
 * old generation and are passed over. Timers are few; the next one is looked for among all.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include "file.h"
#include "loop.h"

#define ROUND_EVENTS 64

struct watch {
	loop_fd_fn *fn; /* NULL: the descriptor of this number is not watched */
	void *context;
	uint32_t generation;
};

struct timer {
	loop_timer_fn *fn; /* NULL: a free place */
	void *context;
	int id;
	int64_t period_us, due_us;
};

struct loop {
	int epoll_fd, signal_fd;
	bool stop;
	struct watch *watches; /* by descriptor */
	size_t watch_count;
	uint32_t generation;
	struct timer *timers;
	size_t timer_count;
	int last_timer_id;
	sigset_t signals;
	struct {
		loop_signal_fn *fn;
		void *context;
	} handlers[NSIG];
};

err_t loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof *loop);
	if (!loop)
		return E_NOMEM;
	loop->signal_fd = -1;
	sigemptyset(&loop->signals);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		loop_free(loop);
		return err_from_errno(errno);
	}
	*ret_loop = loop;
	return OK;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	fd_close(&loop->epoll_fd);
	fd_close(&loop->signal_fd);
	free(loop->watches);
	free(loop->timers);
	free(loop);
}

/* ---- descriptors ---- */

static struct watch *watch_of(struct loop *loop, int fd)
{
	return fd >= 0 && (size_t)fd < loop->watch_count && loop->watches[fd].fn ? &loop->watches[fd] : NULL;
}

static err_t control(struct loop *loop, int operation, int fd, uint32_t events, uint32_t generation)
{
	struct epoll_event event = { .events = events, .data.u64 = (uint64_t)generation << 32 | (uint32_t)fd };
	return epoll_ctl(loop->epoll_fd, operation, fd, &event) ? err_from_errno(errno) : OK;
}

static err_t make_room(struct loop *loop, int fd)
{
	size_t count = loop->watch_count ? loop->watch_count : 16;
	while (count <= (size_t)fd)
		count *= 2;
	if (count == loop->watch_count)
		return OK;
	struct watch *watches = reallocarray(loop->watches, count, sizeof *watches);
	if (!watches)
		return E_NOMEM;
	memset(watches + loop->watch_count, 0, (count - loop->watch_count) * sizeof *watches);
	loop->watches = watches;
	loop->watch_count = count;
	return OK;
}

err_t loop_fd_add(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *context)
{
	if (fd < 0)
		return E_INVALID;
	if (watch_of(loop, fd))
		return E_EXISTS;
	TRY(make_room(loop, fd));
	uint32_t generation = ++loop->generation;
	TRY(control(loop, EPOLL_CTL_ADD, fd, events, generation));
	loop->watches[fd] = (struct watch){ fn, context, generation };
	return OK;
}

err_t loop_fd_change(struct loop *loop, int fd, uint32_t events)
{
	struct watch *watch = watch_of(loop, fd);
	return watch ? control(loop, EPOLL_CTL_MOD, fd, events, watch->generation) : E_NOT_FOUND;
}

void loop_fd_remove(struct loop *loop, int fd)
{
	struct watch *watch = watch_of(loop, fd);
	if (!watch)
		return;
	watch->fn = NULL;
	/* Fails where the caller closed it before: then the kernel has removed it already. */
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* ---- timers ---- */

static struct timer *timer_of(struct loop *loop, int id)
{
	for (size_t i = 0; i < loop->timer_count; i++)
		if (loop->timers[i].fn && loop->timers[i].id == id)
			return &loop->timers[i];
	return NULL;
}

static struct timer *free_timer(struct loop *loop)
{
	for (size_t i = 0; i < loop->timer_count; i++)
		if (!loop->timers[i].fn)
			return &loop->timers[i];
	size_t count = loop->timer_count * 2 + 4;
	struct timer *timers = reallocarray(loop->timers, count, sizeof *timers);
	if (!timers)
		return NULL;
	memset(timers + loop->timer_count, 0, (count - loop->timer_count) * sizeof *timers);
	struct timer *first = timers + loop->timer_count;
	loop->timers = timers;
	loop->timer_count = count;
	return first;
}

int loop_timer_add(struct loop *loop, int64_t period_us, loop_timer_fn *fn, void *context)
{
	assert(period_us > 0);
	struct timer *timer = free_timer(loop);
	if (!timer)
		return 0;
	/* Ids start again after 2^31 - 1; one that is still in use is passed over. */
	do
		loop->last_timer_id = loop->last_timer_id == INT32_MAX ? 1 : loop->last_timer_id + 1;
	while (timer_of(loop, loop->last_timer_id));
	*timer = (struct timer){ fn, context, loop->last_timer_id, period_us, clock_mono().us + period_us };
	return timer->id;
}

void loop_timer_change(struct loop *loop, int id, int64_t period_us)
{
	assert(period_us > 0);
	struct timer *timer = timer_of(loop, id);
	if (!timer)
		return;
	timer->period_us = period_us;
	timer->due_us = clock_mono().us + period_us;
}

void loop_timer_remove(struct loop *loop, int id)
{
	struct timer *timer = timer_of(loop, id);
	if (timer)
		timer->fn = NULL;
}

static void run_timers(struct loop *loop)
{
	mono_time now = clock_mono();
	/* A callback may add timers, which moves the table; they are due after now, so that they wait for another round. */
	for (size_t i = 0; i < loop->timer_count; i++) {
		struct timer *timer = &loop->timers[i];
		if (!timer->fn || timer->due_us > now.us)
			continue;
		timer->due_us += timer->period_us;
		if (timer->due_us <= now.us)
			timer->due_us = now.us + timer->period_us; /* rounds that were missed are not made up for */
		timer->fn(timer->context, now);
	}
}

/* ---- signals ---- */

static void on_signal(void *context, int fd, uint32_t events)
{
	struct loop *loop = context;
	struct signalfd_siginfo info;
	(void)events;
	if (fd_read_all(fd, &info, sizeof info) != OK || info.ssi_signo >= NSIG)
		return;
	if (loop->handlers[info.ssi_signo].fn)
		loop->handlers[info.ssi_signo].fn(loop->handlers[info.ssi_signo].context, (int)info.ssi_signo);
}

err_t loop_signal_add(struct loop *loop, int signal, loop_signal_fn *fn, void *context)
{
	sigset_t signals = loop->signals;
	if (signal <= 0 || signal >= NSIG || sigaddset(&signals, signal))
		return E_INVALID;
	int fd = signalfd(loop->signal_fd, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_from_errno(errno);
	if (loop->signal_fd < 0) {
		err_t e = loop_fd_add(loop, fd, EPOLLIN, on_signal, loop);
		if (e) {
			fd_close(&fd);
			return e;
		}
		loop->signal_fd = fd;
	}
	int failure = pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (failure)
		return err_from_errno(failure);
	loop->signals = signals;
	loop->handlers[signal].fn = fn;
	loop->handlers[signal].context = context;
	return OK;
}

/* ---- running ---- */

static int wait_ms(struct loop *loop, int64_t max_wait_us)
{
	int64_t now_us = clock_mono().us, wait_us = max_wait_us < 0 ? 0 : max_wait_us;
	for (size_t i = 0; i < loop->timer_count; i++) {
		const struct timer *timer = &loop->timers[i];
		if (timer->fn && timer->due_us - now_us < wait_us)
			wait_us = timer->due_us > now_us ? timer->due_us - now_us : 0;
	}
	/* Rounded up: waking before a timer is due would only spin. */
	return wait_us > MINUTE_US ? 60000 : (int)((wait_us + 999) / 1000);
}

err_t loop_once(struct loop *loop, int64_t max_wait_us)
{
	struct epoll_event events[ROUND_EVENTS];
	int count = epoll_wait(loop->epoll_fd, events, ROUND_EVENTS, wait_ms(loop, max_wait_us));
	if (count < 0 && errno != EINTR)
		return err_from_errno(errno);
	for (int i = 0; i < count; i++) {
		int fd = (int)(uint32_t)events[i].data.u64;
		const struct watch *watch = watch_of(loop, fd);
		if (watch && watch->generation == events[i].data.u64 >> 32)
			watch->fn(watch->context, fd, events[i].events);
	}
	run_timers(loop);
	return OK;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}

err_t loop_run(struct loop *loop)
{
	while (!loop->stop)
		TRY(loop_once(loop, MINUTE_US));
	loop->stop = false;
	return OK;
}
