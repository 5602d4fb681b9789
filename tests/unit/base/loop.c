/* SPDX-License-Identifier: Apache-2.0
 * loop.c - tests of the event loop: what callbacks may do to it
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "file.h"
#include "loop.h"
#include "tap.h"

#define FDS 8

static struct loop *loop;
static int fds[FDS], calls[FDS], replaced;

static int index_of(int fd)
{
	for (int i = 0; i < FDS; i++)
		if (fds[i] == fd)
			return i;
	return -1;
}

static void drain(int fd)
{
	uint64_t value;
	if (read(fd, &value, sizeof value) < 0)
		return;
}

static int ready_eventfd(void)
{
	return eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void open_all(loop_fd_fn *fn)
{
	for (int i = 0; i < FDS; i++) {
		calls[i] = 0;
		fds[i] = ready_eventfd();
		if (loop_fd_add(loop, fds[i], EPOLLIN, fn, NULL) != OK)
			ok(false, "watch %d", i);
	}
}

static void close_all(void)
{
	for (int i = 0; i < FDS; i++) {
		loop_fd_remove(loop, fds[i]);
		fd_close(&fds[i]);
	}
}

static int sum_of_calls(void)
{
	int sum = 0;
	for (int i = 0; i < FDS; i++)
		sum += calls[i];
	return sum;
}

static void count_call(void *context, int fd, uint32_t events)
{
	(void)context;
	(void)events;
	calls[index_of(fd)]++;
	drain(fd);
}

/* The first one called removes and closes all others. */
static void remove_others(void *context, int fd, uint32_t events)
{
	count_call(context, fd, events);
	for (int i = 0; i < FDS; i++)
		if (fds[i] != fd) {
			loop_fd_remove(loop, fds[i]);
			fd_close(&fds[i]);
		}
}

static void on_replaced(void *context, int fd, uint32_t events)
{
	(void)context;
	(void)events;
	drain(fd);
	replaced++;
}

/* The first one called closes all others and opens as many anew, which get the same numbers. */
static void replace_others(void *context, int fd, uint32_t events)
{
	int me = index_of(fd);
	remove_others(context, fd, events);
	for (int i = 0; i < FDS; i++)
		if (i != me) {
			fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
			if (loop_fd_add(loop, fds[i], EPOLLIN, on_replaced, NULL) != OK)
				ok(false, "watch it anew");
		}
}

static void test_descriptors(void)
{
	open_all(count_call);
	is_int(loop_once(loop, 0), OK, "one round");
	is_int(sum_of_calls(), FDS, "each was called");
	is_int(loop_once(loop, 0), OK, "another");
	is_int(sum_of_calls(), FDS, "nobody was");
	is_int(loop_fd_add(loop, fds[0], EPOLLIN, count_call, NULL), E_EXISTS, "watched twice");
	is_int(loop_fd_change(loop, fds[0], EPOLLOUT), OK, "watch for room");
	is_int(loop_once(loop, 0), OK, "a round");
	is_int(calls[0], 2, "there is room");
	close_all();
	is_int(loop_fd_change(loop, 3, EPOLLIN), E_NOT_FOUND, "change one that is not watched");
	is_int(loop_fd_add(loop, -1, EPOLLIN, count_call, NULL), E_INVALID, "no descriptor");
	is_int(loop_fd_add(loop, 1000, EPOLLIN, count_call, NULL), E_IO, "a closed one");
	loop_fd_remove(loop, 1000);
	loop_fd_remove(loop, -1);

	open_all(remove_others);
	is_int(loop_once(loop, 0), OK, "a round in which one closes the others");
	is_int(sum_of_calls(), 1, "they are not called");
	close_all();
	open_all(replace_others);
	is_int(loop_once(loop, 0), OK, "a round in which one replaces the others");
	is_int(sum_of_calls(), 1, "they are not called");
	is_int(replaced, 0, "and their events do not reach the new ones");
	close_all();
}

struct tick {
	int id, times, other;
};

static void on_tick(void *context, mono_time now)
{
	struct tick *tick = context;
	(void)now;
	tick->times++;
}

static void on_tick_remove(void *context, mono_time now)
{
	struct tick *tick = context;
	on_tick(context, now);
	loop_timer_remove(loop, tick->id);
	loop_timer_remove(loop, tick->other);
}

static void on_tick_add(void *context, mono_time now)
{
	struct tick *tick = context;
	on_tick(context, now);
	for (int i = 0; i < 20; i++)
		tick->other = loop_timer_add(loop, HOUR_US, on_tick, tick);
}

static void on_tick_stop(void *context, mono_time now)
{
	on_tick(context, now);
	loop_stop(loop);
}

static void test_timers(void)
{
	struct tick a = { 0 }, b = { 0 };
	mono_time start = clock_mono();
	a.id = loop_timer_add(loop, 20000, on_tick_stop, &a);
	ok(a.id > 0, "an id");
	is_int(loop_run(loop), OK, "run until a timer stops it");
	int64_t took_us = clock_mono().us - start.us;
	ok(a.times == 1 && took_us >= 20000 && took_us < 2000000, "after its period: %d ms", (int)(took_us / 1000));
	is_int(loop_run(loop), OK, "and again");
	is_int(a.times, 2, "it repeats");
	loop_timer_change(loop, a.id, HOUR_US);
	is_int(loop_once(loop, 30000), OK, "wait");
	is_int(a.times, 2, "not with a new period");
	loop_timer_remove(loop, a.id);
	loop_timer_remove(loop, a.id);
	loop_timer_change(loop, a.id, 1);

	a = (struct tick){ .id = loop_timer_add(loop, 1000, on_tick_remove, &a) };
	b = (struct tick){ .id = loop_timer_add(loop, 1000, on_tick, &b) };
	a.other = b.id;
	usleep(3000);
	is_int(loop_once(loop, 0), OK, "one removes itself and another");
	is_int(loop_once(loop, 5000), OK, "wait");
	ok(a.times == 1 && b.times == 0, "neither comes again");

	a = (struct tick){ .id = loop_timer_add(loop, 20000, on_tick, &a) };
	usleep(150000);
	for (int i = 0; i < 6; i++)
		is_int(loop_once(loop, 0), OK, "a round after many that were missed");
	ok(a.times >= 1 && a.times <= 3, "which are not made up for: %d", a.times);
	loop_timer_remove(loop, a.id);

	a = (struct tick){ .id = loop_timer_add(loop, 1000, on_tick_add, &a) };
	usleep(5000);
	is_int(loop_once(loop, 0), OK, "one adds many");
	is_int(a.times, 1, "and none of them comes at once");
	ok(a.other > a.id, "ids are not used again: %d", a.other);
	loop_timer_remove(loop, a.id);
}

static int signals;

static void on_signal(void *context, int signal)
{
	*(int *)context += signal;
	if (++signals == 2)
		loop_stop(loop);
}

static void test_signals(void)
{
	int sum = 0;
	is_int(loop_signal_add(loop, SIGUSR1, on_signal, &sum), OK, "watch a signal");
	is_int(loop_signal_add(loop, SIGUSR2, on_signal, &sum), OK, "and another");
	is_int(loop_signal_add(loop, 0, on_signal, &sum), E_INVALID, "no signal");
	is_int(loop_signal_add(loop, 4096, on_signal, &sum), E_INVALID, "nor this");
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	is_int(loop_run(loop), OK, "run until both came");
	is_int(sum, SIGUSR1 + SIGUSR2, "each by its number");
}

int main(void)
{
	is_int(loop_new(&loop), OK, "new");
	test_descriptors();
	test_timers();
	test_signals();
	loop_stop(loop);
	is_int(loop_run(loop), OK, "stopped before it ran");
	loop_free(loop);
	loop_free(NULL);
	return done_testing();
}
